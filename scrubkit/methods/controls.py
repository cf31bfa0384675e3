"""Controls: scrubs whose outcome is known in advance, or that say how much a pass means.

*Identity*: every stand-in is the input itself, so the output must be the model's own. *Nothing*: every
feature is dropped. *Shuffled*: classes keep their sizes and get random members. *Untrained*: the same claim
about random weights. A claim that survives the last three as well as its own scrub says little.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from scrubkit import Bound
from scrubkit.errors import ScrubError

SIZE = 64
"""Inputs on which controls are run; their outcomes are far apart."""
ROUNDING = 1e-4
"""Error of the identity that float32 explains."""


@dataclass(frozen=True)
class Controls:
    """Fidelity of each control.

    Attributes:
        fidelity: 1 - E|z_scrubbed - z|^2 / E|z_permuted - z|^2, by name of the control.
        evaluations: model runs on one input that they took.
    """

    fidelity: dict[str, float]
    evaluations: int

    @property
    def notes(self) -> tuple[str, ...]:
        """The controls in words."""
        return ("controls: " + ", ".join(f"{name} {value:.3f}" for name, value in self.fidelity.items()),)


def run_controls(bound: Bound, generator: torch.Generator) -> Controls:
    """Scrub the controls of a hypothesis.

    Args:
        bound: the hypothesis on its model.
        generator: source of all draws, on the CPU.

    Returns:
        The fidelity of each control.

    Raises:
        ScrubError: the identity does not give the model's own output, so no other figure can be trusted.
    """
    rows = bound.sample(min(SIZE, bound.n_inputs), generator)
    exact = bound.with_policies(sampler="exact", other="exact")
    controls = {"nothing": bound.with_policies(sampler="uniform"), "shuffled": bound.shuffled(generator)}
    if untrained := bound.untrained():
        controls["untrained"] = untrained

    def error(one: Bound) -> float:
        change = one.figures(one.scrubbed(rows, generator)[0], rows)["squared_change"]
        level = one.permuted["squared_change"]
        return float(change.mean()) / level if level > 0 else float(change.mean())

    off = error(exact)
    if off > ROUNDING:
        raise ScrubError(
            f"with every stand-in the input itself the output is off by {off:.2g} of its variance"
        )
    fidelity = {name: 1 - error(one) for name, one in controls.items()}
    return Controls(fidelity, sum(one.evaluations for one in (exact, *controls.values())))
