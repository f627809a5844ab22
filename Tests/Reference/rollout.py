"""A small diffusion transformer and its uncached rollouts: what the real caches are driven with.

The transformer has what hooks look for: `transformer_blocks` with an attention named `attn`, a `proj_out`, and
block parameters named as in diffusers. Weights come from a seed; nothing is trained. Its features change
smoothly from step to step, which is all that a cache asks for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from diffusers.hooks._helpers import TransformerBlockMetadata, TransformerBlockRegistry
from diffusers.models.attention_processor import Attention
from diffusers.models.cache_utils import CacheMixin

BLOCKS = 12
WIDTH = 8
CHANNELS = 4


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = torch.nn.LayerNorm(WIDTH, elementwise_affine=False)
        self.attn = Attention(query_dim=WIDTH, heads=1, dim_head=WIDTH)
        self.mlp = torch.nn.Sequential(
            torch.nn.Linear(WIDTH, 2 * WIDTH), torch.nn.GELU(), torch.nn.Linear(2 * WIDTH, WIDTH)
        )
        self.modulation = torch.nn.Linear(WIDTH, 4 * WIDTH)

    def modulated(self, hidden_states: torch.Tensor, temb: torch.Tensor) -> torch.Tensor:
        shift, scale = self.modulation(temb).unsqueeze(1).chunk(4, dim=-1)[:2]
        return self.norm(hidden_states) * (1 + scale) + shift

    def forward(self, hidden_states: torch.Tensor, temb: torch.Tensor) -> torch.Tensor:
        gates = self.modulation(temb).unsqueeze(1).chunk(4, dim=-1)[2:]
        hidden_states = hidden_states + gates[0] * self.attn(self.modulated(hidden_states, temb))
        return hidden_states + gates[1] * self.mlp(self.norm(hidden_states))


TransformerBlockRegistry.register(
    Block, TransformerBlockMetadata(return_hidden_states_index=0, return_encoder_hidden_states_index=None)
)


class Transformer(torch.nn.Module, CacheMixin):
    _cache_config = None

    def __init__(self, rows: int, columns: int, seed: int):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.proj_in = torch.nn.Linear(CHANNELS, WIDTH)
        self.time_in = torch.nn.Sequential(
            torch.nn.Linear(WIDTH, WIDTH), torch.nn.SiLU(), torch.nn.Linear(WIDTH, WIDTH)
        )
        self.transformer_blocks = torch.nn.ModuleList(Block() for _ in range(BLOCKS))
        self.proj_out = torch.nn.Linear(WIDTH, CHANNELS)
        self.positions = torch.nn.Parameter(torch.zeros(rows * columns, WIDTH))
        for parameter in self.parameters():
            spread = 0.7 / max(parameter.shape[-1], 1) ** 0.5 if parameter.dim() > 1 else 0.1
            parameter.data = torch.randn(parameter.shape, generator=generator) * spread
        self.grid = (rows, columns)
        self.eval()

    def enter(self, hidden_states: torch.Tensor, timestep: torch.Tensor, encoder_hidden_states: torch.Tensor):
        """The tokens that enter block 1, and what modulates the blocks."""
        tokens = self.proj_in(hidden_states.flatten(2).transpose(1, 2)) + self.positions
        waves = timestep[:, None] / 1000 * torch.tensor([1.0, 2, 3, 4])
        temb = self.time_in(torch.cat([waves.sin(), waves.cos()], dim=-1)) + encoder_hidden_states
        return tokens, temb

    def leave(self, tokens: torch.Tensor) -> torch.Tensor:
        output = self.proj_out(torch.nn.functional.layer_norm(tokens, (WIDTH,)))
        return output.transpose(1, 2).unflatten(2, self.grid)

    def forward(self, hidden_states, timestep, encoder_hidden_states):
        """(batch, channels, rows, columns), (batch), (batch, width) to (batch, channels, rows, columns)."""
        tokens, temb = self.enter(hidden_states, timestep, encoder_hidden_states)
        for block in self.transformer_blocks:
            tokens = block(tokens, temb)
        self.last_hidden = tokens
        return self.leave(tokens)


@dataclass
class Rollout:
    """The uncached run of one solver: features by tap, (calls, tokens, channels), branches of a step together."""

    name: str
    model: Transformer
    steps: int
    guidance: float | None
    seed: int
    sigmas: list[float] = field(default_factory=list)
    latents: list[torch.Tensor] = field(default_factory=list)
    taps: dict[str, torch.Tensor] = field(default_factory=dict)
    final: torch.Tensor | None = None

    #: Recorded stations; those that the policies look at.
    NAMES = (
        "latent", "timestep", "hidden.0", "modulated", "block.1", "block.4", "block.8", "block.10", "hidden.12", "output",
    )

    def __post_init__(self):
        generator = torch.Generator().manual_seed(self.seed)
        rows, columns = self.model.grid
        self.conditions = torch.randn(2, WIDTH, generator=generator) * 0.5
        latent = torch.randn(1, CHANNELS, rows, columns, generator=generator)
        shift = 3.0
        plain = torch.linspace(1, 0, self.steps + 1)
        self.sigmas = (shift * plain / (1 + (shift - 1) * plain)).tolist()
        records: dict[str, list[torch.Tensor]] = {name: [] for name in self.NAMES}
        with torch.no_grad():
            for step in range(self.steps):
                self.latents.append(latent)
                outputs = []
                for branch in range(self.branches):
                    values = self.call(step, branch)
                    for name in self.NAMES:
                        records[name].append(values[name][0])
                    outputs.append(self.image(values["output"]))
                guided = outputs[0]
                if self.guidance is not None:
                    guided = outputs[1] + self.guidance * (outputs[0] - outputs[1])
                latent = latent + (self.sigmas[step + 1] - self.sigmas[step]) * guided
        self.taps = {name: torch.stack(values) for name, values in records.items()}
        self.final = latent

    @property
    def branches(self) -> int:
        return 1 if self.guidance is None else 2

    def timestep(self, step: int) -> float:
        return self.sigmas[step] * 1000

    def inputs(self, step: int, branches: list[int]):
        """The recorded inputs of the model at a step, one row for each branch; 0 is the conditional one."""
        return dict(
            hidden_states=self.latents[step].expand(len(branches), -1, -1, -1),
            timestep=torch.full((len(branches),), self.timestep(step)),
            encoder_hidden_states=self.conditions[branches],
        )

    def image(self, tokens: torch.Tensor) -> torch.Tensor:
        return tokens.transpose(1, 2).unflatten(2, self.model.grid)

    def call(self, step: int, branch: int) -> dict[str, torch.Tensor]:
        inputs = self.inputs(step, [branch])
        tokens, temb = self.model.enter(**inputs)
        values = {
            "latent": inputs["hidden_states"].flatten(2).transpose(1, 2),
            "timestep": temb.unsqueeze(1),
            "hidden.0": tokens,
            "modulated": self.model.transformer_blocks[0].modulated(tokens, temb),
        }
        for number, block in enumerate(self.model.transformer_blocks, start=1):
            tokens = block(tokens, temb)
            values[f"block.{number}"] = tokens
        values[f"hidden.{BLOCKS}"] = tokens
        values["output"] = self.model.leave(tokens).flatten(2).transpose(1, 2)
        return values

    def recorded(self, tap: str, step: int, branch: int) -> torch.Tensor:
        return self.taps[tap][step * self.branches + branch]

    def metadata(self) -> dict:
        """What `wctrace import` is told."""
        rows, columns = self.model.grid
        shares = [1.0] if self.guidance is None else [self.guidance, 1 - self.guidance]
        calls = [
            {
                "step": step, "branch": branch, "timestep": self.timestep(step), "sigma": self.sigmas[step],
                "weight": (self.sigmas[step + 1] - self.sigmas[step]) * share,
                "guidance": 1.0 if self.guidance is None else self.guidance,
            }
            for step in range(self.steps)
            for branch, share in enumerate(shares)
        ]
        layout = {"grid": [1, rows, columns]}
        layouts = {"latent": "output", "output": "output", "timestep": "step"}
        return {
            "model": "reference", "solver": "euler", "blocks": BLOCKS, "shift": 3, "calls": calls,
            "layouts": {
                "tokens": {"channels": WIDTH, **layout}, "output": {"channels": CHANNELS, **layout},
                "step": {"channels": WIDTH, "grid": [1, 1, 1]},
            },
            "taps": {
                name: {"file": f"{name}.npy", "layout": layouts.get(name, "tokens")} for name in self.NAMES
            },
            "final": {"file": "final.npy"},
        }
