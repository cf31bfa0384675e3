"""A family of one model, as a package of its own: which of two digits is the larger?

Block 0 moves the first digit to the second and takes gap = max(x1 - x0, 0); block 1 takes min(gap, 1), which
says whether x0 < x1. Every weight is set by hand.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import networkx as nx
import numpy as np

from scrubkit.core.task import Task
from scrubkit.models.config import ModelConfig
from scrubkit.models.family import Family, Mutator, NamedModel
from scrubkit.models.model import Model
from scrubkit.models.record import Provenance, Statement, Truth
from scrubkit.models.weights import zeros

DIGIT, MOVED, FIRST, SECOND, GAP, LESS = range(6)
"""What each direction of the residual stream holds."""
SHARP, SURE = 60.0, 8.0
"""Score of the position attended to, and distance of the two logits."""


class LessTask(Task):
    """Two digits below ``v``; is the first the smaller?"""

    family = "tiny"

    def __init__(self, v: int = 5) -> None:
        rows = np.array(list(itertools.product(range(v), repeat=2)))
        x0, x1 = rows.T
        variables = {"x0": x0, "x1": x1}
        super().__init__("less", tokens=rows, labels=1 * (x0 < x1), variables=variables, constants={"v": v})


class LessTruth(Truth):
    """What the weights were set to do; its names are those of the neurons."""

    family: str = "tiny"
    largest: int


def build(v: int = 5) -> Model:
    """Set the weights."""
    task = LessTask(v)
    config = ModelConfig.for_task(task, d_model=6, n_heads=1, d_head=1, d_mlp=4, n_layers=2)
    weights = zeros(config)
    embed, place, unembed = weights["embed.W_E"], weights["pos_embed.W_pos"], weights["unembed.W_U"]
    embed[:, DIGIT] = embed.new_tensor(range(v))
    place[0, FIRST] = place[1, SECOND] = 1
    first, second = weights.block(0), weights.block(1)
    first["attn.W_Q"][0, SECOND, 0], first["attn.W_K"][0, FIRST, 0] = SHARP, 1
    first["attn.W_V"][0, DIGIT, 0] = first["attn.W_O"][0, 0, MOVED] = 1
    first["mlp.W_in"][DIGIT, 0], first["mlp.W_in"][MOVED, 0] = 1, -1
    first["mlp.W_out"][0, GAP] = 1
    second["mlp.W_in"][GAP, 0] = second["mlp.W_in"][GAP, 1] = 1
    second["mlp.b_in"][1] = -1
    second["mlp.W_out"][0, LESS], second["mlp.W_out"][1, LESS] = 1, -1
    unembed[LESS, 0], unembed[LESS, 1] = -SURE, SURE
    weights["unembed.b_U"][0] = SURE
    truth = LessTruth(
        source="construction",
        variant="steps",
        largest=v - 1,
        parts={"neurons": {"gap": (0,), "step": (0, 1)}},
        statements=tuple(Statement(site=site, feature=said, exact=True) for site, said in SITES.values()),
    )
    return Model("less-5", task, config, weights, Provenance(kind="compiled"), truth)


SITES: Mapping[str, tuple[str, str]] = {
    "x0": ("hook_embed[pos=0]", "x0"),
    "x1": ("hook_embed[pos=1]", "x1"),
    "moved": ("blocks.0.attn.hook_z[pos=1, head=0]", "x0"),
    "gap": ("blocks.0.mlp.hook_post[pos=1, neurons=gap]", "max(x0, x1) - x0"),
    "steps": ("blocks.1.mlp.hook_post[pos=1, neurons=step]", "max(x0, x1) - x0"),
    "less": ("blocks.1.hook_mlp_out[pos=1]", "x0 < x1"),
}
"""Site and feature of all that the model computes."""

CLAIMS: Mapping[str, list[tuple[str, str]]] = {
    "digits-gap-less": [("x0", "gap"), ("x1", "gap"), ("gap", "less"), ("less", "out")],
    "by-the-head": [("x0", "moved"), ("moved", "gap"), ("x1", "gap"), ("gap", "steps"), ("steps", "out")],
    "answer-only": [("less", "out")],
}
"""Edges of each true hypothesis."""


def claim(name: str) -> nx.DiGraph:
    """Return a true hypothesis."""
    graph = nx.DiGraph(CLAIMS[name], name=name, task="less")
    for node in graph:
        graph.nodes[node].update(zip(("site", "feature"), SITES[node], strict=True) if node in SITES else ())
    graph.nodes["out"]["site"] = "logits"
    return graph


def other_way(graph: nx.DiGraph, model: Model, rng: np.random.Generator) -> nx.DiGraph | None:
    """Resampling the digits in what is said of one node."""
    said = [node for node in graph if "feature" in graph.nodes[node]]
    turned, node = graph.copy(), str(rng.choice(sorted(said)))
    turned.nodes[node]["feature"] = graph.nodes[node]["feature"].translate(str.maketrans("01", "10"))
    return turned


class TinyFamily(Family):
    """One model, three hypotheses, one way to be wrong."""

    name = "tiny"
    title = "which of two digits is the larger"
    tasks = ("less",)
    truth_type = LessTruth

    @property
    def models(self) -> Mapping[str, NamedModel]:
        return {"less-5": NamedModel(build=build, key=lambda: "1" * 16, task="less", known="steps")}

    @property
    def mutators(self) -> Mapping[str, Mutator]:
        return {"other_way": other_way}

    def task(self, name: str, options: Mapping[str, Any]) -> Task:
        return LessTask(**options)

    def task_options(self, task: Task) -> dict[str, Any]:
        return {"v": task.constants["v"]}

    def hypotheses(self, model: Model) -> Mapping[str, nx.DiGraph]:
        return {name: claim(name) for name in CLAIMS}


FAMILY = TinyFamily()
