# SPDX-License-Identifier: Apache-2.0
"""Writes the averaged weights as safetensors, and reference results to check another implementation against."""
import argparse
import copy

import torch
from safetensors.torch import save_file

from data import Windows
from model import Config, WorldModel
from train import noised

CASES = (("conditional", 0.7), ("conditional", 0.05), ("unconditional", 0.7))
TAPS = ("timestep", "hidden.0", "modulated", "block.1", "block.6", "output")


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--checkpoint", help="checkpoint.pt of train.py; without it, random weights (to test a reader)")
    p.add_argument("--out", help="safetensors file for the weights")
    p.add_argument("--reference", help="safetensors file for inputs and intermediate results; needs --data")
    p.add_argument("--data", help="the training data; the reference uses its first validation window")
    p.add_argument("--seed", type=int, default=0, help="of the reference's noise and of random weights")
    return p.parse_args()


def load(checkpoint, seed):
    """(model with the averaged weights, steps trained)."""
    model = WorldModel().requires_grad_(False).eval()
    if checkpoint:
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["ema"])
        return model, state["step"]
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.copy_(0.05 * torch.randn(parameter.shape, generator=generator))
    return model, 0


def metadata(steps):
    c = Config()
    numbers = {name: getattr(c, name) for name in ("frames", "height", "width", "patch", "dim", "blocks", "heads")}
    return {**{name: str(n) for name, n in numbers.items()}, "steps_trained": str(steps), "config": c.name}


def reference(model, windows, seed):
    """The tensors of the reference file and the largest relative difference between float32 and float64.
    All results are calculated in float64 from the float32 inputs and then rounded to float32."""
    index = int(windows.validation[0])
    target, cond, action = windows.get([index])
    noise = torch.randn(target.shape, generator=torch.Generator().manual_seed(seed))
    tensors = {"target": target[0], "cond": cond[0], "action": action[0], "noise": noise[0]}
    exact, differences = copy.deepcopy(model).double(), {}
    for kind, value in CASES:
        sigma, case = torch.tensor([value]), f"{kind}.{value}"
        x, flag = noised(target, noise, sigma), torch.tensor([kind == "conditional"])
        single, double = {}, {}
        model(x, cond, action, sigma, flag, single)
        exact(x.double(), cond.double(), action.double(), sigma.double(), flag, double)
        tensors[f"{case}/x_t"], tensors[f"{case}/sigma"] = x[0], sigma
        for tap in TAPS if case == "conditional.0.7" else ("output",):
            tensors[f"{case}/{tap}"] = double[tap][0].float()
            differences[f"{case}/{tap}"] = ((single[tap] - double[tap]).abs().max() / double[tap].abs().max()).item()
    return {name: t.contiguous() for name, t in tensors.items()}, index, differences


def main():
    args = arguments()
    torch.set_num_threads(2)
    model, steps = load(args.checkpoint, args.seed)
    if args.out:
        save_file({name: t.contiguous() for name, t in model.state_dict().items()}, args.out, metadata(steps))
        print(f"{args.out}: {len(model.state_dict())} tensors, {steps} steps")
    if args.reference:
        if not args.data:
            raise SystemExit("--reference needs --data")
        tensors, index, differences = reference(model, Windows(args.data), args.seed)
        save_file(tensors, args.reference, {**metadata(steps), "window": str(index), "noise_seed": str(args.seed)})
        print(f"{args.reference}: window {index}; largest float32 - float64 difference, relative to the largest value:")
        for name, difference in differences.items():
            print(f"  {name:32} {difference:.2e}")


if __name__ == "__main__":
    main()
