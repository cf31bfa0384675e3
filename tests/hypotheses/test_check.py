"""Checks of a hypothesis: what is accepted, what is refused, and that all faults come at once."""

import networkx as nx
import pytest

from scrubkit.errors import HypothesisError
from scrubkit.hypothesis import from_graph
from scrubkit.scrubbing.check import check
from scrubkit.subjects.network import NetworkSubject

from .conftest import compiled

MID = "blocks.0.hook_resid_mid[pos=-1]"
POST = "blocks.0.mlp.hook_post[pos=-1, neurons={}]"


def graph(nodes, edges, **attributes) -> nx.DiGraph:
    """Build a hypothesis: nodes are name -> site, (site, feature) or attributes; edges "m n" or triples."""
    made = nx.DiGraph(**attributes)
    for name, node in nodes.items():
        if isinstance(node, tuple):
            node = {"site": node[0], "feature": node[1]}
        made.add_node(name, **({"site": node} if isinstance(node, str) else node))
    for edge in edges:
        source, target, *rest = edge.split() if isinstance(edge, str) else edge
        made.add_edge(source, target, **(rest[0] if rest else {}))
    return made


def sum_graph(**cluster) -> nx.DiGraph:
    """Return a valid hypothesis, with further attributes for one of its nodes."""
    node = {"site": POST.format("cluster:3"), "feature": "(a + b) % p", **cluster}
    return graph(
        {
            "logits": "logits",
            "a": ("hook_embed[pos=0]", "a"),
            "b": ("hook_embed[pos=1]", "b"),
            "n": node,
        },
        ["a n", "b n", "n logits"],
        task="modular_addition",
    )


def subject() -> NetworkSubject:
    return NetworkSubject(compiled("pizza"))


ACCEPTED = {
    "the sum": sum_graph(),
    "a tolerance for all components": sum_graph(feature="cos(a)", tolerance=0.1),
    "a tolerance for one component": sum_graph(feature="((a + b) % p, cos(a))", tolerance=(None, 0.1)),
    "a period": sum_graph(feature="a + b", tolerance=1, period=17),
    "fixed rows": sum_graph(sampler=[0, 5, 7]),
    "the exact sampler without a feature": sum_graph(feature=None, sampler="exact"),
    "a shared other draw": sum_graph(other="together:x"),
    "a callable": sum_graph(feature=lambda tokens: tokens[:, 0]),
    "a direct path": graph({"logits": "logits", "m": (MID, "a")}, [("m", "logits", {"paths": "direct"})]),
    "an unimportant node": graph({"logits": "logits", "m": {"site": MID, "unimportant": True}}, ["m logits"]),
    "a root alone": graph({"logits": "logits"}, []),
    "a subspace": graph(
        {"logits": "logits", "m": ("blocks.0.hook_resid_mid[pos=-1, subspace=plane:3]", "a")}, ["m logits"]
    ),
    "numbered nodes": nx.relabel_nodes(sum_graph(), {"a": 1, "b": 2}),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name):
    plan = check(ACCEPTED[name], subject())
    assert plan.n_tree_nodes >= 1


LOGITS = {"logits": "logits"}
REFUSED = {
    "no graph": (3, "expected a networkx.DiGraph, found int"),
    "an undirected graph": (nx.Graph(), "expected a networkx.DiGraph"),
    "a multigraph": (nx.MultiDiGraph(), "expected a networkx.DiGraph"),
    "an empty graph": (nx.DiGraph(), "the graph is empty"),
    "a cycle": (
        graph(LOGITS | {"x": (MID, "a"), "y": (MID, "a")}, ["x y", "y x", "x logits"]),
        "the graph has a cycle: x -> y",
    ),
    "another rest on a leaf": (
        graph(LOGITS | {"x": {"site": MID, "feature": "a", "other": "exact"}}, ["x logits"]),
        "node 'x': other='exact' says where the rest of what the node reads comes from",
    ),
    "a self-loop": (graph(LOGITS | {"x": (MID, "a")}, ["x x", "x logits"]), "cycle: x"),
    "several sinks": (graph(LOGITS | {"x": (MID, "a")}, []), "node 'x' does not reach the root"),
    "a root that is not on the logits": (graph({"x": MID}, []), "node 'x': the root must sit on the logits"),
    "a root on part of the logits": (
        graph({"x": "logits[frequencies=3]"}, []),
        "node 'x': the root must sit on the logits",
    ),
    "no site": (graph(LOGITS | {"x": {"feature": "a"}}, ["x logits"]), "node 'x': needs a site"),
    "no feature": (graph(LOGITS | {"x": MID}, ["x logits"]), "node 'x': needs a feature"),
    "an unknown hook": (
        graph(LOGITS | {"x": ("blocks.0.hook_resid_mod", "a")}, ["x logits"]),
        "node 'x': site .* no hook .* \\(did you mean \"blocks.0.hook_resid_mid\"\\); .* it has|did you mean",
    ),
    "an unknown position": (
        graph(LOGITS | {"x": ("hook_embed[pos=3]", "a")}, ["x logits"]),
        "node 'x': .* no position '3'",
    ),
    "an unknown head": (
        graph(LOGITS | {"x": ("blocks.0.attn.hook_z[head=99]", "a")}, ["x logits"]),
        "node 'x': .* no head '99'",
    ),
    "an unknown neuron": (sum_graph(site=POST.format(9999)), "node 'n': .* no neurons '9999'"),
    "an unknown cluster": (sum_graph(site=POST.format("cluster:4")), "or by name cluster:3, cluster:7"),
    "an unknown subspace": (
        graph(LOGITS | {"x": ("hook_embed[pos=0, subspace=plan:3]", "a")}, ["x logits"]),
        'did you mean "plane:3"',
    ),
    "overlapping parts": (
        graph(
            LOGITS | {"x": (POST.format("0-3"), "a"), "y": (POST.format("3-5"), "a")},
            ["x logits", "y logits"],
        ),
        "node 'logits' reads 'x' and 'y', which overlap",
    ),
    "a child that is not upstream": (
        graph(LOGITS | {"x": ("hook_embed[pos=0]", "a"), "m": (MID, "a")}, ["m x", "x logits"]),
        "edge 'm' -> 'x': .* is not upstream of hook_embed",
    ),
    "a feature that is no expression": (sum_graph(feature="a +"), "node 'n': cannot read feature 'a \\+'"),
    "a feature of unknown variables": (sum_graph(feature="c"), "node 'n': feature 'c' names 'c'"),
    "a feature that fails on an input": (
        sum_graph(feature="a % (b - 3)"),
        r"node 'n': .* on input 3 \(a = 0, b = 3\)",
    ),
    "a callable that fails": (sum_graph(feature=lambda tokens: 1 / 0), "node 'n': .*ZeroDivisionError"),
    "an unknown node attribute": (sum_graph(tolerence=0.1), "node 'n': unknown .* \"tolerance\""),
    "an unknown edge attribute": (
        graph(LOGITS | {"m": (MID, "a")}, [("m", "logits", {"path": "direct"})]),
        "edge 'm' -> 'logits': unknown attribute 'path' .did you mean \"paths\"",
    ),
    "an unknown graph attribute": (
        graph(LOGITS, [], exepct={}),
        "the graph: unknown attribute 'exepct' .did you mean \"expect\"",
    ),
    "an unknown kind of path": (
        graph(LOGITS | {"m": (MID, "a")}, [("m", "logits", {"paths": "some"})]),
        "paths must be 'all' or 'direct'",
    ),
    "an unknown verdict": (graph(LOGITS, [], expect={"pizza": "suported"}), 'did you mean "supported"'),
    "a negative tolerance": (sum_graph(tolerance=-1), "tolerance must be a positive number"),
    "too many tolerances": (sum_graph(tolerance=(0.1, 0.1)), "tolerance has 2 entries"),
    "an unknown sampler": (sum_graph(sampler="random"), "sampler must be"),
    "rows that are not there": (sum_graph(sampler=[0, 99999]), "sampler names row 99999"),
    "an unknown policy": (sum_graph(other="none"), "other must be"),
    "an unimportant node with parents": (sum_graph(unimportant=True), "it can have no parents"),
    "another task": (
        graph(LOGITS, [], task="modular_subtraction"),
        "is about the task 'modular_subtraction'",
    ),
    "names that are the same text": (
        graph(LOGITS | {1: (MID, "a"), "1": (MID, "a")}, [(1, "logits"), ("1", "logits")]),
        "same name as text",
    ),
    "a basis that is no array": (graph(LOGITS, [], subspaces={"x": "yes"}), "subspace 'x' must be"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    made, message = REFUSED[name]
    with pytest.raises(HypothesisError, match=message):
        check(made, subject())


def test_all_faults_come_at_once_with_their_nodes():
    made = graph(
        {
            "logits": "logits[frequencies=3]",
            "x": ("hook_embd[pos=0]", "a"),
            "y": {"site": "hook_embed[pos=7]", "feature": "a % (b - 3)", "tolerence": 0.1},
            "z": ("blocks.0.attn.hook_z[pos=-1, head=99]", "q"),
            "alone": (POST.format(9999), "a"),
            "m": (MID, "a"),
            "early": ("hook_embed[pos=0]", "a"),
        },
        ["x logits", "y z", "z y", "m early", "early logits"],
        task="modular_subtraction",
        exepct={},
    )
    with pytest.raises(HypothesisError) as error:
        check(made, subject())
    text = "\n".join(error.value.faults)
    for part in (
        "cycle: y -> z",
        "'alone' does not reach the root",
        "'logits': the root must sit",
        "'x': site hook_embd",
        "no position '7'",
        "on input 3",
        "no head '99'",
        "names 'q'",
        "no neurons '9999'",
        "edge 'm' -> 'early'",
        "modular_subtraction",
        "'exepct'",
        "'tolerence'",
    ):
        assert part in text, part
    assert len(set(error.value.faults)) == len(error.value.faults)


def test_a_check_changes_nothing():
    made = sum_graph(tolerance=0.5)
    before = nx.node_link_data(made, edges="edges")
    hypothesis = from_graph(made)
    assert nx.node_link_data(made, edges="edges") == before
    assert nx.is_frozen(hypothesis.graph)


def test_names_and_order_do_not_decide_the_hash():
    renamed = nx.relabel_nodes(sum_graph(), {"a": "first", "b": "second", "n": "cluster"})
    turned = nx.DiGraph(**renamed.graph)
    turned.add_nodes_from(reversed(list(renamed.nodes(data=True))))
    turned.add_edges_from(renamed.edges)
    assert from_graph(turned).hash == from_graph(sum_graph()).hash


@pytest.mark.parametrize(
    "change",
    [
        {"feature": "a"},
        {"tolerance": 0.1},
        {"sampler": "uniform"},
        {"other": "exact"},
        {"site": POST.format("cluster:7")},
    ],
)
def test_whatever_is_claimed_does(change):
    assert from_graph(sum_graph(**change)).hash != from_graph(sum_graph()).hash
