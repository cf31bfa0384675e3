"""A certificate as one page: verdict, spectra, clusters, attention, and every figure beside its threshold."""

from __future__ import annotations

from markupsafe import Markup

from scrubkit.models.model import Model
from scrubkit.models.record import Certificate, Measurement
from scrubkit.report.document import Page, mono, render
from scrubkit.report.elements import NOTHING, Cell, Row, bullets, figure_cell, table, tag, tools
from scrubkit.report.modular_certificate import modular_sections, spelled


def certificate_page(
    certificate: Certificate, *, model: Model | None = None, name: str = "", command: str = ""
) -> str:
    """Return a certificate as a page; the same certificate gives the same bytes.

    Args:
        certificate: the certificate, of any family.
        model: the model that was measured, for its name and provenance.
        name: what to call the model where it is not given.
        command: the command that made it.
    """
    called = model.name if model is not None else name or "a model"
    body = [*certificate_sections(certificate)]
    lead = certificate.summary
    page = Page(
        "scrubkit certify", f"Certificate of {called}", lead, body, _identity(certificate, model), command
    )
    return render(page)


def certificate_sections(certificate: Certificate) -> list[Markup]:
    """Return what a page shows of a certificate."""
    mark = "supported" if certificate.certified else "refuted"
    verdict = "certified" if certificate.certified else "not certified"
    said = tag("p", tag("span", verdict, class_=f"badge {mark}"), class_="verdict")
    return [said, bullets(certificate.reasons), *modular_sections(certificate), _figures(certificate)]


def _figures(certificate: Certificate) -> Markup:
    if not certificate.measurements:
        return NOTHING
    status = [_status(figure) for figure in certificate.measurements]
    picks = {
        "status": {name: status.count(name) for name in ("ok", "missed", "no threshold") if name in status}
    }
    rows = [
        Row(
            [
                Cell(figure.note or figure.name, kind="t"),
                figure_cell(figure.value, spelled(figure.value, figure.unit)),
                Cell(limits(figure), kind="n"),
                Cell(_marked(state)),
            ],
            {"status": state},
        )
        for figure, state in zip(certificate.measurements, status, strict=True)
    ]
    heads = ["figure", "value", "threshold", "status"]
    shown = table(heads, rows, id="figures", numbers=("value", "threshold"))
    return tag("h2", "Every figure") + tools("figures", "Search figures", picks) + shown


def limits(figure: Measurement) -> str:
    """Return a figure's thresholds as text, empty where it has none."""
    found = [("≥", figure.at_least), ("≤", figure.at_most)]
    return ", ".join(f"{sign} {spelled(limit, figure.unit)}" for sign, limit in found if limit is not None)


def _status(figure: Measurement) -> str:
    if figure.at_least is None and figure.at_most is None:
        return "no threshold"
    return "ok" if figure.passed else "missed"


def _marked(state: str) -> Markup:
    colours = {"ok": "supported", "missed": "refuted"}
    return tag("span", state, class_=f"badge {colours[state]}") if state in colours else NOTHING


def _identity(certificate: Certificate, model: Model | None) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [("weights", mono(certificate.weights_hash or "not recorded"))]
    if model is None:
        return rows
    made, recipe = model.provenance, model.provenance.recipe
    options = ", ".join(
        f"{key} {value}" for key, value in recipe.items() if not isinstance(value, dict | list)
    )
    return [
        ("model", model.name),
        *rows,
        ("task", f"{model.task.name}, {model.task.n_inputs:,} inputs"),
        ("made by", made.kind),
        ("seed", made.seed),
        ("recipe", options or None),
    ]
