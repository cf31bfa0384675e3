"""Circuits of other tools: what they mean here, what ours mean there, and that nothing is lost on the way."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from scrubkit.cli.app import app
from scrubkit.core.architecture import Architecture
from scrubkit.errors import HypothesisError
from scrubkit.families.modular.compile import compile_model
from scrubkit.families.modular.task import ModularAddition
from scrubkit.formats import EapGraph, from_eap, read_eap, to_eap
from scrubkit.formats.components import Components
from scrubkit.hypothesis import Hypothesis, from_graph, load_hypothesis
from scrubkit.models.model import Model
from scrubkit.models.store import save
from scrubkit.scrubbing.evaluate import scrub_rows
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.sampling import Draws
from scrubkit.scrubbing.scoring import Scorer
from scrubkit.subjects.bridge import BridgeSubject
from scrubkit.subjects.sites import Sites


@pytest.fixture(scope="module")
def model() -> Model:
    """Pizza mod 7, with noise on the weights so that every edge carries something."""
    made = compile_model(variant="pizza", p=7, frequencies=(2,))
    generator = torch.Generator().manual_seed(0)
    weights = {
        name: value + 0.2 * value.std() * torch.randn(value.shape, generator=generator)
        if value.ndim > 1
        else value
        for name, value in made.weights.short().items()
    }
    return made.with_(weights=made.weights.with_(**weights))


def graph_of(inside: set[str], n_heads: int, n_layers: int = 1, **changes: Any) -> dict[str, Any]:
    """A graph as the tools write it."""
    components = Components(n_layers, n_heads)
    cfg = {"n_layers": n_layers, "n_heads": n_heads, "parallel_attn_mlp": False, "d_model": 16}
    nodes = {name: {"in_graph": True} for name in components.names}
    every = {name: {"score": 0.5, "in_graph": name in inside} for name in components.edge_names}
    return {"cfg": cfg, "nodes": nodes, "edges": every, **changes}


def written(folder: Path, graph: Any) -> Path:
    path = folder / "graph.json"
    path.write_text(graph if isinstance(graph, str) else json.dumps(graph))
    return path


def circuit(folder: Path, graph: dict[str, Any], **options: Any) -> Hypothesis:
    return from_eap(read_eap(written(folder, graph)), **options)


def inside(claim: Hypothesis) -> set[str]:
    return {name for name, node in claim.nodes.items() if not node.unimportant}


def marked(graph: EapGraph) -> set[str]:
    return {name for name, edge in graph.edges.items() if edge.in_graph}


def random_edges(components: Components, seed: int, share: float = 0.6) -> set[str]:
    chooser = random.Random(seed)
    return {name for name in components.edge_names if chooser.random() < share}


def patched(model: Model, edges: set[str], rows: Tensor, others: Tensor) -> Tensor:
    """Logits with the edges outside the circuit at their values on the other inputs, by hand."""
    w = model.weights.to(torch.float64)

    def mixed(reader: str, here: dict[str, Tensor], there: dict[str, Tensor]) -> Tensor:
        constant = w.W_pos[: model.task.n_ctx]
        parts = [here[s] if f"{s}->{reader}" in edges else there[s] for s in there]
        return constant + sum(parts, torch.zeros(()))

    def forward(tokens: Tensor, there: dict[str, Tensor] | None) -> dict[str, Tensor]:
        here = {"input": w.W_E[tokens]}
        before = dict(here)
        for h in range(model.config.n_heads):
            q, k, v = (
                mixed(f"a0.h{h}<{x}>", here, before if there is None else {"input": there["input"]})
                for x in "qkv"
            )
            scores = (q[:, -1] @ w.W_Q[h] + w.b_Q[h])[:, None] * (k @ w.W_K[h] + w.b_K[h])
            pattern = (scores.sum(-1) / model.config.d_head**0.5).softmax(-1)
            z = (pattern[..., None] * (v @ w.W_V[h] + w.b_V[h])).sum(1)
            here[f"a0.h{h}"] = (z @ w.W_O[h])[:, None]
        known = dict(here)
        upto = known if there is None else {name: there[name] for name in known}
        x = mixed("m0", known, upto)[:, -1:] + w.b_O
        here["m0"] = torch.relu(x @ w.W_in + w.b_in) @ w.W_out
        last = {name: value[:, -1:] for name, value in here.items()}
        ends = last if there is None else {name: there[name][:, -1:] for name in last}
        resid = w.W_pos[model.task.n_ctx - 1] + w.b_O + w.b_out
        parts = [last[s] if f"{s}->logits" in edges else ends[s] for s in ends]
        here["logits"] = ((resid + sum(parts, torch.zeros(())))[:, 0]) @ w.W_U + w.b_U
        return here

    tokens = model.tokens
    return forward(tokens[rows], forward(tokens[others], None))["logits"]


@pytest.mark.parametrize("seed", range(8))
def test_a_circuit_is_scrubbed_as_its_tools_patch_it(tmp_path: Path, model: Model, seed: int) -> None:
    components = Components(1, model.config.n_heads)
    edges = random_edges(components, seed) | {"input->m0", "m0->logits"}
    claim = circuit(tmp_path, graph_of(edges, model.config.n_heads))
    subject = BridgeSubject.of(model, torch.float64)
    plan = bind(claim, subject)
    draws = Draws(seed, subject.n_inputs, range(subject.n_inputs), torch.device("cpu"))
    others = plan.anyone.draw(draws.rows, draws.numbers(plan.root.other_stream))
    kept = marked(to_eap(claim, Sites.of(model)))
    expected = patched(model, edges, draws.rows, others)
    assert (expected - patched(model, set(), draws.rows, others)).abs().max() > 1e-3
    torch.testing.assert_close(scrub_rows(subject, plan, draws)[:, 0], expected, atol=1e-9, rtol=0)
    torch.testing.assert_close(patched(model, kept, draws.rows, others), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_layers", [1, 2])
def test_there_and_back(tmp_path: Path, seed: int, n_layers: int) -> None:
    components = Components(n_layers, 2)
    edges = random_edges(components, seed) | {"input->m0", "m0->logits"}
    sites = _sites(n_layers)
    once = to_eap(circuit(tmp_path, graph_of(edges, 2, n_layers)), sites)
    again = to_eap(circuit(tmp_path, once.model_dump(exclude_none=True)), sites)
    assert again == once
    assert marked(once) <= edges
    assert once.edges["m0->logits"].in_graph
    assert list(once.edges) == list(components.edge_names)


def _sites(n_layers: int) -> Sites:
    task = ModularAddition(7)
    decompositions = {key: found.size for key, found in task.decompositions.items()}
    return Sites(task, Architecture(n_layers, 3, 16, 2, 8, 32, 7, decompositions=decompositions), None, "")


def test_what_is_on_no_way_to_the_logits_is_dropped(tmp_path: Path) -> None:
    edges = {"input->a0.h0<q>", "a0.h0->m0", "input->m0", "input->logits", "a0.h1->logits"}
    claim = circuit(tmp_path, graph_of(edges, 2))
    assert inside(claim) == {"input", "logits"}


def test_a_node_outside_takes_its_edges_along(tmp_path: Path) -> None:
    graph = graph_of({"input->m0", "m0->logits", "input->logits"}, 1)
    graph["nodes"]["m0"] = False
    claim = circuit(tmp_path, graph)
    assert inside(claim) == {"input", "logits"}


def test_edges_by_score(tmp_path: Path) -> None:
    graph = graph_of(set(), 1)
    for name, score in {"input->m0": -3.0, "m0->logits": 2.0, "input->logits": 1.0}.items():
        graph["edges"][name]["score"] = score
    assert inside(circuit(tmp_path, graph, top=2)) == {"input", "m0", "logits"}
    graph["edges"]["a0.h0->m0"]["score"] = float("nan")
    with pytest.raises(HypothesisError, match="'a0.h0->m0' has no score"):
        circuit(tmp_path, graph, top=2)


def test_the_whole_model_is_untestable_and_its_halves_differ(tmp_path: Path, model: Model) -> None:
    heads = model.config.n_heads
    names = set(Components(1, heads).edge_names)
    scorer = Scorer(model)
    whole = scorer.score(circuit(tmp_path, graph_of(names, heads)), draws=2)
    assert whole.verdict == "untestable"
    without = {name for name in names if name != "m0->logits"}
    cut = scorer.score(circuit(tmp_path, graph_of(without, heads)), draws=2)
    assert cut.verdict == "refuted"


def test_parts_become_their_components() -> None:
    graph = nx.DiGraph()
    graph.add_node("e", site="hook_embed[pos=0]", feature="a")
    graph.add_node("p", site="blocks.0.attn.hook_pattern[head=1]", feature="a")
    graph.add_node("n", site="blocks.0.mlp.hook_post[neurons=0-3]", feature="a")
    graph.add_node("out", site="logits")
    graph.add_edges_from([("e", "p"), ("p", "n"), ("n", "out")])
    found = to_eap(from_graph(graph), _sites(1))
    assert marked(found) == {"input->a0.h1<q>", "input->a0.h1<k>", "a0.h1->m0", "m0->logits"}
    assert {name for name, node in found.nodes.items() if node.in_graph} == {"input", "a0.h1", "m0", "logits"}


def test_all_before_a_leaf_is_in_the_circuit() -> None:
    graph = nx.DiGraph()
    graph.add_node("mid", site="blocks.0.hook_resid_mid", feature="a")
    graph.add_node("n", site="blocks.0.hook_mlp_out", feature="a")
    graph.add_node("out", site="logits")
    graph.add_edges_from([("mid", "n"), ("n", "out")])
    found = to_eap(from_graph(graph), _sites(1))
    outside = {name for name, edge in found.edges.items() if not edge.in_graph}
    assert outside == {"input->logits", "a0.h0->logits", "a0.h1->logits"}


def test_direct_paths_are_single_edges() -> None:
    graph = nx.DiGraph()
    graph.add_node("e", site="hook_embed", feature="a")
    graph.add_node("out", site="logits")
    graph.add_edge("e", "out", paths="direct")
    direct = to_eap(from_graph(graph), _sites(1))
    assert marked(direct) == {"input->logits"}


BAD: dict[str, tuple[Any, str]] = {
    "text": ("{", "not JSON"),
    "deep": ("[" * 100_000, "not JSON"),
    "list": ([], "file: "),
    "no_edges": ({"cfg": {"n_layers": 1, "n_heads": 1, "d_model": 2}, "nodes": {}}, "edges: "),
    "sizes": (graph_of(set(), 1, cfg={"n_layers": 10**9, "n_heads": 1, "d_model": 2}), "n_layers"),
    "many": (graph_of(set(), 1, cfg={"n_layers": 900, "n_heads": 900, "d_model": 2}), "components"),
    "parallel": (
        graph_of(set(), 1, cfg={"n_layers": 1, "n_heads": 1, "d_model": 2, "parallel_attn_mlp": True}),
        "parallel_attn_mlp",
    ),
    "unknown_edge": (graph_of(set(), 1, edges={"m0->input": {"in_graph": True}}), "no edge 'm0->input'"),
    "unknown_node": (graph_of(set(), 1, nodes={"a0.h7": {"in_graph": True}}), "no node 'a0.h7'"),
    "neurons": (
        graph_of(set(), 1, nodes={"m0": {"in_graph": True, "neurons": [True, False]}}),
        "1 of 2 dimensions",
    ),
    "nothing": (graph_of(set(), 1), "none of the 0 edges"),
    "many_faults": (graph_of(set(), 1, edges={f"x{i}": {"in_graph": True} for i in range(90)}), "40 more"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_graphs(tmp_path: Path, name: str) -> None:
    graph, message = BAD[name]
    with pytest.raises(HypothesisError, match=message):
        circuit(tmp_path, graph)


def test_commands(tmp_path: Path, model: Model) -> None:
    folder = str(save(model, tmp_path / "model"))
    source = written(tmp_path, graph_of({"input->m0", "m0->logits"}, model.config.n_heads))
    made, back = tmp_path / "claim.json", tmp_path / "back.json"
    run = CliRunner()
    assert run.invoke(app, ["import-circuit", str(source), "--out", str(made)]).exit_code == 0
    assert inside(load_hypothesis(made)) == {"input", "m0", "logits"}
    options = ["--format", "eap", "--model", folder, "--out", str(back), "--no-code"]
    result = run.invoke(app, ["export", str(made), *options])
    assert result.exit_code == 0, result.output
    assert marked(read_eap(back)) == {
        "input->m0",
        "m0->logits",
    }
    assert isinstance(run.invoke(app, ["export", str(made), *options]).exception, HypothesisError)
    again = tmp_path / "several"
    assert run.invoke(app, ["export", str(made), "--model", folder, "--out", str(again)]).exit_code == 0
    assert load_hypothesis(again / "claim.json").hash == load_hypothesis(made).hash
