"""One hypothesis on a page: claim, verdict and reasons, graph, map, losses, bits, and each claim alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from scrubkit.report.document import mono
from scrubkit.report.elements import (
    NOTHING,
    Cell,
    badge,
    bullets,
    facts,
    figure_cell,
    framed,
    join,
    key_of,
    number,
    table,
    tag,
)
from scrubkit.report.examined import Examined
from scrubkit.report.maps import Maps
from scrubkit.report.plain import plain
from scrubkit.report.svg import Bar, Range, Spread, bars, distributions, ranges
from scrubkit.scrubbing.explain import Step
from scrubkit.scrubbing.per_input import PerInput
from scrubkit.scrubbing.score import Interval, Score
from scrubkit.shown import COLOURS

WIDE_GRAPH = 1180
"""Pixels beyond which a graph is scrolled rather than made smaller."""
MEANINGS = {
    "fidelity": "1 - E|z scrubbed - z|² / E|z permuted - z|², over centred logits z",
    "faithfulness": "1 - KL(model || scrubbed) / KL(model || its outputs permuted)",
    "loss recovered": "(scrubbed - baseline) / (model - baseline)",
    "agreement": "how often the scrubbed model's answer is the model's",
    "accuracy": "how often the scrubbed model's answer is right",
    "scrubbed loss": "nats an input",
    "model loss": "nats an input, of the model itself",
    "baseline loss": "nats an input, of the model's outputs against the labels of other inputs",
    "KL": "KL(model || scrubbed), nats an input",
    "change of the loss": "mean |scrubbed loss - model loss|, nats an input, which cannot cancel out",
    "worst label": "largest mean scrubbed loss of a label, nats",
    "drawn itself": "how often a draw gives the reader's own input back",
    "match": "how well the graph agrees with the graph of what is known of the model, from 0 to 1",
}


def colour(verdict: str) -> str:
    """Return the colour of a verdict on a page."""
    return f"var(--{verdict})"


def claim_section(one: Examined, anchor: str, maps: Maps, *, open_: bool) -> Markup:
    """Return everything about one hypothesis, folded away unless it is to be open.

    Args:
        one: the hypothesis.
        anchor: id of the section.
        maps: the maps of the page.
        open_: whether it is shown at once.
    """
    score = one.score
    about = tag("span", f"fidelity {score.fidelity}", class_="quiet")
    summary = tag("summary", join([tag("h2", score.hypothesis), badge(score.verdict), about]))
    inside = [
        _claim(one),
        bullets(score.reasons),
        _expectation(one),
        _graph(one),
        _map(one, anchor, maps),
        _columns([_figures(score), join([_losses(one.inputs), _bits(score)])]),
        *([tag("h3", "Claim by claim"), steps(one)] if one.explanation else []),
        _identity(one),
    ]
    body = summary + tag("div", join(inside), class_="inside")
    return Markup('<details class="one" id="{}"{}>{}</details>').format(
        anchor, Markup(" open") if open_ else "", body
    )


def _claim(one: Examined) -> Markup:
    doc = "" if one.hypothesis is None else one.hypothesis.doc.strip()
    paragraphs = [" ".join(part.split()) for part in doc.split("\n\n") if part.strip()]
    return join([tag("p", part, class_=None if i else "claim") for i, part in enumerate(paragraphs)])


def _expectation(one: Examined) -> Markup:
    if one.as_expected is None:
        return NOTHING
    wanted = " or ".join(one.expected)
    said = f"Its file expects {wanted} on this model" + (", as found." if one.as_expected else ".")
    return tag("p", said, class_="quiet" if one.as_expected else "refuted")


def _graph(one: Examined) -> Markup:
    if one.hypothesis is None:
        return NOTHING
    drawing = one.hypothesis.draw(one.explanation)
    size = " large" if drawing.width > WIDE_GRAPH else ""
    picture = tag("div", Markup(plain(drawing.svg)), class_=f"wide graph{size}", tabindex="0")
    legend = key_of([(verdict, COLOURS[verdict]) for verdict in COLOURS]) if one.explanation else NOTHING
    said = (
        "A box is a node: its name, its site, and what it may depend on. Edges lead from what is read to its "
        "reader; dashed ones are direct paths."
    )
    if one.explanation:
        said += " The colour is the verdict of the claim alone, with all others as in the model."
    return framed(picture + legend, said)


def _columns(blocks: Sequence[Markup]) -> Markup:
    return tag("div", join([tag("div", block) for block in blocks]), class_="columns")


def _figures(score: Score) -> Markup:
    found: list[tuple[str, Interval | float | None]] = [
        ("fidelity", score.fidelity),
        ("faithfulness", score.faithfulness),
        ("loss recovered", score.loss_recovered),
        ("agreement", score.agreement),
        ("accuracy", score.accuracy),
        ("scrubbed loss", score.scrubbed_loss),
        ("model loss", score.model_loss),
        ("baseline loss", score.baseline_loss),
        ("KL", score.kl),
        ("change of the loss", score.abs_loss_change),
        ("worst label", score.worst_label_loss),
        ("drawn itself", score.self_draw_rate),
        ("match", None if score.match is None else score.match.overall),
    ]
    rows = [_figure_row(name, value) for name, value in found if value is not None]
    level = f"{100 * score.settings.confidence:.3g} % interval"
    return tag("h3", "Figures") + table(["figure", "value", level], rows, numbers=("value", level))


def _figure_row(name: str, value: Interval | float) -> list[Cell]:
    about = tag("span", name, title=MEANINGS[name])
    if not isinstance(value, Interval):
        return [Cell(about), figure_cell(value), Cell("", kind="n")]
    exact = value.low == value.high
    bounds = "exact" if exact else f"{number(value.low)} to {number(value.high)}"
    return [Cell(about), figure_cell(value.value), Cell(bounds, kind="n")]


def _losses(inputs: PerInput | None) -> Markup:
    if inputs is None or inputs.losses is None:
        return NOTHING
    assert inputs.model_losses is not None and inputs.baseline_losses is not None
    every = np.tile(inputs.mass, inputs.passes)
    drawn = [
        Spread("baseline", "var(--baseline)", inputs.baseline_losses, inputs.mass),
        Spread("model", "var(--model)", inputs.model_losses, inputs.mass),
        Spread("scrubbed", "var(--scrubbed)", inputs.losses.reshape(-1), every),
    ]
    legend = key_of([(s.name, s.colour) for s in drawn[::-1]])
    said = (
        f"Share of the inputs by their loss. Scrubbed: {inputs.passes} draws of each input. Baseline: the "
        "model's outputs against the labels of other inputs."
    )
    return tag("h3", "Losses, input by input") + framed(distributions(drawn, "loss", "nats") + legend, said)


def _bits(score: Score) -> Markup:
    if not score.bits:
        return NOTHING
    rows = [Bar(name, bits, "var(--accent)", f"{bits:.1f}") for name, bits in score.bits.items()]
    said = (
        f"Mean log₂ of how many differing stand-ins a node's input has; {score.total_bits:.1f} bits in all. "
        "A node of 0 bits tests nothing."
    )
    return tag("h3", "Bits resampled at each node") + framed(bars(rows, "bits at each node"), said)


def steps(one: Examined) -> Markup:
    """Return each claim alone, and all claims from the inputs up."""
    assert one.explanation is not None
    found = one.explanation
    lines = [plain(line.strip()) for line in str(found).splitlines()[1:]]
    limit = 1 - one.score.settings.margins.fidelity
    tested = sorted((s for s in found.alone if s.verdict != "untestable"), key=_worst_first)
    idle = [s for s in found.alone if s.verdict == "untestable"]
    levels = [
        Range(f"to {step.where}", [_interval(step)]) for step in found.cumulative if step.fidelity is not None
    ]
    up = (
        ranges(levels, "fidelity of all claims up to each level", limit=limit, name="fidelity")
        if levels
        else NOTHING
    )
    return join(
        [
            bullets(lines),
            tag("h4", "Each claim alone, all others as in the model"),
            _claims(tested) if tested else tag("p", "None lets anything vary alone.", class_="quiet"),
            _folded(f"{len(idle)} claims let nothing vary alone: untestable", _claims(idle))
            if idle
            else NOTHING,
            tag("h4", "All claims together, from the inputs up"),
            framed(up, f"The dashed line is the margin, {limit:g}."),
        ]
    )


def _worst_first(step: Step) -> tuple[bool, float]:
    return step.verdict != "refuted", step.fidelity.value if step.fidelity else 1.0


def _claims(found: Sequence[Step]) -> Markup:
    heads = ["claim", "where", "says", "verdict", "fidelity", "faithfulness"]
    return table(heads, [_step_row(step) for step in found], numbers=("fidelity", "faithfulness"))


def _folded(summary: str, inside: Markup) -> Markup:
    return tag("details", tag("summary", summary) + inside)


def _interval(step: Step) -> tuple[float, float, float, str, str]:
    fidelity = step.fidelity
    assert fidelity is not None
    return (
        fidelity.value,
        fidelity.low,
        fidelity.high,
        colour(step.verdict),
        f"{step.verdict}, fidelity {fidelity}",
    )


def _step_row(step: Step) -> list[Cell]:
    return [
        Cell(step.kind),
        Cell(step.where),
        Cell(step.claim, kind="t"),
        Cell(badge(step.verdict)),
        figure_cell(step.fidelity and step.fidelity.value),
        figure_cell(step.faithfulness and step.faithfulness.value),
    ]


def _map(one: Examined, anchor: str, maps: Maps) -> Markup:
    if one.inputs is None:
        return NOTHING
    drawn = maps.add(anchor, one.inputs)
    return tag("h3", "Where on the inputs") + drawn if drawn else NOTHING


def _identity(one: Examined) -> Markup:
    settings = one.score.settings
    draws = "exact" if settings.exact else f"{settings.draws} ({settings.stopping})"
    rows = [
        ("file", one.file or None),
        ("hypothesis", mono(one.score.hypothesis_hash)),
        ("draws", draws),
    ]
    return facts(rows)
