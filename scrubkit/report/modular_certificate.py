"""What a page shows of a certificate of modular arithmetic: spectra, clusters, clock or pizza, heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from scrubkit.families.modular.certify.algorithm import CONTESTED
from scrubkit.families.modular.certify.criteria import spell as spelled
from scrubkit.families.modular.certify.measures.frequencies import EMBEDDED_SHARE, MAP_SHARE, SIGNAL_SHARE
from scrubkit.families.modular.certify.measures.neurons import PURE
from scrubkit.families.modular.truth import ModularCertificate
from scrubkit.models.record import Certificate
from scrubkit.report.elements import NOTHING, Cell, figure_cell, framed, join, key_of, table, tag
from scrubkit.report.svg import Bar, Range, bars, histogram, percent, ranges, spectrum, stacked

__all__ = ["modular_sections", "spelled"]

SPECTRA = (
    ("embedding", "W_E over tokens", EMBEDDED_SHARE, "over it, a frequency counts as embedded"),
    ("map", "W_L = W_out W_U over classes", MAP_SHARE, "a key frequency is over it here"),
    ("signal", "W_L, each neuron weighted by its variance", SIGNAL_SHARE, "and here"),
    (
        "logits",
        "the mean logit over a + b - c",
        MAP_SHARE,
        "read in place of W_L where the neurons carry less than half of the logits",
    ),
)
"""Key in the certificate, what it is of, its threshold, and what that decides."""
_FITS = (
    ("clock", "var(--model)"),
    ("pizza", "var(--scrubbed)"),
    ("any function of a + b", "var(--baseline)"),
)
_TOKENS = (("on a", "var(--model)"), ("on b", "var(--scrubbed)"), ('on "="', "var(--baseline)"))


def modular_sections(certificate: Certificate) -> list[Markup]:
    """Return the sections of a certificate of modular arithmetic, none for another."""
    if not isinstance(certificate, ModularCertificate):
        return []
    return [
        _spectra(certificate),
        _frequencies(certificate),
        _clock_or_pizza(certificate),
        _clusters(certificate),
        _attention(certificate),
    ]


def _columns(blocks: Sequence[Markup]) -> Markup:
    return tag("div", join([tag("div", block) for block in blocks]), class_="columns")


def _spectra(certificate: ModularCertificate) -> Markup:
    found = certificate.tables.get("spectra", {})
    drawn = [
        tag("h3", what)
        + framed(
            spectrum(found[key], certificate.frequencies, limit, f"spectrum of {what}"),
            f"The dashed line is {100 * limit:g} %: {said}.",
        )
        for key, what, limit, said in SPECTRA
        if key in found
    ]
    if not drawn:
        return NOTHING
    keys = ", ".join(map(str, certificate.frequencies)) or "none"
    legend = key_of([("key frequency", "var(--scrubbed)"), ("other", "var(--baseline)")])
    lead = f"Share of the power at each frequency k of cos and sin of 2πk/p. Key frequencies: {keys}."
    return join([tag("h2", "Fourier spectra"), tag("p", lead, class_="quiet"), legend, _columns(drawn)])


def _frequencies(certificate: ModularCertificate) -> Markup:
    rows = certificate.tables.get("frequencies", [])
    if not rows:
        return NOTHING
    heads = ["frequency", "neurons", "alpha", "of W_L", "of W_E", "clock", "pizza", "by a + b"]
    cells = [_frequency(row) for row in rows]
    read = certificate.tables.get("read_from", "neurons")
    title = tag("h2", f"Key frequencies, read from the {read}")
    notes = [
        f"{said}: {', '.join(map(str, certificate.tables[key]))}."
        for key, said in (("unread", "Embedded and never read"), ("faint", "Faint, in W_L without a signal"))
        if certificate.tables.get(key)
    ]
    return (
        title
        + table(heads, cells, id="frequencies", numbers=heads)
        + join([tag("p", note) for note in notes])
    )


def _frequency(row: Mapping[str, Any]) -> list[Cell]:
    fit = row["cluster"] or row["logits"]
    shares = (row["map_share"], row["embedding_share"], fit["clock"], fit["pizza"], fit["by_sum"])
    return [
        figure_cell(row["frequency"], str(row["frequency"])),
        figure_cell(row["neurons"], str(row["neurons"])),
        figure_cell(row["alpha"], f"{row['alpha']:.1f}"),
        *(figure_cell(share, f"{100 * share:.1f} %") for share in shares),
    ]


def _clock_or_pizza(certificate: ModularCertificate) -> Markup:
    rows = certificate.tables.get("frequencies", [])
    if not rows:
        return NOTHING
    drawn = []
    for row in rows:
        fit = row["cluster"] or row["logits"]
        values = zip(_FITS, (fit["clock"], fit["pizza"], fit["by_sum"]), strict=True)
        of = f"cluster {row['frequency']}" if row["cluster"] else f"logits at {row['frequency']}"
        drawn.append(
            Range(of, [(v, v, v, colour, f"{of}, {name}: {percent(v)}") for (name, colour), v in values])
        )
    lowest = min(value for row in drawn for value, *_ in row.found)
    low = max(0.0, np.floor(10 * (lowest - 0.02)) / 10)
    chart = ranges(drawn, "share that each formula explains", low=low, name="share of the variance explained")
    return tag("h2", "Clock or pizza, by cluster") + framed(chart + key_of(_FITS), CONTESTED)


def _clusters(certificate: ModularCertificate) -> Markup:
    neurons = certificate.tables.get("neurons")
    if not neurons or not certificate.clusters:
        return NOTHING
    total = len(neurons["frequency"])
    used = sum(len(members) for members in certificate.clusters.values())
    sizes = [
        Bar(f"cluster {k}", len(members), "var(--scrubbed)", f"{len(members)} neurons")
        for k, members in sorted(certificate.clusters.items())
    ]
    sizes.append(Bar("in no cluster", total - used, "var(--baseline)", f"{total - used} neurons"))
    purity = np.array(neurons["purity"])[np.array(neurons["writes"], dtype=bool)]
    said = (
        f"Share of a neuron's variance over (a, b) at its own frequency, of {len(purity)} neurons that "
        "write. "
        f"Pure: over {100 * PURE:g} %."
    )
    drawn = [
        tag("h3", "Neurons of each cluster") + framed(bars(sizes, "neurons of each cluster")),
        tag("h3", "How pure neurons are")
        + framed(histogram(purity, "neurons by purity", "share at one frequency", limit=PURE), said),
    ]
    return tag("h2", "Clusters of neurons") + _columns(drawn)


def _attention(certificate: ModularCertificate) -> Markup:
    heads = [
        h for h in certificate.tables.get("heads", []) if h["output_share"] > 0 or h["from_uniform"] > 1e-9
    ]
    if not heads:
        return NOTHING
    shares = [
        (
            f"head {h['head']}",
            [h["on_a"], h["on_b"], h["on_equals"]],
            f"{100 * h['output_share']:.0f} % of output",
        )
        for h in heads
    ]
    columns = ["head", "on a", "on b", 'on "="', "from uniform", "frequency", "explained", "of output"]
    chart = stacked(shares, _TOKENS, "where each head attends") + key_of(_TOKENS)
    said = (
        "Mean attention at the last position. From uniform: mean total variation from a uniform "
        "pattern. Explained: share of the pattern's variance that one frequency explains."
    )
    rows = [_head(head) for head in heads]
    return join(
        [tag("h2", "Attention"), framed(chart, said), table(columns, rows, id="heads", numbers=columns[1:])]
    )


def _head(head: Mapping[str, Any]) -> list[Cell]:
    still = head["frequency"] is None
    share = [figure_cell(head[key], f"{100 * head[key]:.1f} %") for key in ("on_a", "on_b", "on_equals")]
    return [
        figure_cell(head["head"], str(head["head"])),
        *share,
        figure_cell(head["from_uniform"], f"{head['from_uniform']:.2f}"),
        figure_cell(None if still else head["frequency"], "-" if still else str(head["frequency"])),
        figure_cell(
            None if still else head["explained"], "-" if still else f"{100 * head['explained']:.1f} %"
        ),
        figure_cell(head["output_share"], f"{100 * head['output_share']:.1f} %"),
    ]
