"""Maps of a scrub: what happens to each input, over any two variables of the task.

A page holds every input's figure once, as numbers of 16 bits on a fixed scale, and its script takes the means
over the inputs of each cell. The scales are the same on every page, so that two maps can be compared by eye.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from markupsafe import Markup

from scrubkit.report.elements import join, tag, text
from scrubkit.scrubbing.per_input import PerInput

LOG_LOW, LOG_HIGH = -4.0, 1.0
"""Powers of ten between which the change of the logits is drawn."""
UNIT, MOST = 1e-3, 100.0
"""Nats up to which the scale of the change of the loss is about even, and where it ends."""
MOST_VALUES, BINS = 256, 64
"""A column of more values is cut into bins, so many of them."""
MOST_COLUMNS = 24
BYTES = 3_000_000
"""What the maps of a page may take of it."""
_A_ROW = 16 / 3
"""Bytes an input of a map takes on a page: two numbers of 16 bits, in base 64."""


class Maps:
    """The maps of one page.

    Args:
        n_inputs: size of the dataset.
        n_maps: how many hypotheses will have one.
    """

    def __init__(self, n_inputs: int, n_maps: int) -> None:
        fitting = int(BYTES / (max(n_maps, 1) * _A_ROW + MOST_COLUMNS * _A_ROW / 2))
        self.n_inputs = n_inputs
        self.rows = np.arange(n_inputs)
        if n_inputs > fitting:
            self.rows = np.sort(np.random.default_rng(0).choice(n_inputs, fitting, replace=False))
        self._columns: dict[str, int] = {}
        self._encoded: list[dict[str, Any]] = []
        self._maps: dict[str, dict[str, str]] = {}

    @property
    def data(self) -> dict[str, Any]:
        """What the page's script reads."""
        scales = {
            "logits": {"kind": "log", "low": LOG_LOW, "high": LOG_HIGH},
            "loss": {"kind": "both", "unit": UNIT, "high": MOST},
        }
        return {"columns": self._encoded, "maps": self._maps, "scales": scales}

    def add(self, name: str, found: PerInput) -> Markup:
        """Add the map of one hypothesis and return where it is drawn; nothing where no variable varies.

        Args:
            name: of the hypothesis on this page.
            found: its figures.
        """
        given = {key: values for key, values in found.variables.items() if len(np.unique(values)) > 1}
        further = {k: v for k, v in found.features.items() if k not in given and len(np.unique(v)) > 1}
        if not given:
            return Markup("")
        pair = telling_pair({k: binned(v)[0] for k, v in given.items()}, found.logit_change, found.mass)
        offered = [self._column(key, values) for key, values in [*given.items(), *further.items()]][
            :MOST_COLUMNS
        ]
        chosen = [self._columns[key] for key in pair]
        if len(chosen) == 1:
            chosen.append(self._column("all inputs", np.zeros(self.n_inputs, dtype=int)))
            offered.append(chosen[1])
        self._maps[name] = {"logits": _packed(_on_log_scale(found.logit_change[self.rows]))}
        change = found.loss_change
        if change is not None:
            self._maps[name]["loss"] = _packed(_on_both_sides(change[self.rows]))
        return self._box(name, chosen, sorted(set(offered + chosen)), found, labelled=change is not None)

    def _column(self, name: str, values: np.ndarray) -> int:
        if name not in self._columns:
            codes, shown = binned(values)
            self._columns[name] = len(self._encoded)
            self._encoded.append({"name": name, "values": shown, "codes": _packed(codes[self.rows])})
        return self._columns[name]

    def _box(
        self, name: str, chosen: list[int], offered: list[int], found: PerInput, *, labelled: bool
    ) -> Markup:
        def select(axis: str, at: int) -> Markup:
            options = [
                Markup('<option value="{}"{}>{}</option>').format(
                    i, Markup(" selected") if i == at else "", text(self._encoded[i]["name"])
                )
                for i in offered
            ]
            return tag("label", text(f"{axis} ") + tag("select", join(options, ""), aria_label=axis))

        maps = [_map("logits", "Change of the logits", "0", f"{10**LOG_HIGH:g} or more")]
        if labelled:
            maps.append(_map("loss", "Change of the loss, nats", f"-{MOST:g}", f"+{MOST:g}"))
        said = (
            f"Mean over {found.passes} draws of each input. 1 is the mean change between the logits of two "
            "inputs, and the mean over all inputs is 1 - fidelity; the scale is logarithmic. Point at a "
            "cell, or move with the arrow keys."
        )
        if len(self.rows) < self.n_inputs:
            said += f" Drawn from {len(self.rows):,} of {self.n_inputs:,} inputs, taken at random."
        picks = tag("div", select("across", chosen[0]) + select("up", chosen[1]), class_="tools")
        inner = picks + tag("div", join(maps), class_="maps") + tag("p", said, class_="quiet")
        return tag("div", inner, class_="mapbox", data_map=name)


def telling_pair(columns: Mapping[str, np.ndarray], change: np.ndarray, mass: np.ndarray) -> tuple[str, ...]:
    """Return the two variables that explain most of how a figure varies; the first two of equals.

    Args:
        columns: class of each input under each variable.
        change: the figure of each input.
        mass: share of each input.
    """
    if len(columns) < 3:
        return tuple(columns)

    def explained(pair: tuple[str, str]) -> float:
        x, y = (columns[name] for name in pair)
        cell = x * (int(y.max()) + 1) + y
        weight = np.bincount(cell, mass)
        total = np.bincount(cell, mass * change)
        means = total[weight > 0] ** 2 / weight[weight > 0]
        return round(float(means.sum()), 12)

    return max(combinations(columns, 2), key=explained)


def binned(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return the class of each value and what each class is called; many values are cut into bins."""
    unique, codes = np.unique(values, return_inverse=True)
    codes = codes.reshape(-1)
    if len(unique) <= MOST_VALUES:
        return codes, [f"{v:.4g}" if unique.dtype.kind == "f" else str(int(v)) for v in unique]
    edges = np.linspace(float(unique[0]), float(unique[-1]), BINS + 1)
    found = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, BINS - 1)
    return found, [f"{low:.4g} to {high:.4g}" for low, high in zip(edges[:-1], edges[1:], strict=True)]


def _on_log_scale(values: np.ndarray) -> np.ndarray:
    share = (np.log10(np.maximum(values, 1e-300)) - LOG_LOW) / (LOG_HIGH - LOG_LOW)
    return np.where(values > 0, np.clip(np.rint(share * 65535), 0, 65535), 0)


def _on_both_sides(values: np.ndarray) -> np.ndarray:
    share = np.sign(values) * np.log1p(np.abs(values) / UNIT) / np.log1p(MOST / UNIT)
    return 32767 + np.rint(np.clip(share, -1, 1) * 32767)


def _packed(codes: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(codes, dtype="<u2").tobytes()).decode()


def _map(kind: str, title: str, low: str, high: str) -> Markup:
    canvas = tag("canvas", class_="map", tabindex="0", role="img", aria_label=title)
    ends = tag("div", tag("span", class_="x-low") + tag("span", class_="x-high"), class_="ends")
    scale = tag("div", tag("span", low) + tag("i") + tag("span", high), class_="scale")
    inner = [tag("h4", title), tag("div", tag("span", class_="y-high"), class_="ends"), canvas, ends, scale]
    return tag("figure", join([*inner, tag("output", aria_live="polite")]), data_kind=kind)
