#!/usr/bin/env python3
"""The tables of docs/headline.md: caching policies in the bundled model at several speeds, beside what they have to beat.

headline.py FOLDER [--wctrace TOOL]

Policies are tuned, schedules fitted and shifts picked on the choosing scenes, from recordings in FOLDER; everything is
then run live on held-out scenes with one thread of the matrix library, one rollout at a time where times are shown. Every result is kept as
JSON in FOLDER, and what is there is not run again: delete a file to have it made anew. The tables go to standard output.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

CALLS = 50
CHOOSING = "2000000..2000007"
HELD_OUT = "1000000..1000007"
# Speed-up asked for: computed calls, few enough that what the cache itself takes does not cost it.
SPEEDS = {1.7: 28, 2.5: 19, 3.7: 13, 5.0: 9}
# Beyond, to see how far it goes.
BEYOND = [7, 5]
SHIFTS = ["0.25", "0.35", "0.5", "0.75", "1", "1.5", "2", "2.5", "3", "4"]

# Published policies, with the settings that are gone through; thresholds are searched exactly. What predicts inside the
# network has no direct error in replay and is tuned by the mean error of its calls.
PUBLISHED = {
    "WorldCache, tuned": (["worldcache:n-max=2..12,warmup=1|3|5", "worldcache:variant=aether,n-max=2..12"], "direct"),
    "interval": (["interval:every=2..12"], "direct"),
    "TaylorSeer": (["taylor:interval=2..12,order=1|2,first-enhance=1|3,site=output"], "direct"),
    "HiCache": (["hicache:interval=2..12,site=output"], "direct"),
    "EasyCache": (["easycache:warmup=1|3|5|10"], "direct"),
    "TeaCache": (["teacache:calibration={folder}/model.json"], "mean_call"),
    "MagCache": (["magcache:calibration={folder}/model.json,cap=2|4|8,retention=0.05|0.1|0.2"], "mean_call"),
    "First Block Cache": (["first-block:warmup=1|3"], "mean_call"),
}


class Tool:
    """Runs wctrace and keeps what it says."""

    def __init__(self, path, folder):
        self.path, self.folder = path, folder

    def run(self, *arguments, findings=False):
        done = subprocess.run([self.path, *arguments], stdout=subprocess.PIPE, text=True)
        if done.returncode not in ((0, 3) if findings else (0,)):
            sys.exit(f"wctrace {' '.join(arguments)}: exit {done.returncode}")
        return done.stdout

    def kept(self, name, *arguments, findings=False):
        """The JSON that a command prints, from an earlier run where there is one."""
        file = self.folder / f"{name}.json"
        if not file.exists():
            print(f"{name} ...", file=sys.stderr, flush=True)
            text = self.run(*arguments, "--format", "json", findings=findings)
            part = file.with_suffix(".part")
            part.write_text(text)
            part.rename(file)
        return json.loads(file.read_text())


def choose(tool, calls):
    """Methods at this number of computed calls: (label, kind, spelling), found on the choosing scenes."""
    recorded = str(tool.folder / "choose")
    methods = []
    for label, (policies, metric) in PUBLISHED.items():
        asked = [part for policy in policies for part in ("--policy", policy.format(folder=tool.folder))]
        name = label.split(",")[0].replace(" ", "-").lower()
        answer = tool.kept(
            f"tune-{calls}-{name}", "tune", recorded, *asked, "--metric", metric, "--at", "mean", "--cost", "calls",
            "--speedup", repr(CALLS / calls), "--show", "choice", findings=True)
        for row in answer["choice"][:1]:
            methods.append((label, "published", row["policy"]))
    for label, name, options in (
        ("ideal schedule, TaylorSeer", "ideal", ["--policy", "taylor:order=2"]), ("fitted schedule", "fitted", ["--fit"])):
        file = tool.folder / f"{name}-{calls}.schedule.json"
        rows = tool.kept(
            f"{name}-{calls}", "schedule", recorded, *options, "--calls", str(calls), "--save", str(file), "--force")
        methods.append((label, "found", f"{'fitted' if name == 'fitted' else 'schedule'}:file={file}"))
        if name == "ideal":
            first = next(value for value in rows.values() if isinstance(value, list)) if isinstance(rows, dict) else rows
            nodes = first[0]["policy"].split("calls=")[1].split(",")[0]
    shifts = tool.kept(
        f"shifts-{calls}", "live", "--scenes", CHOOSING, "--threads", "1", "--summary",
        *[part for shift in SHIFTS for part in ("--control", f"steps={calls},shift={shift}")])
    best = max(
        (row for row in table(shifts) if row["method"] != "uncached"), key=lambda row: row["psnr_db_median"])
    shift = best["method"].split("shift=")[1]
    methods += [
        ("fewer steps", "control", f"steps={calls}"),
        (f"fewer steps, shift {shift}", "control", f"steps={calls},shift={shift}"),
        (f"fewer steps, shift {shift}, AB2", "control", f"steps={calls},shift={shift},solver=ab2"),
        ("fewer steps, the ideal's nodes", "control", f"calls={nodes}"),
        ("fewer steps, the ideal's nodes, AB2", "control", f"calls={nodes},solver=ab2"),
    ]
    return methods


def table(answer):
    return answer["summary"] if isinstance(answer, dict) else answer


def spelled(methods):
    return [
        part for _, kind, text in methods for part in ("--control" if kind == "control" else "--policy", text)]


def figures(rows):
    """Medians over scenes, with the worst scene."""
    def both(key, worst):
        values = [row[key] for row in rows]
        return statistics.median(values), worst(values)
    return {
        "computed": statistics.mean(row["computed_calls"] for row in rows),
        "seconds": statistics.median(row["wall_seconds"] for row in rows),
        "speed": statistics.median(row["measured_speedup"] for row in rows),
        "psnr": both("psnr_db", min), "ssim": both("ssim", min), "final": both("final_error", max),
        "rgb": both("rgb_error_ratio", max), "disparity": both("disparity_error_ratio", max),
        "motion": both("motion_error_ratio", max),
    }


def measured(tool, name, methods, *options):
    """Figures of each method over the held-out scenes, in order; the uncached rollout first."""
    jobs = [] if "--chunks" in options else ["--jobs", "1"]
    answer = tool.kept(
        name, "live", "--scenes", HELD_OUT, "--threads", "1", *jobs, *spelled(methods), *options)
    groups = {}
    for row in answer["rollouts"]:
        groups.setdefault(row["method"], []).append(row)
    uncached = groups.pop("uncached")
    # Policies come before controls, each in the order asked for; names are spelled out in the answer.
    ordered = sorted(methods, key=lambda method: method[1] == "control")
    assert len(ordered) == len(groups), "two methods are the same"
    return uncached, dict(zip([text for _, _, text in ordered], groups.values())), answer


def line(label, kind, f):
    pairs = [
        f"{f['psnr'][0]:.1f} ({f['psnr'][1]:.1f})", f"{f['ssim'][0]:.4f} ({f['ssim'][1]:.4f})",
        f"{f['final'][0]:.4f} ({f['final'][1]:.4f})",
    ] + [f"{f[key][0]:.3f} ({f[key][1]:.3f})" for key in ("rgb", "disparity", "motion")]
    return f"| {label} | {kind} | {f['computed']:.1f} | {f['seconds']:.2f} | {f['speed']:.2f} | {' | '.join(pairs)} |"


HEAD = (
    "| Method | Kind | Computed of 50 | Seconds | Speed-up | PSNR, dB | SSIM | Final error | RGB error ratio | Disparity error ratio "
    "| Motion error ratio |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")


def report(tool):
    print("### One chunk\n")
    print(
        "Medians over the eight held-out scenes, the worst scene in brackets; computed calls are means. *Kept* is an error against the renderer's "
        "ground truth divided by that of the uncached rollout: below 1 is better than uncached.\n")
    default = [("WorldCache, author defaults", "published", "worldcache")]
    uncached, groups, _ = measured(tool, "live-default", default)
    print(HEAD)
    print(f"| uncached | | {CALLS} | {statistics.median(row['wall_seconds'] for row in uncached):.2f} | 1 | | | | 1 | 1 | 1 |")
    print(line(default[0][0], "published", figures(groups["worldcache"])))
    chosen, verdicts = {}, []
    for calls in [*SPEEDS.values(), *BEYOND]:
        speed = next((speed for speed, count in SPEEDS.items() if count == calls), None)
        chosen[calls] = methods = choose(tool, calls)
        _, groups, _ = measured(tool, f"live-{calls}", methods)
        rows = [(label, kind, figures(groups[text])) for label, kind, text in methods]
        print(f"\n{f'{speed}x: at most {calls}' if speed else f'At most {calls}'} computed calls on the choosing scenes\n\n{HEAD}")
        for row in rows:
            print(line(*row))
        verdicts.append(verdict(calls, rows))
    print("\n### What was reached\n")
    print(
        "| Computed calls | Speed-up | Found: PSNR | Best published | dB above it | Best of fewer steps, same or other shift "
        "| dB above it | Best other control | Largest of the three error ratios |\n|---:|---:|---:|---|---:|---|---:|---|---:|")
    print("\n".join(verdicts))
    print("\n### Guidance\n")
    guided(tool)
    print("\n### Four chunks\n")
    chained(tool, chosen)


def verdict(calls, rows):
    def best(test):
        return max((row for row in rows if test(row)), key=lambda row: row[2]["psnr"][0])
    found = best(lambda row: row[0] == "fitted schedule")
    published = best(lambda row: row[1] == "published")
    fewer = best(lambda row: row[1] == "control" and "nodes" not in row[0] and "AB2" not in row[0])
    other = best(lambda row: row[1] == "control" and ("nodes" in row[0] or "AB2" in row[0]))
    psnr = found[2]["psnr"][0]
    kept = max(found[2][key][0] for key in ("rgb", "disparity", "motion"))
    return (
        f"| {calls} | {found[2]['speed']:.2f} | {psnr:.1f} | {published[0]}: {published[2]['psnr'][0]:.1f} "
        f"| {psnr - published[2]['psnr'][0]:.1f} | {fewer[0]}: {fewer[2]['psnr'][0]:.1f} "
        f"| {psnr - fewer[2]['psnr'][0]:.1f} | {other[0]}: {other[2]['psnr'][0]:.1f} | {kept:.3f} |")


def guided(tool):
    """Guidance 3, two branches: dropping the unconditional branch early, and caching both."""
    recorded = tool.folder / "guided"
    tool.run(
        "record", "--scenes", "2000000..2000003", "--guidance", "3", "--output", str(recorded), "--resume", "--threads", "1",
        "--taps", "latent,output")
    calls = SPEEDS[1.7]
    file = tool.folder / "guided.schedule.json"
    tool.kept(
        "guided-fitted", "schedule", str(recorded), "--fit", "--calls", str(calls), "--save", str(file), "--force")
    methods = [(f"guidance for {count} of 50 steps", "control", f"guidance-until={count}") for count in (10, 20, 30, 40)]
    methods += [
        ("fewer steps", "control", f"steps={calls}"), ("fitted schedule", "found", f"fitted:file={file}"),
        ("interval", "published", "interval:every=2")]
    _, groups, _ = measured(tool, "live-guided", methods, "--guidance", "3")
    print(
        "Guidance scale 3, two branches for each call; the schedule is fitted to four scenes. This guidance takes the model away "
        "from the truth, so that\nwhatever cuts it short is nearer to the truth and far from the uncached rollout, which is what "
        "caching has to keep.\n\n" + HEAD)
    for label, kind, text in methods:
        print(line(label, kind, figures(groups[text])))


def chained(tool, chosen):
    """PSNR and error ratios, chunk by chunk: each from the uncached context, and each from its own past."""
    print(
        "PSNR in dB to the uncached chunk and the largest of the three error ratios, medians over the eight scenes: from *equal* "
        "context every chunk begins where the uncached one did; *chained*, it continues its own frames.\n")
    print(
        "| Speed-up | Method | Context | Chunk 1 | 2 | 3 | 4 |\n|---:|---|---|---:|---:|---:|---:|")
    shown = ("WorldCache, tuned", "interval", "TaylorSeer", "fitted schedule", "fewer steps, shift")
    for speed in (3.7, 5.0):
        methods = [
            method for method in chosen[SPEEDS[speed]]
            if method[0].startswith(shown) and "AB2" not in method[0]]
        answers = [
            ("equal", measured(tool, f"chunks-equal-{speed}", methods, "--chunks", "4", "--by", "chunk", "--from-equal-context")),
            ("chained", measured(tool, f"chunks-chained-{speed}", methods, "--chunks", "4", "--by", "chunk"))]
        for label, _, text in methods:
            for context, (_, groups, answer) in answers:
                name = groups[text][0]["method"]
                cells = []
                for chunk in range(4):
                    rows = [row for row in answer["chunks"] if row["method"] == name and row["chunk"] == chunk]
                    kept = max(
                        statistics.median(row[key] for row in rows)
                        for key in ("rgb_error_ratio", "disparity_error_ratio", "motion_error_ratio"))
                    cells.append(f"{statistics.median(row['psnr_db'] for row in rows):.1f}, {kept:.2f}")
                print(f"| {speed} | {label} | {context} | {' | '.join(cells)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--wctrace", default=".build/release/wctrace")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    tool = Tool(options.wctrace, options.folder)
    tool.run(
        "record", "--scenes", CHOOSING, "--output", str(options.folder / "choose"), "--resume", "--threads", "1")
    model = options.folder / "model.json"
    if not model.exists():
        tool.run("calibrate", str(options.folder / "choose"), "--output", str(model), findings=True)
    report(tool)


main()
