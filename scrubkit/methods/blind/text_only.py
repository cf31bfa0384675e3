"""Controls that do not ask the model: a suite is fair when they are near chance.

`TextOnly` sees the hypothesis alone; `TextAndSpectra` also reads the spectra of the weights, and never runs
the model. Both are random forests (Breiman 2001) trained on held-out draws of the suite ``programs-fast``,
which have other programs.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from scrubkit.core.task import Task
from scrubkit.errors import ScrubError
from scrubkit.hypothesis import Hypothesis
from scrubkit.methods.blind.spectra import spectra
from scrubkit.methods.blind.text_features import inputs_of, text_features
from scrubkit.methods.blind.training import Examples, load_examples
from scrubkit.methods.protocol import Answer, Budget
from scrubkit.models.model import Model

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier

TREES = 200
LEAF = 3
"""Fewest examples in a leaf."""


class TextOnly:
    """The share of trees that call a hypothesis true by its text.

    Attributes:
        threshold: from here on a hypothesis counts as supported.
    """

    name = "text-only"
    threshold = 0.5

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Judge the text; raises ScrubError where nothing gives features their values."""
        return _judged(text_features(hypothesis, inputs_of(model, task, self.name)), with_spectra=False)


class TextAndSpectra:
    """The share of trees that call a hypothesis true by its text and the spectra of the model's weights.

    Attributes:
        threshold: from here on a hypothesis counts as supported.
    """

    name = "text-and-spectra"
    threshold = 0.5

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Judge the text and the spectra; raises ScrubError where there is no `scrubkit.Model`."""
        if not isinstance(model, Model):
            raise ScrubError(
                f"reads the weights of a scrubkit.Model, found {type(model).__name__}", title=self.name
            )
        seen = np.concatenate([text_features(hypothesis, task), spectra(model)])
        return _judged(seen, with_spectra=True)


def fit(examples: Examples, *, with_spectra: bool) -> RandomForestClassifier:
    """Fit a forest to examples.

    Args:
        examples: cases as numbers.
        with_spectra: show it the weights' spectra beside the text.

    Returns:
        The forest; its share of trees for the class True is the score.
    """
    # It takes over a second to load, and no other method has a use for it.
    from sklearn.ensemble import RandomForestClassifier

    columns = [examples.text, examples.spectra] if with_spectra else [examples.text]
    forest = RandomForestClassifier(TREES, min_samples_leaf=LEAF, random_state=0)
    return forest.fit(np.concatenate(columns, axis=1), examples.true)


@lru_cache(maxsize=2)
def _forest(*, with_spectra: bool) -> Any:
    return fit(load_examples(), with_spectra=with_spectra)


def _judged(seen: np.ndarray, *, with_spectra: bool) -> Answer:
    share = _forest(with_spectra=with_spectra).predict_proba(seen[None])[0, 1]
    return Answer(float(share), evaluations=0)
