"""Checked as built: every variable read back from its code, the logits against the program, on every row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from scrubkit.errors import ProgramError
from scrubkit.families.programs.compile.assemble import LOGIT
from scrubkit.families.programs.compile.codes import Code
from scrubkit.families.programs.compile.truth import Truth
from scrubkit.families.programs.compile.weights import Tensors
from scrubkit.families.programs.graph import Program
from scrubkit.models.config import ModelConfig
from scrubkit.models.forward import forward
from scrubkit.models.weights import Weights

TILE = 8192
"""Rows run at once."""
SOUND = 0.5
"""A code that is off by more than half a unit may be read as another value."""


@dataclass(frozen=True, slots=True)
class Errors:
    """How far a compiled model is from its program; the largest over all rows.

    Attributes:
        code: deviation of a variable's one-hot code, read back, from the exact one.
        logit: deviation of a logit, in units of the right one.
        wrong: rows on which some answer, the argmax, is wrong.
    """

    code: float
    logit: float
    wrong: int


def measure(
    program: Program, w: Tensors, shape: ModelConfig, code: Code, truth: Truth, dtype: type = np.float64
) -> tuple[Errors, dict[str, float]]:
    """Measure a model against its program on every row of the dataset.

    Returns:
        The largest errors, and the error of each variable's code.
    """
    cast = Weights({name: torch.from_numpy(value.astype(dtype)) for name, value in w.items()})
    by_variable = dict.fromkeys(program.variables, 0.0)
    worst, wrong = 0.0, 0
    for rows, stream, logits in _tiles(program, cast, shape):
        for place in truth.coded:
            found = stream[place.time][:, place.pos] @ code.read[:, place.read] + code.offset[place.read]
            exact = np.eye(len(place.read))[program.indices[place.variable][rows]]
            error = float(np.abs(found - exact).max())
            by_variable[place.variable] = max(by_variable[place.variable], error)
        missed = np.zeros(len(rows), dtype=bool)
        for pos, name in program.outputs.items():
            answer = program.values[name][rows]
            exact = LOGIT * np.eye(shape.d_vocab_out)[answer]
            worst = max(worst, float(np.abs(logits[:, pos] - exact).max()) / LOGIT)
            missed |= logits[:, pos].argmax(axis=-1) != answer
        wrong += int(missed.sum())
    return Errors(max(by_variable.values()), worst, wrong), by_variable


def refuse_unsound(program: Program, errors: Errors, by_variable: dict[str, float], cure: str) -> None:
    """Raise ProgramError where an answer is wrong or a code no longer tells its value."""
    faults = [
        f"variable {name!r} cannot be read back: its code is off by {error:.3g}"
        for name, error in by_variable.items()
        if not error < SOUND
    ]
    if errors.wrong:
        faults.append(f"the answer is wrong on {errors.wrong} of {len(program.rows)} rows")
    if faults:
        raise ProgramError([*faults, cure], title=program.name)


def _tiles(
    program: Program, w: Weights, shape: ModelConfig
) -> Iterator[tuple[np.ndarray, list[np.ndarray], np.ndarray]]:
    """Yield rows, the residual stream at each time (before, within and after each block), and the logits."""
    middle = "hook_resid_mid" if shape.d_mlp else "hook_resid_post"
    after = [f"blocks.{i}.{hook}" for i in range(shape.n_layers) for hook in (middle, "hook_resid_post")]
    tokens = torch.from_numpy(program.tokens)
    for start in range(0, len(program.rows), TILE):
        rows = np.arange(start, min(start + TILE, len(program.rows)))
        run = forward(w, shape, tokens[rows], keep=["hook_embed", "hook_pos_embed", *after])
        stream = [run["hook_embed"] + run["hook_pos_embed"], *(run[name] for name in after)]
        yield rows, [value.numpy() for value in stream], run["logits"].numpy()
