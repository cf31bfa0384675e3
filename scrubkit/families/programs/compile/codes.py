"""Codes: from one dimension a value to a residual stream as it is.

What writes is multiplied by `write`, what reads by `read`; ``write @ read`` is the identity (but for
superposed codes), so nothing that is read changes. Under LayerNorm every dimension is mirrored, (x, -x), so
that the mean is 0. A normalisation then divides by a constant, since the stream's norm never changes (see
`layout`), and readers undo it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.stats import ortho_group

from scrubkit.families.programs.compile.layout import POSITION, Layout
from scrubkit.families.programs.compile.options import Options
from scrubkit.families.programs.compile.superpose import interference, superpose

CODES = 12
"""Stream of the random generator."""
EPS = 1e-5


@dataclass(frozen=True)
class Code:
    """How the unencoded stream is laid into d_model dimensions.

    Attributes:
        write: what a unit of each unencoded dimension adds to the stream.
        read: how much of each unencoded dimension a stream holds: ``stream @ read + offset``.
        offset: the same where the stream is 0.
        scale: what readers multiply by, behind a normalisation.
        bound: the most that other variables' codes can add to one reading of a value.
    """

    write: Float[np.ndarray, "width d_model"]
    read: Float[np.ndarray, "d_model width"]
    offset: Float[np.ndarray, " width"]
    scale: float
    bound: float = 0.0


def least_d_model(layout: Layout, options: Options) -> int:
    """Return the number of dimensions that the codes need."""
    if options.codes == "superposed":
        positions = len(layout.values[POSITION])
        return positions + math.ceil((layout.width - positions) / options.ratio)
    return layout.width * (2 if options.normalization == "LN" else 1)


def encode(layout: Layout, d_model: int, options: Options) -> Code:
    """Draw the codes.

    Args:
        layout: the unencoded stream.
        d_model: dimensions to lay it into, at least `least_d_model`, even under LayerNorm.
        options: which codes, and the seed.
    """
    rng = np.random.default_rng([options.seed, CODES])
    if options.codes == "superposed":
        write, read, offset = superpose(layout, d_model, rng)
        return Code(write, read, offset, 1.0, interference(layout, write, read))
    mirrored = options.normalization == "LN"
    room = d_model // 2 if mirrored else d_model
    turn = (
        ortho_group.rvs(room, random_state=rng) if options.codes == "rotated" and room > 1 else np.eye(room)
    )
    write = turn[: layout.width]
    if not mirrored:
        return Code(write, write.T, np.zeros(layout.width), _scale(layout, room, options))
    write = np.concatenate([write, -write], axis=1)
    return Code(write, write.T / 2, np.zeros(layout.width), _scale(layout, room, options))


def _scale(layout: Layout, room: int, options: Options) -> float:
    """Return the root of the constant mean square, by which a normalisation divides."""
    return 1.0 if options.normalization is None else math.sqrt(layout.total / room + EPS)
