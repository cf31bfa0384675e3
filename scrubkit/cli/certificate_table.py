"""A certificate as a Rich table: every figure beside its threshold, then the frequencies and the verdict."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from scrubkit.families.modular.certify.algorithm import CONTESTED
from scrubkit.families.modular.certify.criteria import spell
from scrubkit.families.modular.truth import ModularCertificate
from scrubkit.models.record import Measurement
from scrubkit.report.plain import plain


def certificate_table(certificate: ModularCertificate, name: str) -> Group:
    """Return the tables of figures, of key frequencies and of heads."""
    return Group(figures(certificate, name), frequencies(certificate), heads(certificate))


def figures(certificate: ModularCertificate, name: str) -> Table:
    """Return every figure beside its threshold."""
    table = Table(title=Text(plain(f"Certificate of {name}")), title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("threshold", justify="right")
    table.add_column("")
    for figure in certificate.measurements:
        limit = threshold(figure)
        mark = Text("ok", "green") if figure.passed else Text("missed", "bold red")
        table.add_row(figure.note, spell(figure.value, figure.unit), limit, mark if limit else "")
    return table


def threshold(figure: Measurement) -> str:
    """Return a figure's thresholds as text, empty where it has none."""
    limits = [("≥", figure.at_least), ("≤", figure.at_most)]
    return ", ".join(f"{sign} {spell(limit, figure.unit)}" for sign, limit in limits if limit is not None)


def frequencies(certificate: ModularCertificate) -> Table:
    """Return one row a key frequency."""
    table = Table(
        title=f"Key frequencies, read from the {certificate.tables['read_from']}", title_justify="left"
    )
    columns = ("frequency", "neurons", "alpha", "share of W_L", "of W_E", "clock", "pizza", "by a + b")
    for column in columns:
        table.add_column(column, justify="right")
    for row in certificate.tables["frequencies"]:
        fit = row["cluster"] or row["logits"]
        shares = (row["map_share"], row["embedding_share"], fit["clock"], fit["pizza"], fit["by_sum"])
        cells = [str(row["frequency"]), str(row["neurons"]), f"{row['alpha']:.1f}"]
        table.add_row(*cells, *(f"{100 * share:.1f} %" for share in shares))
    table.caption = Text(CONTESTED, "default")
    table.caption_justify = "left"
    return table


def heads(certificate: ModularCertificate) -> Table:
    """Return one row an attention head; heads with a uniform pattern that write nothing are left out."""
    rows = [
        row for row in certificate.tables["heads"] if row["output_share"] > 0 or row["from_uniform"] > 1e-9
    ]
    idle = len(certificate.tables["heads"]) - len(rows)
    title = f"Attention at the last position{f', {idle} idle heads left out' if idle else ''}"
    table = Table(title=title, title_justify="left")
    for column in ("head", "on a", "on b", 'on "="', "from uniform", "frequency", "explained", "of output"):
        table.add_column(column, justify="right")
    for row in rows:
        on = [f"{100 * row[key]:.1f} %" for key in ("on_a", "on_b", "on_equals")]
        still = row["frequency"] is None
        explained = "" if still else f"{100 * row['explained']:.1f} %"
        frequency = "" if still else str(row["frequency"])
        share = f"{100 * row['output_share']:.1f} %"
        table.add_row(str(row["head"]), *on, f"{row['from_uniform']:.2f}", frequency, explained, share)
    return table


def verdict(certificate: ModularCertificate) -> Text:
    """Return the verdict and its reasons."""
    if certificate.certified:
        keys = ", ".join(map(str, certificate.frequencies))
        return Text(f"certified: key frequencies {keys}; algorithm: {certificate.algorithm}", "bold green")
    text = Text("not certified\n", "bold red")
    for reason in certificate.reasons:
        text.append(f"  - {reason}\n", "default")
    return text
