"""Scores as one page: a table of verdicts to sort and search, then every hypothesis at length."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from scrubkit.models.model import Model
from scrubkit.report.claim_section import claim_section, colour
from scrubkit.report.document import LARGEST, Page, mono, render
from scrubkit.report.elements import (
    NOTHING,
    VERDICTS,
    Cell,
    Row,
    badge,
    bullets,
    figure_cell,
    join,
    number,
    table,
    tag,
    tools,
)
from scrubkit.report.examined import Examined
from scrubkit.report.maps import Maps
from scrubkit.report.model_page import known
from scrubkit.report.svg import meter
from scrubkit.scrubbing.score import Interval, Score

LISTED = 2
"""From so many hypotheses on they are folded away beneath a table."""


def score_page(
    found: Sequence[Examined],
    *,
    n_inputs: int = 0,
    command: str = "",
    not_scored: Mapping[str, Sequence[str]] | None = None,
    kind: str = "scrubkit score",
    model: Model | None = None,
) -> str:
    """Return scores on one model as a page; the same scores give the same bytes.

    Args:
        found: the hypotheses, at least one.
        n_inputs: number of inputs of the task, 0 where that is not known.
        command: the command that made it.
        not_scored: faults of files that could not be scored, by file.
        kind: what sort of page it is.
        model: the model, to draw what is known of it.
    """
    maps = Maps(n_inputs, len(found))
    several = len(found) >= LISTED
    sections = [
        claim_section(one, f"hypothesis-{i}", maps, open_=not several) for i, one in enumerate(found, start=1)
    ]
    truth = NOTHING if model is None else known(model, open_=False)
    first = found[0].score
    where = f"{first.model}, {n_inputs:,} inputs" if n_inputs else first.model
    title = f"{len(found)} hypotheses on {first.model}" if several else f"{first.hypothesis} on {first.model}"
    body = [
        _overview(found) if several else NOTHING,
        _failed(not_scored or {}),
        *sections,
        truth,
        _meaning(first),
    ]
    page = Page(
        kind,
        title,
        _lead(found, where),
        body,
        _identity(found),
        command,
        maps.data if maps.data["maps"] else None,
    )
    return within(render(page))


def within(page: str) -> str:
    """Return a page that is no larger than a page may be; raises ScrubkitError otherwise."""
    from scrubkit.errors import ScrubkitError

    if (size := len(page.encode())) > LARGEST:
        raise ScrubkitError(
            f"the page would have {size / 1e6:.1f} MB, and at most {LARGEST / 1e6:g} are written; "
            "put fewer hypotheses on it"
        )
    return page


def _lead(found: Sequence[Examined], where: str) -> str:
    counts = Counter(one.score.verdict for one in found)
    said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
    return f"{where}: {said}."


def _overview(found: Sequence[Examined]) -> Markup:
    counts = Counter(one.score.verdict for one in found)
    picks = {"verdict": {verdict: counts[verdict] for verdict in VERDICTS if counts[verdict]}}
    expecting = any(one.as_expected is not None for one in found)
    matched = any(one.score.match is not None for one in found)
    heads = ["hypothesis", "verdict", "", "fidelity", "faithfulness", "loss recovered", "bits"]
    heads += ["match"] if matched else []
    heads += ["expected"] if expecting else []
    rows = [
        _row(one, f"#hypothesis-{i}", matched=matched, expecting=expecting)
        for i, one in enumerate(found, start=1)
    ]
    numbers = ("fidelity", "faithfulness", "loss recovered", "bits", "match")
    return join(
        [tools("verdicts", "Search hypotheses", picks), table(heads, rows, id="verdicts", numbers=numbers)]
    )


def _row(one: Examined, link: str, *, matched: bool, expecting: bool) -> Row:
    score = one.score
    limit = 1 - score.settings.margins.fidelity
    fidelity = score.fidelity
    cells = [
        Cell(tag("a", score.hypothesis, href=link)),
        Cell(badge(score.verdict)),
        Cell(meter(fidelity.value, fidelity.low, fidelity.high, limit, colour(score.verdict))),
        *map(_interval, (fidelity, score.faithfulness, score.loss_recovered)),
        figure_cell(score.total_bits, f"{score.total_bits:.1f}"),
    ]
    if matched:
        value = None if score.match is None else score.match.overall
        cells.append(figure_cell(value, "-" if value is None else f"{value:.2f}"))
    if expecting:
        wanted = " or ".join(one.expected)
        cells.append(
            Cell(tag("span", wanted, class_="refuted") if one.as_expected is False else wanted or "-")
        )
    return Row(cells, {"verdict": score.verdict})


def _interval(value: Interval | None) -> Cell:
    if value is None:
        return figure_cell(None)
    half = (value.high - value.low) / 2
    shown = number(value.value)
    if half > 0 and math.isfinite(half):
        shown = f"{value.value:.4f} ± {half:.4f}"
    return figure_cell(value.value, shown)


def _failed(not_scored: Mapping[str, Sequence[str]]) -> Markup:
    if not not_scored:
        return NOTHING
    files = [tag("p", file, class_="refuted") + bullets(list(faults)) for file, faults in not_scored.items()]
    return tag("h2", "Not scored") + join(files)


def _meaning(score: Score) -> Markup:
    margins = score.settings.margins
    lines = [
        "A hypothesis is scrubbed: each activation that it names is replaced by that of another input on "
        "which its feature agrees, and whatever it leaves out by that of any other input. If the hypothesis "
        "is true, the logits stay as they are.",
        f"Supported: fidelity of at least {1 - margins.fidelity:g} and faithfulness of at least "
        f"{1 - margins.faithfulness:g}, with their whole intervals. Refuted: one of them falls short with "
        "its whole interval. Inconclusive: an interval holds the margin. Untestable: nothing could be "
        "resampled.",
        "Fidelity is taken on the logits, 1 where they do not move and 0 where they are those of another "
        "input. Loss recovered is the classic figure; it saturates, and supports nothing alone.",
    ]
    return tag("h2", "How to read this") + bullets(lines)


def _identity(found: Sequence[Examined]) -> list[tuple[str, object]]:
    first = found[0].score
    settings = first.settings
    draws = sorted({"exact" if s.exact else str(s.draws) for s in (one.score.settings for one in found)})
    return [
        ("model", join([Markup("{} ").format(mono(first.model)), mono(first.model_hash)], "")),
        ("task", first.task),
        ("method", settings.method),
        ("seed", settings.seed),
        ("draws", ", ".join(draws)),
        (
            "margins",
            f"fidelity {settings.margins.fidelity:g}, faithfulness {settings.margins.faithfulness:g}",
        ),
        ("confidence", f"{100 * settings.confidence:g} %"),
        ("computed by", f"{settings.engine}, {settings.dtype} on {settings.device}"),
        ("versions", ", ".join(f"{name} {version}" for name, version in settings.versions.items())),
    ]
