"""From answers to the figures of one scorer.

A fault is neither an accept nor a reject and is counted apart. It never helps: where cases are ranked it
stands on the wrong end, and limits on accepts and rejects count it in (`scrubkit.harness.limits`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from scrubkit.bench.case import Case
from scrubkit.harness.clusters import clusterings, unit_of
from scrubkit.harness.identity import Identity
from scrubkit.harness.intervals import clustered_auroc, proportion
from scrubkit.harness.outcome import Outcome
from scrubkit.harness.report import (
    CaseResult,
    MethodReport,
    OperatorFigures,
    Proportion,
    StratumFigures,
    VariantFigures,
)
from scrubkit.harness.strata import NOT_NEEDED, ordered, stratum_of

CRASHES = frozenset({"raised", "crashed"})
"""Kinds of fault in which it ended without an answer; running out of time is counted by itself."""
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
    return figures_of(identity, [judge(case, outcomes[case.id], known.get(case.id)) for case in asked])


def figures_of(identity: Identity, results: Sequence[CaseResult]) -> MethodReport:
    """Return the figures of one scorer from its answers, of one suite or of several."""
    true = [r for r in results if r.label == "true"]
    false = [r for r in results if r.label == "false"]
    decisive = true + false
    charged = [r for r in false if identity.claims_minimality or r.stratum != NOT_NEEDED]
    return MethodReport(
        name=identity.name,
        version=identity.version,
        config=identity.config,
        claims_minimality=identity.claims_minimality,
        auroc=clustered_auroc(
            [r.label == "true" for r in decisive],
            [ranking_score(r) for r in decisive],
            [r.unit for r in decisive],
        ),
        false_accept=share(charged, accepted),
        false_reject=share(true, lambda r: r.wrong == "rejected"),
        inconclusive=share(decisive, lambda r: r.outcome.verdict == "inconclusive"),
        decided=share(decisive, lambda r: r.outcome.verdict in ("supported", "refuted")),
        untestable=share(decisive, lambda r: r.outcome.verdict == "untestable"),
        vacuous_accepted=share([r for r in results if r.label == "vacuous"], accepted),
        calibration=share([r for r in results if r.exact is not None and r.outcome.low is not None], _holds),
        crashed=share(results, lambda r: bool(r.outcome.fault and r.outcome.fault.kind in CRASHES)),
        timeouts=share(results, lambda r: bool(r.outcome.fault and r.outcome.fault.kind == "timeout")),
        faults=share(results, lambda r: r.outcome.fault is not None),
        fault_kinds=dict(sorted(Counter(r.outcome.fault.kind for r in results if r.outcome.fault).items())),
        strata=tuple(by_stratum(false)),
        operators=tuple(by_operator(false)),
        variants=tuple(by_variant(true, false)),
        seconds=float(np.mean([r.outcome.seconds for r in results])) if results else 0.0,
        evaluations=_mean_evaluations(results),
        results=tuple(results),
    )


def share(results: Sequence[CaseResult], counts: Callable[[CaseResult], bool]) -> Proportion:
    """Return the share of some cases that count, with the interval that their clusters allow."""
    return proportion([counts(r) for r in results], *clusterings(results))


def accepted(result: CaseResult) -> bool:
    """Say whether a false or vacuous hypothesis was called supported."""
    return result.wrong == "accepted"


def _mean_evaluations(results: Sequence[CaseResult]) -> float | None:
    """Return the mean number of model runs, over the cases where they are counted."""
    counted = [r.outcome.evaluations for r in results if r.outcome.evaluations is not None]
    return float(np.mean(counted)) if counted else None


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
        stratum=stratum_of(case),
        unit=unit_of(case),
        outcome=outcome,
        exact=exact,
        wrong=wrong,
    )


def ranking_score(result: CaseResult) -> float:
    """Return the score under which a case is ranked; a fault ranks on the wrong end."""
    if result.outcome.score is None:
        return -math.inf if result.label == "true" else math.inf
    return result.outcome.score


def refuted(result: CaseResult) -> bool:
    """Say whether a false hypothesis was refuted."""
    return result.outcome.fault is None and result.outcome.verdict == "refuted"


def by_stratum(false: Sequence[CaseResult]) -> list[StratumFigures]:
    """Return the figures of each stratum, in the order of tables."""
    found = {name: [r for r in false if r.stratum == name] for name in ordered(r.stratum for r in false)}
    return [
        StratumFigures(stratum=name, accepted=share(some, accepted), refuted=share(some, refuted))
        for name, some in found.items()
    ]


def by_operator(false: Sequence[CaseResult]) -> list[OperatorFigures]:
    """Return the figures of each operator, by name."""
    found = {name: [r for r in false if r.operator == name] for name in sorted({r.operator for r in false})}
    return [
        OperatorFigures(operator=name, refuted=share(some, refuted), accepted=share(some, accepted))
        for name, some in found.items()
    ]


def by_variant(true: Sequence[CaseResult], false: Sequence[CaseResult]) -> list[VariantFigures]:
    """Return the figures on each variant of model, by name."""
    figures = []
    for name in sorted({r.variant for r in [*true, *false]}):
        ours = [r for r in false if r.variant == name]
        rejected = share([r for r in true if r.variant == name], lambda r: r.wrong == "rejected")
        figures.append(
            VariantFigures(
                variant=name,
                refuted=share(ours, refuted),
                accepted=share(ours, accepted),
                false_reject=rejected,
            )
        )
    return figures


def worst(report: MethodReport, n: int = 5) -> list[CaseResult]:
    """Return the cases on which a scorer is wrong, the most confident mistakes first."""
    wrong = [r for r in report.results if r.wrong and (r.label != "false" or report.charged_with(r))]

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
