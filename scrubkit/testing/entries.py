"""From answers given in tests to the report of a run.

An entry travels as text: from the test to the plugin, and with pytest-xdist from a worker to the controller.
"""

from __future__ import annotations

from collections.abc import Iterable

import scrubkit
from scrubkit.bench.case import Case
from scrubkit.harness.figures import method_report
from scrubkit.harness.identity import Identity
from scrubkit.harness.outcome import Outcome, Record
from scrubkit.harness.report import MethodReport, Report, SuiteRef
from scrubkit.methods.protocol import Budget
from scrubkit.scrubbing.options import versions


class Entry(Record):
    """One answer given in a test.

    Attributes:
        name: of the method.
        version: of the method.
        config: hash of the method's code and settings.
        claims_minimality: whether the method says that everything named is needed.
        suite: where the case is from.
        case: the case.
        seed: of the trial.
        draws: that the method was allowed.
        timeout: seconds that it was allowed.
        outcome: its answer.
    """

    name: str
    version: str
    config: str
    claims_minimality: bool = True
    suite: SuiteRef
    case: Case
    seed: int
    draws: int
    timeout: float
    outcome: Outcome

    @classmethod
    def of(
        cls, identity: Identity, suite: SuiteRef, case: Case, seed: int, budget: Budget, outcome: Outcome
    ) -> Entry:
        """Return the entry of one answer."""
        return cls(
            name=identity.name,
            version=identity.version,
            config=identity.config,
            claims_minimality=identity.claims_minimality,
            suite=suite,
            case=case,
            seed=seed,
            draws=budget.draws,
            timeout=budget.seconds,
            outcome=outcome,
        )


def reports(entries: Iterable[str], seconds: float) -> list[Report]:
    """Return one report for each suite, seed and budget that answers were given under.

    A case that was put to the same method twice counts once, with the last answer.

    Args:
        entries: entries as JSON.
        seconds: wall-clock time of the run.
    """
    groups: dict[tuple[str, int, int, float], list[Entry]] = {}
    for text in entries:
        entry = Entry.model_validate_json(text)
        key = (entry.suite.hash, entry.seed, entry.draws, entry.timeout)
        groups.setdefault(key, []).append(entry)
    return [_report(groups[key], seconds) for key in sorted(groups)]


def _report(entries: list[Entry], seconds: float) -> Report:
    first = entries[0]
    by_method: dict[tuple[str, str, str, bool], dict[str, Entry]] = {}
    for entry in entries:
        who = (entry.name, entry.version, entry.config, entry.claims_minimality)
        by_method.setdefault(who, {})[entry.case.id] = entry
    return Report(
        scrubkit=scrubkit.__version__,
        suite=first.suite,
        seed=first.seed,
        draws=first.draws,
        timeout=first.timeout,
        devices=tuple(sorted({entry.outcome.device for entry in entries})),
        methods=tuple(_figures(Identity(*who), by_method[who]) for who in sorted(by_method)),
        asked=len(entries),
        seconds=seconds,
        versions=versions(),
    )


def _figures(identity: Identity, entries: dict[str, Entry]) -> MethodReport:
    # Tests may run in any order; a report lists its cases in one.
    cases = [entries[name].case for name in sorted(entries)]
    return method_report(
        identity,
        cases,
        {case.id: entries[case.id].outcome for case in cases},
    )
