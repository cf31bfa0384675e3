"""A timeline as one HTML page that needs no network: the figure, when what happened, and what decided it."""

from __future__ import annotations

from collections.abc import Iterator

import jinja2
import plotly.io
import plotly.offline

from scrubkit.report.plain import plain
from scrubkit.trajectories.signs import sign_rows
from scrubkit.trajectories.timeline import Timeline

_CONFIG = {"displaylogo": False, "responsive": True, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}


def page(timeline: Timeline, command: str = "") -> str:
    """Return a timeline as an HTML page; the same timeline gives the same bytes.

    Args:
        timeline: what to show.
        command: the command that made it, "" where none did.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("scrubkit.trajectories", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = plain
    figure = timeline.plot()
    rows = timeline.rows()
    return environment.get_template("page.html.jinja").render(
        timeline=timeline,
        steps=sum(len(run.steps) for run in timeline.runs),
        heads=list(rows[0]),
        rows=[list(row.values()) for row in rows],
        notes=[(name.replace("_", " "), info.note) for name, info in timeline.measures.items()],
        sign_heads=sign_rows(timeline)[0],
        signs=sign_rows(timeline)[1],
        identity=list(_identity(timeline)),
        command=command,
        plotly=plotly.offline.get_plotlyjs(),
        # Plotly escapes <, > and / in its data, so that none of it ends the script.
        figure=plotly.io.to_html(
            figure,
            config=_CONFIG,
            include_plotlyjs=False,
            full_html=False,
            default_height=f"{figure.layout.height}px",
            div_id="timeline",
        ),
    )


def _identity(timeline: Timeline) -> Iterator[tuple[str, str]]:
    for run in timeline.runs:
        yield run.model, f"{run.run}, seed {run.seed}, weights {run.model_hash[:16]}"
    if timeline.settings is not None:
        settings = timeline.settings
        drawn = f"{settings.draws} at most" if settings.stopping == "auto" else str(settings.draws)
        yield "scores", f"{settings.method}, seed {settings.seed}, {drawn} draws, {settings.device}"
        yield "margins", f"fidelity {settings.margins.fidelity}, faithfulness {settings.margins.faithfulness}"
        yield "versions", ", ".join(f"{name} {version}" for name, version in settings.versions.items())
