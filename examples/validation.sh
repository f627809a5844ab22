#!/usr/bin/env bash
# Does replay say what really happens? Every command behind the figures of docs/open-and-closed-loop.md, in order.
#
# validation.sh [FOLDER]: into FOLDER (demo/validation when left out; about 10 GB) records eight scenes to fit on and 33 held-out
# ones, runs eighteen disturbing settings on the former, fits the model's feedback, and then runs 223 other settings live beside
# their replays: on eight scenes that parts of the fit were chosen by, on seventeen more, and on eight that were recorded when
# everything was chosen. Last, four scenes once more, each with a feedback that was fitted to the scene itself. About
# three hours on two cores. Resumable: what is there is not made again. WCTRACE names the tool.
set -euo pipefail
wctrace=$(realpath "${WCTRACE:-.build/release/wctrace}")
mkdir -p "${1:-demo/validation}"
cd "${1:-demo/validation}"

taps=latent,timestep,hidden.0,modulated,block.1,hidden.6,output,guided
"$wctrace" record --output choose --scenes 2000000..2000007 --taps $taps --threads 1 --resume
"$wctrace" record --output confirm --scenes 1000000..1000007 --taps $taps --threads 1 --resume
"$wctrace" record --output apart --scenes 1000008..1000023 --taps $taps --threads 1 --resume
"$wctrace" record --output apart --scenes 2000013 --taps $taps --threads 1 --resume
"$wctrace" record --output last --scenes 3000000..3000007 --taps $taps --threads 1 --resume

# 1. How the model answers to a changed latent, from settings that are not validated below.
disturbing=(
  interval:every=3 interval:every=6 taylor:interval=5,order=1,first-enhance=1,site=output hicache:site=output,interval=4
  taylor:interval=6,order=4,first-enhance=1,site=output taylor:interval=4,order=3,first-enhance=5,site=output
  mask:calls=0+3+9+14+21+26+33+37+42+46+49,predictor=taylor,order=1
  mask:calls=0+6+11+18+24+28+35+39+44+47+48+49,predictor=hold
  mask:calls=0+1+2+10+20+30+40+45+48,predictor=taylor,order=2,site=output
  mask:calls=0+1+2+3+5+8+10+13+16+19+22+25+28+31+34+37+40+43+46+49,predictor=damped,site=output
  mask:calls=0+1+2+4+7+10+12+15+18+22+25+28+32+36+39+42+45+47+49,predictor=worldcache,site=output
  mask:calls=0+1+2+3+4+9+14+19+24+29+34+39+44+49,predictor=taylor,order=4,site=output
  mask:calls=0+1+2+3+12+24+36+44+49,predictor=hold,site=gain
  mask:calls=0+1+2+5+8+14+20+27+33+38+43+46+48,predictor=taylor,order=3,site=output
  # Errors as large as of policies that hardly ever compute.
  mask:calls=0+1+2+3+4+5+6+20+49,predictor=hold,site=gain
  mask:calls=0+1+2+12+30+49,predictor=hold,site=gain
  mask:calls=0+1+2+3+4+5+6+7+8+9+10+11+12+13+40+49,predictor=hold,site=gain
  mask:calls=0+1+2+3+4+16+49,predictor=hold,site=gain
)
# disturb SCENES NAME: every setting live, recorded into NAME-0, NAME-1, ...
disturb() {
  for place in "${!disturbing[@]}"; do
    [ -d "$2-$place" ] && continue
    rm -rf "$2.partial"
    "$wctrace" live --scenes "$1" --policy "${disturbing[$place]}" --record "$2.partial" --threads 1 --summary
    mv "$2.partial" "$2-$place"
  done
}
disturb 2000000..2000007 disturbed
[ -f feedback.safetensors ] ||
  "$wctrace" feedback --uncached choose --disturbed disturbed-* --output feedback.safetensors > feedback.txt

# 2. What policies need of a model, and schedules, from the same scenes.
[ -f model.json ] || "$wctrace" calibrate choose --output model.json > calibrate.txt || [ $? = 3 ]
for calls in 8 10 13 17 20; do
  [ -f ideal-$calls.json ] || "$wctrace" schedule choose --policy taylor:order=2 --calls $calls --save ideal-$calls.json > /dev/null
  [ -f fitted-$calls.json ] || "$wctrace" schedule choose --calls $calls --fit --save fitted-$calls.json > /dev/null
done

# 3. 223 settings, none of which was fitted.
policies=(
  --policy 'interval:every=2|4|5|7|8|9|10'
  --policy 'taylor:interval=2|3|4|6|7|8|9,order=0|1|2,first-enhance=1|3,site=output'
  --policy 'hicache:interval=2|3|5|6|7|8,site=output' --policy 'foca:interval=3..6,site=output'
  --policy 'spectrum:window=2..6,flex=0|0.75,site=output'
  --policy 'meancache:list=qwen-25|qwen-17|qwen-10|z-image-25|z-image-20|z-image-17|z-image-15|z-image-13'
  --policy 'easycache:threshold=0.02|0.05|0.1|0.2|0.4|0.8,warmup=3|5|10'
  --policy 'worldcache:n-max=2|4|6|8,eta=0.05|0.1|0.2|0.5|1,warmup=3|5' --policy 'worldcache:variant=aether,n-max=2|4|6|8'
  --policy 'magcache:calibration=model.json,threshold=0.02|0.06|0.12|0.24|0.5'
  --policy 'teacache:calibration=model.json,threshold=0.02|0.05|0.1|0.2|0.4|0.8'
  --policy 'first-block:threshold=0.02|0.05|0.1|0.2|0.4' --policy 'dbcache:fn=1,threshold=0.05|0.1|0.2|0.4'
)
# Drawn at random, from evenly spread to dense towards the end, so that many settings compute equally many calls.
masks=(
  0+1+7+15+16+19+27+34+36+39
  0+3+16+24+26+27+31+39+46+47
  0+3+4+6+13+14+16+19+24+37
  0+13+23+25+29+38+40+44+45+47
  0+2+11+15+23+28+32+41+43+45
  0+21+22+24+26+27+28+35+36+40
  0+3+4+11+16+17+18+21+28+33+39+46+48
  0+4+16+24+25+28+30+38+40+41+42+45+48
  0+4+15+16+18+24+29+30+31+32+34+35+36
  0+1+6+7+15+20+33+35+39+41+42+43+44
  0+1+3+4+7+9+12+13+15+16+19+30+42
  0+1+8+9+12+28+31+35+36+37+40+41+48
  0+2+3+13+14+16+17+18+21+22+30+33+38+43+44+47+48
  0+10+14+15+16+21+23+25+27+30+31+33+37+39+45+48+49
  0+3+8+9+10+14+15+22+32+33+35+38+41+43+44+46+49
  0+1+2+3+6+10+12+13+23+25+34+36+39+41+42+44+47
  0+2+8+9+17+19+20+23+25+28+33+35+37+42+43+46+47
  0+2+4+6+7+9+12+14+17+24+27+33+42+43+47+48+49
)
for calls in "${masks[@]}"; do
  policies+=(--policy "mask:calls=$calls,predictor=hold,site=output" --policy "mask:calls=$calls,predictor=taylor,order=1|2,site=output")
done
for calls in 8 10 13 17 20; do
  policies+=(--policy "schedule:file=ideal-$calls.json" --policy "fitted:file=fitted-$calls.json")
done
# One group of scenes after the other, and all together from the same runs.
for scenes in confirm apart last; do
  echo; echo "scenes $scenes"
  "$wctrace" validate $scenes "${policies[@]}" --feedback feedback.safetensors --results runs-$scenes.jsonl --threads 1 "${@:2}"
done
cat runs-confirm.jsonl runs-apart.jsonl runs-last.jsonl > runs-all.jsonl
echo; echo "all scenes"
"$wctrace" validate confirm apart last "${policies[@]}" --feedback feedback.safetensors --results runs-all.jsonl --threads 1 \
  "${@:2}"

# 4. Four scenes with feedbacks of their own, among them the two that were foretold worst: the same settings disturb the very
# scene.
disturb 1000008..1000011 own
for scene in 1000008 1000009 1000010 1000011; do
  trace=scene-$scene-noise-0.h5
  [ -f own-$scene.safetensors ] ||
    "$wctrace" feedback --uncached apart/$trace --disturbed own-*/$trace --output own-$scene.safetensors > own-$scene.txt
  [ -f runs-own-$scene.jsonl ] || cp runs-apart.jsonl runs-own-$scene.jsonl
  echo; echo "scene $scene, its own feedback"
  "$wctrace" validate apart/$trace "${policies[@]}" --feedback own-$scene.safetensors --results runs-own-$scene.jsonl \
    --threads 1 "${@:2}"
done
