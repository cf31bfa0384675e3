"""What every built-in method keeps to, and what the simpler ones can and cannot see."""

from typing import Any

import networkx as nx
import pytest
import torch

from scrubkit.methods.protocol import Budget, Finder, Scorer
from scrubkit.methods.registry import builtin_methods, find_method
from tests.methods.conftest import (
    KEYS,
    POST,
    Z,
    ask,
    bare,
    clusters,
    compiled,
    frequencies,
    heads,
    idle,
    with_decoy,
)

BLIND = {"random-scores", "zero-ablation", "text-only", "text-and-spectra", "selective-probe"}
"""Scorers of which no right answer is expected."""
SCORERS = [name for name in builtin_methods() if isinstance(find_method(name), Scorer)]
FINDERS = [name for name in builtin_methods() if isinstance(find_method(name), Finder)]
SLOW = ("das", "boundless-das", "nonlinear-alignment")


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("name", [n for n in SCORERS if n not in SLOW])
def test_a_scorer_repeats_itself_and_leaves_the_model_as_it_was(name: str) -> None:
    model = compiled("clock-torus", planted=False)
    digest = model.weights.digest()
    before = torch.get_rng_state()
    first, second = (ask(name, model, clusters("clock-torus"), seed=3) for _ in range(2))
    assert first == second
    assert torch.equal(torch.get_rng_state(), before)
    assert model.weights.digest() == digest
    assert first.evaluations is not None
    low, high = first.interval or (first.score, first.score)
    assert low <= first.score <= high


@pytest.mark.parametrize("name", [n for n in SCORERS if n not in {*BLIND, *SLOW}])
def test_a_scorer_accepts_the_clock(name: str) -> None:
    answer = ask(name, compiled("clock-torus", planted=False), clusters("clock-torus"))
    verdict = answer.verdict or ("supported" if answer.score >= threshold(name) else "refuted")
    assert verdict == "supported", (answer.score, answer.notes)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("name", [n for n in SCORERS if n not in (*SLOW, "random-scores")])
@pytest.mark.parametrize("variant", ["pizza", "clock-torus", "clock-attention"])
def test_a_scorer_takes_every_variant(name: str, variant: str) -> None:
    model = compiled(variant)
    for graph in (frequencies(KEYS), heads(model, idle(model))):
        assert torch.isfinite(torch.tensor(ask(name, model, graph).score))


def threshold(name: str) -> float:
    method: Any = find_method(name)
    return method.threshold


def test_causal_scrubbing_is_fooled_by_parts_that_do_nothing() -> None:
    model = compiled("clock-torus")
    graph = with_decoy(model, clusters("clock-torus"))
    assert ask("causal-scrubbing", model, graph).verdict == "supported"
    assert (
        ask("causal-scrubbing", model, clusters("clock-torus", claim={"feature": "a"})).verdict == "refuted"
    )


def test_the_linear_probe_is_fooled_by_a_frequency_that_nothing_reads() -> None:
    model = compiled("pizza", dead=(3,))
    graph = frequencies((*KEYS, 3))
    assert ask("linear-probe", model, graph).score >= threshold("linear-probe")
    assert ask("causal-scrubbing", model, graph).verdict == "supported"
    assert ask("audited-scrubbing", model, graph).verdict == "refuted"


@pytest.mark.parametrize("name", ["zero-ablation", "mean-ablation", "resample-ablation", "path-patching"])
def test_ablation_sees_a_missing_site_and_no_wrong_feature(name: str) -> None:
    model = compiled("pizza", planted=False)
    assert ask(name, model, clusters("pizza", keys=KEYS[:1])).score < threshold(name)
    assert ask(name, model, clusters("pizza", claim={"feature": "b"})).score >= threshold(name)


def test_an_interchange_tells_a_right_variable_from_a_wrong_one() -> None:
    model = compiled("clock-torus", planted=False)
    right = ask("interchange-accuracy", model, clusters("clock-torus"))
    wrong = ask("interchange-accuracy", model, clusters("clock-torus", a_at=1, b_at=0))
    assert right.score == 1
    assert wrong.score < 0.7


def test_circuit_tests_refuse_a_part_that_is_not_needed_and_a_circuit_that_is_not_whole() -> None:
    model = compiled("clock-torus")
    assert ask("circuit-tests", model, clusters("clock-torus")).verdict == "supported"
    assert ask("circuit-tests", model, with_decoy(model, clusters("clock-torus"))).verdict == "refuted"
    pizza = compiled("pizza", planted=False)
    assert ask("circuit-tests", pizza, clusters("pizza", keys=KEYS[:1])).verdict == "refuted"


def test_das_learns_the_sum_and_leaves_the_model_and_the_global_state_alone() -> None:
    model = compiled("clock-torus", planted=False)
    graph = nx.DiGraph()
    graph.add_node("logits", site="logits")
    graph.add_node("path", site="blocks.0.hook_mlp_out[pos=-1]", feature="(a + b) % p")
    graph.add_edge("path", "logits")
    digest, before = model.weights.digest(), torch.get_rng_state()
    first, second = (ask("das", model, graph, seed=3) for _ in range(2))
    assert first == second
    assert first.score >= threshold("das")
    assert torch.equal(torch.get_rng_state(), before)
    assert model.weights.digest() == digest
    graph.nodes["path"]["feature"] = "(a - b) % p"
    assert ask("das", model, graph).score < 0.5


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("name", FINDERS)
def test_a_finder_names_sites_of_the_model_and_repeats_itself(name: str) -> None:
    model = bare(compiled("pizza"))
    found = [find(name, model) for _ in range(2)]
    assert found[0] == found[1]
    assert {"hook_embed[pos=0]", f"{Z}[pos=-1, head=0]"} <= set(found[0].sites)


@pytest.mark.parametrize("name", [n for n in FINDERS if n != "random-scores"])
def test_a_finder_puts_the_heads_in_use_above_those_that_do_nothing(name: str) -> None:
    model = compiled("pizza")
    sites = find(name, bare(model)).sites
    unused = idle(model)
    used = [h for h in range(model.config.n_heads) if h not in unused]
    assert min(sites[f"{Z}[pos=-1, head={h}]"] for h in used) > max(
        sites[f"{Z}[pos=-1, head={h}]"] for h in unused
    )


@pytest.mark.parametrize("name", ["attribution-patching", "integrated-gradients"])
def test_attribution_gives_nothing_to_decoy_neurons(name: str) -> None:
    model = compiled("pizza")
    assert model.truth is not None
    sites = find(name, bare(model)).sites
    decoys = [sites[f"{POST}[pos=-1, neurons={i}]"] for i in model.truth.neuron_roles["decoy"]]
    needed = [sites[f"{POST}[pos=-1, neurons={i}]"] for i in model.truth.clusters[KEYS[0]]]
    assert max(decoys) < 1e-3 * max(needed)


def test_pruning_finds_the_edges_of_the_pizza() -> None:
    found = find("acdc", bare(compiled("pizza", planted=False)))
    head, mlp = f"{Z}[pos=-1, head=0]", "blocks.0.hook_mlp_out[pos=-1]"
    kept = {edge for edge, cost in found.edges.items() if cost > 0.01}
    assert kept == {
        ("hook_embed[pos=0]", head),
        ("hook_embed[pos=1]", head),
        (head, mlp),
        (mlp, "logits"),
    }


def find(name: str, model: Any) -> Any:
    finder: Any = find_method(name)
    return finder.find(model, task=model.task, generator=torch.Generator().manual_seed(0), budget=Budget())
