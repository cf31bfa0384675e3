"""Reading what a method returned: a valid answer, or the fault that it is."""

from __future__ import annotations

import itertools
import math
from typing import Any, get_args

from scrubkit.harness.outcome import FaultKind
from scrubkit.methods.protocol import Answer, AnswerVerdict, Importances

MAX_NOTES = 10
MAX_NOTE = 500
MAX_SITES = 100_000
MAX_COUNT = 2**63 - 1


class FaultFound(Exception):
    """A method did something that it is charged with."""

    def __init__(self, kind: FaultKind, detail: str) -> None:
        self.kind: FaultKind = kind
        self.detail = detail
        super().__init__(f"{kind}: {detail}")


def read_answer(value: Any, method: Any) -> Answer:
    """Check an answer and give it a verdict if it has none.

    Without a verdict of its own an answer is "supported" where its score reaches the method's `threshold`,
    "refuted" where it does not, and "inconclusive" where the method has no threshold.

    Raises:
        FaultFound: it is not a valid answer.
    """
    if not isinstance(value, Answer):
        raise FaultFound("invalid", f"score() returned {type(value).__name__}, expected scrubkit.Answer")
    score = finite(value.score, "score")
    interval = None if value.interval is None else _interval(value.interval, score)
    verdict: Any = value.verdict
    if verdict is None:
        threshold = getattr(method, "threshold", None)
        verdict = "inconclusive" if threshold is None else "supported" if score >= threshold else "refuted"
    if verdict not in get_args(AnswerVerdict):
        raise FaultFound(
            "invalid", f"verdict {verdict!r:.100}; expected one of {', '.join(get_args(AnswerVerdict))}"
        )
    notes = tuple(str(note)[:MAX_NOTE] for note in itertools.islice(value.notes, MAX_NOTES))
    control = None if value.control is None else finite(value.control, "control")
    return Answer(score, interval, verdict, _count(value.evaluations), notes, control)


def read_importances(value: Any) -> Importances:
    """Check what a finder returned.

    Raises:
        FaultFound: it is not a valid answer.
    """
    if not isinstance(value, Importances):
        raise FaultFound("invalid", f"find() returned {type(value).__name__}, expected scrubkit.Importances")
    if len(value.sites) > MAX_SITES or len(value.edges) > MAX_SITES:
        raise FaultFound("invalid", f"more than {MAX_SITES:,} sites or edges")
    sites = {str(site): finite(v, f"importance of {site}") for site, v in value.sites.items()}
    edges = {(str(s), str(t)): finite(v, f"importance of {s} -> {t}") for (s, t), v in value.edges.items()}
    if not sites and not edges:
        raise FaultFound("invalid", "find() named neither sites nor edges")
    return Importances(sites, edges, _count(value.evaluations))


def finite(value: Any, what: str) -> float:
    """Return a number as a float.

    Raises:
        FaultFound: it is not a number, or not finite.
    """
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise FaultFound("invalid", f"{what} is {value!r:.100}, expected a number") from None
    if not math.isfinite(number):
        raise FaultFound("not-finite", f"{what} is {number}")
    return number


def _interval(interval: Any, score: float) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in interval)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise FaultFound("invalid", f"interval is {interval!r:.100}, expected two numbers") from None
    if not low <= score <= high:
        raise FaultFound("interval", f"interval [{low:g}, {high:g}] does not hold the score {score:g}")
    return low, high


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and 0 <= value <= MAX_COUNT else None
