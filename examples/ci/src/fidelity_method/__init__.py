"""A method of one's own: believe a hypothesis if scrubbing leaves the logits nearly as they are."""

import torch

import scrubkit


class ByFidelity:
    """Scores a hypothesis by the fidelity of the scrubbed logits; it is supported from `threshold`."""

    name = "by-fidelity"

    def __init__(self, threshold: float = 0.975, device: str = "cpu") -> None:
        self.threshold = threshold
        self.device = device

    def score(self, model, hypothesis, *, task, generator, budget):
        seed = int(torch.randint(2**31, (1,), generator=generator))
        found = scrubkit.score(
            model, hypothesis, task=task, draws=budget.draws, seed=seed, device=self.device
        )
        return scrubkit.Answer(
            score=found.fidelity.value,
            interval=(found.fidelity.low, found.fidelity.high),
            evaluations=found.settings.draws * task.n_inputs,
        )
