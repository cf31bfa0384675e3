"""A forward pass that starts from clean activations and recomputes only what an edit has changed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Int
from torch import Tensor

from scrubkit.core.site import Part
from scrubkit.subjects.subject import Edit
from scrubkit.subjects.tables import Tables, kind

_ORDER = (
    "hook_embed",
    "hook_pos_embed",
    "hook_resid_pre",
    "attn.hook_q",
    "attn.hook_k",
    "attn.hook_v",
    "attn.hook_pattern",
    "attn.hook_z",
    "hook_attn_out",
    "hook_resid_mid",
    "mlp.hook_pre",
    "mlp.hook_post",
    "hook_mlp_out",
    "hook_resid_post",
    "logits",
)
_LATE = _ORDER.index("attn.hook_pattern")
"""From this hook on, only the last position is computed: nothing else reaches the logits."""


def run_edited(tables: Tables, base: Int[Tensor, " item"], edits: Sequence[Edit], reader: Part) -> Tensor:
    """Run on base rows with edits set, in order, and read one part; see `read_edited`."""
    return read_edited(tables, base, edits, [reader])[0]


def read_edited(
    tables: Tables, base: Int[Tensor, " item"], edits: Sequence[Edit], readers: Sequence[Part]
) -> list[Tensor]:
    """Run on base rows with edits set, in order, and read some parts.

    Direct edits are set in a second run, in which the attention and MLP outputs between them and the reader
    keep the values of the first.
    """
    direct = [edit for edit in edits if edit.direct]
    first = _Pass(tables, base, [edit for edit in edits if not edit.direct])
    if not direct:
        return [first.read(reader) for reader in readers]
    start = min(_ORDER.index(kind(edit.part.hook)) for edit in direct)
    values = []
    for reader in readers:
        frozen: dict[str, Tensor] = {}
        for enters, leaves in (("hook_resid_pre", "hook_attn_out"), ("hook_resid_mid", "hook_mlp_out")):
            if start <= _ORDER.index(enters) and _ORDER.index(kind(reader.hook)) > _ORDER.index(leaves):
                frozen[leaves] = first.hook(leaves)
        values.append(_Pass(tables, base, edits, frozen).read(reader))
    return values


@dataclass
class _Pass:
    """One run; each hook is computed when first asked for, and stays clean where nothing changed it.

    Attributes:
        frozen: outputs of components that are not recomputed.
    """

    tables: Tables
    base: Int[Tensor, " item"]
    edits: Sequence[Edit]
    frozen: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values: dict[str, Tensor] = {}
        self.changed: dict[str, bool] = {}
        self.tokens = self.tables.tokens[self.base]
        self.at: dict[str, list[Edit]] = {}
        last = self.tokens.shape[1] - 1
        for edit in self.edits:
            if _ORDER.index(kind(edit.part.hook)) >= _LATE and last not in edit.part.positions:
                continue  # One block: after the pattern nothing leaves its position.
            self.at.setdefault(kind(edit.part.hook), []).append(edit)
        for name in _ORDER:
            self.changed[name] = name in self.at or (
                name not in self.frozen and any(self.changed[source] for source in _SOURCES[name])
            )
        for name in self.frozen:
            self.changed[name] = True

    def read(self, part: Part) -> Tensor:
        """Return the value of a part."""
        name = kind(part.hook)
        if not self.changed[name]:
            return self.tables.value(part, self.base)
        if _ORDER.index(name) < _LATE:
            return self._before_attention(name, part)
        return self.tables.select(self.hook(name), part)

    def _before_attention(self, name: str, part: Part) -> Tensor:
        if name == "hook_embed" and part.frequencies is not None:
            return self.tables.value(part, self.base)
        value = self.hook(name)[:, list(part.positions)]
        if part.heads is not None:
            value = value[:, :, list(part.heads)]
        projector = self.tables.components.projector(part, value)
        return value if projector is None else value @ projector

    def hook(self, name: str) -> Tensor:
        """Return a hook's tensor after the edits at it, (item, ...) at the last position after attention."""
        if name not in self.values:
            if not self.changed[name] and _ORDER.index(name) >= _LATE:
                self.values[name] = self.tables.hook_table(name)[self.base]
            elif name in self.frozen:
                self.values[name] = self.frozen[name]
            else:
                value = getattr(self, "_" + name.rsplit(".", 1)[-1].removeprefix("hook_"))()
                for edit in self.at.get(name, ()):
                    value = self._set(value, edit, name)
                self.values[name] = value
        return self.values[name]

    def _set(self, value: Tensor, edit: Edit, name: str) -> Tensor:
        """Return a hook's tensor with one edit made."""
        part, value = edit.part, value.clone()
        if name == "hook_embed" and part.frequencies is not None:
            chosen = list(part.positions)
            own = self.tables.components.embedding(part.frequencies)[self.tokens[:, chosen]]
            value[:, chosen] += edit.value - own
            return value
        if _ORDER.index(name) < _LATE:
            inner = part.heads
            rows = torch.tensor(part.positions)
            index = (
                (slice(None), rows) if inner is None else (slice(None), rows[:, None], torch.tensor(inner))
            )
        else:
            inner = part.heads if part.heads is not None else part.neurons
            index = (
                (slice(None),) if inner is None else (slice(None), torch.tensor(inner, device=value.device))
            )
        projector = self.tables.components.projector(part, value)
        if projector is None:
            value[index] = edit.value
        else:
            current = value[index]
            value[index] = current + (edit.value - current @ projector)
        return value

    def _embed(self) -> Tensor:
        return self.tables.w.W_E[self.tokens]

    def _pos_embed(self) -> Tensor:
        return self.tables.w.W_pos[: self.tokens.shape[1]].expand(len(self.base), -1, -1)

    def _resid_pre(self) -> Tensor:
        return self.hook("hook_embed") + self.hook("hook_pos_embed")

    def _q(self) -> Tensor:
        return self.tables.heads("q", self.hook("hook_resid_pre"))

    def _k(self) -> Tensor:
        return self.tables.heads("k", self.hook("hook_resid_pre"))

    def _v(self) -> Tensor:
        return self.tables.heads("v", self.hook("hook_resid_pre"))

    def _pattern(self) -> Tensor:
        q, k = self.hook("attn.hook_q")[:, -1], self.hook("attn.hook_k")
        scores = torch.einsum("ihe,iphe->ihp", q, k) / math.sqrt(q.shape[-1])
        return scores.softmax(dim=-1)

    def _z(self) -> Tensor:
        return torch.einsum("ihp,iphe->ihe", self.hook("attn.hook_pattern"), self.hook("attn.hook_v"))

    def _attn_out(self) -> Tensor:
        w = self.tables.w
        return torch.einsum("ihe,hed->id", self.hook("attn.hook_z"), w.W_O) + w.b_O

    def _resid_mid(self) -> Tensor:
        return self.hook("hook_resid_pre")[:, -1] + self.hook("hook_attn_out")

    def _pre(self) -> Tensor:
        return self.hook("hook_resid_mid") @ self.tables.w.W_in + self.tables.w.b_in

    def _post(self) -> Tensor:
        return self.hook("mlp.hook_pre").relu()

    def _mlp_out(self) -> Tensor:
        return self.hook("mlp.hook_post") @ self.tables.w.W_out + self.tables.w.b_out

    def _resid_post(self) -> Tensor:
        return self.hook("hook_resid_mid") + self.hook("hook_mlp_out")

    def _logits(self) -> Tensor:
        return self.hook("hook_resid_post") @ self.tables.w.W_U + self.tables.w.b_U


_SOURCES: dict[str, tuple[str, ...]] = {
    "hook_embed": (),
    "hook_pos_embed": (),
    "hook_resid_pre": ("hook_embed", "hook_pos_embed"),
    "attn.hook_q": ("hook_resid_pre",),
    "attn.hook_k": ("hook_resid_pre",),
    "attn.hook_v": ("hook_resid_pre",),
    "attn.hook_pattern": ("attn.hook_q", "attn.hook_k"),
    "attn.hook_z": ("attn.hook_pattern", "attn.hook_v"),
    "hook_attn_out": ("attn.hook_z",),
    "hook_resid_mid": ("hook_resid_pre", "hook_attn_out"),
    "mlp.hook_pre": ("hook_resid_mid",),
    "mlp.hook_post": ("mlp.hook_pre",),
    "hook_mlp_out": ("mlp.hook_post",),
    "hook_resid_post": ("hook_resid_mid", "hook_mlp_out"),
    "logits": ("hook_resid_post",),
}
