"""The network gives what the bridge gives, on the same draws, whatever the architecture."""

from functools import cache

import networkx as nx
import pytest
import torch
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from scrubkit.errors import HypothesisError
from scrubkit.hypothesis import from_graph
from scrubkit.scrubbing.evaluate import scrub_rows
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.program import Program
from scrubkit.scrubbing.sampling import Draws
from scrubkit.subjects.by_row import ByRow
from scrubkit.subjects.subject import CleanEdit, Edit
from tests.scrubbing.random_models import ARCHITECTURES, both, sites

ROWS = torch.arange(6)

FEATURES = ("a", "b", "(a + b) % p", "(a - b) % p", "(a, b)", "0", "a % 2", "min(a, b)")
EACH = [
    pytest.param(name, site, id=f"{name}: {site}")
    for name in ("one block", "LayerNorm, GELU")
    for site in sites(both(name)[0])
]


def close(name: str) -> dict[str, float]:
    """Return how near two engines must be; TransformerLens takes an RMS in float32 whatever it is given."""
    return {"rtol": 1e-3, "atol": 1e-3} if name.startswith("RMS") else {"rtol": 1e-9, "atol": 1e-9}


@cache
def clean(name: str, site: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what a site holds in the network and in the bridge, whose runs take long."""
    fast, slow = both(name)
    return tuple(subject.clean(subject.part(site, {}), ROWS) for subject in (fast, slow))


@st.composite
def graphs(draw: st.DrawFn) -> tuple[str, nx.DiGraph]:
    """Hypotheses with one to six nodes under the root, on any sites, with any policies."""
    name = draw(st.sampled_from(list(ARCHITECTURES)))
    subject = both(name)[0]
    graph = nx.DiGraph()
    graph.add_node("root", site="logits", other=draw(st.sampled_from(["uniform", "exact", "together:g"])))
    parts = {"root": subject.part("logits", {})}
    for i in range(draw(st.integers(1, 6))):
        site = draw(st.sampled_from(sites(subject)))
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
            graph.add_edge(f"n{i}", reader, paths=draw(st.sampled_from(["all", "all", "direct"])))
        parts[f"n{i}"] = part
    for node in graph:
        if graph.in_degree(node) == 0:
            graph.nodes[node].pop("other", None)
    return name, graph


@settings(max_examples=60, deadline=None, derandomize=True, phases=[Phase.generate])
@given(graphs(), st.integers(0, 2**40))
def test_network_equals_bridge_on_random_hypotheses(found: tuple[str, nx.DiGraph], seed: int) -> None:
    name, graph = found
    fast, slow = both(name)
    draws = Draws(seed, fast.n_inputs, range(25), torch.device("cpu"))
    plan = bind(from_graph(graph), fast)
    note((name, nx.node_link_data(graph, edges="edges")))
    expected = scrub_rows(slow, plan, draws)
    torch.testing.assert_close(Program(fast, plan).outputs(draws), expected, **close(name))
    torch.testing.assert_close(scrub_rows(fast, plan, draws), expected, **close(name))
    torch.testing.assert_close(scrub_rows(ByRow.sharing(fast), plan, draws), expected, **close(name))


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("reader", ["blocks.0.hook_resid_post", "blocks.0.hook_resid_mid", "logits"])
def test_a_whole_embedding_that_is_read_directly_leaves_attention_as_it_is(
    reader: str, position: int
) -> None:
    """To run on other tokens instead would set what attention reads as well."""
    fast, slow = both("one block")
    graph = nx.DiGraph()
    graph.add_node("logits", site="logits")
    if reader != "logits":
        graph.add_node(reader, site=reader, sampler="uniform")
        graph.add_edge(reader, "logits")
    graph.add_node("token", site=f"hook_embed[pos={position}]", sampler="uniform")
    graph.add_edge("token", reader, paths="direct")
    plan = bind(from_graph(graph), fast)
    draws = Draws(3, fast.n_inputs, range(25), torch.device("cpu"))
    expected = scrub_rows(slow, plan, draws)
    torch.testing.assert_close(Program(fast, plan).outputs(draws), expected, **close("one block"))


@pytest.mark.parametrize("name, site", EACH)
def test_both_feel_a_random_edit_at_every_site_alike(name: str, site: str) -> None:
    """A random edit, as a normalization would hide a rescaling."""
    fast, slow = both(name)
    part, logits = slow.part(site, {}), slow.part("logits", {})
    value, whole = clean(name, site)[1], clean(name, "logits")[1]
    value = value + torch.randn(value.shape, generator=torch.Generator().manual_seed(2), dtype=value.dtype)
    projector = slow.components.projector(part, value)
    value = value if projector is None else value @ projector
    edited = slow.run(ROWS, [Edit(part, value)], [], logits)
    if fast.upstream(part, logits):
        assert (edited - whole).abs().max() > 1e-4
    else:
        torch.testing.assert_close(edited, whole, **close(name))
    torch.testing.assert_close(fast.run(ROWS, [Edit(part, value)], [], logits), edited, **close(name))


@pytest.mark.parametrize("name, site", EACH)
def test_a_method_that_sets_a_site_to_other_inputs_values_gets_what_the_bridge_gives(
    name: str, site: str
) -> None:
    """Set together with a whole embedding, and given as rows, so that it need not be computed."""
    fast, slow = both(name)
    rows, donors = torch.arange(12), torch.arange(12) * 2
    reader = fast.part("logits", {})
    parts = [fast.part(text, {}) for text in (site, "hook_embed[pos=1]")]
    for taken in (parts[:1], parts):
        if len(taken) == 2 and fast.overlap(*taken):
            continue
        found = [
            subject.run(rows, [CleanEdit(subject, part, donors) for part in taken], [], reader)
            for subject in (ByRow.sharing(fast), slow)
        ]
        torch.testing.assert_close(*found, **close(name))


@pytest.mark.parametrize("name, site", EACH)
def test_setting_a_site_to_its_own_value_changes_nothing(name: str, site: str) -> None:
    for subject, own, whole in zip(both(name), clean(name, site), clean(name, "logits"), strict=True):
        part, logits = subject.part(site, {}), subject.part("logits", {})
        same = subject.run(ROWS, [Edit(part, own)], [], logits)
        torch.testing.assert_close(same, whole, **close(name))


@pytest.mark.parametrize("name, site", EACH)
def test_both_shape_the_value_of_every_site_alike(name: str, site: str) -> None:
    found = [*clean(name, site)]
    found += [subject.run(ROWS, [], [], subject.part(site, {})) for subject in both(name)]
    for value in found[1:]:
        torch.testing.assert_close(value, found[0], **close(name))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_what_the_architecture_says_is_upstream_is_what_moves_in_transformerlens(name: str) -> None:
    """Every hook of the bridge is perturbed at every position, and every other one watched."""
    fast, slow = both(name)
    rows = torch.arange(4)
    everything = {hook: slow.part(hook, {}) for hook in fast.architecture.hooks}
    clean = {hook: slow.clean(part, rows) for hook, part in everything.items()}
    single = {
        (hook, place): slow.part(f"{hook}[pos={place}]", {})
        for hook, part in everything.items()
        for place in part.positions
    }
    for hook, position in single:
        source, axis = single[hook, position], _axis(hook)
        own = clean[hook].narrow(axis, list(everything[hook].positions).index(position), 1)
        noise = torch.randn(own.shape, generator=torch.Generator().manual_seed(3), dtype=own.dtype)
        values = slow._forward(rows, [Edit(source, own + noise)], list(everything.values()))
        for (other, part), value in zip(everything.items(), values, strict=True):
            if other == hook:
                continue
            moved = (value - clean[other]).abs().movedim(_axis(other), 0).flatten(1).amax(dim=1).tolist()
            for place, change in zip(part.positions, moved, strict=True):
                one = single[other, place]
                says = fast.upstream(source, one)
                assert says or change < 1e-6, f"{source} moves {one}"
                assert not says or change > 1e-9, f"{source} does not move {one}"


def _axis(hook: str) -> int:
    """Return the axis of positions: attention has heads before them."""
    return 2 if hook.endswith("hook_pattern") else 1


def test_two_nodes_on_one_site_are_refused_for_one_reader() -> None:
    graph = nx.DiGraph()
    graph.add_node("root", site="logits")
    for name in ("x", "y"):
        graph.add_node(name, site="blocks.0.hook_mlp_out[pos=-1]", feature="a")
        graph.add_edge(name, "root")
    with pytest.raises(HypothesisError, match="overlap"):
        bind(from_graph(graph), both("one block")[0])
