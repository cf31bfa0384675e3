"""From a hypothesis's claims to figures, and from figures to a label.

For every mapped edge m -> n the feature must say all that n receives (*carries*: within(m, n) / moved(m, n))
and the edge must move n (*matters*: moved(m, n) / total(n)). For every node that reads something, what no
parent holds must not move it (*irrelevant*: rest(n) / total(n)). A node whose feature is constant says that
its reader does not depend on it: there moved(m, n) / total(n) must be small instead. To first order the
errors add up along the graph,

    error(n) = irrelevant(n) + sum over m of matters(m, n) * (carries(m, n) + error(m)),

and error(root), the *compound* error, must be small too: parts that are large and cancel may each be
described well and the whole badly. No scrub is run and no method under test is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scrubkit.bench.case import Evidence, Label
from scrubkit.bench.label.criteria import carrying, compound, decide, effect, irrelevance
from scrubkit.bench.label.measure import Interventions
from scrubkit.core.architecture import EMBED
from scrubkit.core.task import Task
from scrubkit.hypothesis import Hypothesis
from scrubkit.scrubbing.plan import TreeNode, bind
from scrubkit.scrubbing.sampling import Resampling
from scrubkit.scrubbing.target import target_of
from scrubkit.subjects.subject import Subject

NEGLIGIBLE = 1e-9
"""Below this share of the reader's variance a part moves nothing, so nothing can vary within classes."""


class Judge:
    """Labels many hypotheses about one subject; what they share is measured once."""

    def __init__(self, subject: Subject) -> None:
        """Take a subject whose inputs count alike."""
        self.subject = subject
        self.interventions = Interventions(subject)

    @classmethod
    def of(cls, found: Any, *, task: Task | None = None) -> Judge:
        """Return the judge of a subject, on the CPU whatever else there is.

        Args:
            found: a model, a TransformerBridge or a graph of functions.
            task: the inputs, needed for a bridge.
        """
        return cls(target_of(found, task=task).subject)

    def label(self, hypothesis: Hypothesis) -> Label:
        """Return the label of one hypothesis.

        Raises:
            HypothesisError: it does not fit the subject.
        """
        plan = bind(hypothesis, self.subject)
        # A node is in the tree once for each reader, and its claims are the same at each of them.
        nodes = {tree_node.node: tree_node for tree_node in plan.root.walk()}
        figures: list[Evidence] = []
        errors: dict[str, float] = {}
        reach = self._reach(nodes, hypothesis)
        for name in hypothesis.nodes:
            errors[name] = self._examine(nodes[name], hypothesis, errors, reach[name], figures)
        figures.append(compound(hypothesis.root, errors[hypothesis.root]))
        return decide(figures, tested=plan.testable and not _says_nothing(nodes.values()))

    def _reach(self, nodes: Mapping[str, TreeNode], hypothesis: Hypothesis) -> dict[str, float]:
        """Return what share of the variance of the logits each node moves: shares multiplied along edges."""
        reach = dict.fromkeys(nodes, 0.0) | {hypothesis.root: 1.0}
        for name in reversed(list(hypothesis.nodes)):
            for child in nodes[name].children:
                if not child.unimportant:
                    reach[child.node] += reach[name] * self._share(child, nodes[name])
        return reach

    def _share(self, child: TreeNode, node: TreeNode) -> float:
        return _ratio(self.interventions.moved(child, node), self.interventions.total(node))

    def _examine(
        self,
        node: TreeNode,
        hypothesis: Hypothesis,
        errors: Mapping[str, float],
        reach: float,
        figures: list[Evidence],
    ) -> float:
        """Measure what is claimed of one node and the edges into it; return its error."""
        if not node.children:
            return 0.0
        measured, error = self.interventions, 0.0
        if node.other != "exact" and node.reads_other:
            left_out = _ratio(measured.rest(node), measured.total(node))
            figures.append(irrelevance(node.node, left_out, reach))
            error += left_out
        for child in node.children:
            if child.unimportant:
                continue
            where, share = f"{child.node} -> {node.node}", self._share(child, node)
            if child.resampling is not None and _lets_anything_in(child.resampling, self.subject.n_inputs):
                figures.append(irrelevance(where, share, reach))
                error += share
                continue
            peak = _ratio(measured.peak(child, node), measured.total(node))
            figures.append(effect(where, share, peak))
            varied = 0.0
            if child.resampling is not None and share > NEGLIGIBLE:
                varied = self._varied(child, node, hypothesis)
                figures.append(carrying(where, varied, share * reach))
            error += share * (varied + errors[child.node])
        return error

    def _varied(self, child: TreeNode, node: TreeNode, hypothesis: Hypothesis) -> float:
        """Return what varies within the classes of a feature, as a share of what its edge moves."""
        assert child.resampling is not None
        said = hypothesis.nodes[child.node]
        claim = (said.feature and said.feature.identity, said.tolerance, said.period, said.sampler)
        measured = self.interventions
        return _ratio(measured.within(child, node, child.resampling, claim), measured.moved(child, node))


def label(found: Any, hypothesis: Hypothesis, *, task: Task | None = None) -> Label:
    """Say whether a hypothesis is true of a model's weights; see `Judge` to label several.

    Args:
        found: what it is about: a model, a TransformerBridge or a graph of functions.
        hypothesis: the claim.
        task: the inputs, needed for a bridge.

    Returns:
        The label, with every figure that decided it.

    Raises:
        HypothesisError: it does not fit the model.
    """
    return Judge.of(found, task=task).label(hypothesis)


def _says_nothing(nodes: Iterable[TreeNode]) -> bool:
    """Say whether past the embedding every node may depend on everything, and none is said not to matter.

    What is left out is still resampled then, but nothing is said of what the rest computes.
    """
    listed = list(nodes)
    later = [n for n in listed[1:] if getattr(n.part, "hook", "") != EMBED]
    if not later or any(n.unimportant for n in listed):
        return False
    return all(n.resampling is None or int(n.resampling.count.max()) == 1 for n in later)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def _lets_anything_in(resampling: Resampling, n_inputs: int) -> bool:
    return int(resampling.count.min()) == n_inputs
