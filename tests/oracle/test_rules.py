"""Rules that random hypotheses seldom notice, each with a claim in which it decides the score.

The claim is scored as the oracle does, and otherwise once the rule is broken (`tests.mutation.breakages`),
so that no such test can pass for want of a difference.
"""

from __future__ import annotations

from collections.abc import Callable

import networkx as nx
import numpy as np
import pytest

from tests.mutation.breakages import BREAKAGES
from tests.oracle.adapter import Subject, build, functions_subject
from tests.oracle.compare import compare
from tests.oracle.test_regressions import PAIR, claim, embedding_of

Case = tuple[Callable[[], Subject], nx.DiGraph]


def network() -> Subject:
    """A network of random weights, made anew so that nothing is kept from before a rule was broken."""
    build.cache_clear()
    return build("untrained-p5")


def into_the_mlp() -> Case:
    """A neuron reads the stream in front of it along the direct path, which leads into its own MLP."""
    nodes = {
        "stream": ("blocks.0.hook_attn_out[pos=-1]", "a"),
        "neurons": ("blocks.0.mlp.hook_post[pos=-1, neurons=0-3]", PAIR),
    }
    return network, claim(nodes, ("neurons", "logits"), direct=(("stream", "neurons"),))


def into_the_first_block() -> Case:
    """Neurons read one frequency of an operand, of any input, and the rest of their own."""
    nodes = {
        "part": ("hook_embed[pos=0,1, frequencies=1,2]", "0"),
        "neurons": ("blocks.0.mlp.hook_post[pos=-1]", PAIR),
    }
    graph = claim(nodes, ("part", "neurons"), ("neurons", "logits"), root={"other": "exact"})
    graph.nodes["neurons"]["other"] = "exact"
    return network, graph


def functions() -> Subject:
    """Two inputs, of which the first reaches the output by itself and through a product."""
    a, b = (column.ravel() for column in np.divmod(np.arange(12), 4))
    return functions_subject(
        "two paths",
        {
            "product": (("a", "b"), lambda a, b: a * b),
            "out": (("a", "product"), lambda a, product: 3 * a + product),
        },
        {"a": a, "b": b},
        None,
        "3 * a + a * b",
        lambda output, label: (output - label) ** 2,
    )


def past_the_product() -> Case:
    """The output reads its first input directly, so the product keeps that of the other draw."""
    graph = nx.DiGraph([("a", "out", {"paths": "direct"})], name="direct")
    graph.nodes["a"].update(site="a", feature="a % 2")
    graph.nodes["out"]["site"] = "out"
    return functions, graph


SEED = 0
"""An even one: claims are then scored by draws too, which take another way than enumerations."""
RULES: dict[str, Case] = {
    "the reader's own component sees direct edges": into_the_mlp(),
    "parts of the embedding before the first attention come from their own rows": into_the_first_block(),
    "direct edges on a graph of functions are direct": past_the_product(),
    "a frequency set that is read is moved by what is set inside": (network, embedding_of("1", "0-2")),
}


def scored(case: Case) -> str:
    subject, graph = case
    return compare(subject(), graph, most=60_000, joint=2e6, seed=SEED).kind


@pytest.mark.parametrize("rule", RULES)
def test_the_claim_is_scored_as_the_oracle_does(rule: str) -> None:
    assert scored(RULES[rule]) == "agree"


@pytest.mark.parametrize("rule", RULES)
def test_the_claim_is_scored_otherwise_once_its_rule_is_broken(rule: str) -> None:
    with BREAKAGES[rule]():
        assert scored(RULES[rule]) == "differ"
    build.cache_clear()
