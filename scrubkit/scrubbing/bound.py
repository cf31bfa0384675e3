"""A hypothesis bound to what it is about, for writers of methods: read, patch and draw donors node by node.

What a method needs of a hypothesis is always the same: the value of a node's site, the inputs that may stand
in for another under its feature, and the output with the site set to its value on such a donor. Here it is
without sites to parse or hooks to place, for our models, any TransformerBridge and graphs of functions alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from scrubkit.core.feature import class_ids
from scrubkit.core.task import Task
from scrubkit.errors import ScrubError
from scrubkit.hypothesis import Hypothesis, Node
from scrubkit.scrubbing.options import as_hypothesis
from scrubkit.scrubbing.plan import Plan, Visit
from scrubkit.scrubbing.plan import bind as make_plan
from scrubkit.scrubbing.target import Target, target_of
from scrubkit.subjects.bridge import BRIDGE_NAMES, BridgeSubject
from scrubkit.subjects.subject import Edit

Rows = Int[Tensor, " item"]
"""Rows of the dataset: indices of inputs."""


@dataclass(frozen=True)
class BoundNode:
    """One node of a bound hypothesis.

    Attributes:
        name: its name in the graph.
        claim: what the hypothesis says of it: site, feature, policies.
        part: its site, resolved.
        parents: nodes that it reads.
        children: nodes that read it.
    """

    bound: Bound
    name: str
    claim: Node
    part: Any
    parents: tuple[str, ...]
    children: tuple[str, ...]

    @cached_property
    def classes(self) -> Int[np.ndarray, " input"]:
        """Class of each input under the node's feature; inputs of one class may stand in for each other.

        Where the feature has a tolerance, what may stand in for what is no partition, and `donors` knows it.
        """
        values = self.bound.plan.features.get(self.name)
        return np.zeros(self.bound.n_inputs, dtype=np.int64) if values is None else class_ids(values)

    def read(self, rows: Rows) -> Tensor:
        """Return the clean value of the node's site on some inputs, (item, ...)."""
        return self.bound.subject.clean(self.part, rows)

    def donors(self, rows: Rows, generator: torch.Generator) -> Rows:
        """Draw for each input one that the node takes for equivalent, as a scrub would.

        Args:
            rows: the inputs.
            generator: source of randomness, on the CPU.
        """
        exchange = self._visit.exchange
        if exchange is None:
            return rows
        numbers = torch.randint(2**62, rows.shape, generator=generator)
        return exchange.draw(rows.cpu(), numbers)

    def patch(self, rows: Rows, donors: Rows) -> Tensor:
        """Return the output on some inputs with the node's site set to its value on the donors."""
        return self.bound.output(rows, {self.name: donors})

    def hooks(self, rows: Rows, donors: Rows) -> list[tuple[str, Callable[..., Tensor]]]:
        """Return the same patch as ``fwd_hooks`` for `TransformerBridge.run_with_hooks` on these rows.

        Raises:
            ScrubError: the subject is a graph of functions, which has no hooks.
        """
        subject = self.bound.bridge
        edit = Edit(self.part, subject.clean(self.part, donors))
        tokens = subject.token_rows[rows]

        def set_part(tensor: Tensor, hook: Any = None) -> Tensor:
            return subject.written(tensor, edit, tokens)

        hook: str = self.part.hook
        return [(BRIDGE_NAMES.get(hook, hook), set_part)]

    @property
    def _visit(self) -> Visit:
        return self.bound.visits[self.name]


class Bound(Mapping[str, BoundNode]):
    """A hypothesis bound to a subject: its nodes by name, every node after those that it reads.

    Attributes:
        plan: the hypothesis as it is scrubbed.
        target: what it is about.
    """

    def __init__(self, plan: Plan, target: Target) -> None:
        self.plan = plan
        self.target = target
        self.subject: Any = target.subject

    @cached_property
    def nodes(self) -> Mapping[str, BoundNode]:
        """The nodes in topological order, the root last."""
        graph, claims = self.plan.hypothesis.graph, self.plan.hypothesis.nodes
        return {
            name: BoundNode(
                self,
                name,
                claims[name],
                self.plan.parts[name],
                tuple(graph.predecessors(name)),
                tuple(graph.successors(name)),
            )
            for name in claims
        }

    @property
    def root(self) -> BoundNode:
        """The node on the output."""
        return self.nodes[self.plan.hypothesis.root]

    @property
    def mapped(self) -> tuple[BoundNode, ...]:
        """The nodes that are claimed to matter, without the root and those called unimportant."""
        return tuple(n for n in self.nodes.values() if n.children and not n.claim.unimportant)

    @cached_property
    def visits(self) -> Mapping[str, Visit]:
        """One node of the unrolled hypothesis for each of its nodes."""
        return {visit.node: visit for visit in self.plan.root.walk()}

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return self.subject.n_inputs

    @torch.no_grad()
    def output(self, rows: Rows, donors: Mapping[str, Rows] | None = None) -> Tensor:
        """Return the output on some inputs, with the sites of some nodes set to their values on donors.

        Args:
            rows: the inputs, whose runs everything else comes from.
            donors: for each node to be set, an input for each item.

        Returns:
            Logits, (item, answer, class), or what a graph of functions puts out.
        """
        edits = [Edit(self.nodes[n].part, self.nodes[n].read(d)) for n, d in (donors or {}).items()]
        return self.subject.run(rows, edits, (), self.root.part)

    def complement(self) -> tuple[Any, ...]:
        """Return the parts, at the hooks that the mapped nodes name, that none of them holds.

        Raises:
            ScrubError: the subject is a graph of functions, whose nodes have no parts.
        """
        from scrubkit.scrubbing.complement import beside, without_overlap

        if not hasattr(self.subject, "architecture"):
            raise ScrubError("a graph of functions has no complement at a hook", title=self.subject.title)
        held = without_overlap([node.part for node in self.mapped])
        hooks = list(dict.fromkeys(part.hook for part in held))
        return tuple(beside(held, hooks, self.subject.architecture))

    def ablated(
        self, rows: Rows, value: Callable[[Any], Tensor], parts: Sequence[Any] | None = None
    ) -> Tensor:
        """Return the output with parts set to something else: ablation of the complement, by default.

        Args:
            rows: the inputs.
            value: takes a part and returns its new value for each item.
            parts: which parts; None for the complement.
        """
        chosen = self.complement() if parts is None else parts
        return self.subject.run(rows, [Edit(part, value(part)) for part in chosen], (), self.root.part)

    @cached_property
    def bridge(self) -> BridgeSubject:
        """The subject as a bridge; raises ScrubError where it is a graph of functions."""
        if isinstance(self.subject, BridgeSubject):
            return self.subject
        if self.target.model is None:
            raise ScrubError("a graph of functions has no hooks", title=self.subject.title)
        model = self.target.model
        return BridgeSubject(model.bridge, model.task, truth=model.truth, title=self.subject.title)

    def __getitem__(self, name: str) -> BoundNode:
        return self.nodes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)


def bind(subject: Any, hypothesis: Hypothesis | Any, *, task: Task | None = None) -> Bound:
    """Bind a hypothesis to what it is about.

    Args:
        subject: a `scrubkit.Model`, a TransformerLens `TransformerBridge`, or a `scrubkit.FunctionGraph`.
        hypothesis: a hypothesis, a `networkx.DiGraph`, a function from truth to graph, or a file.
        task: the inputs, needed for a bridge.

    Raises:
        HypothesisError: with everything about the hypothesis that does not fit the subject.
        ScrubError: the subject is none of these, or a task is missing.
    """
    target = target_of(subject, task=task)
    return Bound(make_plan(as_hypothesis(hypothesis, target.truth), target.subject), target)
