# SPDX-License-Identifier: Apache-2.0
"""Training windows: loading the .npy files, splitting, the horizontal flip, and seeded batches."""
from pathlib import Path

import numpy as np
import torch

from model import ACTION, COND, TARGET, Config


class Windows:
    """The windows in DIR/{target,cond,action}.npy, or in each DIR/windows*/ in order of name, memory-mapped."""

    def __init__(self, folder, held_out=128):
        folder = Path(folder)
        parts = [folder] if (folder / "target.npy").exists() else sorted(p for p in folder.glob("windows*") if p.is_dir())
        if not parts:
            raise SystemExit(f"no target.npy and no windows*/ in {folder}")
        self.parts = [tuple(np.load(p / f"{name}.npy", mmap_mode="r") for name in ("target", "cond", "action")) for p in parts]
        for target, cond, action in self.parts:
            n = len(target)
            assert target.shape == (n, Config().tokens, TARGET), target.shape
            assert cond.shape == (n, Config().tokens, COND), cond.shape
            assert action.shape == (n, Config().frames, ACTION), action.shape
        self.starts = np.cumsum([0] + [len(target) for target, _, _ in self.parts])
        self.count = int(self.starts[-1])
        self.validation = np.arange(self.count - min(held_out, self.count // 4), self.count)
        self.train_count = self.count - len(self.validation)

    def get(self, indices):
        """indices [B] -> target [B, N, 70], cond [B, N, 166], action [B, F, 3], float32."""
        rows = []
        for index in indices:
            part = int(np.searchsorted(self.starts, index, side="right")) - 1
            rows.append([array[index - self.starts[part]] for array in self.parts[part]])
        return tuple(torch.from_numpy(np.stack(column)).float() for column in zip(*rows))


def _mirrored_patch(start, channels, patch=4):
    """Channel numbers of a (py, px, channel) patch that starts at `start`, with px reversed."""
    numbers = np.arange(start, start + patch * patch * channels).reshape(patch, patch, channels)
    return numbers[:, ::-1].ravel()


def _ray_channels(start):
    """A ray keeps its channel numbers; the x of the direction and of the origin change sign."""
    return np.arange(start, start + 6), np.array([-1, 1, 1, -1, 1, 1])


def _channel_flip(images, rays):
    """(channel order, signs) for image patches [(start, channels)] followed by one raymap."""
    order = [_mirrored_patch(*image) for image in images]
    numbers, signs = _ray_channels(rays)
    signs = np.concatenate([np.ones(rays), signs])
    return torch.from_numpy(np.concatenate(order + [numbers])), torch.from_numpy(signs).float()


_CFG = Config()
TOKEN_ORDER = torch.arange(_CFG.tokens).view(-1, _CFG.columns).flip(1).flatten()
TARGET_FLIP = _channel_flip([(0, 3), (48, 1)], 64)
COND_FLIP = _channel_flip([(0, 3), (48, 1), (64, 1), (80, 3), (128, 1), (144, 1)], 160)
ACTION_SIGNS = torch.tensor([1.0, -1.0, -1.0])           # forward, strafe, yaw


def flip(target, cond, action):
    """Mirrors windows left to right: target [B, N, 70], cond [B, N, 166], action [B, F, 3].
    Exact for cameras whose principal point is the image centre."""
    def mirror(x, order, signs):
        return x[:, TOKEN_ORDER][..., order] * signs
    return mirror(target, *TARGET_FLIP), mirror(cond, *COND_FLIP), action * ACTION_SIGNS


def stratified_sigmas(count, generator=None, shift=3.0):
    """One sigma for each of `count` equal strata of u in [0, 1) (mid-points without a generator)."""
    offset = torch.rand(count, generator=generator) if generator is not None else 0.5
    u = (torch.arange(count) + offset) / count
    return (shift * u / (1 + (shift - 1) * u)).clamp(0.004, 1.0)


def batch(windows, step, size, seed, unconditional=0.1):
    """Everything random in training step `step`, as a pure function of (seed, step), so that a resumed run
    needs no generator state: (target, cond, action, noise, sigma [B], conditional [B])."""
    positions = np.arange(step * size, (step + 1) * size)
    epochs, places = np.divmod(positions, windows.train_count)
    orders = {e: np.random.default_rng([seed, int(e)]).permutation(windows.train_count) for e in np.unique(epochs)}
    target, cond, action = windows.get([int(orders[e][p]) for e, p in zip(epochs, places)])
    generator = torch.Generator().manual_seed(seed * 1_000_000_007 + step)
    mirrored = torch.rand(size, generator=generator) < 0.5
    if mirrored.any():
        target[mirrored], cond[mirrored], action[mirrored] = flip(target[mirrored], cond[mirrored], action[mirrored])
    sigma = stratified_sigmas(size, generator)
    conditional = torch.rand(size, generator=generator) >= unconditional
    noise = torch.randn(target.shape, generator=generator)
    return target, cond, action, noise, sigma, conditional
