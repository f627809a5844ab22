# SPDX-License-Identifier: Apache-2.0
"""The bundled world model: a small diffusion transformer with adaLN-zero conditioning.

state_dict keys are the tensor names of the safetensors file; the Swift forward pass reads the same names.
"""
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass(frozen=True)
class Config:
    frames: int = 4
    height: int = 32
    width: int = 48
    patch: int = 4
    dim: int = 192
    blocks: int = 6
    heads: int = 6
    name: str = "wctrace-world-1"

    rows = property(lambda c: c.height // c.patch)
    columns = property(lambda c: c.width // c.patch)
    grid = property(lambda c: c.rows * c.columns)        # tokens in a frame
    tokens = property(lambda c: c.frames * c.grid)       # tokens in a window


# Channel layout of the target: RGB, disparity, raymap (direction, origin).
TARGET, COND, ACTION = 70, 166, 3
RGB, DISPARITY, RAYMAP = slice(0, 48), slice(48, 64), slice(64, 70)
FREQUENCIES = 64


def sincos(sigma):
    """sigma [B] -> [B, 128]: cosines then sines of 1000 * sigma at 64 frequencies."""
    i = torch.arange(FREQUENCIES, dtype=sigma.dtype)
    angle = 1000 * sigma[:, None] * torch.exp(i * (-math.log(10000) / FREQUENCIES))
    return torch.cat([angle.cos(), angle.sin()], dim=-1)


def modulate(h, shift, scale):
    """LayerNorm without affine, then scale and shift; h [B, F, G, D], shift and scale [B, F, 1, D]."""
    return F.layer_norm(h, h.shape[-1:], eps=1e-6) * (1 + scale) + shift


def conditioning_base(cond):
    """The part of the conditioning [..., 166] that is a first guess of the target [..., 70]."""
    return torch.cat([cond[..., :64], cond[..., 160:166]], dim=-1)


def attend_bfloat16(q, k, v):
    """scaled_dot_product_attention written out: with AVX512_BF16 it takes about half the time of the built-in
    one, forward and backward, as both products become bfloat16 matrix products. q, k, v [B, heads, N, d]."""
    with torch.autocast("cpu", enabled=False):                      # autocast would do the softmax in float32
        scores = (q * q.shape[-1] ** -0.5).contiguous() @ k.contiguous().transpose(-1, -2)
        return scores.softmax(-1) @ v.contiguous()


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.shape = config.rows, config.columns
        self.heads = heads = config.heads
        dim = config.dim
        self.ada = nn.Linear(dim, 6 * dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.mix = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)
        self.fc1 = nn.Linear(dim, 4 * dim)
        self.fc2 = nn.Linear(4 * dim, dim)

    def attention(self, m):
        """m [B, F, G, D] -> [B, F, G, D], attending over all F * G tokens."""
        batch, frames, grid, dim = m.shape
        qkv = self.qkv(m).view(batch, frames * grid, 3, self.heads, dim // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)                        # each [B, heads, N, dim/heads]
        mixed = attend_bfloat16(q, k, v) if q.dtype == torch.bfloat16 else F.scaled_dot_product_attention(q, k, v)
        return self.proj(mixed.transpose(1, 2).reshape(m.shape))

    def neighbours(self, m):
        """m [B, F, G, D] plus a 3 x 3 depthwise convolution over each frame's grid, zeros beyond its edge."""
        grid = m.flatten(0, 1).unflatten(1, self.shape).permute(0, 3, 1, 2)                 # [B F, D, rows, columns]
        return m + self.mix(grid).permute(0, 2, 3, 1).reshape(m.shape)

    def forward(self, h, c):
        """h [B, F, G, D], c [B, F, D] -> (h, the modulated input of the attention)."""
        shift1, scale1, gate1, shift2, scale2, gate2 = self.ada(c).unsqueeze(2).chunk(6, dim=-1)
        m = modulate(h, shift1, scale1)
        h = h + gate1 * self.attention(m)
        wide = F.gelu(self.fc1(self.neighbours(modulate(h, shift2, scale2))), approximate="tanh")
        return h + gate2 * self.fc2(wide), m


class Final(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.ada = nn.Linear(dim, 2 * dim)
        self.out = nn.Linear(dim, TARGET)

    def forward(self, h, c):
        shift, scale = self.ada(c).unsqueeze(2).chunk(2, dim=-1)
        return self.out(modulate(h, shift, scale))


class WorldModel(nn.Module):
    def __init__(self, config=Config()):
        super().__init__()
        self.config, dim = config, config.dim
        self.embed = nn.Linear(TARGET + COND, dim)
        self.pos_space = nn.Parameter(torch.empty(config.grid, dim))
        self.pos_time = nn.Parameter(torch.empty(config.frames, dim))
        self.time = nn.ModuleDict({"1": nn.Linear(2 * FREQUENCIES, dim), "2": nn.Linear(dim, dim)})
        self.action = nn.Linear(ACTION, dim)
        self.null_action = nn.Parameter(torch.empty(dim))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.final = Final(dim)
        self.initialise()

    def initialise(self):
        """Xavier weights, zero biases; modulations, convolutions and output start at zero: x0hat starts as the base."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        for parameter in (self.pos_space, self.pos_time, self.null_action, self.time["1"].weight, self.time["2"].weight):
            nn.init.normal_(parameter, std=0.02)
        for layer in [block.ada for block in self.blocks] + [self.final.ada, self.final.out]:
            nn.init.zeros_(layer.weight)
        for block in self.blocks:
            nn.init.zeros_(block.mix.weight)
            nn.init.zeros_(block.mix.bias)

    def clean(self, x, cond, action, sigma, conditional, taps=None):
        """The estimate x0hat [B, N, 70] from
        x [B, N, 70], cond [B, N, 166], action [B, F, 3], sigma [B], conditional [B] bool.
        With a dict `taps`, stores the named intermediate results in it."""
        cfg = self.config
        cond = torch.where(conditional[:, None, None], cond, 0.0)
        t = self.time["2"](F.silu(self.time["1"](sincos(sigma))))                               # [B, D]
        act = torch.where(conditional[:, None, None], self.action(action), self.null_action)    # [B, F, D]
        c = F.silu(t[:, None] + act)
        h = self.embed(torch.cat([x, cond], dim=-1)).unflatten(1, (cfg.frames, cfg.grid))
        h = h + self.pos_space + self.pos_time[:, None]                                         # [B, F, G, D]
        if taps is not None:
            taps["timestep"], taps["hidden.0"] = t, h.flatten(1, 2)
        for number, block in enumerate(self.blocks, 1):
            h, m = block(h, c)
            if taps is not None:
                taps.setdefault("modulated", m.flatten(1, 2))
                taps[f"block.{number}"] = h.flatten(1, 2)
        return conditioning_base(cond) + self.final(h, c).flatten(1, 2)

    def forward(self, x, cond, action, sigma, conditional, taps=None):
        """The velocity [B, N, 70] (noise - x0); arguments as in `clean`."""
        v = (x - self.clean(x, cond, action, sigma, conditional, taps)) / sigma[:, None, None]
        if taps is not None:
            taps["output"] = v
        return v
