"""One case of a suite as a test has it: put to a method, the answer held against the label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scrubkit.bench.case import Case, Label
from scrubkit.bench.models import build_subject
from scrubkit.bench.suites import Suite
from scrubkit.errors import BenchError, nearest
from scrubkit.harness.ask import Examiner
from scrubkit.harness.figures import judge
from scrubkit.harness.outcome import Outcome
from scrubkit.harness.questions import Given, bare, question_of
from scrubkit.harness.report import SuiteRef
from scrubkit.harness.run import find_suite
from scrubkit.harness.sample import taken
from scrubkit.harness.stranger import identity, roles
from scrubkit.hypothesis import Hypothesis
from scrubkit.methods.protocol import Budget
from scrubkit.testing.callers import caller_for, found
from scrubkit.testing.entries import Entry
from scrubkit.testing.failures import NoAnswer, WrongAnswer, case_failure
from scrubkit.testing.ledger import fell, ledger
from scrubkit.testing.snippet import case_snippet


@dataclass(frozen=True, repr=False)
class CaseTrial:
    """A case of a suite, ready to be put to a method.

    Attributes:
        case: the case with its label.
        suite: the suite that it is from.
        source: what the suite was loaded by: a name or a file.
        seed: decides the generator that the method is given, with the case and the method's name.
        budget: what the question may cost.
    """

    case: Case
    suite: SuiteRef
    source: str = "fast"
    seed: int = 0
    budget: Budget = field(default_factory=Budget)

    def __repr__(self) -> str:
        return f"CaseTrial({self.case.id!r}, {self.source!r})"

    @property
    def id(self) -> str:
        """The case's id, such as ``pizza-p59-wrong_frequency-3``."""
        return self.case.id

    @property
    def label(self) -> Label:
        """Whether the hypothesis is true, and why."""
        return self.case.label

    @property
    def model(self) -> Given:
        """The model with its truth, which a method is not shown, or a graph of functions."""
        return build_subject(self.case.model)

    @property
    def hypothesis(self) -> Hypothesis:
        """The hypothesis as a method is given it."""
        return question_of(self.case, self.model).hypothesis

    def check(self, method: Any, *, decided: bool = False) -> Outcome:
        """Put the case to a method and fail if its answer is wrong.

        A true hypothesis must not be refuted; a false one, or one that tests nothing, must not be supported.
        The method must give a valid answer and leave the model alone.

        Args:
            method: a scorer: an instance, a class without arguments, ``module:attribute``, or a name.
            decided: fail as well where the method does not decide on a true or a false hypothesis.

        Returns:
            The answer.

        Raises:
            WrongAnswer: the answer is wrong; says what was expected, and why.
            NoAnswer: there is no valid answer. Both are kinds of `CaseFailed`.
            BenchError: there is no such method, it is no scorer, or it has neither verdict nor threshold, so
                that none of its answers could be wrong.
        """
        __tracebackhide__ = True
        scorer = as_scorer(method)
        outcome = self.ask(scorer)
        undecided = (
            decided and self.label.label != "vacuous" and outcome.verdict in ("inconclusive", "untestable")
        )
        if judge(self.case, outcome).wrong or undecided:
            snippet = case_snippet(scorer, self.id, self.source, self.seed, self.budget)
            kind = WrongAnswer if outcome.fault is None else NoAnswer
            raise kind(case_failure(self.case, scorer.name, outcome, snippet))
        return outcome

    def ask(self, method: Any) -> Outcome:
        """Put the case to a method and return its answer, right or wrong.

        Raises:
            BenchError: as `check` does.
        """
        scorer = as_scorer(method)
        model = self.model
        examiner = Examiner(caller_for(scorer), bare(model), seed=self.seed, budget=self.budget)
        outcome = examiner.ask(question_of(self.case, model))
        if outcome.fault is None and not examiner.decides:
            raise BenchError(
                "its answers have no verdict and it has no threshold, so no answer of it could be wrong; "
                "return Answer(..., verdict=...), or give the method a number `threshold` from which a score "
                "supports",
                title=scorer.name,
            )
        fell.append((scorer.name, self.suite.name, _fell(self.case, outcome)))
        entries = ledger.get()
        if entries is not None:
            entry = Entry.of(identity(scorer), self.suite, self.case, self.seed, self.budget, outcome)
            entries.append(entry.model_dump_json())
        return outcome


_WRONG = {"accepted": "false accepted", "rejected": "true rejected", "faulty": "without a valid answer"}


def _fell(case: Case, outcome: Outcome) -> str:
    """Return how an answer fell, in words that a line of totals counts."""
    wrong = judge(case, outcome).wrong
    if wrong:
        return _WRONG[wrong]
    undecided = case.label.label != "vacuous" and outcome.verdict in ("inconclusive", "untestable")
    return "undecided" if undecided else "right"


def as_scorer(method: Any) -> Any:
    """Return the scorer that is meant, or what stands for it here.

    Raises:
        BenchError: there is no such method, or it judges no hypotheses.
    """
    scorer = found(method)
    if "score" not in roles(scorer):
        raise BenchError("it has no function score, and cases ask about hypotheses", title=scorer.name)
    return scorer


def trials(
    suite: str | Path | Suite = "fast", *, seed: int = 0, budget: Budget | None = None
) -> list[CaseTrial]:
    """Return the cases of a suite as trials; ambiguous ones, which have no right answer, are left out."""
    chosen = find_suite(suite)
    if not isinstance(chosen, Suite):
        raise BenchError("is a suite in shards, which `scrubkit validate --suite` reads", title=str(suite))
    source = chosen.name if isinstance(suite, Suite) else str(suite)
    reference = SuiteRef.of(chosen)
    budget = budget or Budget()
    return [
        CaseTrial(case, reference, source, seed, budget)
        for case in chosen.cases
        if case.label.label != "ambiguous"
    ]


def some(found: Sequence[CaseTrial], size: int) -> list[CaseTrial]:
    """Return a sample of trials, in their order; see `scrubkit.harness.sample`.

    Raises:
        BenchError: the size is no number from 1.
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise BenchError(f"sample takes a number of cases from 1, found {size!r:.100}")
    return [found[i] for i in taken([trial.case for trial in found], size)]


def load_case(
    case_id: str, *, suite: str | Path | Suite = "fast", seed: int = 0, budget: Budget | None = None
) -> CaseTrial:
    """Return one case of a suite, to look at it alone.

    Raises:
        BenchError: the suite has no such case.
    """
    known = {trial.id: trial for trial in trials(suite, seed=seed, budget=budget)}
    if case_id not in known:
        raise BenchError(
            f"no case {case_id!r}{nearest(case_id, known)} among its {len(known)}", title=str(suite)
        )
    return known[case_id]
