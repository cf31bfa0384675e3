"""Distributed alignment search: is there a subspace at a hook that holds a variable?

Geiger, Wu, Potts, Icard and Goodman 2024, "Finding Alignments Between Interpretable Causal Variables and
Distributed Neural Representations", arXiv:2303.02536, as implemented in TransformerLens. The search is over
the whole hook: which neurons, heads or components a hypothesis names there is not looked at. With
subspaces free to choose it finds effects that the model does not use (Makelov, Lange and Nanda 2023,
arXiv:2311.17030).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scrubkit import Answer, Bound, Budget, Hypothesis, Model, Task, bind
from scrubkit.methods.seeds import draw_seed
from scrubkit.methods.variables import Variable, predicted, variables_of

TRAIN, TEST = 512, 512
EPOCHS, BATCH, RATE = 12, 128, 0.1
PLANE = 4
"""Dimensions of the subspace for each part that holds the variable."""
_WHERE = {
    ".attn.hook_z": ".hook_attn_out",
    ".attn.hook_v": ".hook_attn_out",
    ".attn.hook_pattern": ".hook_attn_out",
}


@dataclass(frozen=True)
class AlignmentSearch:
    """Held-out interchange accuracy of learned subspaces, mean over the variables that can be aligned.

    Attributes:
        device: where models are run.
        threshold: accuracy from which the causal model is accepted; the paper sets none, this is ours.
    """

    device: str = "cpu"
    name = "das"
    threshold = 0.9

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Learn a subspace for each variable held at one hook and position, and test it on other pairs."""
        bound = bind(model, hypothesis, task=task, device=self.device)
        if bound.architecture is None:
            bound.bridge  # noqa: B018 - says in words that a graph of functions has no activations
        found = [_accuracy(bound, variable, generator) for variable in variables_of(bound)]
        accuracies = [accuracy for accuracy in found if accuracy is not None]
        if not accuracies:
            return Answer(0.0, verdict="untestable", evaluations=0, notes=("no variable can be aligned",))
        runs = len(accuracies) * (TRAIN * (EPOCHS + 1) + 2 * TEST)
        return Answer(float(np.mean(accuracies)), evaluations=runs)


def _accuracy(bound: Bound, variable: Variable, generator: torch.Generator) -> float | None:
    """Return the accuracy for one variable, None where no place holds it or no pair tells anything."""
    from transformer_lens.tools.analysis.interchange import (
        SubspaceInterchange,
        collect_activations,
        fit_das,
        intervened_logits,
    )

    place = _place(bound, variable)
    base, source = (bound.others(torch.arange(TRAIN + TEST), generator) for _ in range(2))
    goal = predicted(bound, variable, base, source)
    told = goal >= 0
    if place is None or int(told.sum()) < BATCH:
        return None
    hook, position, width = place
    answers = torch.tensor(bound.whole_output.positions)
    bases, sources = (_with_answer(bound.tokens[rows[told]], answers) for rows in (base, source))
    targets = bound.right[goal[told]].flatten().to(bound.device)
    half = len(targets) // 2
    at = torch.full((len(targets),), position)

    def task_logits(rows: Tensor) -> Tensor:
        return bound.bridge(rows[:, :-1])[torch.arange(len(rows)), rows[:, -1]]

    learned = fit_das(
        bound.bridge,
        hook,
        bases[:half],
        sources[:half],
        targets[:half],
        task_logits,
        rank=min(PLANE * len({node.part for node in variable}), width),
        base_positions=at[:half],
        source_positions=at[:half],
        epochs=EPOCHS,
        batch_size=BATCH,
        lr=RATE,
        seed=draw_seed(generator),
    )
    where = {"positions": at[half:], "batch_size": TEST}
    values = collect_activations(bound.bridge, hook, sources[half:], task_logits, **where)
    interchange = SubspaceInterchange(learned.subspace)
    logits = intervened_logits(bound.bridge, hook, interchange, bases[half:], values, task_logits, **where)
    return float((logits.argmax(dim=1) == targets[half:].cpu()).double().mean())


def _with_answer(tokens: Tensor, answers: Tensor) -> Tensor:
    """Return a row for each answer position, with that position as a last column."""
    each = answers.to(tokens.device).repeat(len(tokens))[:, None]
    return torch.cat([tokens.repeat_interleave(len(answers), dim=0), each], dim=1)


def _place(bound: Bound, variable: Variable) -> tuple[str, int, int] | None:
    """Return the one hook and position that hold a variable, and its width, if it can be searched there."""
    hooks, positions = set(), set()
    for node in variable:
        hook = node.part.hook
        for ending, instead in _WHERE.items():
            if hook.endswith(ending):
                hook = hook.removesuffix(ending) + instead
        hooks.add(hook)
        positions.add(node.part.positions)
    sizes, hook = bound.architecture, next(iter(hooks))
    if len(hooks) != 1 or len(positions) != 1 or hook == "logits" or "attn.hook_" in hook or sizes is None:
        return None
    (position,) = positions
    width = sizes.d_mlp if ".mlp.hook_p" in hook else sizes.d_model
    return (hook, position[0], width) if len(position) == 1 else None
