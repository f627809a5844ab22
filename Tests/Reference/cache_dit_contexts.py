"""Decisions and predictions of cache-dit's DBCache contexts over a recorded rollout (open loop).

The wrapped blocks are given the recorded tokens at every call, so that a skipped call does not change later ones.
"""

from __future__ import annotations

import torch
from cache_dit import steps_mask
from cache_dit.caching.cache_blocks.pattern_3_4_5 import CachedBlocks_Pattern_3_4_5
from cache_dit.caching.cache_contexts import (
    CachedContextManager,
    DBCacheConfig,
    DMDCalibratorConfig,
    FoCaCalibratorConfig,
    TaylorSeerCalibratorConfig,
)
from cache_dit.caching.forward_pattern import ForwardPattern

from diffusers_hooks import error
from rollout import BLOCKS, Rollout

CALIBRATORS = {
    None: lambda: None,
    "taylor1": lambda: TaylorSeerCalibratorConfig(taylorseer_order=1),
    "taylor2": lambda: TaylorSeerCalibratorConfig(taylorseer_order=2),
    "foca": lambda: FoCaCalibratorConfig(),
    "dmd": lambda: DMDCalibratorConfig(),
    "dmd4": lambda: DMDCalibratorConfig(dmd_history=4, dmd_svd_precision="high"),
}

PREDICTORS = {
    None: "", "taylor1": ",predictor=taylor,order=1", "taylor2": ",predictor=taylor,order=2",
    "foca": ",predictor=foca", "dmd": ",predictor=dmd", "dmd4": ",predictor=dmd,history=4",
}

KEYS = {
    "Fn_compute_blocks": "fn", "Bn_compute_blocks": "bn", "residual_diff_threshold": "threshold",
    "max_warmup_steps": "warmup", "warmup_interval": "warmup-interval", "max_cached_steps": "max-cached",
    "max_continuous_cached_steps": "max-continuous",
    "max_accumulated_residual_diff_threshold": "budget",
}


def case(rollout: Rollout, calibrator: str | None = None, mask: str | None = None, policy: str = "dynamic",
         lead: bool = False, **settings) -> dict:
    """One context: DBCacheConfig's settings, a calibrator, and a preset mask."""
    separate = rollout.branches > 1
    named = dict(settings)
    if mask is not None:
        named.update(
            steps_computation_mask=steps_mask(total_steps=rollout.steps, mask_policy=mask),
            steps_computation_policy=policy,
        )
    config = DBCacheConfig(
        enable_separate_cfg=separate, cfg_diff_compute_separate=not lead,
        num_inference_steps=rollout.steps, **named,
    )
    manager = CachedContextManager(name="reference")
    manager.new_context(name="blocks", cache_config=config, calibrator_config=CALIBRATORS[calibrator]())
    blocks = CachedBlocks_Pattern_3_4_5(
        rollout.model.transformer_blocks, transformer=rollout.model, forward_pattern=ForwardPattern.Pattern_3,
        cache_prefix="blocks", cache_context="blocks", context_manager=manager,
    )
    pictures, errors = [""] * rollout.branches, [[] for _ in range(rollout.branches)]
    with torch.no_grad():
        for step in range(rollout.steps):
            for branch in range(rollout.branches):
                inputs = rollout.inputs(step, [branch])
                hidden = blocks(*rollout.model.enter(**inputs))
                context = manager.get_context("blocks")
                cached = context.get_cached_steps() if branch == 0 else context.get_cfg_cached_steps()
                predicted = bool(cached) and cached[-1] == step
                pictures[branch] += "p" if predicted else "C"
                if predicted:
                    recorded = rollout.recorded(f"hidden.{BLOCKS}", step, branch)
                    errors[branch].append(error(hidden[0], recorded))
    spelled = ",".join(f"{KEYS[key]}={value}" for key, value in settings.items())
    if mask is not None:
        spelled += f",mask={mask},mask-policy={policy}"
    if separate:
        spelled += ",branches=" + ("lead" if lead else "separate")
    shown = ", ".join(f"{key}={value}" for key, value in settings.items())
    if mask is not None:
        shown += f', steps_computation_mask=steps_mask({rollout.steps}, "{mask}"), steps_computation_policy="{policy}"'
    if lead:
        shown += ", cfg_diff_compute_separate=False"
    result = {
        "library": "cache-dit",
        "settings": f"DBCacheConfig({shown})" + (f" with {calibrator}" if calibrator else ""),
        "trace": rollout.name, "policy": f"dbcache:{spelled}{PREDICTORS[calibrator]}",
        "decisions": pictures,
    }
    # With last blocks that run on the predicted value, their output is not what replay tells of.
    if not settings.get("Bn_compute_blocks"):
        result["errors"] = errors
    return result
