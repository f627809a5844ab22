"""Writes what diffusers and cache-dit decide and predict over two recorded rollouts (`make reference`).

    python hooks.py WCTRACE

drives the real hooks and contexts with the recorded inputs of a small transformer, at several settings each, and
leaves here: `guided-28.h5` and `single-50.h5`, the uncached features, through `wctrace import`; and
`decisions.json`, one entry for each library, setting and rollout with the decisions (C computed, p predicted) of
every branch, the conditional one first, and the relative error of every predicted call. ReferenceTests.swift
replays the traces and wants the same.
"""

from __future__ import annotations

import json
import logging
import pathlib
import subprocess
import sys
import tempfile
from importlib.metadata import version

import numpy
import torch

logging.disable(logging.WARNING)
torch.set_num_threads(1)

import cache_dit_contexts as dit  # noqa: E402
import diffusers_hooks as hooks  # noqa: E402
import schema  # noqa: E402
from rollout import Rollout, Transformer  # noqa: E402

HERE = pathlib.Path(__file__).parent


def write_trace(rollout: Rollout, tool: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for tap, values in rollout.taps.items():
            numpy.save(folder / f"{tap}.npy", numpy.ascontiguousarray(values.numpy(), "<f4"))
        final = rollout.final.flatten(2).transpose(1, 2)
        numpy.save(folder / "final.npy", numpy.ascontiguousarray(final.numpy(), "<f4"))
        (folder / "meta.json").write_text(json.dumps(rollout.metadata()))
        output = HERE / f"{rollout.name}.h5"
        subprocess.run([tool, "import", folder / "meta.json", "-o", output, "--force"], check=True)


def diffusers_cases(guided: Rollout, single: Rollout):
    for rollout in guided, single:
        yield from hooks.first_block(rollout, [0.02, 0.05, 0.08, 0.15, 0.3], contexts=False)
        yield from hooks.mag(rollout, [(0.06, 3, 0.2), (0.24, 5, 0.1), (0.1, 2, 0.0), (1.0, 8, 0.35)], None)
        ratios = hooks.calibrated_ratios(rollout)
        yield from hooks.mag(rollout, [(0.02, 3, 0.2), (0.06, 4, 0.1), (0.2, 6, 0.15)], ratios)
        yield from hooks.taylor(
            rollout, [(5, 3, None, 1), (4, 2, None, 2), (3, 3, 20, 1), (6, 5, None, 3), (2, 1, 25, 0)]
        )
        yield from hooks.pyramid(rollout, [(2, 100, 800), (3, 450, 930), (6, 0, 901), (4, 100, 850)])
        yield from hooks.sea(
            rollout,
            [(0.25, 1, 2, 1, 1), (0.1, 0, 0, 2, 3), (0.6, 1, 4, 5, 0), (1.5, 0, 3, 1, 1), (0.05, 1, 2, 3, 1)],
        )
    yield from hooks.first_block(guided, [0.05, 0.12], contexts=True)
    yield from hooks.faster(
        guided, [(5, 641, 1.1, 1.1), (3, 801, 1.15, 1.05), (2, 501, 1.0, 1.2), (7, 951, 1.02, 1.1)]
    )


def cache_dit_cases(guided: Rollout, single: Rollout):
    for rollout in guided, single:
        for threshold in 0.02, 0.04, 0.08, 0.12, 0.24:
            for first in 1, 4, 8:
                yield dit.case(
                    rollout, Fn_compute_blocks=first, residual_diff_threshold=threshold, max_warmup_steps=4
                )
        common = dict(Fn_compute_blocks=1, residual_diff_threshold=0.12)
        yield dit.case(rollout, **common, max_warmup_steps=8)
        yield dit.case(rollout, **common, max_warmup_steps=8, warmup_interval=2)
        yield dit.case(rollout, **common, max_warmup_steps=9, warmup_interval=4)
        for first, last in (8, 2), (4, 4), (1, 2):
            yield dit.case(
                rollout, Fn_compute_blocks=first, Bn_compute_blocks=last, residual_diff_threshold=0.12,
                max_warmup_steps=4,
            )
        for longest in 1, 2, 3:
            yield dit.case(rollout, **common, max_warmup_steps=3, max_continuous_cached_steps=longest)
        for most in 0, 3, 7:
            yield dit.case(rollout, **common, max_warmup_steps=3, max_cached_steps=most)
        yield dit.case(rollout, **common, max_warmup_steps=3, max_cached_steps=9, max_continuous_cached_steps=2)
        for budget in 0.2, 0.5, 1.1:
            yield dit.case(
                rollout, **common, max_warmup_steps=3, max_accumulated_residual_diff_threshold=budget
            )
        for threshold in 0.0, 1.0, 2.0:
            yield dit.case(
                rollout, Fn_compute_blocks=1, residual_diff_threshold=threshold, max_warmup_steps=6,
                max_continuous_cached_steps=4,
            )
        for mask in "slow", "medium", "fast", "ultra":
            for policy in "static", "dynamic":
                yield dit.case(rollout, mask=mask, policy=policy, **common, max_warmup_steps=8)
        yield dit.case(rollout, mask="fast", policy="dynamic", **common, max_warmup_steps=2, max_cached_steps=8)
        for calibrator in "taylor1", "taylor2", "foca", "dmd", "dmd4":
            yield dit.case(rollout, calibrator, **common, max_warmup_steps=4)
            yield dit.case(rollout, calibrator, **common, max_warmup_steps=3, max_continuous_cached_steps=2)
            yield dit.case(rollout, calibrator, mask="medium", policy="static", **common, max_warmup_steps=8)
            yield dit.case(rollout, calibrator, mask="ultra", policy="static", **common, max_warmup_steps=8)
    for threshold in 0.06, 0.12, 0.24:
        yield dit.case(
            guided, Fn_compute_blocks=1, residual_diff_threshold=threshold, max_warmup_steps=4,
            max_continuous_cached_steps=3, lead=True,
        )


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python hooks.py WCTRACE, the path of the tool")
    guided = Rollout("guided-28", Transformer(5, 6, seed=11), steps=28, guidance=3.0, seed=12)
    single = Rollout("single-50", Transformer(4, 4, seed=21), steps=50, guidance=None, seed=22)
    for rollout in guided, single:
        write_trace(rollout, sys.argv[1])
    cases = [*diffusers_cases(guided, single), *cache_dit_cases(guided, single)]
    for case in cases:
        if "errors" in case:
            case["errors"] = [[float(f"{value:.6g}") for value in branch] for branch in case["errors"]]
    packages = ["cache-dit", "diffusers", "numpy", "torch"]
    written = {
        "packages": {name: version(name).split("+")[0] for name in packages},
        "calibrated": {rollout.name: hooks.calibrated_ratios(rollout) for rollout in (guided, single)},
    }
    lines = ",\n".join("    " + json.dumps(case) for case in cases)
    text = json.dumps(written, indent=2)[:-2] + ',\n  "cases": [\n' + lines + "\n  ]\n}\n"
    (HERE / "decisions.json").write_text(text)
    schema.write(HERE / "schema.json")
    computed = sum(p.count("C") for case in cases for p in case["decisions"])
    predicted = sum(p.count("p") for case in cases for p in case["decisions"])
    print(f"{len(cases)} cases: {computed} computed and {predicted} predicted decisions")


if __name__ == "__main__":
    main()
