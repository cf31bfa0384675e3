"""A tiny labelled suite, and methods that are wrong in known ways."""

import hashlib
import json
import os
import random
import threading
import time

import numpy as np
import torch

from scrubkit.bench.case import Case, Label, ModelSpec
from scrubkit.bench.manifest import Suite
from scrubkit.methods.protocol import Answer, Importances

POST = "blocks.0.mlp.hook_post[pos=-1]"
SPECS = {
    "pizza-p11": {"variant": "pizza", "p": 11, "frequencies": [2, 4]},
    "pizza-p13": {"variant": "pizza", "p": 13, "frequencies": [2, 5]},
    "torus-p11": {"variant": "clock-torus", "p": 11, "frequencies": [1, 3]},
    "torus-p13": {"variant": "clock-torus", "p": 13, "frequencies": [2, 5]},
}
CLAIMS = {
    "(a, b)": ("true", "none"),
    "(min(a, b), max(a, b))": ("true", "none"),
    "a": ("false", "wrong_feature"),
    "b": ("false", "wrong_feature"),
    "2 * a + b": ("false", "wrong_feature"),
    "(a - b) % p": ("false", "swap_sign"),
    "0": ("vacuous", "none"),
}


def claim(feature, *, name="neurons", **attributes):
    """The neurons carry a feature, and nothing goes round them."""
    nodes = [{"id": "n", "site": POST, "feature": feature}, {"id": "logits", "site": "logits"}]
    return {
        "directed": True,
        "multigraph": False,
        "graph": {"name": name, "task": "modular_addition", **attributes},
        "nodes": nodes,
        "edges": [{"source": "n", "target": "logits"}],
    }


def spec(name):
    return ModelSpec(kind="compile", options=SPECS[name])


def tiny_suite(models=tuple(SPECS), claims=tuple(CLAIMS), version="1"):
    """Labels say whether the feature decides the neurons, on the pizza and on the clock."""
    cases = []
    for model in models:
        for number, feature in enumerate(claims):
            label, operator = CLAIMS[feature]
            cases.append(
                Case(
                    id=f"{model}-{operator}-{number}",
                    model=spec(model),
                    variant=model.split("-")[0],
                    family="neurons",
                    operator=operator,
                    hypothesis=claim(feature, name=f"{label} {operator}"),
                    label=Label(
                        label=label, failed=(f"n does not carry {feature}",) if label == "false" else ()
                    ),
                )
            )
    return Suite(name="tiny", version=version, cases=tuple(cases))


def feature_of(hypothesis):
    return next(node.feature.text for node in hypothesis.nodes.values() if node.feature is not None)


TRUE = {"(a,b)", "(min(a,b),max(a,b))"}


def is_true(hypothesis):
    return feature_of(hypothesis).replace(" ", "") in TRUE


def is_vacuous(hypothesis):
    return feature_of(hypothesis).strip() == "0"


class Toy:
    """A scorer made of one function of (model, hypothesis, generator)."""

    name = "toy"

    def judge(self, model, hypothesis, generator):
        raise NotImplementedError

    def score(self, model, hypothesis, *, task, generator, budget):
        found = self.judge(model, hypothesis, generator)
        return found if isinstance(found, Answer) else Answer(float(found), verdict=verdict(found))


def verdict(score):
    return "supported" if score >= 0.5 else "refuted"


class Oracle(Toy):
    """Knows the suite by heart."""

    name = "oracle"

    def judge(self, model, hypothesis, generator):
        if is_vacuous(hypothesis):
            return Answer(0.5, verdict="untestable")
        return 1.0 if is_true(hypothesis) else 0.0


class AlwaysAccepts(Toy):
    name = "accepts"

    def judge(self, model, hypothesis, generator):
        return 1.0


class AlwaysRejects(Toy):
    name = "rejects"

    def judge(self, model, hypothesis, generator):
        return 0.0


class RandomScores(Toy):
    name = "random"

    def judge(self, model, hypothesis, generator):
        return torch.rand((), generator=generator).item()


class GlobalRandom(Toy):
    """Draws from one of the global generators."""

    def __init__(self, source):
        self.name = f"global-{source}"
        self.source = source

    def judge(self, model, hypothesis, generator):
        draw = {"torch": lambda: torch.rand(()).item(), "numpy": np.random.rand, "python": random.random}
        return draw[self.source]()


class HiddenRandom(Toy):
    """Draws from a source that no one can seed."""

    name = "hidden-random"

    def judge(self, model, hypothesis, generator):
        return int.from_bytes(os.urandom(4), "big") / 2**32


class TouchesGlobal(Toy):
    """Builds a module, which draws from the global state, and does not depend on it."""

    name = "touches-global"

    def judge(self, model, hypothesis, generator):
        torch.nn.Linear(3, 3)
        return 1.0 if is_true(hypothesis) else 0.0


class WrongOnPizza(Toy):
    """Right on one variant of model and wrong on another."""

    name = "wrong-on-pizza"

    def judge(self, model, hypothesis, generator):
        right = is_true(hypothesis)
        uniform = not model.weights.W_Q.any()
        return float(right != uniform)


class Raises(Toy):
    name = "raises"

    def judge(self, model, hypothesis, generator):
        raise ZeroDivisionError("no [bold]luck[/bold] <b>today</b>")


class Ranks(Oracle):
    """Scores well, and has neither verdicts nor a threshold."""

    name = "ranks"

    def judge(self, model, hypothesis, generator):
        return Answer(1.0 if is_true(hypothesis) else 0.0)


class Exits(Toy):
    name = "exits"

    def judge(self, model, hypothesis, generator):
        raise SystemExit(3)


class Spins(Toy):
    """Never ends, but can be interrupted."""

    name = "spins"

    def judge(self, model, hypothesis, generator):
        while True:
            pass


class Sleeps(Toy):
    """Never ends, and cannot be interrupted."""

    name = "sleeps"

    def judge(self, model, hypothesis, generator):
        threading.Event().wait()


class Returns(Toy):
    """Gives the same answer to everything."""

    def __init__(self, answer, name="returns"):
        self.name = name
        self.answer = answer

    def score(self, model, hypothesis, *, task, generator, budget):
        return self.answer


class Mutates(Toy):
    """Answers rightly and leaves a change behind; notes if it was ever given a changed model."""

    def __init__(self, what):
        self.name = f"mutates-{what}"
        self.what = what
        self.seen = []

    def judge(self, model, hypothesis, generator):
        self.seen.append(weights_sum(model))
        if self.what == "weights":
            model.weights.W_U.add_(1.0)
        elif self.what == "tokens":
            model.tokens[0, 0] += 1
        elif self.what == "hypothesis":
            hypothesis.nodes.pop(next(iter(hypothesis.nodes)))
        elif self.what == "graph":
            hypothesis.graph.nodes["n0"]["site"] = "elsewhere"
        elif self.what == "hook":
            model.bridge.add_hook("hook_embed", lambda value, hook: value)
        elif self.what == "bridge":
            model.bridge.state_dict()["embed.weight"].zero_()
        return 1.0


def weights_sum(model):
    return float(sum(value.double().sum() for value in model.weights.named().values()))


class Slow(Toy):
    """A deterministic random score that takes a while."""

    name = "slow"

    def __init__(self, seconds=0.004, log=None):
        self.seconds = seconds
        self._log = log

    def judge(self, model, hypothesis, generator):
        time.sleep(self.seconds)
        if self._log:
            with open(self._log, "a") as file:
                file.write(f"{hypothesis.hash} {model.weights.digest()}\n")
        return torch.rand((), generator=generator).item()


class Spy(Toy):
    """Writes down everything that it is given."""

    name = "spy"

    def __init__(self):
        self.given = []

    def score(self, model, hypothesis, *, task, generator, budget):
        self.given.append(
            {
                "model": (model.name, repr(model.provenance), repr(model.truth), repr(model.certificate)),
                "weights": model.weights.digest(),
                "task": repr(task),
                "hypothesis": repr(hypothesis),
                "graph": json.dumps(
                    [dict(hypothesis.graph.graph), list(hypothesis.graph.nodes(data=True))], default=repr
                ),
                "edges": repr(list(hypothesis.graph.edges(data=True))),
                "hash": hypothesis.hash,
                "seed": generator.initial_seed(),
                "budget": repr(budget),
            }
        )
        return Answer(number_of(hypothesis.hash), verdict="refuted")


def number_of(claim_hash):
    """A number for each claim, under which it is found again."""
    return int(hashlib.sha256(claim_hash.encode()).hexdigest()[:6], 16)


class FindsAll:
    """A finder that names the neurons and one site beside the point."""

    name = "finds"

    def __init__(self, right=1.0, wrong=0.0):
        self.right, self.wrong = right, wrong

    def find(self, model, *, task, generator, budget):
        sites = {
            "hook_embed[pos=0]": self.right,
            "hook_embed[pos=1]": self.right,
            POST: self.right,
            "blocks.0.hook_attn_out[pos=-1]": self.right,
            "blocks.0.hook_resid_post[pos=-1]": self.right,
            "logits": self.right,
            "hook_pos_embed[pos=0]": self.wrong,
            "blocks.0.hook_attn_out[pos=0]": self.wrong,
        }
        return Importances(sites=sites)


class FindsNothing:
    name = "finds-nothing"

    def find(self, model, *, task, generator, budget):
        return Importances(sites={})
