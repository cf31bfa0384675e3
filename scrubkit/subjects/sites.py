"""The sites of a transformer on a task: which there are, what overlaps, and what reaches what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from scrubkit.core.architecture import EMBED, LOGITS, Architecture, Mask
from scrubkit.core.site import Part, contains, overlap, parse, resolve
from scrubkit.core.task import Task
from scrubkit.models.model import Model
from scrubkit.subjects.subject import Edit


def architecture_of(model: Model) -> Architecture:
    """Return the architecture of one of our models on its task."""
    config = model.config
    return Architecture(
        n_layers=config.n_layers,
        n_ctx=config.n_ctx,
        d_model=config.d_model,
        n_heads=config.n_heads,
        d_head=config.d_head,
        d_mlp=config.d_mlp,
        d_vocab_out=config.d_vocab_out,
        normalization=config.normalization is not None,
        causal=config.attention == "causal",
        answer=model.task.answer,
        decompositions={key: found.size for key, found in model.task.decompositions.items()},
    )


def in_order(held: Sequence[Edit], edits: Sequence[Edit]) -> list[Edit]:
    """Return held and edited parts in the order in which they are set, held ones first.

    A part of a site is upstream of the whole, so where both are given the whole comes last, and nothing of
    the part is left.
    """
    every = [*held, *edits]
    narrow = all(edit.part.components is None and edit.part.basis is None for edit in every)
    wide: dict[str, list[Part]] = {}
    for edit in every:
        # Hundreds of single neurons need not be compared with each other.
        if not (narrow and _single(edit.part)):
            wide.setdefault(edit.part.hook, []).append(edit.part)
    return [e for e in every if not any(contains(other, e.part) for other in wide.get(e.part.hook, ()))]


def _single(part: Part) -> bool:
    """Say whether a site is one neuron or one head at one position, in which only a subspace can lie."""
    return all(numbers is not None and len(numbers) == 1 for numbers in (part.positions, part.inner))


class Sites:
    """The parts of `Subject` that run nothing.

    Args:
        task: the inputs, with their variables.
        architecture: sizes and hooks of the transformer.
        truth: gives names in sites a meaning, where something is known.
        title: what messages call the transformer.
    """

    def __init__(self, task: Task, architecture: Architecture, truth: Any, title: str) -> None:
        self.title = title
        self.task = task.name
        self.architecture = architecture
        self.truth = truth
        self.inputs = task
        self.constants: Mapping[str, int | float] = task.constants
        self.weights: np.ndarray | None = task.weights

    @classmethod
    def of(cls, model: Model) -> Sites:
        """Return the sites of one of our models."""
        return Sites(model.task, architecture_of(model), model.truth, f"model {model.name}")

    @property
    def columns(self) -> Mapping[str, np.ndarray]:
        """Value of each variable on each input."""
        return self.inputs.columns

    @property
    def tokens(self) -> np.ndarray:
        """Token rows."""
        return self.inputs.tokens

    @property
    def n_inputs(self) -> int:
        """Number of inputs of the task."""
        return self.inputs.n_inputs

    @cached_property
    def output(self) -> Part:
        """All of the logits at the answer positions."""
        return Part(LOGITS, self.architecture.answer, text=LOGITS)

    def part(self, site: str, subspaces: Mapping[str, Any]) -> Part:
        """Resolve a site; raises SiteError."""
        names = getattr(self.truth, "names", None)
        bases = {**(getattr(self.truth, "subspaces", None) or {}), **subspaces}
        return resolve(parse(site), self.architecture, names=names, bases=bases)

    def overlap(self, one: Part, other: Part) -> bool:
        """Say whether two parts share something."""
        return overlap(one, other)

    def upstream(self, source: Part, reader: Part) -> bool:
        """Say whether an edit of source can reach reader; a part of a site is upstream of the whole."""
        if source.hook == reader.hook:
            return contains(reader, source)
        return bool((self._reached(source)[reader.hook] & reader.mask(self.architecture)).any())

    def _reached(self, source: Part) -> dict[str, Mask]:
        """Return what an edit of a part can reach."""
        key = (source.hook, source.positions, source.inner)
        if key not in self._reach:
            self._reach[key] = self.architecture.spread({source.hook: source.mask(self.architecture)})
        return self._reach[key]

    @cached_property
    def _reach(self) -> dict[Any, dict[str, Mask]]:
        return {}

    def is_output(self, part: Part) -> bool:
        """Say whether a part is all of the logits."""
        return part.key == self.output.key

    @cached_property
    def _varying(self) -> Mask:
        """Positions whose token differs from input to input."""
        return (self.tokens != self.tokens[:1]).any(axis=0)

    @cached_property
    def _live(self) -> dict[str, Mask]:
        """What depends on the input at all."""
        return self.architecture.spread({EMBED: self._varying})

    def reads_other(self, closed: Sequence[Part], held: Sequence[Part], reader: Part) -> bool:
        """Say whether the input that is run reaches reader; see `Subject`.

        A linear component leaves its complement open; a selection of positions, heads and neurons is closed,
        unless it lies inside of a part that is held, which is set after it.
        """
        a = self.architecture
        marked, blocked = {EMBED: self._varying}, {}
        for part in held:
            live = part.mask(a) & self._live[part.hook]
            marked[part.hook] = marked.get(part.hook, a.nothing(part.hook)) | live
        for part in closed:
            if part.whole and not any(contains(hold, part) for hold in held):
                blocked[part.hook] = blocked.get(part.hook, a.nothing(part.hook)) | part.mask(a)
        live = a.spread(marked, lambda hook, mask: mask & ~blocked[hook] if hook in blocked else mask)
        return bool((live[reader.hook] & reader.mask(a)).any())
