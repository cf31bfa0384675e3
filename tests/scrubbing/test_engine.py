"""The fast engine gives what the reference gives, on the same draws."""

from functools import cache

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, note, settings
from hypothesis import strategies as st

from scrubkit.errors import HypothesisError
from scrubkit.families.modular.task import ModularAddition
from scrubkit.families.modular.truth import ModularTruth
from scrubkit.hypothesis import from_graph
from scrubkit.models.model import Model
from scrubkit.models.record import ModelConfig, Provenance
from scrubkit.models.weights import random_weights
from scrubkit.scrubbing.engine import EngineSubject
from scrubkit.scrubbing.evaluate import scrub_rows
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.sampling import Draws
from scrubkit.subjects.bridge import BridgeSubject

SITES = (
    "hook_embed[pos=0]",
    "hook_embed[pos=1]",
    "hook_embed[pos=0,1]",
    "hook_embed",
    "hook_embed[pos=0, frequencies=1]",
    "hook_embed[pos=0, frequencies=~1]",
    "hook_embed[pos=1, frequencies=1,2]",
    "hook_embed[pos=1, subspace=plane]",
    "hook_pos_embed",
    "blocks.0.hook_resid_pre[pos=0]",
    "blocks.0.hook_resid_pre[pos=-1]",
    "blocks.0.hook_resid_pre[subspace=plane]",
    "blocks.0.attn.hook_q[pos=-1, head=0]",
    "blocks.0.attn.hook_k[pos=0, head=0,1]",
    "blocks.0.attn.hook_k[pos=1]",
    "blocks.0.attn.hook_v[pos=0, head=1]",
    "blocks.0.attn.hook_v[head=0]",
    "blocks.0.attn.hook_pattern[pos=-1, head=0]",
    "blocks.0.attn.hook_pattern",
    "blocks.0.attn.hook_z[pos=-1, head=0]",
    "blocks.0.attn.hook_z[pos=-1, head=1, subspace=head_plane]",
    "blocks.0.attn.hook_z",
    "blocks.0.hook_attn_out[pos=-1]",
    "blocks.0.hook_attn_out[pos=-1, subspace=plane]",
    "blocks.0.hook_resid_mid[pos=-1]",
    "blocks.0.hook_resid_mid[pos=-1, subspace=plane]",
    "blocks.0.mlp.hook_pre[pos=-1, neurons=0-3]",
    "blocks.0.mlp.hook_pre[pos=-1, neurons=~0-3]",
    "blocks.0.mlp.hook_post[pos=-1, neurons=cluster:1]",
    "blocks.0.mlp.hook_post[pos=-1, neurons=cluster:2]",
    "blocks.0.mlp.hook_post[pos=-1, neurons=rest]",
    "blocks.0.mlp.hook_post",
    "blocks.0.hook_mlp_out[pos=-1]",
    "blocks.0.hook_mlp_out[pos=-1, subspace=plane]",
    "blocks.0.hook_resid_post[pos=-1]",
    "blocks.0.hook_resid_post[pos=-1, subspace=plane]",
    "logits[frequencies=1]",
    "logits[frequencies=2]",
    "logits[frequencies=0]",
)
FEATURES = ("a", "b", "(a + b) % p", "(a - b) % p", "(a, b)", "0", "a % 2", "min(a, b)")


@cache
def model() -> Model:
    """A model with random weights, whose truth names clusters."""
    task = ModularAddition(5)
    config = ModelConfig.for_task(task, d_model=6, n_heads=2, d_head=4, d_mlp=9)
    weights = random_weights(config, torch.Generator().manual_seed(0))
    rng = torch.Generator().manual_seed(1)
    biases = {k: torch.randn(v.shape, generator=rng) / 3 for k, v in weights.short().items() if k[0] == "b"}
    truth = ModularTruth(
        source="construction",
        variant="random",
        p=5,
        frequencies=(1,),
        clusters={1: (0, 2, 5), 2: (1, 4)},
        n_neurons=9,
        subspaces={"plane": np.eye(6)[:2].tolist(), "head_plane": np.eye(4)[:2].tolist()},
    )
    return Model("random", task, config, weights.with_(**biases), Provenance(kind="trained"), truth)


@cache
def subjects() -> tuple[EngineSubject, BridgeSubject]:
    """The model in both engines, in float64 so that only real differences show."""
    return EngineSubject(model(), dtype=torch.float64), BridgeSubject.of(model(), dtype=torch.float64)


@st.composite
def graphs(draw: st.DrawFn) -> nx.DiGraph:
    """Hypotheses with one to six nodes under the root, on any sites, with any policies."""
    subject = subjects()[0]
    graph = nx.DiGraph()
    graph.add_node("root", site="logits", other=draw(st.sampled_from(["uniform", "exact", "together:g"])))
    parts = {"root": subject.part("logits", {})}
    for i in range(draw(st.integers(1, 6))):
        site = draw(st.sampled_from(SITES))
        part = subject.part(site, {})
        readers = [
            n
            for n in parts
            if not graph.nodes[n].get("unimportant")
            and subject.upstream(part, parts[n])
            and not any(subject.overlap(part, parts[m]) for m in graph.predecessors(n))
        ]
        if not readers:
            continue
        graph.add_node(
            f"n{i}",
            site=site,
            feature=draw(st.sampled_from(FEATURES)),
            sampler=draw(st.sampled_from(["feature", "feature", "uniform", "exact", [3, 7, 11]])),
            other=draw(st.sampled_from(["uniform", "uniform", "exact", "together:g"])),
            unimportant=draw(st.integers(0, 5)) == 0,
        )
        chosen = draw(st.lists(st.sampled_from(readers), min_size=1, max_size=2, unique=True))
        for reader in chosen:
            graph.add_edge(f"n{i}", reader, paths=draw(st.sampled_from(["all", "all", "all", "direct"])))
        parts[f"n{i}"] = part
    return graph


@settings(max_examples=150, deadline=None, derandomize=True)
@given(graphs(), st.integers(0, 2**40))
def test_engine_equals_reference_on_random_hypotheses(graph: nx.DiGraph, seed: int) -> None:
    fast, slow = subjects()
    draws = Draws(seed, fast.n_inputs, range(60), torch.device("cpu"))
    plan = bind(from_graph(graph), fast)
    note(nx.node_link_data(graph, edges="edges"))
    expected = scrub_rows(slow, plan, draws)[:, 0]
    torch.testing.assert_close(fast.prepare(plan).outputs(draws), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("site", SITES)
def test_an_edit_at_every_site_changes_the_logits(site: str) -> None:
    """A random edit, as LayerNorm would hide a rescaling; and both engines feel it alike."""
    from scrubkit.subjects.subject import Edit

    fast, slow = subjects()
    part, logits = slow.part(site, {}), slow.part("logits", {})
    rows = torch.arange(10)
    clean = slow.clean(part, rows)
    value = clean + torch.randn(clean.shape, generator=torch.Generator().manual_seed(2), dtype=clean.dtype)
    if part.basis is not None or (part.hook == "logits" and part.frequencies):
        projector = slow.components.projector(part, value)
        assert projector is not None
        value = value @ projector
    edited = slow.run(rows, [Edit(part, value)], [], logits)[:, 0]
    assert (edited - slow.clean(logits, rows)[:, 0]).abs().max() > 1e-3
    if value.shape[1:] == fast.clean(part, rows).shape[1:]:
        torch.testing.assert_close(fast.run(rows, [Edit(part, value)], [], logits), edited)


@pytest.mark.parametrize("site", ["blocks.0.hook_attn_out[pos=0]", "blocks.0.attn.hook_z[pos=0]"])
def test_an_edit_elsewhere_than_at_the_last_position_does_not_reach_the_logits(site: str) -> None:
    from scrubkit.subjects.subject import Edit

    fast = subjects()[0]
    part, logits, rows = fast.part(site, {}), fast.part("logits", {}), torch.arange(4)
    value = fast.clean(part, rows) + 1
    assert torch.equal(fast.run(rows, [Edit(part, value)], [], logits), fast.clean(logits, rows))


def test_two_nodes_on_one_site_are_refused_for_one_reader() -> None:
    graph = nx.DiGraph()
    graph.add_node("root", site="logits")
    for name in ("x", "y"):
        graph.add_node(name, site="blocks.0.hook_mlp_out[pos=-1]", feature="a")
        graph.add_edge(name, "root")
    with pytest.raises(HypothesisError, match="overlap"):
        bind(from_graph(graph), subjects()[0])
