"""A linear probe with the control task of Hewitt and Liang.

Hewitt and Liang 2019, "Designing and Interpreting Probes with Control Tasks", arXiv:1909.03368: a control
task gives every word type a random label, drawn once, with the distribution of the real ones; a probe is
selective if it does the real task much better than the control task, which can only be memorised. The type of
an embedding is the token at its position; for a site that sees more than its own position each input is a
type of its own. A probe of an embedding is not selective: it knows the token, and any labelling of tokens
with it. That a claim about an embedding is therefore refused, true or not, is the weakness of the measure;
that a decoy passes is the weakness of every probe.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int

from scrubkit import Answer, Bound, BoundNode, Budget, Hypothesis, Model, Task, bind
from scrubkit.methods.linear_probe import SIZE, held_out_accuracy, readings

EMBEDDINGS = ("hook_embed", "hook_pos_embed")


@dataclass(frozen=True)
class SelectiveProbe:
    """Selectivity: held-out accuracy less that on the control task, mean over nodes and components.

    Attributes:
        device: where models are run.
        threshold: selectivity from which a feature counts as there; the paper sets none, this is ours.
    """

    device: str = "cpu"
    name = "selective-probe"
    threshold = 0.5

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Probe every mapped site for its feature and for its control task."""
        bound = bind(model, hypothesis, task=task, device=self.device)
        rows = bound.sample(min(SIZE, bound.n_inputs), generator)
        figures = []
        for node, read, real in readings(bound, rows):
            control = control_labels(word_types(bound, node)[rows.numpy()], real, generator)
            figures.append(held_out_accuracy(read, real) - held_out_accuracy(read, control))
        return Answer(float(np.mean(figures)) if figures else 0.0, evaluations=len(rows))


def word_types(bound: Bound, node: BoundNode) -> Int[np.ndarray, " input"]:
    """Return the word type of each input at a node's site.

    Args:
        bound: the hypothesis.
        node: the node.
    """
    if bound.architecture is None or node.part.hook not in EMBEDDINGS:
        return np.arange(bound.n_inputs)
    tokens = bound.tokens[:, list(node.part.positions)].cpu().numpy()
    return np.unique(tokens, axis=0, return_inverse=True)[1].reshape(-1)


def control_labels(
    types: Int[np.ndarray, " item"], real: np.ndarray, generator: torch.Generator
) -> np.ndarray:
    """Return the control task: every type has a label drawn from the real ones, the same everywhere.

    Args:
        types: word type of each item.
        real: real label of each item.
        generator: source of randomness, on the CPU.
    """
    draws = torch.randint(len(real), (int(types.max()) + 1,), generator=generator).numpy()
    return real[draws][types]
