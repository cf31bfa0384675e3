"""An explanation as one page: the page of its score, with the claims that fail at the top."""

from __future__ import annotations

from scrubkit.models.model import Model
from scrubkit.report.examined import Examined
from scrubkit.report.score_page import score_page


def explain_page(one: Examined, *, n_inputs: int = 0, command: str = "", model: Model | None = None) -> str:
    """Return an explanation as a page; the same explanation gives the same bytes.

    Args:
        one: the hypothesis, with its explanation.
        n_inputs: number of inputs of the task, 0 where that is not known.
        command: the command that made it.
        model: the model, to draw what is known of it.
    """
    return score_page([one], n_inputs=n_inputs, command=command, kind="scrubkit explain", model=model)
