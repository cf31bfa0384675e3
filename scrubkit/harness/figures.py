"""From answers to the figures of one scorer.

A fault is neither an accept nor a reject and is counted apart. It never helps: where cases are ranked it
stands on the wrong end, and limits on accepts and rejects count it in (`scrubkit.harness.limits`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from scrubkit.bench.case import Case
from scrubkit.harness.identity import Identity
from scrubkit.harness.intervals import clustered_auroc, proportion
from scrubkit.harness.outcome import Outcome
from scrubkit.harness.report import CaseResult, MethodReport, OperatorFigures, VariantFigures

CRASHES = frozenset({"raised", "timeout", "crashed"})
"""Kinds of fault that are no answer at all."""
ROUNDING = 1e-5
"""By how much an interval may miss a value that was computed in another precision."""


def method_report(
    identity: Identity,
    cases: Sequence[Case],
    outcomes: Mapping[str, Outcome],
    exact: Mapping[str, float] | None = None,
) -> MethodReport:
    """Return the figures of one scorer.

    Args:
        identity: the scorer.
        cases: the suite's cases; ambiguous ones are left out.
        outcomes: its answer to each case, by id.
        exact: the value that the score estimates, by id, where it is known.
    """
    known = exact or {}
    asked = [case for case in cases if case.label.label != "ambiguous"]
    models = {case.id: case.model.key for case in asked}
    results = [judge(case, outcomes[case.id], known.get(case.id)) for case in asked]
    true = [r for r in results if r.label == "true"]
    false = [r for r in results if r.label == "false"]
    vacuous = [r for r in results if r.label == "vacuous"]
    decisive = true + false
    counted = [r.outcome.evaluations for r in results if r.outcome.evaluations is not None]
    faults = [r.outcome.fault.kind for r in results if r.outcome.fault]
    return MethodReport(
        name=identity.name,
        version=identity.version,
        config=identity.config,
        auroc=clustered_auroc(
            [r.label == "true" for r in decisive],
            [ranking_score(r) for r in decisive],
            [models[r.case] for r in decisive],
        ),
        false_accept=proportion([r.wrong == "accepted" for r in false]),
        false_reject=proportion([r.wrong == "rejected" for r in true]),
        inconclusive=proportion([r.outcome.verdict == "inconclusive" for r in decisive]),
        decided=proportion([r.outcome.verdict in ("supported", "refuted") for r in decisive]),
        untestable=proportion([r.outcome.verdict == "untestable" for r in decisive]),
        vacuous_accepted=proportion([r.wrong == "accepted" for r in vacuous]),
        calibration=proportion(
            [_holds(r) for r in results if r.exact is not None and r.outcome.low is not None]
        ),
        crashed=proportion([bool(r.outcome.fault and r.outcome.fault.kind in CRASHES) for r in results]),
        faults=proportion([r.outcome.fault is not None for r in results]),
        fault_kinds=dict(sorted(Counter(faults).items())),
        operators=tuple(by_operator(false)),
        variants=tuple(by_variant(true, false)),
        seconds=float(np.mean([r.outcome.seconds for r in results])) if results else 0.0,
        evaluations=float(np.mean(counted)) if counted else None,
        results=tuple(results),
    )


def judge(case: Case, outcome: Outcome, exact: float | None = None) -> CaseResult:
    """Hold one answer against the label."""
    label, faulty = case.label.label, outcome.fault is not None
    wrong = "faulty" if faulty else ""
    if label == "true" and outcome.verdict == "refuted":
        wrong = "rejected"
    if label in ("false", "vacuous") and outcome.verdict == "supported":
        wrong = "accepted"
    return CaseResult(
        case=case.id,
        variant=case.variant,
        family=case.family,
        operator=case.operator,
        label=label,
        failed=case.label.failed,
        outcome=outcome,
        exact=exact,
        wrong=wrong,
    )


def ranking_score(result: CaseResult) -> float:
    """Return the score under which a case is ranked; a fault ranks on the wrong end."""
    if result.outcome.score is None:
        return -math.inf if result.label == "true" else math.inf
    return result.outcome.score


def killed(result: CaseResult) -> bool:
    """Say whether a false hypothesis was refuted."""
    return result.outcome.fault is None and result.outcome.verdict == "refuted"


def by_operator(false: Sequence[CaseResult]) -> list[OperatorFigures]:
    """Return the figures of each operator, by name."""
    return [
        OperatorFigures(
            operator=name,
            killed=proportion([killed(r) for r in false if r.operator == name]),
            accepted=proportion([r.wrong == "accepted" for r in false if r.operator == name]),
        )
        for name in sorted({r.operator for r in false})
    ]


def by_variant(true: Sequence[CaseResult], false: Sequence[CaseResult]) -> list[VariantFigures]:
    """Return the figures on each variant of model, by name."""
    return [
        VariantFigures(
            variant=name,
            killed=proportion([killed(r) for r in false if r.variant == name]),
            accepted=proportion([r.wrong == "accepted" for r in false if r.variant == name]),
            false_reject=proportion([r.wrong == "rejected" for r in true if r.variant == name]),
        )
        for name in sorted({r.variant for r in [*true, *false]})
    ]


def worst(report: MethodReport, n: int = 5) -> list[CaseResult]:
    """Return the cases on which a scorer is wrong, the most confident mistakes first."""
    wrong = [result for result in report.results if result.wrong]

    def confidence(result: CaseResult) -> float:
        score = ranking_score(result)
        return score if result.label != "true" else -score

    return sorted(wrong, key=lambda r: (r.outcome.fault is None, -confidence(r), r.case))[:n]


def _holds(result: CaseResult) -> bool:
    """Say whether the stated interval holds the exact value."""
    low, high, exact = result.outcome.low, result.outcome.high, result.exact
    assert low is not None and high is not None and exact is not None
    slack = ROUNDING * max(1.0, abs(exact))
    return low - slack <= exact <= high + slack
