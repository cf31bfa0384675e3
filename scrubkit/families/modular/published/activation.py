"""The activation function of a published model, which no tensor tells.

Networks of different activation functions have the same tensors, and accuracy does not tell them apart:
a network that solves its task as a ReLU network often solves it read as another. So the name comes from
settings that lie with the file, or from whoever imports it, and never from a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scrubkit.errors import ModelError

HELD = ("relu",)
"""Activation functions that a model here can have, by their names in TransformerLens."""

NAMES = ("act_fn", "act_type", "activation")
"""Settings that name it: in TransformerLens and the pizza repository, in Nanda et al.'s code, elsewhere."""


def settle_activation(asked: str | None, settings: Mapping[str, Any], *, title: str) -> str:
    """Return the activation function, by its name in TransformerLens.

    Args:
        asked: what the caller says, if anything.
        settings: what lies with the file.
        title: what errors call the file.

    Raises:
        ModelError: nobody says; the two disagree; or a model of ours cannot have it.
    """
    said = next((settings[name] for name in NAMES if isinstance(settings.get(name), str)), None)
    given = said if asked is None else asked
    if given is None:
        raise ModelError(
            "does not say its activation function, and neither tensors nor accuracy tell it; say with which "
            f"it was trained: scrubkit import {title} --activation relu --out FOLDER "
            f"(here can be held: {', '.join(HELD)})",
            title=title,
        )
    if said is not None and _plain(given) != _plain(said):
        raise ModelError(
            f"activation {given!r:.80} was asked for, but its config says {said!r:.80}", title=title
        )
    if _plain(given) not in HELD:
        raise ModelError(
            f"its activation function is {given!r:.80}; models can be held with {', '.join(HELD)}",
            title=title,
        )
    return _plain(given)


def _plain(name: str) -> str:
    return name.strip().lower()
