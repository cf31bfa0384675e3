"""Methods that misbehave in one way each, for the tests of the tests."""

import dataclasses
import random

import torch

from scrubkit.methods.causal_scrubbing import CausalScrubbing
from scrubkit.methods.protocol import Answer, Importances
from scrubkit.methods.random_scores import RandomScores


class Altered(CausalScrubbing):
    """Causal scrubbing with `alter` applied to its answers."""

    estimand = None

    def score(self, model, hypothesis, *, task, generator, budget):
        answer = super().score(model, hypothesis, task=task, generator=generator, budget=budget)
        return self.alter(answer, model, hypothesis)

    def alter(self, answer, model, hypothesis):
        return answer


def shifted(answer, by):
    low, high = answer.interval
    return dataclasses.replace(answer, score=answer.score + by, interval=(low + by, high + by))


class Forgetful(Altered):
    calls = 0

    def alter(self, answer, model, hypothesis):
        type(self).calls += 1
        return dataclasses.replace(answer, score=answer.score + 1e-3 * self.calls, interval=(-9.0, 9.0))


class GlobalRandom(Altered):
    def alter(self, answer, model, hypothesis):
        return shifted(answer, 1e-3 * random.random())


class ChangesWeights(Altered):
    def alter(self, answer, model, hypothesis):
        model.weights.W_pos[0, 0] += 1e-3
        return answer


class LeavesHook(Altered):
    def alter(self, answer, model, hypothesis):
        model.bridge.blocks[0].register_forward_hook(lambda *_: None)
        return answer


class ChangesHypothesis(Altered):
    def alter(self, answer, model, hypothesis):
        object.__setattr__(hypothesis, "name", "mine")
        return answer


class ReadsNames(Altered):
    def alter(self, answer, model, hypothesis):
        return shifted(answer, 10.0 * (min(hypothesis.nodes) == "n0"))


class ReadsOrder(Altered):
    def alter(self, answer, model, hypothesis):
        by_name = list(hypothesis.nodes) == sorted(hypothesis.nodes) or "n0" not in hypothesis.nodes
        return shifted(answer, 10.0 * by_name)


class NotFinite(Altered):
    def alter(self, answer, model, hypothesis):
        return dataclasses.replace(answer, score=float("nan"))


class MissesItsScore(Altered):
    def alter(self, answer, model, hypothesis):
        return dataclasses.replace(answer, interval=(answer.score + 1, answer.score + 2))


class TooSure(Altered):
    estimand = "loss_recovered"

    def alter(self, answer, model, hypothesis):
        return dataclasses.replace(answer, interval=(answer.score, answer.score))


class RefutesAll(Altered):
    def alter(self, answer, model, hypothesis):
        return dataclasses.replace(answer, verdict="refuted")


class SupportsAll(Altered):
    name = "supports-all"

    def alter(self, answer, model, hypothesis):
        return dataclasses.replace(answer, verdict="supported")


class KnowsOneModulus(Altered):
    def alter(self, answer, model, hypothesis):
        assert model.task.p != 11, "p must not be 11"
        return answer


class Raises(Altered):
    """Cannot do with one modulus."""

    def alter(self, answer, model, hypothesis):
        assert model.task.p != 7, "p must not be 7"
        return answer


class Undecided(Altered):
    def alter(self, answer, model, hypothesis):
        return dataclasses.replace(answer, verdict="inconclusive")


class NeverWrong:
    """Gives a score without a verdict, so that no answer can be held against it."""

    name = "never-wrong"

    def score(self, model, hypothesis, *, task, generator, budget):
        return Answer(0.5)


class ByThreshold(NeverWrong):
    threshold = 0.4


class WithMargin(NeverWrong):
    def __init__(self, margin=0.25):
        self.margin = margin


@dataclasses.dataclass
class AsData(NeverWrong):
    steps: int = 2


class Finds:
    """A finder without fault."""

    name = "finds"

    def find(self, model, *, task, generator, budget):
        return RandomScores().find(model, task=task, generator=generator, budget=budget)


class FindsByChance(Finds):
    def find(self, model, *, task, generator, budget):
        return Importances({"hook_embed[pos=0]": float(torch.rand(()))})


class FindsNothing(Finds):
    def find(self, model, *, task, generator, budget):
        return Importances()


class FindsAndChanges(Finds):
    def find(self, model, *, task, generator, budget):
        model.weights.b_U[0] += 1
        return super().find(model, task=task, generator=generator, budget=budget)


class FindsInOneModel(Finds):
    def find(self, model, *, task, generator, budget):
        return Importances({f"blocks.0.attn.hook_z[head={13 - task.p}]": 1 / (task.p - 11)})
