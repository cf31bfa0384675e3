"""Baselines: the figures of an earlier run, which a later one must not fall behind.

A figure has regressed where its interval lies wholly on the worse side of the old one, so that neither
the last digit nor one unlucky case fails a build. Only runs on the same suite, seed and kind of device
are compared.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from scrubkit.errors import BenchError, ModelError
from scrubkit.harness.limits import Check
from scrubkit.harness.outcome import Record
from scrubkit.harness.report import Estimate, MethodReport, Proportion, Report, SuiteRef
from scrubkit.models.atomic import write_atomically

SCHEMA_VERSION = 1
MAX_BYTES = 5_000_000
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


class Baseline(Record):
    """Figures of an earlier run, and what it was a run of."""

    schema_version: int = SCHEMA_VERSION
    scrubkit: str
    suite: SuiteRef
    seed: int
    draws: int
    devices: tuple[str, ...]
    methods: dict[str, BaselineFigures] = Field(max_length=1000)


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
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BenchError(f"is larger than {MAX_BYTES:,} bytes", title=str(path))
        return Baseline.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise BenchError(
            "there is no baseline yet; make one with --update-baseline", title=str(path)
        ) from None
    except OSError as error:
        raise BenchError(f"cannot be read: {error.strerror}", title=str(path)) from None
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()[:10]]
        raise BenchError(faults, title=f"{path} is no baseline") from None


def write_baseline(path: str | Path, report: Report) -> None:
    """Write the figures of a run as a baseline; figures of other methods on the same suite are kept.

    Raises:
        BenchError: it cannot be written.
    """
    new = baseline_of(report)
    try:
        old = read_baseline(path)
        if not differences(old, new):
            new = new.model_copy(update={"methods": {**old.methods, **new.methods}})
    except BenchError:
        # What is there is no baseline that could be kept: it is replaced, as was asked for.
        pass
    try:
        write_atomically(Path(path), (new.model_dump_json(indent=2) + "\n").encode())
    except ModelError as error:
        raise BenchError(error.faults, title=error.title) from None


def differences(old: Baseline, new: Baseline) -> list[str]:
    """Say why two runs cannot be compared; empty if they can."""
    pairs = {
        "layout": (old.schema_version, new.schema_version),
        "suite": (old.suite.name, new.suite.name),
        "suite version": (old.suite.version, new.suite.version),
        "suite hash": (old.suite.hash[:12], new.suite.hash[:12]),
        "seed": (old.seed, new.seed),
        "draws": (old.draws, new.draws),
        "kind of device": ("+".join(old.devices), "+".join(new.devices)),
    }
    return [f"its {what} is {a!r}, this run's {b!r}" for what, (a, b) in pairs.items() if a != b]


def check_baseline(report: Report, baseline: Baseline, *, title: str = "baseline") -> list[Check]:
    """Compare a run with a baseline; methods that it does not have are left out.

    Raises:
        BenchError: the two are not comparable, with every reason.
    """
    reasons = differences(baseline, baseline_of(report))
    if reasons:
        raise BenchError(
            [*reasons, "make a new one with --update-baseline, or run as it was made"],
            title=f"{title} is of another kind of run",
        )
    return [
        _compare(method, name, label, getattr(baseline.methods[method.name], name))
        for method in report.methods
        if method.name in baseline.methods
        for name, label in FIGURES.items()
    ]


def _compare(method: MethodReport, name: str, label: str, old: Estimate | Proportion) -> Check:
    new: Estimate | Proportion = getattr(method, name)
    larger_is_better = name == "auroc"
    detail = f"{label} {new}, baseline {old}"
    lost = new.value is None and old.value is not None
    if lost or _worse(new, old, larger_is_better=larger_is_better):
        return Check(method=method.name, name=f"{label} against baseline", status="missed", detail=detail)
    return Check(method=method.name, name=f"{label} against baseline", status="passed", detail=detail)


def _worse(new: Estimate | Proportion, old: Estimate | Proportion, *, larger_is_better: bool) -> bool:
    """Say whether the new interval lies wholly on the worse side; without one, the value."""
    if new.value is None or old.value is None:
        return False
    drop = old.value - new.value if larger_is_better else new.value - old.value
    worse, better = (new, old) if larger_is_better else (old, new)
    high = worse.value if worse.high is None else worse.high
    low = better.value if better.low is None else better.low
    return drop > SLACK and high is not None and low is not None and high < low
