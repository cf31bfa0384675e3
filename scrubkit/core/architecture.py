"""The architecture of a transformer, as far as hypotheses need it: its hooks, in the order of computation.

This is the one place that knows hooks: which there are, in which order, on which axes, what each is computed
from, and whether that step moves information between positions. Everything else (which site is upstream of
which, what an edit changes, where a forward pass has to start) follows from the table below.

Names are TransformerLens's, except that ``logits`` is short for ``unembed.hook_out``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Literal

import numpy as np
from jaxtyping import Bool

Axis = Literal["head", "neurons"]
Mask = Bool[np.ndarray, "pos *inner"]
"""Which numbers of a hook are meant, by position and, where the hook has such an axis, by head or neuron."""

EMBED, POS_EMBED, LOGITS = "hook_embed", "hook_pos_embed", "logits"
ALIASES = {"unembed.hook_out": LOGITS, "hook_unembed": LOGITS}
"""Other names of hooks that sites may use."""


@dataclass(frozen=True)
class Kind:
    """One kind of hook.

    Attributes:
        name: its name within a block, or the whole name of a hook outside the blocks.
        reads: kinds that it is computed from at the same position.
        attends: kinds that it is computed from at all positions that attention sees.
        axis: the axis of its tensor beside the position, "head" or "neurons".
        width: name of the size of its last axis, on which subspaces live; "" where subspaces have no meaning.
        normalization: it exists only in models that normalize.
        mlp: it exists only in models with MLPs.
    """

    name: str
    reads: tuple[str, ...] = ()
    attends: tuple[str, ...] = ()
    axis: Axis | None = None
    width: str = "d_model"
    normalization: bool = False
    mlp: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that a site on such a hook may have, beside those of decompositions."""
        inner = () if self.axis is None else (self.axis,)
        return ("pos", *inner, *(("subspace",) if self.width else ()))


_BLOCK = (
    Kind("hook_resid_pre"),
    Kind("ln1.hook_scale", ("hook_resid_pre",), width="", normalization=True),
    Kind("ln1.hook_normalized", ("hook_resid_pre", "ln1.hook_scale"), normalization=True),
    Kind("attn.hook_q", ("ln1.hook_normalized",), axis="head", width="d_head"),
    Kind("attn.hook_k", ("ln1.hook_normalized",), axis="head", width="d_head"),
    Kind("attn.hook_v", ("ln1.hook_normalized",), axis="head", width="d_head"),
    Kind("attn.hook_pattern", ("attn.hook_q",), ("attn.hook_k",), axis="head", width=""),
    Kind("attn.hook_z", ("attn.hook_pattern",), ("attn.hook_v",), axis="head", width="d_head"),
    Kind("hook_attn_out", ("attn.hook_z",)),
    Kind("hook_resid_mid", ("hook_resid_pre", "hook_attn_out"), mlp=True),
    Kind("ln2.hook_scale", ("hook_resid_mid",), width="", normalization=True, mlp=True),
    Kind("ln2.hook_normalized", ("hook_resid_mid", "ln2.hook_scale"), normalization=True, mlp=True),
    Kind("mlp.hook_pre", ("ln2.hook_normalized",), axis="neurons", width="", mlp=True),
    Kind("mlp.hook_post", ("mlp.hook_pre",), axis="neurons", width="", mlp=True),
    Kind("hook_mlp_out", ("mlp.hook_post",), mlp=True),
    Kind("hook_resid_post", ("hook_resid_mid", "hook_mlp_out")),
)
_BEFORE = (Kind(EMBED), Kind(POS_EMBED))
_AFTER = (
    Kind("ln_final.hook_scale", width="", normalization=True),
    Kind("ln_final.hook_normalized", ("ln_final.hook_scale",), normalization=True),
    Kind(LOGITS, ("ln_final.hook_normalized",), width="d_vocab_out"),
)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (*_BEFORE, *_BLOCK, *_AFTER)}
"""Every kind of hook by name."""

_STEPS_IN = {"ln1.hook_normalized": "hook_resid_pre", "ln2.hook_normalized": "hook_resid_mid"}
"""What takes the place of a normalization in a model without."""
_OF_ATTENTION = ("ln1.", "attn.", "hook_attn_out")
_OF_MLP = ("ln2.", "mlp.", "hook_mlp_out")


@dataclass(frozen=True)
class Hook:
    """One hook of one model.

    Attributes:
        name: its full name.
        kind: what kind it is.
        layer: its block; -1 before the blocks, n_layers after them.
        reads: hooks that it is computed from at the same position.
        attends: hooks that it is computed from at all positions that attention sees.
        index: its place in the order of computation.
        component: name of the attention or MLP that it is inside or the output of, "" for hooks of the
            residual stream.
    """

    name: str
    kind: Kind
    layer: int
    reads: tuple[str, ...]
    attends: tuple[str, ...]
    index: int
    component: str

    @property
    def sources(self) -> tuple[str, ...]:
        """All hooks that it is computed from."""
        return (*self.reads, *self.attends)


@dataclass(frozen=True)
class Architecture:
    """The sizes and switches that decide which sites a model has and what is computed from what.

    Attributes:
        n_layers: number of blocks, 0 or more.
        n_ctx: length of the token rows.
        d_mlp: neurons of a block, 0 in an attention-only model.
        normalization: blocks and logits read the residual stream through LayerNorm or RMSNorm.
        causal: a position attends to itself and earlier ones only.
        answer: positions at which the logits are read, ascending.
        decompositions: number of components by the key under which sites name them.
    """

    n_layers: int
    n_ctx: int
    d_model: int
    n_heads: int
    d_head: int
    d_mlp: int
    d_vocab_out: int
    normalization: bool = False
    causal: bool = True
    answer: tuple[int, ...] = (-1,)
    decompositions: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Count answer positions from the start."""
        object.__setattr__(self, "answer", tuple(sorted(i % self.n_ctx for i in self.answer)))

    @cached_property
    def hooks(self) -> Mapping[str, Hook]:
        """Every hook that sites may name, in the order of computation."""
        made: dict[str, Hook] = {}
        for layer, kind in self._kinds():
            name = full_name(kind.name, layer, self.n_layers)
            reads = tuple(full_name(n, layer, self.n_layers) for n in map(self._stand_in, kind.reads))
            if kind.name == "hook_resid_pre":
                reads = (EMBED, POS_EMBED) if layer == 0 else (f"blocks.{layer - 1}.hook_resid_post",)
            elif kind.name == "hook_resid_post" and not self.d_mlp:
                reads = (f"blocks.{layer}.hook_resid_pre", f"blocks.{layer}.hook_attn_out")
            elif kind.name.startswith("ln_final") or (kind.name == LOGITS and not self.normalization):
                reads = (*self._last_stream, *(n for n in reads if self.normalization))
            attends = tuple(full_name(n, layer, self.n_layers) for n in kind.attends)
            made[name] = Hook(name, kind, layer, reads, attends, len(made), _component(kind.name, layer))
        return made

    def _kinds(self) -> Iterator[tuple[int, Kind]]:
        listed = [(-1, kind) for kind in _BEFORE]
        listed += [(layer, kind) for layer in range(self.n_layers) for kind in _BLOCK]
        listed += [(self.n_layers, kind) for kind in _AFTER]
        for layer, kind in listed:
            if (self.normalization or not kind.normalization) and (self.d_mlp or not kind.mlp):
                yield layer, kind

    @property
    def _last_stream(self) -> tuple[str, ...]:
        return (f"blocks.{self.n_layers - 1}.hook_resid_post",) if self.n_layers else (EMBED, POS_EMBED)

    def _stand_in(self, name: str) -> str:
        return name if self.normalization else _STEPS_IN.get(name, name)

    def width(self, hook: str) -> int:
        """Return the size of the axis that a subspace of this hook lives on; 0 where it has none."""
        return int(getattr(self, self.hooks[hook].kind.width, 0)) if self.hooks[hook].kind.width else 0

    def size(self, axis: Axis | Literal["pos"]) -> int:
        """Return how many positions, heads or neurons there are."""
        return {"pos": self.n_ctx, "head": self.n_heads, "neurons": self.d_mlp}[axis]

    def nothing(self, hook: str) -> Mask:
        """Return the mask of a hook that marks nothing."""
        axis = self.hooks[hook].kind.axis
        return np.zeros((self.n_ctx,) if axis is None else (self.n_ctx, self.size(axis)), dtype=bool)

    def spread(
        self, marked: Mapping[str, Mask], block: Callable[[str, Mask], Mask] = lambda hook, mask: mask
    ) -> dict[str, Mask]:
        """Follow marked numbers through the computation.

        Args:
            marked: which numbers of which hooks are marked to begin with.
            block: takes a hook and its mask, and returns the mask without what is to be unmarked there.

        Returns:
            For every hook, which of its numbers are marked or computed from some that are.
        """
        masks: dict[str, Mask] = {}
        for name, hook in self.hooks.items():
            mask = self.nothing(name)
            for source in hook.reads:
                mask |= _fitted(masks[source], mask)
            for source in hook.attends:
                mask |= self._seen(_fitted(masks[source], mask))
            if self.causal and hook.kind.name == "attn.hook_pattern":
                mask[0] = False  # The first position sees itself alone, so its pattern is always 1.
            if name in marked:
                mask |= marked[name]
            masks[name] = block(name, mask)
        return masks

    def _seen(self, mask: Mask) -> Mask:
        """Return for each position whether attention sees a marked one."""
        if self.causal:
            return np.logical_or.accumulate(mask, axis=0)
        return np.broadcast_to(mask.any(axis=0), mask.shape)


def full_name(kind: str, layer: int, n_layers: int) -> str:
    """Return the name of a hook of some kind in a block; kinds outside the blocks keep theirs."""
    return f"blocks.{layer}.{kind}" if 0 <= layer < n_layers else kind


@cache
def kind_of(hook: str) -> str:
    """Return a hook's name without its block."""
    return hook.split(".", 2)[2] if hook.startswith("blocks.") else hook


def _component(kind: str, layer: int) -> str:
    for prefixes, name in ((_OF_ATTENTION, "attention"), (_OF_MLP, "mlp")):
        if kind.startswith(prefixes):
            return f"{name} {layer}"
    return ""


def _fitted(source: Mask, like: Mask) -> Mask:
    """Bring a mask to another hook's axes: heads and neurons meet in the residual stream."""
    if source.ndim == like.ndim:
        return source
    return source[:, None] if source.ndim < like.ndim else np.asarray(source.any(axis=1))
