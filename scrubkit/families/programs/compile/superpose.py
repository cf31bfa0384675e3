"""Superposed codes: more values than dimensions.

The n values of a variable are coded by the corners of a regular simplex in n - 1 dimensions, so that they
sum to 0 and a value is read with its own corner and an offset of 1/n. As long as there are n - 1 dimensions
for each variable nothing interferes. With fewer, the variables' subspaces are made as orthogonal as can be by
alternating projection (Tropp, Dhillon, Heath and Strohmer 2005, "Designing structured tight frames via an
alternating projection method", section 4): the Gram matrix is brought to small entries between variables,
then to rank, and again. Sharp neurons take interference of up to 3/8 away.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from scrubkit.families.programs.compile.layout import POSITION, Layout

ROUNDS = 40


def superpose(
    layout: Layout, d_model: int, rng: np.random.Generator
) -> tuple[
    Float[np.ndarray, "width d_model"], Float[np.ndarray, "d_model width"], Float[np.ndarray, " width"]
]:
    """Draw superposed codes.

    Positions keep dimensions of their own: what a head attends to stays exact.

    Returns:
        What each value adds to the stream; how it is read; what is added to the reading.
    """
    write = np.zeros((layout.width, d_model))
    read, offset = np.zeros((d_model, layout.width)), np.zeros(layout.width)
    own = layout.dims(POSITION)
    write[own, np.arange(len(own))] = 1
    read[:, own] = write[own].T
    blocks = [block for block in layout.values if block != POSITION]
    sizes = [len(layout.values[block]) - 1 for block in blocks]
    for block, basis in zip(blocks, _subspaces(sizes, d_model - len(own), rng), strict=True):
        dims, n = layout.dims(block), len(layout.values[block])
        corners = _simplex(n) @ basis
        write[dims, len(own) :] = corners
        read[len(own) :, dims] = corners.T * (n - 1) / n
        offset[dims] = 1 / n
    return write, read, offset


def interference(layout: Layout, write: np.ndarray, read: np.ndarray) -> float:
    """Return the most that all other variables together can add to the reading of one value.

    That is, for each value, the sum over the other blocks of the largest inner product with any of their
    codes: a bound for every stream, on the dataset or off it.
    """
    product = np.abs(write @ read)
    total = np.zeros(layout.width)
    for block in layout.values:
        largest = product[layout.dims(block)].max(axis=0)
        largest[layout.dims(block)] = 0
        total += largest
    return float(total.max())


def _simplex(n: int) -> Float[np.ndarray, "n n-1"]:
    """Return n unit vectors of n - 1 dimensions with equal angles."""
    if n == 1:
        return np.zeros((1, 0))
    centred = np.eye(n) - 1 / n
    _, vectors = np.linalg.eigh(centred)
    corners = vectors[:, 1:]
    return corners / np.linalg.norm(corners, axis=1, keepdims=True)


def _subspaces(sizes: Sequence[int], size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return orthonormal rows spanning a subspace of each size, as orthogonal to each other as can be."""
    count = sum(sizes)
    ends = np.cumsum(sizes)[:-1]
    rows = rng.standard_normal((count, size))
    if count <= size:
        return np.split(np.linalg.qr(rows.T)[0].T, ends)
    # No set of `count` unit vectors is less coherent than this (Welch 1974).
    floor = np.sqrt((count - size) / (size * (count - 1)))
    owner = np.repeat(np.arange(len(sizes)), sizes)
    same = owner[:, None] == owner[None]
    rows = np.concatenate([_orthonormal(part) for part in np.split(rows, ends)])
    for _ in range(ROUNDS):
        gram = np.where(same, np.eye(count), np.clip(rows @ rows.T, -floor, floor))
        values, vectors = np.linalg.eigh(gram)
        rows = vectors[:, -size:] * np.sqrt(np.maximum(values[-size:], 0))
        rows = np.concatenate([_orthonormal(part) for part in np.split(rows, ends)])
    return np.split(rows, ends)


def _orthonormal(rows: np.ndarray) -> np.ndarray:
    """Return the orthonormal rows that are nearest to some rows."""
    left, _, right = np.linalg.svd(rows, full_matrices=False)
    return left @ right
