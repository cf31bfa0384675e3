"""A hypothesis as one page: what it says, its graph, and its nodes as a table."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from scrubkit.hypothesis import Hypothesis
from scrubkit.report.document import Page, mono, render
from scrubkit.report.elements import Cell, facts, tag
from scrubkit.report.elements import table as html_table
from scrubkit.report.plain import plain

HEADS = ("node", "site", "feature", "tolerance", "unimportant", "reads")


def hypothesis_page(hypothesis: Hypothesis, *, explanation: Any = None) -> str:
    """Return a hypothesis as a page; the same claim gives the same bytes.

    Args:
        hypothesis: the claim.
        explanation: what `scrubkit.explain` found, to colour the graph.
    """
    picture = Markup(plain(hypothesis.draw(explanation).svg))
    rows = [
        [
            Cell(row["node"]),
            Cell(tag("code", row["site"])),
            Cell(tag("code", row["feature"] or "")),
            Cell(row["tolerance"]),
            Cell("yes" if row["unimportant"] else ""),
            Cell(", ".join(row["reads"])),
        ]
        for row in hypothesis.rows()
    ]
    said = [("task", hypothesis.task or "any")]
    body = [
        tag("div", facts(said), class_="panel"),
        tag("div", picture, class_="wide graph", tabindex="0"),
        tag("h2", "Nodes") + html_table(HEADS, rows, id="nodes"),
    ]
    lead = hypothesis.doc.strip().partition("\n\n")[0]
    identity = [("claim", mono(hypothesis.hash))]
    return render(Page("scrubkit hypothesis", hypothesis.name, lead, body, identity))
