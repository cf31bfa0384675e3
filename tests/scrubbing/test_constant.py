"""A model whose output is the same for every input: what is left of it is rounding error, and no figure."""

import networkx as nx
import pytest
import torch

import scrubkit
from scrubkit.bench.label import Judge
from scrubkit.families.modular.compile import compile_model
from scrubkit.hypothesis import from_graph


@pytest.fixture(scope="module")
def pizza():
    return compile_model(variant="pizza", p=11, frequencies=(2, 4))


def claim():
    graph = nx.DiGraph([("neurons", "logits")], name="sum")
    graph.add_node("logits", site="logits")
    graph.add_node("neurons", site="blocks.0.mlp.hook_post[pos=-1]", feature="(a + b) % p")
    return graph


def flattened(model, share):
    """The model with all but a share of its logits replaced by constants of ordinary size."""
    weights = model.weights.to(torch.float64)
    bias = torch.linspace(5, 15, weights["unembed.b_U"].numel(), dtype=torch.float64)
    return model.with_(
        weights=weights.with_(**{"unembed.W_U": share * weights["unembed.W_U"], "unembed.b_U": bias})
    )


@pytest.mark.parametrize("share", [0.0, 1e-15, 1e-10])
def test_nothing_can_be_told_of_it(pizza, share):
    found = scrubkit.score(flattened(pizza, share), claim())
    assert found.verdict == "untestable" and "same for every input" in found.reasons[0]
    assert found.fidelity.value == found.faithfulness.value == 1


def test_a_small_output_that_varies_is_scored_as_ever(pizza):
    found, whole = (scrubkit.score(flattened(pizza, share), claim()) for share in (1e-3, 1))
    assert found.verdict == whole.verdict == "refuted"
    assert found.fidelity.value == pytest.approx(whole.fidelity.value, abs=1e-3)


def test_a_divergence_smaller_than_the_rounding_error_of_compiled_loops_is_found_all_the_same(pizza):
    small, smaller = (scrubkit.score(flattened(pizza, share), claim()) for share in (3e-5, 3e-6))
    assert smaller.kl.value < 1e-8 < small.kl.value
    assert smaller.faithfulness.value == pytest.approx(small.faithfulness.value, abs=1e-3)


def test_its_label_rests_on_no_rounding_error(pizza):
    label = Judge.of(flattened(pizza, 1e-15)).label(from_graph(claim()))
    assert (label.label, label.stratum) == ("false", "not-needed")
