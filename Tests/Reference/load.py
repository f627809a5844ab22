"""Loads what `wctrace convert` writes with the targets' own loaders (`make reference`): python load.py WCTRACE."""

from __future__ import annotations

import json
import logging
import pathlib
import subprocess
import sys
import tempfile

logging.disable(logging.WARNING)

import cache_dit  # noqa: E402
import diffusers.hooks as hooks  # noqa: E402


def written(tool: str, folder: pathlib.Path, policy: str, target: str, name: str) -> pathlib.Path:
    path = folder / name
    subprocess.run(
        [tool, "convert", policy, "--to", target, "--calls", "28", "-o", path, "--force"],
        check=True, capture_output=True,
    )
    return path


def check_cache_dit(tool: str, folder: pathlib.Path) -> None:
    mask = cache_dit.steps_mask(total_steps=28, mask_policy="fast")
    policy = "dbcache:fn=1,threshold=0.12,max-continuous=3,budget=2,mask=fast,branches=lead,predictor=taylor,order=2"
    loaded = cache_dit.load_configs(str(written(tool, folder, policy, "cache-dit", "c.yaml")))
    config, calibrator = loaded["cache_config"], loaded["calibrator_config"]
    assert (config.Fn_compute_blocks, config.residual_diff_threshold) == (1, 0.12)
    assert (config.max_continuous_cached_steps, config.max_accumulated_residual_diff_threshold) == (3, 2)
    assert config.steps_computation_mask == mask and config.steps_computation_policy == "dynamic"
    assert config.enable_separate_cfg is True and config.cfg_diff_compute_separate is False
    assert (calibrator.calibrator_type, calibrator.taylorseer_order) == ("taylorseer", 2)
    for predictor, kind in (("foca", "foca"), ("dmd,history=5", "dmd")):
        path = written(tool, folder, f"dbcache:predictor={predictor}", "cache-dit", "c.yaml")
        assert cache_dit.load_configs(str(path))["calibrator_config"].calibrator_type == kind
    config = cache_dit.load_configs(
        str(written(tool, folder, "interval:every=4,site=rest.8", "cache-dit", "c.yaml"))
    )["cache_config"]
    assert config.steps_computation_policy == "static" and len(config.steps_computation_mask) == 28
    assert [i for i, bit in enumerate(config.steps_computation_mask) if bit] == [0, 3, 7, 11, 15, 19, 23, 27]


def check_diffusers(tool: str, folder: pathlib.Path) -> None:
    policies = [
        "first-block:variant=diffusers,threshold=0.1", "magcache:family=diffusers,threshold=0.1",
        "taylor:variant=diffusers,interval=4,site=output", "fastercache:every=3,below=700", "pab:every=3",
        "seacache:model=diffusers,threshold=0.5",
    ]
    for policy in policies:
        settings = json.loads(written(tool, folder, policy, "diffusers", "c.json").read_text())
        config = getattr(hooks, settings["class"])(**settings["kwargs"])
        for name, value in settings["kwargs"].items():
            held = getattr(config, name)
            held = held.tolist() if hasattr(held, "tolist") else held
            same = all(abs(a - b) < 1e-6 for a, b in zip(held, value)) if isinstance(value, list) else held == value
            assert same, (policy, name, held, value)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python load.py WCTRACE, the path of the tool")
    with tempfile.TemporaryDirectory() as name:
        check_cache_dit(sys.argv[1], pathlib.Path(name))
        check_diffusers(sys.argv[1], pathlib.Path(name))
    print("cache-dit and diffusers load what is written for them")


if __name__ == "__main__":
    main()
