"""Limits that a build sets: each is held against a figure of every scorer, and a miss says by how much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

from scrubkit.bench.case import LabelName
from scrubkit.errors import BenchError
from scrubkit.harness.figures import share
from scrubkit.harness.outcome import Record
from scrubkit.harness.report import Estimate, FinderReport, MethodReport, Proportion, Report


class Check(Record):
    """One figure held against what was asked of it.

    Attributes:
        method: name of the method.
        name: what was checked.
        status: "passed" or "missed".
        detail: the figure, what was asked, and by how much it was missed.
    """

    method: str
    name: str
    status: Literal["passed", "missed"]
    detail: str


@dataclass(frozen=True)
class Limits:
    """What a build demands of every scorer; None demands nothing.

    Attributes:
        min_auroc: smallest AUROC.
        max_false_accept: largest share of false hypotheses called supported, or answered with a fault.
        max_false_reject: largest share of true hypotheses called refuted, or answered with a fault.
        max_inconclusive: largest share of undecided cases, inconclusive and untestable together.
        max_vacuous: largest share of vacuous hypotheses called supported, or answered with a fault.
        max_faults: largest share of cases answered with a fault.
    """

    min_auroc: float | None = None
    max_false_accept: float | None = None
    max_false_reject: float | None = None
    max_inconclusive: float | None = None
    max_vacuous: float | None = None
    max_faults: float | None = None

    def __post_init__(self) -> None:
        """Check that every limit is a share; raises BenchError naming those that are not."""
        faults = [
            f"{field.name} must lie in [0, 1], found {value:g}"
            for field in fields(self)
            if (value := getattr(self, field.name)) is not None and not 0 <= value <= 1
        ]
        if faults:
            raise BenchError(faults, title="limits")


def check_limits(report: Report, limits: Limits) -> list[Check]:
    """Hold every scorer of a report against the limits.

    A figure that the suite cannot tell, for want of cases, misses its limit. A method that never gave a valid
    answer, or never decided, misses whatever the limits: nothing was learned of it. Without decisions a
    smallest AUROC is limit enough, which asks how it ranks.
    """
    checks: list[Check] = []
    for method in report.methods:
        checks += [*_decided(method, limits), *_checks(method, limits)]
    return checks + [check for finder in report.finders for check in _answered(finder)]


def _decided(method: MethodReport, limits: Limits) -> Iterator[Check]:
    yield from _answered(method)
    if method.never_decided and not method.never_answered and limits.min_auroc is None:
        advice = "return verdicts, set a `threshold`, or ask how it ranks (--min-auroc)"
        detail = f"it decided nothing, so that it cannot be wrong; {advice}"
        yield Check(method=method.name, name="decisions", status="missed", detail=detail)


def _answered(found: MethodReport | FinderReport) -> Iterator[Check]:
    if found.never_answered:
        detail = f"no valid answer to any of {found.faults.total} questions, so nothing is known of it"
        yield Check(method=found.name, name="answers", status="missed", detail=detail)


def _checks(method: MethodReport, limits: Limits) -> Iterator[Check]:
    if limits.min_auroc is not None:
        known = Estimate(value=None, low=None, high=None) if method.never_answered else method.auroc
        yield _check(method.name, "AUROC", known, limits.min_auroc, at_least=True)
    decided = (method.inconclusive.value or 0.0) + (method.untestable.value or 0.0)
    shares: list[tuple[str, Proportion | Estimate, float | None]] = [
        ("false accept", _charged(method, method.false_accept, "false"), limits.max_false_accept),
        ("false reject", _charged(method, method.false_reject, "true"), limits.max_false_reject),
        ("undecided", Estimate(value=decided, low=None, high=None), limits.max_inconclusive),
        ("vacuous accepted", _charged(method, method.vacuous_accepted, "vacuous"), limits.max_vacuous),
        ("faults", method.faults, limits.max_faults),
    ]
    for name, figure, limit in shares:
        if limit is not None and name in ("false accept", "false reject") and method.never_decided:
            detail = f"{name} cannot be told: it never decided; return verdicts, or set a `threshold`"
            yield Check(method=method.name, name=name, status="missed", detail=detail)
        elif limit is not None:
            yield _check(method.name, name, figure, limit, at_least=False)


def _charged(method: MethodReport, figure: Proportion, label: LabelName) -> Proportion:
    """Return a share of wrong answers with faults counted in: to crash is no way to pass."""
    asked = [r for r in method.results if r.label == label and (label != "false" or method.charged_with(r))]
    if not any(r.wrong == "faulty" for r in asked):
        return figure
    return share(asked, lambda r: r.wrong in ("faulty", "rejected" if label == "true" else "accepted"))


def _check(method: str, name: str, figure: Estimate | Proportion, limit: float, *, at_least: bool) -> Check:
    sign = "at least" if at_least else "at most"
    spell = _percent if isinstance(figure, Proportion) or name == "undecided" else _decimal
    if figure.value is None:
        detail = f"{name} cannot be told from these cases; asked for {sign} {spell(limit)}"
        return Check(method=method, name=name, status="missed", detail=detail)
    short = limit - figure.value if at_least else figure.value - limit
    found = spell(figure.value) if name == "undecided" else str(figure)
    detail = f"{name} {found}, asked for {sign} {spell(limit)}"
    if short > 0:
        return Check(method=method, name=name, status="missed", detail=f"{detail}: missed by {spell(short)}")
    return Check(method=method, name=name, status="passed", detail=detail)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _decimal(value: float) -> str:
    return f"{value:.4g}"
