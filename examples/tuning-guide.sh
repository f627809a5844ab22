#!/usr/bin/env bash
# Every command of the worked example in docs/tuning.md, in order.
#
# tuning-guide.sh [FOLDER]: records eight scenes to choose on and twelve others to confirm on into FOLDER (demo/tuning
# when left out; 1.4 GB) unless they are there, and prints what the commands print. WCTRACE names the tool.
set -euo pipefail
wctrace=$(realpath "${WCTRACE:-.build/release/wctrace}")
mkdir -p "${1:-demo/tuning}"
cd "${1:-demo/tuning}"

show() {
  echo
  echo "\$ wctrace $*"
  # 3: done, with a finding.
  "$wctrace" "$@" || [ $? = 3 ]
}

[ -d choose ] || "$wctrace" record --output choose --scenes 2000000..2000007 --steps 50
[ -d confirm ] || "$wctrace" record --output confirm --scenes 1000000..1000011 --steps 50

published=(
  --policy 'worldcache:n-max=2..8,warmup=3|5' --policy 'worldcache:variant=aether,n-max=2..8'
  --policy 'taylor:interval=2..8,order=0|1|2,first-enhance=1|3' --policy 'hicache:site=output,interval=2..8'
  --policy 'foca:site=output,interval=2..8' --policy 'spectrum:site=output,window=2..6,flex=0|0.75'
  --policy 'meancache:list=qwen-25|qwen-17|qwen-10|z-image-25|z-image-20|z-image-17|z-image-15|z-image-13' --policy 'easycache:warmup=3|5|10'
)

# 1. What the published policies can do: every threshold exactly, every other setting gone through.
show tune choose "${published[@]}" --study published.study --cost calls --show settings | head -12
show tune choose "${published[@]}" --study published.study --cost calls --confirm confirm --show front

# 2. Where the error jumps, and where a threshold may be anything.
show study show published.study --cost calls --show cliffs --show plateaus --rows 6

# 3. A goal: the least error at 4x, the fastest within 2 % on the worst scene.
show tune choose "${published[@]}" --study published.study --cost calls --speedup 4 --confirm confirm --show choice
show tune choose "${published[@]}" --study published.study --cost calls --max-error 0.02 --confirm confirm --show choice

# 4. The best schedules for all choosing scenes together, and those with fitted weights.
found=()
for calls in 8 10 13 17; do
  [ -f ideal-$calls.json ] ||
    "$wctrace" schedule choose --policy taylor:order=2 --calls $calls --save ideal-$calls.json > /dev/null
  [ -f fitted-$calls.json ] ||
    "$wctrace" schedule choose --policy taylor:order=2 --calls $calls --fit --save fitted-$calls.json > /dev/null
  found+=(--policy "schedule:file=ideal-$calls.json" --policy "fitted:file=fitted-$calls.json")
done
show tune choose "${found[@]}" --cost calls --show behaviours

# 5. All of it on the held-out scenes.
show replay confirm "${found[@]}" --policy taylor:interval=7,order=2,first-enhance=1 --policy meancache:list=z-image-13 \
  --policy taylor:interval=3,order=2,first-enhance=1 --summary --no-bounds
