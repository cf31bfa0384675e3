"""Baselines: the figures of an earlier run, which a later one must not fall behind.

A figure has regressed where its interval lies wholly on the worse side of the old one, so that neither
the last digit nor one unlucky case fails a build. Only runs on the same suite, seed and kind of device
are compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from scrubkit.core.reading import parse_json, read_bytes, validation_faults
from scrubkit.errors import BenchError, ModelError
from scrubkit.harness.intervals import proportion
from scrubkit.harness.limits import Check
from scrubkit.harness.outcome import Record
from scrubkit.harness.report import Estimate, MethodReport, Proportion, Report, SuiteRef
from scrubkit.models.atomic import write_atomically

SCHEMA_VERSION = 1
MAX_BYTES = 5_000_000
MAX_VALUES = 100_000
SLACK = 0.005
"""A change smaller than this is no regression, however narrow the intervals are."""

FIGURES = {
    "auroc": "AUROC",
    "false_accept": "false accept",
    "false_reject": "false reject",
    "vacuous_accepted": "vacuous accepted",
    "faults": "faults",
}


class BaselineFigures(Record):
    """Figures of one method."""

    version: str
    auroc: Estimate
    false_accept: Proportion
    false_reject: Proportion
    vacuous_accepted: Proportion
    faults: Proportion

    @model_validator(mode="after")
    def _possible(self) -> BaselineFigures:
        """Refuse figures that no run can give."""
        for name in FIGURES:
            figure = getattr(self, name)
            if isinstance(figure, Proportion) and not 0 <= figure.count <= figure.total:
                raise ValueError(f"{name}: {figure.count} of {figure.total} is no share")
            if figure.value is not None and not 0 <= figure.value <= 1:
                raise ValueError(f"{name}: {figure.value} does not lie in [0, 1]")
            bounds = [bound for bound in (figure.low, figure.value, figure.high) if bound is not None]
            if bounds != sorted(bounds):
                raise ValueError(f"{name}: {figure.value} does not lie in [{figure.low}, {figure.high}]")
        return self


class Baseline(Record):
    """Figures of an earlier run, and what it was a run of."""

    schema_version: int = SCHEMA_VERSION
    scrubkit: str
    suite: SuiteRef
    seed: int
    draws: int
    devices: tuple[str, ...]
    methods: dict[str, BaselineFigures] = Field(max_length=1000)

    @model_validator(mode="before")
    @classmethod
    def _readable(cls, data: Any) -> Any:
        """Refuse another layout before its fields are looked at."""
        version = data.get("schema_version", SCHEMA_VERSION) if isinstance(data, dict) else SCHEMA_VERSION
        if version != SCHEMA_VERSION:
            raise ValueError(f"has layout {version!r:.50}, this scrubkit reads {SCHEMA_VERSION}")
        return data


def baseline_of(report: Report) -> Baseline:
    """Return the figures of a run as a baseline."""
    return Baseline(
        scrubkit=report.scrubkit,
        suite=report.suite,
        seed=report.seed,
        draws=report.draws,
        devices=report.devices,
        methods={
            method.name: BaselineFigures(
                version=method.version, **{name: getattr(method, name) for name in FIGURES}
            )
            for method in report.methods
        },
    )


def read_baseline(path: str | Path) -> Baseline:
    """Read a baseline file.

    Raises:
        BenchError: it cannot be read, is too large, or is no valid baseline.
    """
    missing = "there is no baseline yet; make one with --update-baseline"
    data = read_bytes(path, MAX_BYTES, error=BenchError, missing=missing)
    title = f"{path} is no baseline"
    parse_json(data, MAX_VALUES, error=BenchError, title=title)
    try:
        return Baseline.model_validate_json(data)
    except ValidationError as error:
        raise BenchError(validation_faults(error), title=title) from None


def write_baseline(path: str | Path, report: Report) -> None:
    """Write the figures of a run as a baseline; figures of other methods on the same suite are kept.

    Raises:
        BenchError: it cannot be written, or what is there is no baseline.
    """
    new = baseline_of(report)
    if Path(path).exists():
        old = read_baseline(path)
        if not differences(old, new):
            new = new.model_copy(update={"methods": {**old.methods, **new.methods}})
    try:
        write_atomically(Path(path), (new.model_dump_json(indent=2) + "\n").encode())
    except ModelError as error:
        raise BenchError(error.faults, title=error.title) from None


def differences(old: Baseline, new: Baseline) -> list[str]:
    """Say why two runs cannot be compared; empty if they can."""
    ours, theirs = "+".join(new.devices), "+".join(old.devices)
    reasons = _other_questions(old, new.suite, new.seed, new.draws)
    return reasons if ours == theirs else [*reasons, f"its kind of device is {theirs!r}, this run's {ours!r}"]


def require_comparable(
    baseline: Baseline, suite: SuiteRef, seed: int, draws: int, methods: Iterable[str], *, title: str
) -> None:
    """Refuse a run that could not be compared with a baseline, before it is made.

    Args:
        baseline: the baseline.
        suite: what the run will be asked.
        seed: its seed.
        draws: its draws.
        methods: names of its scorers.
        title: the baseline's file.

    Raises:
        BenchError: with every reason.
    """
    _refuse(_other_questions(baseline, suite, seed, draws), title)
    missing = [name for name in methods if name not in baseline.methods]
    if missing:
        there = ", ".join(baseline.methods) or "nothing"
        raise BenchError(
            f"holds no figures of {', '.join(missing)}; it has {there}; add them with --update-baseline",
            title=title,
        )


def check_baseline(report: Report, baseline: Baseline, *, title: str = "baseline") -> list[Check]:
    """Compare a run with a baseline.

    Raises:
        BenchError: the two are not comparable, or the baseline lacks a method; with every reason.
    """
    _refuse(differences(baseline, baseline_of(report)), title)
    names = [method.name for method in report.methods]
    require_comparable(baseline, report.suite, report.seed, report.draws, names, title=title)
    return [
        _compare(method, name, label, getattr(baseline.methods[method.name], name))
        for method in report.methods
        for name, label in FIGURES.items()
    ]


def _other_questions(old: Baseline, suite: SuiteRef, seed: int, draws: int) -> list[str]:
    pairs = {
        "suite": (old.suite.name, suite.name),
        "suite version": (old.suite.version, suite.version),
        "suite hash": (old.suite.hash[:12], suite.hash[:12]),
        "seed": (old.seed, seed),
        "draws": (old.draws, draws),
    }
    return [f"its {what} is {a!r}, this run's {b!r}" for what, (a, b) in pairs.items() if a != b]


def _refuse(reasons: list[str], title: str) -> None:
    if reasons:
        advice = "make a new one with --update-baseline, or run as it was made"
        raise BenchError(reasons, title=f"{title} is of another kind of run; {advice}")


def _compare(method: MethodReport, name: str, label: str, old: Estimate | Proportion) -> Check:
    new: Estimate | Proportion = getattr(method, name)
    larger_is_better = name == "auroc"
    detail = f"{label} {new}, baseline {old}"
    lost = new.value is None and old.value is not None
    if lost or _worse(new, old, larger_is_better=larger_is_better):
        return Check(method=method.name, name=f"{label} against baseline", status="missed", detail=detail)
    return Check(method=method.name, name=f"{label} against baseline", status="passed", detail=detail)


def _exact(figure: Estimate | Proportion) -> Estimate | Proportion:
    if isinstance(figure, Estimate):
        return figure
    return proportion([True] * figure.count + [False] * (figure.total - figure.count))


def _worse(new: Estimate | Proportion, old: Estimate | Proportion, *, larger_is_better: bool) -> bool:
    """Say whether the new interval lies wholly on the worse side; without one, the value.

    The cases are the same, so shares are compared by their exact intervals: that other models might have
    been drawn is no excuse.
    """
    if new.value is None or old.value is None:
        return False
    new, old = _exact(new), _exact(old)
    assert new.value is not None and old.value is not None
    drop = old.value - new.value if larger_is_better else new.value - old.value
    worse, better = (new, old) if larger_is_better else (old, new)
    high = worse.value if worse.high is None else worse.high
    low = better.value if better.low is None else better.low
    return drop > SLACK and high is not None and low is not None and high < low
