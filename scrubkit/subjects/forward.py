"""A forward pass that starts from clean activations and recomputes only what an edit has changed.

Each hook is computed when it is first asked for, at the positions that the reader needs, and is looked up
where no edit reaches it. Tensors have the position on their second axis: (item, pos, ...), patterns
(item, pos of the query, head, pos of the key).

With direct edits there are two streams. The first is the run without them. In the second the residual stream
carries the direct edits, and every attention and MLP still reads the first, but for the one that the reader
is inside of: a direct edit reaches the reader past all other components, each of which keeps its value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Int
from torch import Tensor

from scrubkit.core.architecture import EMBED, LOGITS, POS_EMBED, Architecture, kind_of
from scrubkit.core.site import Part
from scrubkit.subjects.subject import Edit

if TYPE_CHECKING:
    from scrubkit.subjects.network import Network

Needed = Mapping[str, tuple[int, ...]]
"""For each hook, the positions at which it is needed."""


def needed(architecture: Architecture, readers: Sequence[Part]) -> Needed:
    """Return at which positions each hook is needed to read some parts."""
    everywhere = set(range(architecture.n_ctx))
    found: dict[str, set[int]] = {name: set() for name in architecture.hooks}
    for part in readers:
        found[part.hook] |= set(part.positions)
    for name, hook in reversed(list(architecture.hooks.items())):
        if found[name]:
            for source in hook.reads:
                found[source] |= found[name]
            for source in hook.attends:
                found[source] |= everywhere
    return {name: tuple(sorted(positions)) for name, positions in found.items()}


class Forward:
    """One run of a network on some items.

    Args:
        network: weights and clean activations.
        tokens: token rows of the items.
        rows: the dataset rows of the items, where clean activations may be looked up; None to compute all.
        edits: what to set, in order.
        need: positions of each hook that are computed.
        first: the run that components read which the direct edits of this one must not reach.
        inside: the component that reads this run all the same, since the reader is inside of it.
        given: hooks whose tensors are known already, and differ from the clean ones.
    """

    def __init__(
        self,
        network: Network,
        tokens: Int[Tensor, "item pos"],
        rows: Int[Tensor, " item"] | None,
        edits: Sequence[Edit],
        need: Needed,
        *,
        first: Forward | None = None,
        inside: str = "",
        given: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.network = network
        self.architecture = network.architecture
        self.tokens = tokens
        self.rows = rows
        self.need = need
        self.first = first
        self.inside = inside
        self.values: dict[str, Tensor] = dict(given or {})
        self.edits: dict[str, list[Edit]] = {}
        for edit in edits:
            if set(edit.part.positions) & set(need[edit.part.hook]):
                self.edits.setdefault(edit.part.hook, []).append(edit)
        self.changed: dict[str, bool] = {}
        for name, hook in self.architecture.hooks.items():
            if need[name]:
                reached = any(self._from(name, source).changed[source] for source in hook.sources)
                self.changed[name] = reached or name in self.edits or name in self.values

    def _from(self, name: str, source: str) -> Forward:
        """Return the run in which a hook reads one of its sources."""
        hooks = self.architecture.hooks
        component = hooks[name].component
        entering = component and not hooks[source].component and component != self.inside
        return self.first if self.first is not None and entering else self

    def read(self, part: Part) -> Tensor:
        """Return the value of a part."""
        name, network = part.hook, self.network
        if not self.changed[name] and self.rows is not None:
            return network.value(part, self.rows)
        some = self._some_neurons(part)
        value = self._at(self.hook(name), part) if some is None else some
        if network.components.is_term(part):
            tokens = self.tokens[:, list(part.positions)]
            return network.components.embedding(part)[tokens] + (value - network.W_E[tokens])
        projector = network.components.projector(part, value)
        return value if projector is None else value @ projector

    def _some_neurons(self, part: Part) -> Tensor | None:
        """Return some neurons of a layer without computing the others; None where more is wanted."""
        layer = self.architecture.hooks[part.hook].layer
        pre, post = (f"blocks.{layer}.mlp.hook_{name}" for name in ("pre", "post"))
        if part.neurons is None or len(part.neurons) == self.architecture.d_mlp:
            return None
        if {pre, post} & (self.edits.keys() | self.values.keys()):
            return None
        source = self.architecture.hooks[pre].reads[0]
        neurons = torch.tensor(part.neurons, device=self.network.device)
        read = self.network.normed(self._get(pre, source, part.positions), layer, "ln2")
        weight, bias = (self.network.of(layer, f"mlp.{name}") for name in ("W_in", "b_in"))
        value = read @ weight[:, neurons] + bias[neurons]
        return value if part.hook == pre else self.network.activation(value)

    def hook(self, name: str) -> Tensor:
        """Return the tensor of a hook at the positions needed, after the edits there."""
        if name not in self.values:
            if not self.changed[name] and self.rows is not None:
                self.values[name] = self.network.hook(name, self.need[name], self.rows)
            else:
                edits = self.edits.get(name, [])
                last = max((i for i, edit in enumerate(edits) if self._sets_all(edit)), default=None)
                # What an edit replaces entirely need not be computed.
                value = self._compute(name) if last is None else edits[last].value.to(self.network.W_E.dtype)
                for edit in edits if last is None else edits[last + 1 :]:
                    value = self._set(value, edit)
                self.values[name] = value
        return self.values[name]

    def _sets_all(self, edit: Edit) -> bool:
        """Say whether an edit leaves nothing of a hook at the positions where it is needed."""
        part = edit.part
        if not part.whole or part.positions != self.need[part.hook]:
            return False
        axis = self.architecture.hooks[part.hook].kind.axis
        return axis is None or part.inner in (None, tuple(range(self.architecture.size(axis))))

    def _index(self, part: Part, positions: Sequence[int]) -> tuple[Any, ...]:
        """Return the index of a part's numbers in the tensor of its hook, at some of its positions."""
        places = self.need[part.hook]
        local = torch.tensor([places.index(i) for i in positions])
        if part.inner is None:
            return (slice(None), local)
        return (slice(None), local[:, None], torch.tensor(part.inner)[None, :])

    def _at(self, value: Tensor, part: Part) -> Tensor:
        return value[self._index(part, part.positions)]

    def _set(self, value: Tensor, edit: Edit) -> Tensor:
        """Return a hook's tensor with one edit made and the complement of the part as it is."""
        part, network = edit.part, self.network
        kept = [i for i, position in enumerate(part.positions) if position in self.need[part.hook]]
        positions = [part.positions[i] for i in kept]
        index, new = self._index(part, positions), edit.value[:, kept]
        value = value.clone()
        projector = network.components.projector(part, value)
        if network.components.is_term(part):
            value[index] += new - network.components.embedding(part)[self.tokens[:, positions]]
        elif projector is None:
            value[index] = new.to(value.dtype)
        else:
            value[index] += new - value[index] @ projector
        return value

    def _get(self, name: str, source: str, positions: Sequence[int] | None = None) -> Tensor:
        """Return a source of a hook, at the hook's own positions or at others."""
        run = self._from(name, source)
        value, places = run.hook(source), run.need[source]
        wanted = tuple(self.need[name] if positions is None else positions)
        return value if wanted == places else value[:, [places.index(i) for i in wanted]]

    def _compute(self, name: str) -> Tensor:
        """Compute a hook from its sources, as the model does."""
        hook, network = self.architecture.hooks[name], self.network
        positions = list(self.need[name])
        kind, layer = kind_of(name), hook.layer
        if name == EMBED:
            return network.W_E[self.tokens[:, positions]]
        if name == POS_EMBED:
            return network.W_pos[positions].expand(len(self.tokens), -1, -1)
        got = [self._get(name, source) for source in hook.reads]
        if kind.endswith("hook_scale"):
            return network.scale(got[0])
        if kind.endswith("hook_normalized"):
            return network.centred(got[0]) / got[1]
        if kind in ("attn.hook_q", "attn.hook_k", "attn.hook_v"):
            return network.project(network.normed(got[0], layer, "ln1"), layer, kind[-1].upper())
        if kind == "attn.hook_pattern":
            keys = self._get(name, hook.attends[0], range(self.architecture.n_ctx))
            return self._pattern(got[0], keys, positions)
        if kind == "attn.hook_z":
            values = self._get(name, hook.attends[0], range(self.architecture.n_ctx))
            return torch.einsum("iqhk,ikhe->iqhe", got[0], values)
        if kind == "hook_attn_out":
            return got[0].flatten(2) @ network.matrix(layer, "O") + network.of(layer, "attn.b_O")
        if kind == "mlp.hook_pre":
            read = network.normed(got[0], layer, "ln2")
            return read @ network.of(layer, "mlp.W_in") + network.of(layer, "mlp.b_in")
        if kind == "mlp.hook_post":
            return network.activation(got[0])
        if kind == "hook_mlp_out":
            return got[0] @ network.of(layer, "mlp.W_out") + network.of(layer, "mlp.b_out")
        if name == LOGITS:
            return sum(got[1:], network.normed(got[0], -1, "ln_final")) @ network.W_U + network.b_U
        return sum(got[1:], got[0])

    def _pattern(self, q: Tensor, k: Tensor, positions: Sequence[int]) -> Tensor:
        scores = torch.einsum("iqhe,ikhe->iqhk", q, k) / math.sqrt(q.shape[-1])
        if self.architecture.causal:
            later = (
                torch.arange(k.shape[1], device=k.device) > torch.tensor(positions, device=k.device)[:, None]
            )
            scores = scores.masked_fill(later[:, None, :], -math.inf)
        return scores.softmax(dim=-1)
