"""Decisions and predictions of diffusers' cache hooks over a recorded rollout (open loop).

Every call is given the recorded input, so that a skipped call does not change later ones.
"""

from __future__ import annotations

import copy

import torch
from diffusers.hooks import (
    FasterCacheConfig,
    FirstBlockCacheConfig,
    MagCacheConfig,
    PyramidAttentionBroadcastConfig,
    SeaCacheConfig,
    TaylorSeerCacheConfig,
)
from diffusers.hooks.mag_cache import FLUX_MAG_RATIOS

from rollout import BLOCKS, Rollout


def error(predicted: torch.Tensor, recorded: torch.Tensor) -> float:
    predicted, recorded = predicted.double(), recorded.double()
    return float((predicted - recorded).norm() / recorded.norm())


class Probe:
    """Notes whether a module was really evaluated: its own forward runs only then."""

    def __init__(self, module: torch.nn.Module):
        self.batches: list[int] = []
        forward = module.forward

        def noted(*arguments, **named):
            tensor = next(v for v in [*arguments, *named.values()] if torch.is_tensor(v))
            self.batches.append(tensor.shape[0])
            return forward(*arguments, **named)

        module.forward = noted

    def take(self) -> int:
        """Rows evaluated since the last time; 0 for none."""
        batch = self.batches[-1] if self.batches else 0
        self.batches = []
        return batch


def run(rollout: Rollout, config, probed, lanes: list[list[int]], tap: str | None, contexts: bool = False):
    """Drives the hooks; `lanes` lists the branches of each decision, in the order in which they are called."""
    model = copy.deepcopy(rollout.model)
    probe = Probe(probed(model))
    state = {"step": 0}
    if hasattr(config, "current_timestep_callback"):
        config.current_timestep_callback = lambda: rollout.timestep(state["step"])
    model.enable_cache(config)
    pictures, errors = [""] * len(lanes), [[] for _ in range(rollout.branches)]
    with torch.no_grad():
        for step in range(rollout.steps):
            state["step"] = step
            for lane, branches in enumerate(lanes):
                with model.cache_context(
                    f"lane{lane}" if contexts else "all",
                    step_index=step, sigma=rollout.sigmas[step], num_inference_steps=rollout.steps,
                ):
                    output = model(**rollout.inputs(step, branches))
                computed = probe.take() > 0
                pictures[lane] += "C" if computed else "p"
                if tap is None or computed:
                    continue
                emitted = output.flatten(2).transpose(1, 2) if tap == "output" else model.last_hidden
                for row, branch in enumerate(branches):
                    errors[branch].append(error(emitted[row], rollout.recorded(tap, step, branch)))
    return pictures, errors


def second_block(model):
    return model.transformer_blocks[1].mlp


def case(rollout: Rollout, config: str, policy: str, pictures, errors=None) -> dict:
    result = {"library": "diffusers", "settings": config, "trace": rollout.name, "policy": policy}
    result["decisions"] = pictures
    if errors is not None:
        result["errors"] = errors
    return result


def first_block(rollout: Rollout, thresholds, contexts: bool):
    lanes = [[b] for b in range(rollout.branches)] if contexts else [list(range(rollout.branches))]
    for threshold in thresholds:
        found = run(
            rollout, FirstBlockCacheConfig(threshold=threshold), second_block, lanes, f"hidden.{BLOCKS}", contexts
        )
        branches = ",branches=separate" if contexts and rollout.branches > 1 else ""
        yield case(
            rollout, f"FirstBlockCacheConfig(threshold={threshold})",
            f"first-block:variant=diffusers,threshold={threshold}{branches}", *found,
        )


def calibrated_ratios(rollout: Rollout) -> list[float]:
    """What MagCacheConfig(calibrate=True) finds on the rollout, all branches in one batch."""
    model = copy.deepcopy(rollout.model)
    # One step more than there are, so that the hook does not clear its list at the end.
    model.enable_cache(MagCacheConfig(calibrate=True, num_inference_steps=rollout.steps + 1))
    hook = model.transformer_blocks[0]._diffusers_hook.get_hook("mag_cache_leader_block_hook")
    with torch.no_grad(), model.cache_context("all"):
        for step in range(rollout.steps):
            model(**rollout.inputs(step, list(range(rollout.branches))))
        return list(hook.state_manager.get_state().calibration_ratios)


def mag(rollout: Rollout, settings, ratios: list[float] | None):
    lanes = [list(range(rollout.branches))]
    for threshold, cap, retention in settings:
        config = MagCacheConfig(
            threshold=threshold, max_skip_steps=cap, retention_ratio=retention,
            num_inference_steps=rollout.steps, mag_ratios=FLUX_MAG_RATIOS if ratios is None else ratios,
        )
        found = run(rollout, config, second_block, lanes, f"hidden.{BLOCKS}")
        table = "" if ratios is None else ",table=custom,ratios=" + "+".join(repr(r) for r in ratios)
        yield case(
            rollout,
            f"MagCacheConfig(threshold={threshold}, max_skip_steps={cap}, retention_ratio={retention}, "
            f"num_inference_steps={rollout.steps}, mag_ratios={'FLUX_MAG_RATIOS' if ratios is None else 'calibrated'})",
            f"magcache:family=diffusers{table},threshold={threshold},cap={cap},retention={retention}", *found,
        )


def taylor(rollout: Rollout, settings):
    """Lite mode, in which the one predicted value is the model's output."""
    lanes = [list(range(rollout.branches))]
    for interval, before, after, order in settings:
        config = TaylorSeerCacheConfig(
            cache_interval=interval, disable_cache_before_step=before, disable_cache_after_step=after,
            max_order=order, taylor_factors_dtype=torch.float32, use_lite_mode=True,
        )
        found = run(rollout, config, lambda model: model.proj_out, lanes, "output")
        yield case(
            rollout,
            f"TaylorSeerCacheConfig(cache_interval={interval}, disable_cache_before_step={before}, "
            f"disable_cache_after_step={after}, max_order={order}, taylor_factors_dtype=torch.float32, "
            "use_lite_mode=True)",
            f"taylor:variant=diffusers,site=output,interval={interval},before={before},after={after or 0},order={order}",
            *found,
        )


def faster(rollout: Rollout, settings):
    """Guidance only: the attention of one branch is never approximated."""
    for every, below, low, high in settings:
        config = FasterCacheConfig(
            spatial_attention_block_skip_range=None, unconditional_batch_skip_range=every,
            unconditional_batch_timestep_skip_range=(-1, below), alpha_low_frequency=low,
            alpha_high_frequency=high, tensor_format="BCHW",
        )
        model = copy.deepcopy(rollout.model)
        probe = Probe(second_block(model))
        state = {"step": 0}
        config.current_timestep_callback = lambda: rollout.timestep(state["step"])
        model.enable_cache(config)
        pictures, errors = ["", ""], [[], []]
        with torch.no_grad():
            for step in range(rollout.steps):
                state["step"] = step
                # The unconditional rows come first.
                output = model(**rollout.inputs(step, [1, 0]))
                computed = probe.take() == 2
                pictures[0] += "C"
                pictures[1] += "C" if computed else "p"
                if not computed:
                    tokens = output.flatten(2).transpose(1, 2)
                    errors[1].append(error(tokens[0], rollout.recorded("output", step, 1)))
        yield case(
            rollout,
            f"FasterCacheConfig(unconditional_batch_skip_range={every}, "
            f"unconditional_batch_timestep_skip_range=(-1, {below}), alpha_low_frequency={low}, "
            f'alpha_high_frequency={high}, tensor_format="BCHW")',
            f"fastercache:every={every},below={below},low-gain={low},high-gain={high}", pictures, errors,
        )


def pyramid(rollout: Rollout, settings):
    """Whether the attention of a block in the middle is evaluated; what follows it always is."""
    lanes = [list(range(rollout.branches))]
    for every, low, high in settings:
        config = PyramidAttentionBroadcastConfig(
            spatial_attention_block_skip_range=every, spatial_attention_timestep_skip_range=(low, high),
            current_timestep_callback=lambda: 0,
        )
        found = run(rollout, config, lambda model: model.transformer_blocks[5].attn.to_q, lanes, None)
        yield case(
            rollout,
            f"PyramidAttentionBroadcastConfig(spatial_attention_block_skip_range={every}, "
            f"spatial_attention_timestep_skip_range=({low}, {high}))",
            f"pab:every={every},above={low},below={high}", found[0],
        )


def sea(rollout: Rollout, settings):
    """The generic path: raw latents (channels, frames, rows, columns) from a callback."""
    lanes = [[b] for b in range(rollout.branches)]
    for threshold, order, cap, first, last in settings:
        config = SeaCacheConfig(
            threshold=threshold, residual_order=order, max_consecutive_cached=cap, retention_steps=first,
            cache_end_steps=last,
            raw_vision_callback=lambda module, arguments, named: [
                row.unsqueeze(1) for row in named["hidden_states"].unbind(0)
            ],
        )
        found = run(rollout, config, second_block, lanes, f"hidden.{BLOCKS}", contexts=True)
        calls = rollout.branches
        yield case(
            rollout,
            f"SeaCacheConfig(threshold={threshold}, residual_order={order}, max_consecutive_cached={cap}, "
            f"retention_steps={first}, cache_end_steps={last})",
            f"seacache:model=diffusers,threshold={threshold},order={order},cap={cap},"
            f"forced=calls,first-calls={first * calls},last-calls={last * calls}", *found,
        )
