"""Failures that a test shows: what was got, what was expected, why, and how to see it again alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scrubkit.bench.case import Case, Evidence
from scrubkit.harness.outcome import Outcome

EXPECTED = {
    "true": "supported: the hypothesis is true of these weights",
    "false": "refuted: the hypothesis is false of these weights",
    "vacuous": "not supported: the hypothesis tests nothing, so nothing is shown",
}
"""Label to the right answer, in words."""
MOST_REASONS = 4


class CaseFailed(AssertionError):
    """A method answered a case wrongly."""


class WrongAnswer(CaseFailed):
    """A method answered, and the answer is wrong; what an expected failure of a case is."""


class NoAnswer(CaseFailed):
    """A method gave no valid answer; no expectation of a wrong one covers that."""


class CheckFailed(AssertionError):
    """A method failed a conformance check."""


class CheckSkipped(Exception):
    """A conformance check cannot be made here, for the reason given."""


def case_failure(case: Case, method: str, outcome: Outcome, snippet: str) -> str:
    """Return what a failed case says: got, expected, why the label is what it is, and a snippet."""
    facts = [
        ("got", got(outcome)),
        ("expected", EXPECTED[case.label.label]),
        *(("why", reason) for reason in reasons(case)),
        ("made by", f"{case.operator} on a hypothesis of the family {case.family}"),
        ("model", f"{case.variant}, {case.model.kind} {case.model.options}"),
        *(("notes", note) for note in outcome.notes),
    ]
    return f"{method} is wrong about {case.id}\n\n{table(facts)}\n\n{reproduce(snippet)}"


def check_failure(check: str, method: str, facts: Sequence[tuple[str, str]], snippet: str) -> str:
    """Return what a failed conformance check says."""
    return f"{method} fails the check {check}\n\n{table(facts)}\n\n{reproduce(snippet)}"


def got(outcome: Outcome) -> str:
    """Return an answer in words."""
    if outcome.fault is not None:
        return f"no valid answer, {outcome.fault.kind}: {outcome.fault.detail}"
    interval = "" if outcome.low is None else f" [{outcome.low:.4g}, {outcome.high:.4g}]"
    return f"{outcome.verdict}, score {outcome.score:.6g}{interval}"


def reasons(case: Case) -> list[str]:
    """Return why a label is what it is: the claims that fail, or the figure that came nearest to failing."""
    label = case.label
    if label.failed:
        more = len(label.failed) - MOST_REASONS
        return [*label.failed[:MOST_REASONS], *([f"and {more} more"] if more > 0 else [])]
    if label.label == "vacuous":
        return ["no claim fails, but no draw that it allows could have changed the output"]
    nearest = max((e for e in label.evidence if limit(e)), key=closeness, default=None)
    if nearest is None:
        return ["every claim holds"]
    bound = limit(nearest)
    return [
        f"every claim holds; the nearest to failing is {nearest.claim} at {nearest.where}: "
        f"{nearest.value:.3g}, {'under' if nearest.holds_below else 'over'} {bound:g}"
    ]


def limit(evidence: Evidence) -> float | None:
    """Return the value up to which, or from which, a claim holds."""
    return evidence.holds_below or evidence.holds_above


def closeness(evidence: Evidence) -> float:
    """Return how near to its limit a figure that holds is: 1 at the limit."""
    if evidence.holds_below:
        return evidence.value / evidence.holds_below
    return (evidence.holds_above or 0.0) / max(evidence.value, 1e-300)


def table(facts: Iterable[tuple[str, str]]) -> str:
    """Return lines of "name   text"; a name that repeats is shown once."""
    lines, last = [], ""
    for name, text in facts:
        lines.append(f"  {name if name != last else '':<10} {text}")
        last = name
    return "\n".join(lines)


def reproduce(snippet: str) -> str:
    """Return a snippet under a line that says what it is for."""
    indented = "\n".join(f"    {line}".rstrip() for line in snippet.splitlines())
    return f"To see it alone:\n\n{indented}"
