"""A hypothesis bound to what it is about, for writers of methods: read, patch and draw donors node by node.

What a method needs of a hypothesis is always the same: the value of a node's site, the inputs that may stand
in for another under its feature, and the output with the site set to its value on such a donor. Here it is
without sites to parse or hooks to place, for our models, any TransformerBridge and graphs of functions alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import networkx as nx
import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from scrubkit.core.feature import class_ids
from scrubkit.core.site import Part
from scrubkit.core.task import Task
from scrubkit.hypothesis import Hypothesis, Node
from scrubkit.scrubbing.complement import without_overlap
from scrubkit.scrubbing.evaluate import draws_for, scrubbed_values
from scrubkit.scrubbing.options import as_hypothesis, choose_device
from scrubkit.scrubbing.plan import Plan, TreeNode
from scrubkit.scrubbing.plan import bind as make_plan
from scrubkit.scrubbing.redraw import shuffled, with_others, with_resampling
from scrubkit.scrubbing.runs import Rows, Runs, Value
from scrubkit.scrubbing.target import Target, random_twin, target_of
from scrubkit.subjects.bridge import BRIDGE_NAMES
from scrubkit.subjects.subject import CleanEdit, Edit

_FEW = 8


@dataclass(frozen=True)
class BoundNode:
    """One node of a bound hypothesis.

    Attributes:
        name: its name in the graph.
        claim: what the hypothesis says of it: site, feature, policies.
        part: its site, resolved.
        parents: names of the nodes that it reads.
        children: names of the nodes that read it.
    """

    bound: Bound = field(repr=False)
    name: str
    claim: Node
    part: Any
    parents: tuple[str, ...]
    children: tuple[str, ...]

    @property
    def unimportant(self) -> bool:
        """Whether it is claimed not to matter to what reads it."""
        return self.claim.unimportant

    @property
    def values(self) -> tuple[np.ndarray, ...] | None:
        """Value of its feature on every input, an array for each component; None without a feature."""
        return self.bound.plan.features.get(self.name)

    @cached_property
    def classes(self) -> Int[np.ndarray, " input"]:
        """Class of each input under the node's feature; inputs of one class may stand in for each other.

        Where the feature has a tolerance, the sets of stand-ins are not a partition; `donors` follows them.
        """
        values = self.values
        return np.zeros(self.bound.n_inputs, dtype=np.int64) if values is None else class_ids(values)

    @property
    def pinned(self) -> bool:
        """Whether it is given no input but its reader's own."""
        return self._tree_node.resampling is None

    @property
    def free(self) -> bool:
        """Whether any input may stand in for any other, which claims that nothing reads it."""
        resampling = self._tree_node.resampling
        return resampling is not None and int(resampling.count.min()) == self.bound.n_inputs

    def read(self, rows: Rows) -> Tensor:
        """Return the clean value of the node's site on some inputs, (item, ...)."""
        return self.bound.read(self.part, rows)

    def donors(self, rows: Rows, generator: torch.Generator) -> Rows:
        """Draw for each input one that the node takes for equivalent, as a scrub would.

        Args:
            rows: the inputs.
            generator: source of randomness, on the CPU.

        Returns:
            A row of the dataset for each input; the input itself where the node is pinned to it.
        """
        resampling = self._tree_node.resampling
        if resampling is None:
            return rows
        return resampling.draw(rows.cpu(), torch.randint(2**62, rows.shape, generator=generator))

    def patch(self, rows: Rows, donors: Rows) -> Tensor:
        """Return the output on some inputs with the node's site set to its value on the donors.

        Args:
            rows: the inputs, rows of the dataset.
            donors: for each of them the input whose value is set.

        Returns:
            Logits, (item, answer, class), or what a graph of functions puts out.
        """
        return self.bound.output(rows, {self.name: donors})

    def hooks(self, rows: Rows, donors: Rows) -> list[tuple[Any, Any]]:
        """Return the same patch as ``fwd_hooks`` for `TransformerBridge.run_with_hooks` on these rows.

        Args:
            rows: the inputs, rows of the dataset.
            donors: for each of them the input whose value is set.

        Raises:
            ScrubError: the subject is a graph of functions, which has no hooks.
        """
        subject = self.bound.hooked
        edit = Edit(self.part, subject.clean(self.part, donors))
        tokens = subject.token_rows[rows]

        def set_part(tensor: Tensor, hook: Any = None) -> Tensor:
            return subject.written(tensor, edit, tokens)

        hook: str = self.part.hook
        return [(BRIDGE_NAMES.get(hook, hook), set_part)]

    @property
    def _tree_node(self) -> TreeNode:
        return self.bound.tree_nodes[self.name]


class Bound(Runs, Mapping[str, BoundNode]):
    """A hypothesis bound to a subject: its nodes by name, every node after those that it reads.

    Args:
        plan: the hypothesis as it is scrubbed.
        target: what it is about.
    """

    def __init__(self, plan: Plan, target: Target) -> None:
        super().__init__(target)
        self.plan = plan

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
        return tuple(n for n in self.nodes.values() if n.children and not n.unimportant)

    @property
    def testable(self) -> bool:
        """Whether any draw can change anything."""
        return self.plan.testable

    @property
    def size(self) -> int:
        """Number of nodes once it is treeified: runs of a scrub for each input."""
        return self.plan.n_tree_nodes

    @cached_property
    def circuit(self) -> tuple[Any, ...]:
        """The parts that are claimed to matter, whatever is said of them; of two that overlap, one."""
        mapped = {node.name for node in self.mapped}
        return tuple(
            without_overlap(tree_node.part for name, tree_node in self.tree_nodes.items() if name in mapped)
        )

    @cached_property
    def readers(self) -> tuple[tuple[BoundNode, ...], ...]:
        """The nodes that read others, the root first, in groups that read the same in the same way.

        One run gives the values of a whole group; see `given`.
        """
        groups: dict[tuple[object, ...], list[BoundNode]] = {}
        for name, tree_node in self.tree_nodes.items():
            if tree_node.children:
                read = tuple((child.node, child.direct) for child in tree_node.children)
                key = (read, tuple(getattr(p, "key", p) for p in tree_node.holds), tree_node.other == "exact")
                groups.setdefault(key, []).append(self.nodes[name])
        return tuple(map(tuple, groups.values()))

    @cached_property
    def tree_nodes(self) -> Mapping[str, TreeNode]:
        """One node of the unrolled hypothesis for each of its nodes."""
        found: dict[str, TreeNode] = {}
        for tree_node in self.plan.root.walk():
            found.setdefault(tree_node.node, tree_node)
        return found

    @torch.no_grad()
    def output(self, rows: Rows, donors: Mapping[str, Rows] | None = None) -> Tensor:
        """Return the output on some inputs, with the sites of some nodes set to their values on donors.

        Args:
            rows: the inputs, whose runs everything else comes from.
            donors: for each node to be set, an input for each item.

        Returns:
            Logits, (item, answer, class), or what a graph of functions puts out.
        """
        if not donors:
            return self.clean(rows)
        return self.run(rows, {self.nodes[n].part: self.nodes[n].read(d) for n, d in donors.items()})[0]

    @torch.no_grad()
    def given(
        self,
        nodes: Sequence[BoundNode],
        rows: Rows,
        donors: Mapping[str, Rows],
        parts: Mapping[str, Any] | None = None,
    ) -> list[Tensor]:
        """Return the values of nodes on some inputs, with nodes that they read set to their values on donors.

        What is set acts as the hypothesis says: along the paths of its edge, and past no other mapped site.
        What the nodes read and is not named keeps its clean value on the inputs.

        Args:
            nodes: nodes of one group of `readers`.
            rows: the inputs, whose runs everything else comes from.
            donors: for each node to be set, an input for each item.
            parts: another part to set in the place of a node's own.

        Returns:
            The value of each node's site, (item, ...).
        """
        first = self.tree_nodes[nodes[0].name]
        place = {child.node: (parts or {}).get(child.node, child.part) for child in first.children}
        changed = {name for name in donors if self._differs(place[name], donors[name], rows)}
        if not changed:
            return [node.read(rows) for node in nodes]
        edits = []
        for child in first.children:
            name, part = child.node, place[child.node]
            if name in changed:
                edits.append(CleanEdit(self.subject, part, donors[name], child.direct))
            elif any(self.subject.upstream(place[other], part) for other in changed):
                edits.append(CleanEdit(self.subject, part, rows, child.direct))
        self.evaluations += len(rows)
        return self.subject.read(rows, edits, first.holds, [node.part for node in nodes])

    def _differs(self, part: Any, donors: Rows, rows: Rows) -> bool:
        """Say whether a part's clean value differs between two sets of inputs; the first few mostly tell."""
        few = slice(0, _FEW)
        return any(
            not torch.equal(self.read(part, donors[some]), self.read(part, rows[some]))
            for some in (few, slice(None))
        )

    @torch.no_grad()
    def scrubbed(
        self, rows: Rows, generator: torch.Generator, nodes: Sequence[BoundNode] | None = None
    ) -> list[Tensor]:
        """Scrub: return the values of nodes with everything below them drawn as the hypothesis permits.

        Args:
            rows: the reference inputs.
            generator: source of all draws, on the CPU.
            nodes: nodes of one group of `readers`, or the root alone, which is the default.

        Returns:
            The scrubbed value of each node, (item, ...).
        """
        draws = draws_for(rows, self.n_inputs, generator)
        tree_nodes = [self.tree_nodes[node.name] for node in nodes or [self.root]]
        self.evaluations += len(rows) * sum(1 for _ in tree_nodes[0].walk())
        return scrubbed_values(self.subject, self.plan, tree_nodes, rows, draws)

    def complement(self, held: Collection[Part] | None = None) -> tuple[Part, ...]:
        """Return the parts, at the hooks that the mapped nodes name, that none of them holds.

        Args:
            held: which parts are held; by default those of the mapped nodes.

        Raises:
            ScrubError: the subject is a graph of functions, whose nodes have no parts.
        """
        self._transformer("a complement at a hook")
        hooks = list(dict.fromkeys(part.hook for part in self.circuit))
        return tuple(self.beside(list(self.circuit if held is None else held), hooks))

    def ablated(self, rows: Rows, value: Value, parts: Sequence[Any] | None = None) -> Tensor:
        """Return the output with parts set to something else: ablation of the complement, by default.

        Args:
            rows: the inputs.
            value: takes a part and returns its new value for each item.
            parts: which parts; None for the complement.

        Raises:
            ScrubError: a value does not have the shape of its part.
        """
        return super().ablated(rows, value, self.complement() if parts is None else parts)

    def with_policies(
        self, *, sampler: Literal["exact", "uniform"] | None = None, other: Literal["exact"] | None = None
    ) -> Bound:
        """Return the same hypothesis, drawn in another way.

        Args:
            sampler: "exact" gives every node its reader's own input, "uniform" any; None leaves them.
            other: "exact" runs what the hypothesis leaves out on the reader's own input too.
        """
        root = self.plan.root
        if sampler is not None:
            anyone = None if sampler == "exact" else self.plan.anyone
            root = with_resampling(root, lambda tree_node: tree_node.resampling and anyone)
        if other is not None:
            root = with_others(root, other)
        return Bound(replace(self.plan, root=root, root_resampling=None), self.target)

    def shuffled(self, generator: torch.Generator) -> Bound:
        """Return the hypothesis with classes of the same sizes whose members are chosen at random."""
        root = with_resampling(self.plan.root, lambda v: v.resampling and shuffled(v.resampling, generator))
        return Bound(replace(self.plan, root=root), self.target)

    def untrained(self, seed: int = 0) -> Bound | None:
        """Return the hypothesis bound to random weights of the same shape, a control.

        Args:
            seed: decides the weights.

        Returns:
            None where the subject is not one of our models.
        """
        model = self.target.model
        if model is None:
            return None
        return Bound(self.plan, random_twin(model.config, model.task, str(self.device), seed))  # pyright: ignore[reportArgumentType]

    def __getitem__(self, name: str) -> BoundNode:
        return self.nodes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)


def bind(
    subject: Any,
    hypothesis: Hypothesis | Any = None,
    *,
    task: Task | None = None,
    device: str = "cpu",
) -> Bound:
    """Bind a hypothesis to what it is about.

    Args:
        subject: a `scrubkit.Model`, a TransformerLens `TransformerBridge`, or a `scrubkit.FunctionGraph`.
        hypothesis: a hypothesis, a `networkx.DiGraph`, a function from truth to graph, or a file; None for
            none, where only the subject is looked at.
        task: the inputs, needed for a bridge.
        device: "auto", "cpu", "cuda" or "mps": where a model's values live; a bridge stays where it is.

    Returns:
        The bound hypothesis, a mapping from names to nodes.

    Raises:
        HypothesisError: with everything about the hypothesis that does not fit the subject.
        ScrubError: the subject is none of these, a task is missing, or the device is not there.
    """
    target = target_of(subject, task=task, device=choose_device(device))
    if hypothesis is None:
        hypothesis = nx.DiGraph()
        hypothesis.add_node("output", site=str(target.subject.output))
    return Bound(make_plan(as_hypothesis(hypothesis, target.truth), target.subject), target)
