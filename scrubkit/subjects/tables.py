"""Clean activations of a model over all inputs, and tables of what parts add to the logits.

Everything that a draw needs of an unedited run is a row of one of these tables. They are made at first use
and kept, so that many hypotheses on one model share them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.core.site import Part
from scrubkit.models.model import Model
from scrubkit.models.weights import Weights, run
from scrubkit.subjects.parts import Components

_TILE = 1024
TABLE_BYTES = 2**30
"""Memory that the tables of parts of one model may take, beside its clean activations."""
_AT_ONCE = {
    "attn.hook_pattern": "pattern",
    "attn.hook_z": "z",
    "hook_attn_out": "attn_out",
    "hook_resid_mid": "resid_mid",
    "mlp.hook_pre": "pre",
    "mlp.hook_post": "post",
    "hook_resid_post": "resid_post",
    "logits": "logits",
}


def kind(hook: str) -> str:
    """Return a hook's name without its block."""
    return hook.split(".", 2)[2] if hook.startswith("blocks.") else hook


@dataclass(frozen=True)
class Tables:
    """The clean activations of a 1-layer model at the last position, by row of the dataset.

    Attributes:
        w: weights, on the device and in the dtype of the tables.
        tokens: token rows, on the device.
        components: linear components that parts may name.
    """

    w: Weights
    tokens: Int[Tensor, "input pos"]
    components: Components

    @classmethod
    def of(cls, model: Model, device: torch.device, dtype: torch.dtype) -> Tables:
        """Return the tables of a model on a device."""
        w = model.weights.to(dtype, device)
        index = torch.full((model.config.d_vocab,), -1).numpy()
        index[: model.task.p] = model.task.group.a
        group = model.task.group
        return cls(w, model.tokens.to(device), Components(w.W_E, index, group.c, group.order))

    @cached_property
    def clean(self) -> dict[str, Float[Tensor, "input ..."]]:
        """Activations of the unedited runs, computed in tiles of one size."""
        tiles = [run(self.w, rows) for rows in self.tokens.split(_TILE)]
        return {name: torch.cat([tile[name] for tile in tiles]) for name in tiles[0]}

    @cached_property
    def W_L(self) -> Float[Tensor, "d_mlp class"]:
        """The neuron-to-logit map W_out W_U."""
        return self.w.W_out @ self.w.W_U

    @cached_property
    def row_of(self) -> Int[Tensor, "vocab vocab"]:
        """Row of the dataset for each pair of tokens at the first two positions, -1 where there is none."""
        size = self.w.W_E.shape[0]
        table = torch.full((size, size), -1, dtype=torch.long, device=self.tokens.device)
        table[self.tokens[:, 0], self.tokens[:, 1]] = torch.arange(len(self.tokens), device=table.device)
        return table

    @cached_property
    def _made(self) -> dict[Any, Tensor]:
        return {}

    def _keep(self, key: Any, make: Callable[[], Tensor]) -> Tensor:
        """Return a table, made at first use; the ones unused longest go when they fill `TABLE_BYTES`."""
        made = self._made
        table = made.pop(key) if key in made else make()
        made[key] = table
        held = sum(other.nbytes for other in made.values())
        for oldest in list(made)[:-1]:
            if held <= TABLE_BYTES:
                break
            held -= made.pop(oldest).nbytes
        return table

    def resid_pre(self, tokens: Int[Tensor, "item pos"]) -> Float[Tensor, "item pos d_model"]:
        """Return the residual stream before attention for token rows."""
        return self.w.W_E[tokens] + self.w.W_pos[: tokens.shape[1]]

    def value(self, part: Part, rows: Int[Tensor, " item"]) -> Tensor:
        """Return the clean value of a part on rows.

        Shape: (item, ...) at the last position for what comes after attention; (item, pos, ...) for the
        part's positions before it.
        """
        name = kind(part.hook)
        if name in _AT_ONCE or name == "hook_mlp_out":
            return self.table(part)[rows]
        tokens = self.tokens[rows]
        chosen = list(part.positions)
        if name == "hook_embed" and part.frequencies is not None:
            return self.components.embedding(part.frequencies)[tokens[:, chosen]]
        if name == "hook_embed":
            value = self.w.W_E[tokens[:, chosen]]
        elif name == "hook_pos_embed":
            value = self.w.W_pos[chosen].expand(len(rows), -1, -1)
        else:
            value = self.resid_pre(tokens)[:, chosen]
            if name != "hook_resid_pre":
                value = self.heads(name[-1], value)[:, :, list(part.heads or ())]
        projector = self.components.projector(part, value)
        return value if projector is None else value @ projector

    def heads(self, which: str, resid: Float[Tensor, "item pos d_model"]) -> Tensor:
        """Return queries, keys or values, (item, pos, head, d_head), of a residual stream."""
        weight = getattr(self.w, f"W_{which.upper()}")
        return torch.einsum("ipd,hde->iphe", resid, weight) + getattr(self.w, f"b_{which.upper()}")

    def table(self, part: Part) -> Float[Tensor, "input ..."]:
        """Return the clean value of a part after attention on every row of the dataset."""
        return self._keep(part.key, lambda: self.select(self.hook_table(kind(part.hook)), part))

    def hook_table(self, name: str) -> Float[Tensor, "input ..."]:
        """Return the clean tensor of a hook after attention, last position, on every row."""
        if name == "hook_mlp_out":
            return self.clean["post"] @ self.w.W_out + self.w.b_out
        return self.clean[_AT_ONCE[name]]

    def select(self, value: Tensor, part: Part) -> Tensor:
        """Take a part out of a hook's last-position tensor."""
        inner = part.heads if part.heads is not None else part.neurons
        if inner is not None and len(inner) < value.shape[1]:
            value = value[:, torch.tensor(inner, device=value.device)]
        projector = self.components.projector(part, value)
        return value if projector is None else value @ projector

    def to_logits(self, part: Part, value: Tensor) -> Float[Tensor, "item class"]:
        """Return what a part's value adds to the logits along the linear path."""
        name = kind(part.hook)
        if name == "logits":
            return value
        if name == "mlp.hook_post":
            inner = torch.tensor(part.neurons, device=value.device)
            return value @ self.W_L[inner]
        if name == "attn.hook_z":
            inner = torch.tensor(part.heads, device=value.device)
            return torch.einsum("ihe,hed->id", value, self.w.W_O[inner]) @ self.w.W_U
        return value @ self.w.W_U

    def contribution(self, part: Part) -> Float[Tensor, "input class"]:
        """Return what a part adds to the logits on every row of the dataset."""
        return self._keep(("contribution", part.key), lambda: self.to_logits(part, self.table(part)))

    def stacked(self, parts: tuple[Part, ...]) -> Float[Tensor, "part_plus_1 input class"]:
        """Return the contributions of some parts, behind the logits without them."""

        def stack() -> Tensor:
            pieces = [self.contribution(part) for part in parts]
            rest = self.clean["logits"] - sum(pieces, torch.zeros(()).to(self.w.W_U))
            return torch.stack([rest, *pieces])

        return self._keep(("stacked", tuple(part.key for part in parts)), stack)
