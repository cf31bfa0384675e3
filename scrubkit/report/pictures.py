"""What is known of a model as pictures, to lay beside a hypothesis."""

from __future__ import annotations

from typing import Any

from scrubkit.errors import ScrubkitError
from scrubkit.hypothesis import Hypothesis
from scrubkit.hypothesis.drawing import Arrow, Box, Drawing, beside, draw_layers, wrapped
from scrubkit.models.model import Model
from scrubkit.models.record import Statement
from scrubkit.scrubbing.truth_graph import truth_graph

MOST_BOXES = 60
"""A graph of more nodes is no picture."""
MOST_SITES = 3
"""Sites of one variable that its box names."""


def pictures(
    model: Model, hypothesis: Hypothesis | None = None, explanation: Any = None
) -> dict[str, Drawing]:
    """Return the graph of the model's program, that of its truth, and a hypothesis, by title.

    Args:
        model: the model; where nothing is known of it, only the hypothesis is drawn.
        hypothesis: a claim about it.
        explanation: what `scrubkit.explain` found of the claim, for its colours.
    """
    found = {"the program": program_picture(model.truth), "the truth": truth_picture(model)}
    if hypothesis is not None:
        found[f"the hypothesis {hypothesis.name}"] = hypothesis.draw(explanation)
    return {title: picture for title, picture in found.items() if picture is not None}


def draw_model(model: Model, hypothesis: Hypothesis | None = None, explanation: Any = None) -> Drawing:
    """Return the same as one picture, side by side."""
    return beside(pictures(model, hypothesis, explanation))


def program_picture(truth: Any) -> Drawing | None:
    """Return which variable is computed from which; None where that is not known."""
    if truth is None or not (reads := truth.reads):
        return None
    names = sorted({*reads, *(parent for parents in reads.values() for parent in parents)})
    if len(names) > MOST_BOXES:
        return None
    features = getattr(truth, "features", {})
    boxes = {
        name: Box((name, *wrapped(f"= {features[name]}")) if name in features else (name,)) for name in names
    }
    arrows = [Arrow(parent, name) for name in names for parent in sorted(reads.get(name, ()))]
    return draw_layers(f"program {truth.variant}", boxes, arrows)


def truth_picture(model: Model) -> Drawing | None:
    """Return the sites that matter, what they carry, and which reads which; None where that is not known."""
    if model.truth is None:
        return None
    from scrubkit.scrubbing.target import target_of

    subject = target_of(model).subject
    graph = truth_graph(subject)
    if graph is None or not 0 < len(graph) <= MOST_BOXES:
        return None
    groups: dict[str, list[Statement]] = {}
    name_of: dict[Any, str] = {}
    for statement in model.truth.statements:
        try:
            key = subject.part(statement.site, {}).key
        except ScrubkitError:
            continue
        if key in graph and key not in name_of:
            # Sites of one variable hold the same: one box.
            name_of[key] = statement.of or f"site {len(name_of)}"
            groups.setdefault(name_of[key], []).append(statement)
    arrows = {(name_of[m], name_of[n]) for m, n in graph.edges if name_of[m] != name_of[n]}
    boxes = {name: _box(found) for name, found in groups.items()}
    return draw_layers(f"truth of {model.name}", boxes, [Arrow(m, n) for m, n in sorted(arrows)])


def _box(statements: list[Statement]) -> Box:
    first = statements[0]
    lines = ([first.of] if first.of else []) + wrapped(f"= {first.feature}")
    for statement in statements[:MOST_SITES]:
        lines += wrapped(statement.site)
    if len(statements) > MOST_SITES:
        lines.append(f"and {len(statements) - MOST_SITES} sites more")
    said = "; ".join(f"{s.site}, {'exactly' if s.exact else 'about'}" for s in statements)
    return Box(tuple(lines), title=said)
