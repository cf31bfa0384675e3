"""What scoring accepts: hypotheses in any form, draws, devices; and the versions that it records."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError

from scrubkit.errors import ScrubError
from scrubkit.hypothesis import Hypothesis, from_graph, load_hypothesis
from scrubkit.scrubbing.score import Margins
from scrubkit.version import __version__


def as_hypothesis(source: Any, truth: Any = None) -> Hypothesis:
    """Return a hypothesis from anything that stands for one: itself, a graph, a function of truth, a file."""
    if isinstance(source, Hypothesis):
        return source
    if isinstance(source, str | Path):
        return load_hypothesis(source, truth=truth)
    return from_graph(source(truth) if inspect.isfunction(source) else source)


def as_margins(margin: Any) -> Margins:
    """Return margins; one number is both. Raises ScrubError where it is out of range."""
    if isinstance(margin, Margins):
        return margin
    try:
        return Margins(fidelity=margin, faithfulness=margin)
    except ValidationError:
        raise ScrubError(f"a margin lies between 0 and 1, found {margin!r:.100}") from None


def check_draws(draws: int | str) -> None:
    """Raise ScrubError unless draws is "auto" or a whole number from 2 to 100,000."""
    whole = isinstance(draws, int | np.integer) and not isinstance(draws, bool)
    if draws != "auto" and not (whole and 2 <= int(draws) <= 100_000):
        raise ScrubError(f"draws must be 'auto' or from 2 to 100,000, found {draws!r}")


def choose_device(device: str) -> torch.device:
    """Return the device asked for, or the best there is.

    Raises:
        ScrubError: no such device here.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    known = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not known.get(device.split(":")[0], False):
        there = ", ".join(name for name, available in known.items() if available)
        raise ScrubError(f"device {device!r} is not available; here are: {there}")
    return torch.device(device)


def versions() -> dict[str, str]:
    """Return the versions of the libraries that can move a score."""
    return {"scrubkit": __version__, "torch": torch.__version__, "numpy": np.__version__}
