# SPDX-License-Identifier: Apache-2.0
"""Trains the world model by flow matching on the CPU. See README.md."""
import argparse
import contextlib
import copy
import math
import os
import signal
import sys
import time
from pathlib import Path

import torch

from data import Windows, batch, stratified_sigmas
from model import DISPARITY, RAYMAP, RGB, WorldModel, conditioning_base

WARM_UP, EMA_DECAY, CLIP = 300, 0.99, 1.0
LOG_EVERY, SAVE_EVERY, VALIDATE_EVERY = 50, 200, 500
MODALITIES = (("rgb", RGB, 1.0), ("disparity", DISPARITY, 1.0), ("raymap", RAYMAP, 0.5))


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--data", required=True, help="folder with target.npy, cond.npy, action.npy (or windows*/ folders)")
    p.add_argument("--out", required=True, help="folder of checkpoint.pt and log.csv")
    p.add_argument("--steps", type=int, required=True)
    p.add_argument("--decay-steps", type=int, default=0, help="the last K steps decay the learning rate to 0")
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--lr", type=float, default=8e-4)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--resume", action="store_true", help="go on from OUT/checkpoint.pt if it exists")
    p.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True, help="autocast; needs AVX512_BF16 to pay")
    p.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True, help="torch.compile; needs g++")
    return p.parse_args()


def learning_rate(step, args):
    """Warm-up, stable, linear decay: a pure function of the step (0-based) and the arguments."""
    warm = min(1.0, (step + 1) / WARM_UP)
    decay = min(1.0, (args.steps - step) / args.decay_steps) if args.decay_steps else 1.0
    return args.lr * warm * decay


def losses(x0hat, x0, sigma):
    """x0hat, x0 [B, N, 70], sigma [B] -> (weighted loss, unweighted mse of each modality [3])."""
    error = (x0hat.float() - x0).square()
    each = torch.stack([error[..., channels].mean(dim=(1, 2)) for _, channels, _ in MODALITIES])     # [3, B]
    importance = torch.tensor([weight for _, _, weight in MODALITIES])
    return ((importance @ each) / (sigma.square() + 0.1)).mean(), each.mean(dim=1).detach()


def noised(x0, noise, sigma):
    s = sigma[:, None, None]
    return (1 - s) * x0 + s * noise


def psnr(mse):
    return 10 * math.log10(4 / max(mse, 1e-12))          # values range over [-1, 1]


@torch.no_grad()
def validate(model, windows, size):
    """Loss at fixed noise and sigmas, and the RGB PSNR of the base and of x0hat at sigma 0.95; in float32."""
    generator = torch.Generator().manual_seed(12345)
    count = len(windows.validation)
    sigmas = stratified_sigmas(count)[torch.randperm(count, generator=generator)]
    sums, seen = torch.zeros(6), 0
    for start in range(0, count, size):
        x0, cond, action = windows.get(windows.validation[start:start + size])
        sigma, yes = sigmas[start:start + size], torch.ones(len(x0), dtype=torch.bool)
        noise, late = torch.randn(x0.shape, generator=generator), torch.full((len(x0),), 0.95)
        x0hat = model.clean(noised(x0, noise, sigma), cond, action, sigma, yes)
        guess = model.clean(noised(x0, noise, late), cond, action, late, yes)
        loss, each = losses(x0hat, x0, sigma)
        rgb = [(image[..., RGB].float() - x0[..., RGB]).square().mean() for image in (conditioning_base(cond), guess)]
        sums += len(x0) * torch.stack([loss, *each, *rgb])
        seen += len(x0)
    loss, a, b, c, base, guess = (sums / seen).tolist()
    return (f"loss {loss:.4f} rgb {a:.5f} disparity {b:.5f} raymap {c:.5f}; "
            f"RGB PSNR at sigma 0.95: base {psnr(base):.2f} dB, x0hat {psnr(guess):.2f} dB")


def save(path, state):
    """Writes beside the checkpoint and renames, so that a kill leaves the old or the new file, never half of one."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def main():
    args = arguments()
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    windows = Windows(args.data)
    model = WorldModel()
    ema = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    done, elapsed = 0, 0.0
    checkpoint = out / "checkpoint.pt"
    if args.resume and checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        ema.load_state_dict(state["ema"])
        optimizer.load_state_dict(state["optimizer"])
        done, elapsed = state["step"], state["elapsed"]
        if (state["seed"], state["batch"]) != (args.seed, args.batch):
            print("warning: seed or batch differs from the checkpoint's", file=sys.stderr)
    elif checkpoint.exists():
        raise SystemExit(f"{checkpoint} exists: --resume, or another --out")

    def precision():
        return torch.autocast("cpu", torch.bfloat16) if args.bf16 else contextlib.nullcontext()

    def objective(x0, cond, action, noise, sigma, conditional):
        with precision():
            x0hat = model.clean(noised(x0, noise, sigma), cond, action, sigma, conditional)
        return losses(x0hat, x0, sigma)

    step_loss = torch.compile(objective) if args.compile else objective
    stop = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.append(True))
    log = open(out / "log.csv", "a")
    if log.tell() == 0:
        log.write("step,loss,rgb,disparity,raymap,lr,seconds_per_step\n")
    print(f"{windows.train_count} training and {len(windows.validation)} validation windows, "
          f"{sum(p.numel() for p in model.parameters())} parameters, step {done} of {args.steps}", file=sys.stderr)

    sums, steps_summed, mark, began = torch.zeros(4), 0, time.monotonic(), time.monotonic() - elapsed
    last = done >= args.steps
    while not last:
        rate = learning_rate(done, args)
        for group in optimizer.param_groups:
            group["lr"] = rate
        x0, cond, action, noise, sigma, conditional = batch(windows, done, args.batch, args.seed)
        loss, each = step_loss(x0, cond, action, noise, sigma, conditional)
        if not torch.isfinite(loss):
            raise SystemExit(f"loss {loss.item()} at step {done}")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        done += 1
        # The weight 1 - d over 1 - d^step makes this the bias-corrected average from the first step on.
        torch._foreach_lerp_(list(ema.parameters()), [p.detach() for p in model.parameters()],
                             (1 - EMA_DECAY) / (1 - EMA_DECAY ** done))
        sums += torch.stack([loss.detach(), *each])
        steps_summed += 1
        last = done == args.steps or bool(stop)
        if done % LOG_EVERY == 0 or last:
            values, pace = (sums / steps_summed).tolist(), (time.monotonic() - mark) / steps_summed
            log.write(f"{done}," + ",".join(f"{v:.6f}" for v in values) + f",{rate:.3e},{pace:.4f}\n")
            log.flush()
            names = " ".join(f"{name} {v:.5f}" for (name, _, _), v in zip(MODALITIES, values[1:]))
            print(f"step {done} loss {values[0]:.4f} {names} lr {rate:.2e} {pace:.3f} s/step", file=sys.stderr)
        if done % SAVE_EVERY == 0 or last:
            save(checkpoint, {"model": model.state_dict(), "ema": ema.state_dict(), "optimizer": optimizer.state_dict(),
                              "step": done, "seed": args.seed, "batch": args.batch, "elapsed": time.monotonic() - began})
        if (done % VALIDATE_EVERY == 0 or done == args.steps) and len(windows.validation):
            print(f"step {done} validation {validate(ema, windows, args.batch)}", file=sys.stderr)
        if done % LOG_EVERY == 0:
            sums, steps_summed, mark = torch.zeros(4), 0, time.monotonic()


if __name__ == "__main__":
    main()
