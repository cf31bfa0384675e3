"""Figures of results for notebooks, drawn by plotly."""

from __future__ import annotations

from collections.abc import Sequence

import networkx as nx
import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from scrubkit.families.modular.truth import ModularCertificate
from scrubkit.harness.report import Report
from scrubkit.hypothesis import Hypothesis
from scrubkit.models.model import Model
from scrubkit.models.record import Certificate
from scrubkit.report.charts import INK, errors, shown, styled
from scrubkit.report.model_page import input_losses
from scrubkit.report.modular_certificate import SPECTRA
from scrubkit.report.svg import FLOOR
from scrubkit.scrubbing.explain import Explanation
from scrubkit.scrubbing.score import Interval, Score
from scrubkit.shown import COLOURS, GREY

Rows = Sequence[tuple[str, Interval, str]]
"""Name, figure and verdict of each row."""


def of_score(score: Score) -> go.Figure:
    """Draw the shares of a score with their intervals, and the margin."""
    named = {
        "fidelity": score.fidelity,
        "faithfulness": score.faithfulness,
        "loss recovered": score.loss_recovered,
        "agreement": score.agreement,
        "accuracy": score.accuracy,
    }
    rows = [(name, value, score.verdict) for name, value in named.items() if value is not None]
    title = f"{score.hypothesis} on {score.model}: {score.verdict}"
    return _intervals(rows, title, 1 - score.settings.margins.fidelity)


def of_explanation(found: Explanation) -> go.Figure:
    """Draw the fidelity of each claim alone, in the colour of its verdict."""
    rows = [(f"{s.where}: {s.claim}", s.fidelity, s.verdict) for s in found.alone if s.fidelity is not None]
    title = f"{found.score.hypothesis} on {found.score.model}: fidelity of each claim alone"
    return _intervals(rows, title, 1 - found.score.settings.margins.fidelity)


def of_certificate(certificate: Certificate) -> go.Figure:
    """Draw the Fourier spectra of a certificate, or its figures beside their thresholds."""
    spectra = certificate.tables.get("spectra")
    if not isinstance(certificate, ModularCertificate) or not spectra:
        columns = ["name", "value", "unit", "at_least", "at_most"]
        cells = [[shown(str(getattr(m, name))) for m in certificate.measurements] for name in columns]
        return styled(
            go.Figure(go.Table(header={"values": columns}, cells={"values": cells})), certificate.summary
        )
    drawn = [(key, title, limit) for key, title, limit, _ in SPECTRA if key in spectra]
    figure = make_subplots(rows=len(drawn), cols=1, subplot_titles=[title for _, title, _ in drawn])
    for row, (key, _, limit) in enumerate(drawn, start=1):
        k = list(range(1, len(spectra[key]) + 1))
        colours = ["#c8581c" if i in certificate.frequencies else GREY for i in k]
        figure.add_bar(x=k, y=spectra[key], marker={"color": colours}, showlegend=False, row=row, col=1)
        figure.add_hline(y=limit, line={"dash": "dot", "color": INK}, row=row, col=1)  # pyright: ignore[reportArgumentType]
    figure.update_yaxes(tickformat=".0%")
    return styled(figure, certificate.summary).update_layout(height=150 + 170 * len(drawn))


def of_report(report: Report) -> go.Figure:
    """Draw false accepts and false rejects of each method."""
    return errors(report.methods)


def of_hypothesis(hypothesis: Hypothesis) -> go.Figure:
    """Draw the graph of a hypothesis in layers, each edge an arrow to the reader."""
    graph = nx.DiGraph(hypothesis.graph)
    for layer, names in enumerate(nx.topological_generations(graph)):
        for name in names:
            graph.nodes[name]["layer"] = layer
    places = nx.multipartite_layout(graph, subset_key="layer", align="horizontal")
    said = {r["node"]: f"{shown(r['site'])}<br>{shown(r['feature'] or '')}" for r in hypothesis.rows()}
    names = list(graph)
    nodes = go.Scatter(
        x=[places[name][0] for name in names],
        y=[places[name][1] for name in names],
        text=[shown(name) for name in names],
        customdata=[said[name] for name in names],
        hovertemplate="%{text}<br>%{customdata}<extra></extra>",
        mode="markers+text",
        textposition="top center",
        marker={"size": 14, "color": GREY},
    )
    figure = go.Figure(nodes)
    for parent, reader in graph.edges:
        (x0, y0), (x1, y1) = places[parent], places[reader]
        arrow = {"x": x1, "y": y1, "ax": x0, "ay": y0, "xref": "x", "yref": "y", "axref": "x", "ayref": "y"}
        figure.add_annotation(**arrow, text="", arrowhead=2, arrowcolor=GREY, standoff=9, startstandoff=9)
    figure.update_xaxes(visible=False).update_yaxes(visible=False)
    return styled(figure, hypothesis.name)


def of_model(model: Model) -> go.Figure:
    """Draw the model's loss on each input, or of how many nats its answers are where there are no labels."""
    if model.task.labels is not None:
        values, name = input_losses(model), "loss of each input, nats"
    else:
        log = model.logits().log_softmax(dim=-1)
        entropy = -(log.exp() * log).sum(dim=-1)
        values, name = entropy.reshape(len(entropy), -1).mean(dim=1).numpy(), "entropy of each output, nats"
    figure = go.Figure(go.Histogram(x=np.log10(np.maximum(values, FLOOR)), marker={"color": "#1763a6"}))
    figure.update_xaxes(title=f"log10 of the {name}")
    figure.update_yaxes(title="inputs")
    return styled(figure, model.name)


def _intervals(rows: Rows, title: str, limit: float) -> go.Figure:
    figure = go.Figure()
    for verdict in dict.fromkeys(verdict for *_, verdict in rows):
        chosen = [(i, name, value) for i, (name, value, given) in enumerate(rows) if given == verdict]
        figure.add_scatter(
            x=[value.value for *_, value in chosen],
            y=[i for i, *_ in chosen],
            error_x={
                "array": [value.high - value.value for *_, value in chosen],
                "arrayminus": [value.value - value.low for *_, value in chosen],
            },
            mode="markers",
            marker={"color": COLOURS[verdict], "size": 9},
            name=verdict,
            text=[f"{shown(name)}<br>{value}" for _, name, value in chosen],
            hovertemplate="%{text}<extra></extra>",
        )
    figure.add_vline(x=limit, line={"dash": "dot", "color": INK})
    figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[shown(name, 60) for name, *_ in rows],
        range=[len(rows) - 0.5, -0.5],
        automargin=True,
    )
    return styled(figure, title).update_layout(height=130 + 30 * max(len(rows), 2))
