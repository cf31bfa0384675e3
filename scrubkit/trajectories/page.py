"""A timeline as one HTML page that needs no network: the figure, when what happened, and what decided it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import plotly.io
import plotly.offline
from markupsafe import Markup

from scrubkit.report.document import Page, mono, render
from scrubkit.report.elements import framed, join, table, tag
from scrubkit.trajectories.signs import sign_rows
from scrubkit.trajectories.timeline import Timeline

_CONFIG = {"displaylogo": False, "responsive": True, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}
_LEAD = (
    "Hypotheses and measures are about the parts of each run's last model; they are asked of every model "
    "before it."
)
_FALL = (
    "The test loss falls between the last step at which it is that of a guess (the untrained model's) and "
    "the first from which it stays under a tenth of that. A hypothesis counts from the step where it "
    "becomes supported for good."
)
_SIGNS = (
    "What is published of each phase, and whether it is seen from where the phase begins to where it ends."
)


def page(timeline: Timeline, command: str = "") -> str:
    """Return a timeline as an HTML page; the same timeline gives the same bytes.

    Args:
        timeline: what to show.
        command: the command that made it, "" where none did.
    """
    models = sum(len(run.steps) for run in timeline.runs)
    runs = timeline.runs[0].model if len(timeline.runs) == 1 else f"{len(timeline.runs)} runs"
    return render(
        Page(
            kind="scrubkit timeline",
            title=f"How the circuit forms: {timeline.task}, {runs}",
            lead=f"{models} models. {_LEAD}",
            body=list(_sections(timeline)),
            identity=list(_identity(timeline)),
            command=command,
        )
    )


def _sections(timeline: Timeline) -> Iterator[Markup]:
    rows = timeline.rows()
    yield table(list(rows[0]), [list(row.values()) for row in rows], id="when")
    yield tag("p", _FALL, class_="quiet")
    yield framed(_drawn(timeline))
    heads, signs = sign_rows(timeline)
    if signs:
        yield tag("h2", "Phases") + tag("p", _SIGNS, class_="quiet") + table(heads, signs, id="signs")
    notes = [(name.replace("_", " "), info.note) for name, info in timeline.measures.items()]
    if notes:
        yield tag("h2", "Measures") + table(("measure", "what it is"), notes)


def _drawn(timeline: Timeline) -> Markup:
    """Return the figure, and the script that draws it.

    Plotly escapes <, > and / in its data, so that none of it ends the script.
    """
    figure: Any = timeline.plot()
    drawn = plotly.io.to_html(
        figure,
        config=_CONFIG,
        include_plotlyjs=False,
        full_html=False,
        default_height=f"{figure.layout.height}px",
        div_id="timeline",
    )
    missing = tag("noscript", tag("p", "The figure needs JavaScript; the tables do not."))
    return join([missing, tag("script", Markup(plotly.offline.get_plotlyjs())), Markup(drawn)])


def _identity(timeline: Timeline) -> Iterator[tuple[str, object]]:
    for run in timeline.runs:
        said = f"{run.run}, seed {run.seed}, weights "
        yield run.model, Markup.escape(said) + mono(run.model_hash[:16])
    if timeline.settings is not None:
        settings = timeline.settings
        drawn = f"{settings.draws} at most" if settings.stopping == "auto" else str(settings.draws)
        yield "scores", f"{settings.method}, seed {settings.seed}, {drawn} draws, {settings.device}"
        margins = settings.margins
        yield "margins", f"fidelity {margins.fidelity}, faithfulness {margins.faithfulness}"
        yield "versions", ", ".join(f"{name} {version}" for name, version in settings.versions.items())
