"""The one file of the oracle that knows scrubkit: weights come out as arrays, scores as numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import networkx as nx
import numpy as np
import torch
from transformer_lens.config import TransformerBridgeConfig
from transformer_lens.model_bridge.sources import boot_native

import scrubkit
from scrubkit.core.task import Rows
from scrubkit.families.modular.task import ModularTask
from scrubkit.families.modular.truth import ModularTruth
from scrubkit.models.model import Model
from scrubkit.models.record import ModelConfig, Provenance
from scrubkit.models.weights import random_weights
from tests.oracle.domain import Domain
from tests.oracle.machine import FunctionMachine, NetMachine
from tests.oracle.net import Block, Net, Norm

FIGURES = (
    "model_loss",
    "baseline_loss",
    "scrubbed_loss",
    "loss_recovered",
    "kl",
    "faithfulness",
    "agreement",
    "accuracy",
    "abs_loss_change",
    "worst_label_loss",
    "fidelity",
)


ITEMS = 4000
"""Draws that scrubkit makes in all where it samples: what fills one tile of its."""


@dataclass(frozen=True)
class Subject:
    """Something to score, as both sides see it.

    Attributes:
        name: what reports call it; `build` finds it again by this name.
        theirs: scores a graph with scrubkit.
        machine: the oracle's own.
        exact: whether scrubkit enumerates here; it samples everywhere.
        label: of a function graph, the right output of each row; `loss` judges by it.
    """

    name: str
    theirs: Callable[..., Any]
    machine: Any
    exact: bool = True
    label: np.ndarray | None = None
    loss: Callable[[Any, Any], Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def draws(self) -> int:
        """Passes that scrubkit makes where it samples."""
        return ITEMS // self.machine.domain.n


Refused = scrubkit.ScrubkitError


def numbers(score: Any) -> dict[str, tuple[float, float, float]]:
    """Return the figures of a score as (value, low, high)."""
    found = {}
    for name in FIGURES:
        figure = getattr(score, name)
        if figure is None:
            continue
        if isinstance(figure, int | float):
            found[name] = (float(figure),) * 3
        else:
            found[name] = (figure.value, figure.low, figure.high)
    return found


def domain_of(task: Any) -> Domain:
    """Return a modular task's dataset; its renamings are found here once more."""
    p = task.p
    token_index = np.full(task.d_vocab, -1)
    class_index = np.full(task.d_vocab_out, -1)
    order = p
    if task.name == "modular_multiplication":
        order = p - 1
        root = next(g for g in range(2, p) if len({pow(g, e, p) for e in range(order)}) == order)
        for exponent in range(order):
            token_index[pow(root, exponent, p)] = class_index[pow(root, exponent, p)] = exponent
    else:
        token_index[:p] = class_index[:p] = np.arange(p)
    n = len(task.tokens)
    weights = np.ones(n) if task.weights is None else np.asarray(task.weights, dtype=float)
    return Domain(
        columns={name: np.asarray(column) for name, column in task.columns.items()},
        constants=dict(task.constants),
        tokens=np.asarray(task.tokens),
        weights=weights / weights.sum(),
        labels=np.asarray(task.labels),
        token_index=token_index,
        class_index=class_index,
        order=order,
    )


def net_of_model(model: Model) -> Net:
    """Return a model's weights as a net."""
    w = {name: value.double().numpy() for name, value in model.weights.tensors.items()}

    def norm(at: str) -> Norm | None:
        return Norm(w[f"{at}.w"], w.get(f"{at}.b")) if f"{at}.w" in w else None

    blocks = []
    for layer in range(model.config.n_layers):
        at = f"blocks.{layer}."
        mine = {n.rsplit(".", 1)[1]: w[n] for n in w if n.startswith((at + "attn.", at + "mlp."))}
        blocks.append(Block(**mine, ln1=norm(at + "ln1"), ln2=norm(at + "ln2")))
    return Net(
        w["embed.W_E"],
        w["pos_embed.W_pos"],
        tuple(blocks),
        w["unembed.W_U"],
        w["unembed.b_U"],
        ln_final=norm("ln_final"),
        activation=model.config.act_fn,
        causal=model.config.attention == "causal",
        eps=model.config.eps,
    )


def net_of_bridge(bridge: Any) -> Net:
    """Return a native bridge's weights as a net."""
    config, state = bridge.cfg, {k: v.double().numpy() for k, v in bridge.state_dict().items()}
    h, e = config.n_heads, config.d_head

    def norm(name: str) -> Norm | None:
        return Norm(state[f"{name}.weight"], state[f"{name}.bias"]) if f"{name}.weight" in state else None

    blocks = []
    for layer in range(config.n_layers):
        at = f"blocks.{layer}."
        tensors: dict[str, Any] = {}
        for name in "qkv":
            weight = state[f"{at}attn.{name}.weight"]
            tensors[f"W_{name.upper()}"] = weight.reshape(h, e, -1).transpose(0, 2, 1)
            tensors[f"b_{name.upper()}"] = state[f"{at}attn.{name}.bias"].reshape(h, e)
        tensors["W_O"] = state[f"{at}attn.o.weight"].T.reshape(h, e, -1)
        tensors["b_O"] = state[f"{at}attn.o.bias"]
        for name in ("in", "out"):
            tensors[f"W_{name}"] = state[f"{at}mlp.{name}.weight"].T
            tensors[f"b_{name}"] = state[f"{at}mlp.{name}.bias"]
        blocks.append(Block(**tensors, ln1=norm(at + "ln1"), ln2=norm(at + "ln2")))
    W_U = state["unembed.weight"].T
    return Net(
        state["embed.weight"],
        state["pos_embed.weight"],
        tuple(blocks),
        W_U,
        state.get("unembed.bias", np.zeros(W_U.shape[1])),
        ln_final=norm("ln_final"),
        activation=config.act_fn,
        causal=config.attention_dir == "causal",
        eps=config.eps,
    )


def model_subject(name: str, model: Model, *, public: bool = False) -> Subject:
    """Return one of our models as a subject, in float64.

    Args:
        name: what reports call it.
        model: the model.
        public: score by `scrubkit.score`, which makes its tables anew; otherwise by one scorer.
    """
    scorer = scrubkit.Scorer(model, device="cpu", dtype=torch.float64)

    def score(graph: nx.DiGraph, **options: Any) -> Any:
        return scrubkit.score(model, graph, device="cpu", dtype=torch.float64, **options)

    machine = NetMachine(net_of_model(model), domain_of(model.task), model.truth)
    extra = {"task": model.task.name}
    return Subject(name, score if public else scorer.score, machine, extra=extra)


def bridge_subject(name: str, bridge: Any, task: Any, truth: Any, *, exact: bool = False) -> Subject:
    """Return a bridge as a subject; each of its runs is slow, so it enumerates only where told to."""
    scorer = scrubkit.BridgeScorer(bridge, task, truth=truth, name=name)
    machine = NetMachine(net_of_bridge(bridge), domain_of(task), truth)
    extra = {"task": task.name, "subject": scorer.subject}
    return Subject(name, scorer.score, machine, exact=exact, extra=extra)


def bases(prefix: str, width: int) -> dict[str, list[list[float]]]:
    """Subspaces that nest (r1 in r2; t2 spans r2 too), overlap (s2 and r2) and do not meet (r2 and q2)."""
    basis, _ = np.linalg.qr(np.random.default_rng(width).standard_normal((width, width)))
    turn = np.array([[math.cos(1.0), math.sin(1.0)], [-math.sin(1.0), math.cos(1.0)]])
    slanted = basis[:, [1, 2]].T.copy()
    slanted[0] = (slanted[0] + basis[:, 3]) / math.sqrt(2)
    rows = {
        "r1": basis[:, :1].T,
        "r2": basis[:, :2].T,
        "t2": turn @ basis[:, :2].T,
        "s2": slanted,
        "q2": basis[:, -2:].T,
    }
    return {f"{prefix}_{name}": value.tolist() for name, value in rows.items()}


def _truth(task: Any, d_model: int) -> ModularTruth:
    order = task.p - (task.name == "modular_multiplication")
    return ModularTruth(
        source="construction",
        variant="random",
        p=task.p,
        frequencies=(1,),
        clusters={1: (0, 2, 5), order // 2: (1, 4)},
        n_neurons=8,
        subspaces={"plane": bases("d", d_model)["d_r2"]},
    )


class FewRows(ModularTask):
    """Addition on some pairs only, which may repeat, each with a weight if there are any."""

    def __init__(self, p: int, pairs: Sequence[tuple[int, int]], weights: Sequence[float] | None) -> None:
        super().__init__("modular_addition", p)
        at = [a * p + b for a, b in pairs]
        whole = super().rows()
        mass = None if weights is None else np.array(weights, dtype=float)
        columns = {name: np.asarray(column)[at] for name, column in whole.columns.items()}
        self._some = Rows(whole.tokens[at], np.asarray(whole.labels)[at], columns, mass)
        self.n_inputs = len(at)

    def rows(self) -> Rows:
        """Return the dataset."""
        return self._some


def few_rows(p: int, seed: int, n: int, *, weighted: bool) -> FewRows:
    """Return some random pairs of which at least one comes twice, weighted or not."""
    rng = np.random.default_rng(seed)
    pairs = [(int(a), int(b)) for a, b in rng.integers(p, size=(n - 1, 2))]
    weights = rng.integers(1, 6, size=n).astype(float).tolist() if weighted else None
    return FewRows(p, [*pairs, pairs[0]], weights)


def untrained(name: str, task: Any, seed: int, *, public: bool = False, **options: Any) -> Subject:
    """A model of random weights and biases, whose truth names clusters and subspaces."""
    sizes = {"d_model": 6, "n_heads": 2, "d_head": 4, "d_mlp": 8, **options}
    config = ModelConfig.for_task(task, **sizes)
    rng = torch.Generator().manual_seed(seed)
    weights = random_weights(config, rng)
    changed = {}
    for full, value in weights.tensors.items():
        last = full.rsplit(".", 1)[1]
        if last[0] == "b":
            changed[full] = torch.randn(value.shape, generator=rng) / 3
        elif last == "w":
            changed[full] = 1 + torch.randn(value.shape, generator=rng) / 3
        elif last in ("W_Q", "W_K"):
            changed[full] = 1.5 * value
    made = Model(name, task, config, weights.with_(**changed), Provenance(kind="trained"), _truth(task, 6))
    return model_subject(name, made, public=public)


def bridge(
    name: str,
    task: Any,
    *,
    layers: int,
    norm: str | None = None,
    act: str = "relu",
    causal: bool = True,
    seed: int = 0,
    exact: bool = False,
) -> Subject:
    """A native bridge of random weights, in float64."""
    config = TransformerBridgeConfig(
        n_layers=layers,
        d_model=6,
        n_heads=2,
        d_head=4,
        d_mlp=8,
        n_ctx=task.n_ctx,
        d_vocab=task.d_vocab,
        d_vocab_out=task.d_vocab_out,
        act_fn=act,
        normalization_type=norm,
        attention_dir="causal" if causal else "bidirectional",
        seed=seed,
    )
    made = boot_native(config).to(dtype=torch.float64)
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng, dtype=torch.float64) / 2)
    return bridge_subject(name, made, task, _truth(task, 6), exact=exact)


def compiled(name: str, **options: Any) -> Subject:
    """A model compiled with distractors; bases of our own are added to those that its truth names."""
    made = scrubkit.compile_model(**options)
    return model_subject(name, made)


def functions_subject(
    name: str,
    functions: Mapping[str, tuple[Sequence[str], Callable[..., Any]]],
    columns: Mapping[str, np.ndarray],
    weights: np.ndarray | None,
    label: str,
    loss: Callable[[Any, Any], Any],
) -> Subject:
    """A graph of functions as both sides see it; functions work on numpy arrays and tensors alike."""
    graph = nx.DiGraph()
    graph.add_nodes_from(columns)
    for node, (parents, function) in functions.items():
        graph.add_node(node, fn=_named(parents, function))
        graph.add_edges_from((parent, node) for parent in parents)
    inputs = {key: torch.from_numpy(np.asarray(column)) for key, column in columns.items()}
    theirs = scrubkit.FunctionGraph(graph, inputs, None if weights is None else torch.from_numpy(weights))
    n = len(next(iter(columns.values())))
    chance = np.full(n, 1 / n) if weights is None else weights / weights.sum()
    domain = Domain(columns, {}, np.column_stack(list(columns.values())), chance)
    right = np.array([value[0] for value in domain.feature(label)])

    def score(hypothesis: nx.DiGraph, **options: Any) -> Any:
        return scrubkit.scrub(theirs, hypothesis, label=label, loss=loss, **options)

    return Subject(name, score, FunctionMachine(functions, domain), label=right, loss=loss)


def _named(parents: Sequence[str], function: Callable[..., Any]) -> Callable[..., Any]:
    def call(**values: Any) -> Any:
        return function(*(values[parent] for parent in parents))

    return call


@cache
def build(name: str) -> Subject:
    """Return the subject of a name."""
    return MODELS[name](name)


MODELS: Mapping[str, Callable[[str], Subject]] = {
    "untrained-p5": lambda name: untrained(name, scrubkit.ModularAddition(5), 0),
    "untrained-p7": lambda name: untrained(name, scrubkit.ModularAddition(7), 1),
    "untrained-mul-p5": lambda name: untrained(name, scrubkit.ModularMultiplication(5), 2),
    "untrained-sub-p5": lambda name: untrained(name, scrubkit.ModularSubtraction(5), 3),
    "untrained-two-tokens-p5": lambda name: untrained(
        name, ModularTask("modular_addition", 5, equals=False), 4
    ),
    "compiled-pizza-p5": lambda name: compiled(
        name,
        variant="pizza",
        p=5,
        frequencies=[1],
        distractors={"decoy_heads": 1, "decoy_neurons": 2, "dead_frequencies": [2]},
        rotate=True,
        permute=True,
    ),
    "compiled-clock-p7": lambda name: compiled(
        name, variant="clock-torus", p=7, frequencies=[1], distractors={"cancelling_heads": 1}, rotate=True
    ),
    "weighted-p5": lambda name: untrained(name, few_rows(5, 0, 8, weighted=True), 5),
    "few-rows-p7": lambda name: untrained(name, few_rows(7, 1, 7, weighted=False), 6),
    "two-blocks": lambda name: untrained(name, few_rows(5, 2, 8, weighted=False), 7, public=True, n_layers=2),
    "two-blocks-norm": lambda name: untrained(
        name,
        few_rows(5, 3, 8, weighted=True),
        8,
        public=True,
        n_layers=2,
        normalization="LN",
        act_fn="gelu",
    ),
    "two-blocks-both-ways": lambda name: untrained(
        name,
        few_rows(5, 4, 7, weighted=False),
        9,
        public=True,
        n_layers=2,
        normalization="RMS",
        act_fn="silu",
        attention="bidirectional",
    ),
    "two-blocks-of-attention": lambda name: untrained(
        name, few_rows(5, 5, 8, weighted=True), 10, public=True, n_layers=2, d_mlp=0
    ),
    "bridge-two-layers": lambda name: bridge(name, scrubkit.ModularAddition(5), layers=2, seed=5),
    "bridge-two-layers-norm": lambda name: bridge(
        name, scrubkit.ModularAddition(5), layers=2, norm="LN", act="gelu", seed=6
    ),
    "bridge-norm-p7": lambda name: bridge(
        name, scrubkit.ModularAddition(7), layers=1, norm="LN", act="gelu_new", seed=7
    ),
    "bridge-both-ways": lambda name: bridge(
        name, scrubkit.ModularAddition(5), layers=2, norm="LN", causal=False, seed=8
    ),
    "bridge-few-rows": lambda name: bridge(
        name, few_rows(5, 6, 5, weighted=True), layers=1, norm="LN", seed=9, exact=True
    ),
    "modadd-p59": lambda name: model_subject(name, scrubkit.load(name)),
    "clock-torus-p59": lambda name: model_subject(name, scrubkit.load(name)),
}
