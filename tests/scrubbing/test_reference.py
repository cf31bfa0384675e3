"""Bridges of two blocks, with and without LayerNorm, run through their hooks."""

from functools import cache

import networkx as nx
import pytest
import torch
from transformer_lens.config import TransformerBridgeConfig
from transformer_lens.model_bridge.sources import boot_native

import scrubkit
from scrubkit.errors import HypothesisError
from scrubkit.families.modular.task import ModularAddition
from scrubkit.hypothesis import from_graph
from scrubkit.scrubbing.evaluate import scrub_rows
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.sampling import Draws
from scrubkit.subjects.bridge import BridgeSubject
from scrubkit.subjects.subject import Edit

CPU = torch.device("cpu")


@cache
def two_blocks(normalization: str | None) -> BridgeSubject:
    """A random bridge of two blocks."""
    task = ModularAddition(5)
    bridge = boot_native(
        TransformerBridgeConfig(
            n_layers=2,
            d_model=8,
            n_heads=2,
            d_head=4,
            d_mlp=12,
            n_ctx=3,
            d_vocab=6,
            d_vocab_out=5,
            act_fn="relu",
            normalization_type=normalization,
            seed=0,
        )
    ).to(dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in bridge.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / 2)
    return BridgeSubject(bridge, task)


def scrubbed(graph: nx.DiGraph, subject: BridgeSubject) -> torch.Tensor:
    draws = Draws(0, subject.n_inputs, range(subject.n_inputs), CPU)
    return scrub_rows(subject, bind(from_graph(graph), subject), draws)[:, 0]


@pytest.mark.parametrize("normalization", [None, "LN"])
def test_a_residual_stream_that_is_set_decides_the_logits(normalization: str | None) -> None:
    subject = two_blocks(normalization)
    graph = nx.DiGraph()
    graph.add_node("root", site="logits")
    graph.add_node("stream", site="blocks.1.hook_resid_pre", feature="(a, b)")
    graph.add_edge("stream", "root")
    clean = subject.clean(subject.part("logits", {}), torch.arange(subject.n_inputs))[:, 0]
    torch.testing.assert_close(scrubbed(graph, subject), clean)


def test_a_mapped_block_between_holds_its_own_value() -> None:
    """Setting the embedding reaches the logits only where no other mapped site stands in between."""
    subject = two_blocks(None)
    graph = nx.DiGraph()
    graph.add_node("root", site="logits", other="exact")
    graph.add_node("embed", site="hook_embed", feature="0")
    graph.add_edge("embed", "root")
    changed = scrubbed(graph, subject)
    graph.add_node("block", site="blocks.0.hook_resid_post", feature="0")
    graph.add_node("late", site="blocks.1.hook_mlp_out[pos=-1]", feature="0")
    graph.add_edges_from([("block", "late"), ("late", "root")])
    held = scrubbed(graph, subject)
    assert (changed - held).abs().max() > 1e-3
    graph.remove_edge("embed", "root")
    graph.add_edge("embed", "block")
    without = scrubbed(graph, subject)
    assert without.shape == held.shape


def test_a_direct_path_leaves_components_between_alone() -> None:
    """From the last position's stream straight to the logits, a linear map when there is no LayerNorm."""
    subject = two_blocks(None)
    rows, others = torch.arange(5), torch.arange(5) + 7
    part, logits = subject.part("blocks.0.hook_attn_out[pos=-1]", {}), subject.part("logits", {})
    value = subject.clean(part, rows)
    direct = subject.run(others, [Edit(part, value, direct=True)], [], logits)
    change = (value - subject.clean(part, others)) @ subject.bridge.state_dict()["unembed.weight"].T
    torch.testing.assert_close(direct - subject.clean(logits, others), change)


def test_a_bridge_of_any_depth_can_be_scored() -> None:
    subject = two_blocks("LN")
    graph = nx.DiGraph(name="late", task="modular_addition")
    graph.add_node("root", site="logits")
    graph.add_node("x", site="blocks.1.mlp.hook_post[pos=-1]", feature="a")
    graph.add_edge("x", "root")
    found = scrubkit.score(subject.bridge, graph, task=subject.inputs, draws=3)
    assert found.settings.engine == "hooks"
    assert found.fidelity is not None
    assert found.fidelity.value < 1
    assert found.verdict in ("refuted", "inconclusive")


def test_the_bridge_comes_back_without_hooks() -> None:
    subject = two_blocks(None)
    graph = nx.DiGraph()
    graph.add_node("root", site="logits")
    graph.add_node("x", site="blocks.0.hook_attn_out", feature="a")
    graph.add_edge("x", "root")
    scrubbed(graph, subject)
    assert not any(point.fwd_hooks for point in subject.bridge.hook_dict.values())


def test_a_hook_that_does_not_exist_lists_those_that_do() -> None:
    graph = nx.DiGraph()
    graph.add_node("root", site="logits")
    graph.add_node("x", site="blocks.2.hook_attn_ou", feature="a")
    graph.add_edge("x", "root")
    with pytest.raises(
        HypothesisError, match=r"(?s)node 'x'.*no hook 'blocks.2.hook_attn_ou'.*blocks.1.hook_attn_out"
    ):
        bind(from_graph(graph), two_blocks(None))
