"""A run as one HTML page that needs no network: tables, charts, and every answer that is wrong."""

from __future__ import annotations

from collections.abc import Sequence

import jinja2
import plotly.graph_objects as go
import plotly.io
import plotly.offline

from scrubkit.harness.limits import Check
from scrubkit.harness.report import Report
from scrubkit.report import rows
from scrubkit.report.charts import charts
from scrubkit.report.plain import plain

_CONFIG = {"displaylogo": False, "responsive": True, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}


def page(report: Report, checks: Sequence[Check] = ()) -> str:
    """Return a run and its checks as an HTML page; the same run gives the same bytes."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("scrubkit.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = plain
    for row in (rows.method_row, rows.strata_row, rows.conduct_row):
        environment.filters[row.__name__] = row
    return environment.get_template("page.html.jinja").render(
        report=report,
        checks=checks,
        missed=rows.missed(checks),
        rows=rows,
        methods=rows.listed(report.methods),
        finders=[rows.finder_row(finder) for finder in report.finders],
        charts=[(title, text, _drawn(n, figure)) for n, (title, text, figure) in enumerate(charts(report))],
        plotly=plotly.offline.get_plotlyjs(),
    )


def _drawn(number: int, figure: go.Figure) -> str:
    """Return a chart as HTML; plotly escapes <, > and / in its data, so that none of it ends the script."""
    return plotly.io.to_html(
        figure,
        config=_CONFIG,
        include_plotlyjs=False,
        full_html=False,
        default_height=f"{figure.layout.height}px",
        div_id=f"chart-{number}",
    )
