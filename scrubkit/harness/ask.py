"""Putting questions to a method, one at a time, and charging it with what it does wrong."""

from __future__ import annotations

import copy
import json
import math
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import torch

from scrubkit.harness import global_random
from scrubkit.harness.outcome import Fault, Finding, Outcome
from scrubkit.harness.questions import Question, seed_of
from scrubkit.harness.reading import FaultFound, read_answer, read_importances
from scrubkit.harness.specimen import Specimen
from scrubkit.harness.timing import Ended, call_within
from scrubkit.hypothesis import Hypothesis
from scrubkit.methods.protocol import Answer, Budget
from scrubkit.models.model import Model

SPOT_CHECK = 16
"""One question in so many is asked twice, whatever the method did."""
ENOUGH_AGREEMENTS = 2
"""A method that draws from the global state and still gave the same answer so often is believed."""
CLOSE = 1e-5
"""Largest relative difference between two answers that count as the same."""


class Examiner:
    """Asks one method about one model.

    Args:
        method: a scorer or a finder.
        model: the bare model; the method works on copies of it.
        seed: the run's seed.
        budget: what one question may cost.
    """

    def __init__(self, method: Any, model: Model, *, seed: int, budget: Budget) -> None:
        self.method = method
        self.specimen = Specimen(model)
        self.seed = seed
        self.budget = budget
        self.agreements = 0

    def ask(self, question: Question) -> Outcome:
        """Put a question to a scorer and return its answer or its fault."""
        hypothesis = copy.deepcopy(question.hypothesis)
        before = fingerprint(hypothesis)
        seconds = 0.0
        try:
            ended, drew = self._call(question.key, "first", lambda m, g: self._score(m, hypothesis, g))
            seconds = ended.seconds
            answer = read_answer(returned(ended, self.budget), self.method)
            self._require_unchanged()
            if fingerprint(hypothesis) != before:
                raise FaultFound("hypothesis-changed", "the hypothesis is not as it was handed out")
            self._require_same(question, answer, drew)
        except FaultFound as found:
            self.specimen.renew()
            fault = Fault(kind=found.kind, detail=found.detail)
            return Outcome(key=question.key, seconds=seconds, device=device_class(), fault=fault)
        low, high = answer.interval or (None, None)
        return Outcome(
            key=question.key,
            score=answer.score,
            low=low,
            high=high,
            verdict=answer.verdict,
            evaluations=answer.evaluations,
            notes=answer.notes,
            seconds=seconds,
            device=device_class(),
        )

    def find(self, key: str) -> Finding:
        """Put a model to a finder and return its answer or its fault."""
        seconds = 0.0
        try:
            ended, _ = self._call(key, "first", self._find)
            seconds = ended.seconds
            found = read_importances(returned(ended, self.budget))
            self._require_unchanged()
        except FaultFound as fault:
            self.specimen.renew()
            charge = Fault(kind=fault.kind, detail=fault.detail)
            return Finding(key=key, seconds=seconds, device=device_class(), fault=charge)
        edges = tuple((source, target, value) for (source, target), value in found.edges.items())
        return Finding(
            key=key,
            sites=dict(found.sites),
            edges=edges,
            evaluations=found.evaluations,
            seconds=seconds,
            device=device_class(),
        )

    def _score(self, model: Model, hypothesis: Hypothesis, generator: torch.Generator) -> Any:
        return self.method.score(model, hypothesis, task=model.task, generator=generator, budget=self.budget)

    def _find(self, model: Model, generator: torch.Generator) -> Any:
        return self.method.find(model, task=model.task, generator=generator, budget=self.budget)

    def _call(
        self, key: str, turn: str, function: Callable[[Model, torch.Generator], Any]
    ) -> tuple[Ended, bool]:
        """Call the method with the question's generator; say also whether it drew from the global state."""
        generator = torch.Generator().manual_seed(seed_of(self.seed, key, self.method.name))
        model = self.specimen.model
        with global_random.seeded(seed_of(self.seed, key, f"global state, {turn}")):
            before = global_random.snapshot()
            ended = call_within(self.budget.seconds, lambda: function(model, generator))
            return ended, not global_random.same(before, global_random.snapshot())

    def _require_unchanged(self) -> None:
        changes = self.specimen.changes()
        if changes:
            more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
            raise FaultFound("model-changed", f"changed: {', '.join(changes[:3])}{more}")

    def _require_same(self, question: Question, answer: Answer, drew: bool) -> None:
        """Ask again from the same generator and another global state, where there is a reason to."""
        spot = int(question.key[:8], 16) % SPOT_CHECK == 0
        if not spot and (not drew or self.agreements >= ENOUGH_AGREEMENTS):
            return
        hypothesis = copy.deepcopy(question.hypothesis)
        ended, _ = self._call(question.key, "second", lambda m, g: self._score(m, hypothesis, g))
        again = read_answer(returned(ended, self.budget), self.method)
        self._require_unchanged()
        if again.verdict != answer.verdict or not math.isclose(
            again.score, answer.score, rel_tol=CLOSE, abs_tol=CLOSE
        ):
            why = "it draws from the global random state" if drew else "its randomness is not the generator's"
            raise FaultFound(
                "not-reproducible",
                f"score {answer.score:g} ({answer.verdict}), then {again.score:g} ({again.verdict}) from "
                f"the same generator: {why}",
            )
        self.agreements += drew


def returned(ended: Ended, budget: Budget) -> Any:
    """Return what a call returned; a call that raised or did not end is a fault."""
    if not ended.in_time:
        raise FaultFound("timeout", f"no answer within {budget.seconds:g} s")
    if ended.error is not None:
        text = f"{type(ended.error).__name__}: {ended.error}"[:500]
        raise FaultFound("raised", text + _place(ended.error))
    return ended.value


def _place(error: BaseException) -> str:
    """Return where something was raised, in the code nearest to it that is not installed."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "site-packages" not in f.filename]
    if not frames or Path(frames[-1].filename) == Path(__file__):
        return ""
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})"


def fingerprint(hypothesis: Hypothesis) -> str:
    """Return everything that a hypothesis holds, as text."""
    nodes = [
        [key, node.name, node.site, node.feature and node.feature.text, node.tolerance, node.period]
        + [node.sampler, node.other, node.unimportant, node.parents]
        for key, node in hypothesis.nodes.items()
    ]
    graph = nx.node_link_data(hypothesis.graph, edges="edges")
    whole = [hypothesis.name, hypothesis.task, hypothesis.root, nodes, hypothesis.subspaces, graph]
    return json.dumps(whole, default=repr)


def device_class() -> str:
    """Return the kind of device that methods find on this machine."""
    return "cuda" if torch.cuda.is_available() else "cpu"
