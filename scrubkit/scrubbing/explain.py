"""Where a hypothesis breaks: each of its claims tested alone, and all of them together from the inputs up.

A hypothesis makes three kinds of claim. A *node* says what its site depends on. A *rest* says that a site
reads nothing but what the graph gives it. An *edge* is a node as one of its readers sees it. Each is
scrubbed with everything else pinned to the reference, so that the figure belongs to that claim. A claim
may survive alone and fail in company; so the claims are also added up level by level, and the level at
which the verdict turns is where the hypothesis breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from scrubkit.core.task import Task
from scrubkit.errors import ScrubError
from scrubkit.hypothesis import Hypothesis
from scrubkit.scrubbing.options import as_hypothesis
from scrubkit.scrubbing.pinned import Selection, pin, readers
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.score import Interval, Score, Verdict
from scrubkit.scrubbing.scoring import Scorer
from scrubkit.scrubbing.target import Target
from scrubkit.shown import Shown, table

Kind = Literal["node", "rest", "edge", "level"]


class Step(BaseModel):
    """The figures of some claims, tested with all others pinned.

    Attributes:
        kind: "node", "rest", "edge", or "level" for all claims up to a level.
        where: the node, the edge, or the nodes that the level adds.
        claim: what is claimed, in words.
        verdict: of the scrub; "untestable" where the claim lets nothing vary.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    kind: Kind
    where: str
    claim: str
    verdict: Verdict
    fidelity: Interval | None
    faithfulness: Interval | None
    loss_recovered: Interval | None


class Explanation(Shown, BaseModel):
    """Which claims of a hypothesis fail.

    Attributes:
        score: the whole hypothesis.
        alone: each node, rest and edge on its own; an edge only where its node has several readers.
        cumulative: all claims from the inputs up to each level; the last is the whole hypothesis.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    score: Score
    alone: tuple[Step, ...]
    cumulative: tuple[Step, ...]

    @property
    def failing(self) -> tuple[Step, ...]:
        """The claims that are refuted alone, the worst first."""
        refuted = [step for step in self.alone if step.verdict == "refuted"]
        return tuple(sorted(refuted, key=lambda step: step.fidelity.value if step.fidelity else 0.0))

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict of each node and edge alone; of a node and its rest the worse."""
        rank = {"untestable": 0, "supported": 1, "inconclusive": 2, "refuted": 3}
        found: dict[str, Verdict] = {}
        for step in sorted(self.alone, key=lambda step: rank[step.verdict]):
            found[step.where] = step.verdict
        return found

    @property
    def costliest(self) -> tuple[Step, ...]:
        """The claims that leave the least fidelity alone, the worst first, at most five."""
        tested = [s for s in self.alone if s.kind != "edge" and s.verdict != "untestable" and s.fidelity]
        return tuple(sorted(tested, key=lambda s: s.fidelity.value if s.fidelity else 0.0)[:5])

    @property
    def breaks_at(self) -> Step | None:
        """The first level at which the hypothesis is refuted."""
        return next((step for step in self.cumulative if step.verdict == "refuted"), None)

    def __repr__(self) -> str:
        return (
            f"Explanation({self.score.hypothesis!r} on {self.score.model!r}: {self.score.verdict}, "
            f"{len(self.failing)} of {len(self.alone)} claims refuted alone)"
        )

    def _repr_html_(self) -> str:
        return table(str(self).splitlines()[0], *self._cells())

    def to_frame(self) -> Any:
        """Return the claims that were tested alone as a pandas DataFrame, one row each."""
        import pandas

        heads, rows = self._cells()
        return pandas.DataFrame(rows, columns=pandas.Index(heads))

    def _cells(self) -> tuple[list[str], list[list[Any]]]:
        heads = ["kind", "where", "claim", "verdict", "fidelity", "faithfulness"]
        rows = [
            [s.kind, s.where, s.claim, s.verdict, *(x and x.value for x in (s.fidelity, s.faithfulness))]
            for s in self.alone
        ]
        return heads, rows

    def __str__(self) -> str:
        lines = [f"{self.score.hypothesis} on {self.score.model}: {self.score.verdict}"]
        for step in self.failing:
            lines.append(f"  {step.where}: {step.claim}: refuted alone, fidelity {step.fidelity}")
        if self.breaks_at is not None:
            lines.append(f"  from the inputs up, it breaks at {self.breaks_at.where}")
        if self.score.verdict == "refuted" and not self.failing:
            lines.append("  no claim is refuted alone; these cost most, and their costs add up:")
            lines += [f"  {step.where}: {step.claim}: fidelity {step.fidelity}" for step in self.costliest]
        return "\n".join(lines)


def explain(
    model: Any,
    hypothesis: Hypothesis | Any,
    *,
    task: Task | None = None,
    score: Score | None = None,
    seed: int = 0,
    draws: int = 4,
    device: str = "auto",
    progress: Callable[[int, int, str], None] = lambda done, total, where: None,
) -> Explanation:
    """Say which claims of a hypothesis fail.

    Args:
        model: what it is about: a model, a TransformerBridge, or a graph of functions.
        hypothesis: a hypothesis, a `networkx.DiGraph`, a function from truth to graph, or a file.
        task: the inputs, needed for a bridge.
        score: the score to explain; its seed is used. It must be of this hypothesis on this model.
        seed: seed of all draws, where no score is given.
        draws: passes over all inputs for each claim.
        device: where to compute.
        progress: called with the number of claims tested, the number in all, and the next one.

    Returns:
        Every claim's figures, alone and cumulatively.

    Raises:
        HypothesisError: the hypothesis is not valid on this model.
        ScrubError: the score is of something else.
    """
    scorer = Scorer(model, task=task, device=device)
    checked = bind(as_hypothesis(hypothesis, scorer.known), scorer.subject).hypothesis
    if score is not None:
        check_same(score, checked, scorer.target)
        seed = score.settings.seed
    whole = score or scorer.score(checked, draws=draws, seed=seed)
    alone, levels = list(_claims(checked, scorer)), _levels(checked)
    found: list[Step] = []
    total = len(alone) + len(levels)
    for kind, where, claim, tested in alone + levels:
        progress(len(found), total, where)
        last = len(found) == total - 1
        result = whole if last else _test(pin(checked, scorer.subject, tested), scorer, draws, seed)
        found.append(_step(kind, where, claim, result))
    return Explanation(score=whole, alone=tuple(found[: len(alone)]), cumulative=tuple(found[len(alone) :]))


def _test(pinned: Hypothesis, scorer: Scorer, draws: int, seed: int) -> Score:
    """Score a pinned hypothesis; where nothing varies, two draws show it as well as many."""
    varies = bind(pinned, scorer.subject).testable
    return scorer.score(pinned, draws=draws if varies else 2, seed=seed)


def check_same(score: Score, hypothesis: Hypothesis, target: Target) -> None:
    """Raise ScrubError where a score is of something else."""
    faults = []
    if score.hypothesis_hash != hypothesis.hash:
        faults.append(f"the score is of another hypothesis than {hypothesis.name!r}: {score.hypothesis!r}")
    if score.model_hash != target.hash:
        faults.append(f"the score is on another model than {target.name!r}: {score.model!r}")
    if faults:
        raise ScrubError(faults, title="explain")


def _claims(hypothesis: Hypothesis, scorer: Scorer) -> Iterator[tuple[Kind, str, str, Selection]]:
    """Yield every claim that can be tested alone."""
    read_by = readers(hypothesis.nodes)
    for node in hypothesis.nodes.values():
        if node.name != hypothesis.root:
            claim = _in_words(hypothesis, node.name)
            yield "node", node.name, claim, Selection(nodes=(node.name,))
            if len(read_by[node.name]) > 1:
                for reader in read_by[node.name]:
                    yield "edge", f"{node.name} -> {reader}", claim, Selection(edge=(node.name, reader))
        rest = Selection(rests=(node.name,))
        if node.parents and bind(pin(hypothesis, scorer.subject, rest), scorer.subject).testable:
            given = [parent for parent, _ in node.parents if not hypothesis.nodes[parent].unimportant]
            claim = f"reads nothing but {', '.join(given)}" if given else "reads nothing"
            yield "rest", node.name, claim, rest


def _in_words(hypothesis: Hypothesis, name: str) -> str:
    node = hypothesis.nodes[name]
    if node.unimportant:
        return "does not matter"
    if node.sampler != "feature" or node.feature is None:
        return f"drawn {node.sampler if isinstance(node.sampler, str) else 'from fixed rows'}"
    within = [str(t) for t in node.tolerance if t is not None]
    return f"depends on {node.feature.text} only" + (f", to within {', '.join(within)}" if within else "")


def _levels(hypothesis: Hypothesis) -> list[tuple[Kind, str, str, Selection]]:
    """Return the claims of all nodes up to each height above the inputs."""
    height: dict[str, int] = {}
    for node in hypothesis.nodes.values():
        height[node.name] = 1 + max((height[parent] for parent, _ in node.parents), default=-1)
    levels = []
    for top in range(max(height.values()) + 1):
        added = [name for name, level in height.items() if level == top]
        below = tuple(name for name, level in height.items() if level <= top)
        claim = f"{len(below)} of {len(height)} nodes tested"
        levels.append(("level", ", ".join(added), claim, Selection(nodes=below, rests=below)))
    return levels


def _step(kind: Kind, where: str, claim: str, score: Score) -> Step:
    return Step(
        kind=kind,
        where=where,
        claim=claim,
        verdict=score.verdict,
        fidelity=score.fidelity,
        faithfulness=score.faithfulness,
        loss_recovered=score.loss_recovered,
    )
