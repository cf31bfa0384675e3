"""Distributed alignment search: is there a subspace at a hook that holds a variable?

Geiger, Wu, Potts, Icard and Goodman 2024, "Finding Alignments Between Interpretable Causal Variables and
Distributed Neural Representations", arXiv:2303.02536, as implemented in TransformerLens. The search is over
the whole hook: which neurons, heads or components a hypothesis names there is not looked at. With
subspaces free to choose it finds effects that the model does not use (Makelov, Lange and Nanda 2023,
arXiv:2311.17030).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from scrubkit.core.site import Part
from scrubkit.core.task import Task
from scrubkit.hypothesis import Hypothesis
from scrubkit.methods.protocol import Answer, Budget
from scrubkit.methods.seeds import draw_seed
from scrubkit.methods.variables import Variable, variables_of
from scrubkit.models.model import Model
from scrubkit.scrubbing.local import SampleSubject
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.scoring import Scorer

TRAIN, TEST = 512, 512
EPOCHS, BATCH, RATE = 12, 128, 0.1
PLANE = 4
"""Dimensions of the subspace for each part that holds the variable."""
_WHERE = {
    ".attn.hook_z": ".hook_attn_out",
    ".attn.hook_v": ".hook_attn_out",
    ".attn.hook_pattern": ".hook_attn_out",
}


class AlignmentSearch:
    """Held-out interchange accuracy of learned subspaces, mean over the variables that can be aligned.

    Attributes:
        threshold: accuracy from which the causal model is accepted; the paper sets none, this is ours.
    """

    name = "das"
    threshold = 0.9

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Learn a subspace for each variable held at one hook and position, and test it on other pairs."""
        subject = SampleSubject(Scorer.for_model(model, device="cpu").subject)
        found = [
            self._accuracy(model, task, variable, generator)
            for variable in variables_of(bind(hypothesis, subject), subject)
        ]
        accuracies = [accuracy for accuracy in found if accuracy is not None]
        if not accuracies:
            return Answer(0.0, verdict="untestable", evaluations=0, notes=("no variable can be aligned",))
        runs = len(accuracies) * (TRAIN * (EPOCHS + 1) + 2 * TEST)
        return Answer(float(np.mean(accuracies)), evaluations=runs)

    def _accuracy(
        self, model: Model, task: Task, variable: Variable, generator: torch.Generator
    ) -> float | None:
        """Return the accuracy for one variable, None where no place holds it or no pair tells anything."""
        from transformer_lens.tools.analysis.interchange import (
            SubspaceInterchange,
            collect_activations,
            fit_das,
            intervened_logits,
        )

        place = _place(variable.parts)
        base, source = torch.randint(task.n_inputs, (2, TRAIN + TEST), generator=generator)
        predicted = variable.counterfactual(base.numpy(), source.numpy())
        told = torch.from_numpy(predicted >= 0)
        if place is None or int(told.sum()) < BATCH:
            return None
        hook, position = place
        tokens, targets = model.tokens, model.labels[torch.from_numpy(predicted)[told]]
        bases, sources = tokens[base[told]], tokens[source[told]]
        half = len(targets) // 2
        at = torch.full((len(targets),), position)

        def task_logits(rows: Tensor) -> Tensor:
            return model.bridge(rows)[:, -1]

        width = model.config.d_mlp if ".mlp.hook_p" in hook else model.config.d_model
        learned = fit_das(
            model.bridge,
            hook,
            bases[:half],
            sources[:half],
            targets[:half],
            task_logits,
            rank=min(PLANE * len(variable.parts), width),
            base_positions=at[:half],
            source_positions=at[:half],
            epochs=EPOCHS,
            batch_size=BATCH,
            lr=RATE,
            seed=draw_seed(generator),
        )
        values = collect_activations(
            model.bridge, hook, sources[half:], task_logits, positions=at[half:], batch_size=TEST
        )
        logits = intervened_logits(
            model.bridge,
            hook,
            SubspaceInterchange(learned.subspace),
            bases[half:],
            values,
            task_logits,
            positions=at[half:],
            batch_size=TEST,
        )
        return float((logits.argmax(dim=1) == targets[half:]).double().mean())


def _place(parts: tuple[Part, ...]) -> tuple[str, int] | None:
    """Return the one hook and position that hold all parts, if the search can be run there."""
    hooks, positions = set(), set()
    for part in parts:
        hook = part.hook
        for ending, instead in _WHERE.items():
            if hook.endswith(ending):
                hook = hook.removesuffix(ending) + instead
        hooks.add(hook)
        positions.add(part.positions)
    if len(hooks) != 1 or len(positions) != 1 or hooks & {"logits"} or "attn.hook_" in next(iter(hooks)):
        return None
    position = positions.pop()
    return (hooks.pop(), position[0]) if len(position) == 1 else None
