"""A model as one page: what it is, how well it does, what is known of it, and its certificate."""

from __future__ import annotations

import numpy as np
import torch
from markupsafe import Markup

from scrubkit.models.model import Model
from scrubkit.report.certificate_page import certificate_sections
from scrubkit.report.document import Page, mono, render
from scrubkit.report.elements import NOTHING, Cell, facts, framed, join, table, tag
from scrubkit.report.pictures import pictures
from scrubkit.report.plain import plain
from scrubkit.report.svg import Spread, distributions

MOST_STATEMENTS = 500


def model_page(model: Model, *, command: str = "") -> str:
    """Return a model as a page; the same model gives the same bytes.

    Args:
        model: the model.
        command: the command that made the page.
    """
    config = model.config
    shape = {k: v for k, v in config.model_dump().items() if not isinstance(v, dict | list | tuple)}
    rows: list[tuple[str, object]] = [
        ("task", f"{model.task}, {model.task.n_inputs:,} inputs"),
        ("shape", ", ".join(f"{name} {value}" for name, value in shape.items() if value is not None)),
        ("made by", model.provenance.kind),
        ("known", "nothing" if model.truth is None else model.truth.summary),
    ]
    body = [
        tag("div", facts(rows), class_="panel"),
        losses(model),
        known(model, open_=True),
        _statements(model),
    ]
    if model.certificate is not None:
        body += [tag("h2", "Certificate"), *certificate_sections(model.certificate)]
    lead = "No truth is known of it." if model.truth is None else model.truth.summary
    identity = [("weights", mono(model.weights_hash))]
    return render(Page("scrubkit model", model.name, lead, body, identity, command))


def known(model: Model, *, open_: bool) -> Markup:
    """Return the graphs of what is known of a model, nothing where nothing is."""
    drawn = pictures(model)
    if not drawn:
        return NOTHING
    shown = [
        tag(
            "div",
            tag("h4", title) + tag("div", Markup(plain(picture.svg)), class_="wide graph", tabindex="0"),
        )
        for title, picture in drawn.items()
    ]
    said = (
        "A box is a variable or a site: what it holds and where. Edges lead from what is read to its reader."
    )
    inside = tag("div", join(shown), class_="columns") + tag("p", said, class_="quiet")
    if open_:
        return tag("h2", "What is known of it") + inside
    summary = tag("summary", tag("h2", f"What is known of {model.name}"))
    return tag("details", summary + tag("div", inside, class_="inside"), class_="one")


def losses(model: Model) -> Markup:
    """Return the distribution of a model's loss over its inputs, nothing where the task has no labels."""
    if model.task.labels is None:
        return NOTHING
    values = input_losses(model)
    weights = model.task.weights
    mass = np.full(len(values), 1 / len(values)) if weights is None else weights / weights.sum()
    chart = distributions([Spread("model", "var(--model)", values, mass)], "loss", "nats")
    return tag("h2", "Loss, input by input") + framed(
        chart, f"Share of the inputs by their loss; mean {mass @ values:.3g} nats."
    )


@torch.no_grad()
def input_losses(model: Model) -> np.ndarray:
    """Return the loss of each input, nats, the mean over its answers."""
    logits, labels = model.logits(), model.labels
    log = logits.log_softmax(dim=-1)
    taken = -log.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    return taken.reshape(len(taken), -1).mean(dim=1).numpy()


def _statements(model: Model) -> Markup:
    if model.truth is None or not model.truth.statements:
        return NOTHING
    found = model.truth.statements[:MOST_STATEMENTS]
    rows = [
        [
            Cell(s.of),
            Cell(tag("code", s.site)),
            Cell(tag("code", s.feature)),
            Cell("exactly" if s.exact else "about"),
            Cell("matters" if s.causal else "does not matter"),
        ]
        for s in found
    ]
    heads = ["variable", "site", "carries", "how", "for the logits"]
    return tag("h2", "What each site carries") + table(heads, rows, id="statements")
