"""Every method runs on models of any depth, on bridges and on graphs of functions, or refuses in words."""

import ast
from functools import cache
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch

import scrubkit
from scrubkit import methods
from scrubkit.bench.label import Judge
from scrubkit.errors import ScrubError
from scrubkit.methods.nonlinear_alignment import NonlinearAlignment
from scrubkit.methods.registry import builtin_methods, find_method
from tests.scrubbing.random_models import random_model
from tests.scrubbing.test_bridges import ROWS, gpt2, max_of_three

pytestmark = pytest.mark.usefixtures("few")

SCORERS = [name for name in builtin_methods() if hasattr(find_method(name), "score")]
FINDERS = [name for name in builtin_methods() if hasattr(find_method(name), "find")]
NEEDS_PARTS = ("zero-ablation", "mean-ablation", "resample-ablation", "circuit-tests", "das")
NEEDS_PARTS += ("boundless-das", "nonlinear-alignment", "denoising", "noising", "symmetric-patching")
NEEDS_PARTS += ("circuit-tests-published",)
"""Scorers that need a hook: a graph of functions has none."""
BLIND = ("text-only", "text-and-spectra", "answers-only")
"""Controls that never run the model: what they say is no judgement."""


def stream(features: dict[int, str]) -> nx.DiGraph:
    """The claim that the logits depend on the stream between the blocks only, which depends on features."""
    graph = nx.DiGraph()
    graph.add_node("logits", site="logits")
    for position, feature in features.items():
        name = f"stream{position}"
        graph.add_node(name, site=f"blocks.0.hook_resid_post[pos={position}]", feature=feature)
        graph.add_edge(name, "logits")
    return graph


def functions() -> scrubkit.FunctionGraph:
    graph = nx.DiGraph([("x", "h"), ("y", "out"), ("h", "out")])
    graph.nodes["h"]["fn"] = lambda x: x % 2
    graph.nodes["out"]["fn"] = lambda h, y: 4 * h + y
    x, y = (torch.tensor(v) for v in zip(*[(i, j) for i in range(4) for j in range(3)], strict=True))
    return scrubkit.FunctionGraph(graph, {"x": x, "y": y})


def parity(feature: str) -> nx.DiGraph:
    graph = nx.DiGraph([("x", "root"), ("y", "root")])
    graph.add_node("root", site="out")
    graph.add_node("x", site="x", feature=feature)
    graph.add_node("y", site="y", feature="y")
    return graph


def running_max() -> scrubkit.Task:
    """A task that is answered at two positions."""
    labels = np.maximum.accumulate(ROWS, axis=1)[:, 1:]
    variables = {f"x{i}": ROWS[:, i] for i in range(3)}
    return scrubkit.Task("running-max", tokens=ROWS, labels=labels, variables=variables, answer=(1, 2))


@cache
def subjects() -> dict[str, tuple[Any, nx.DiGraph, scrubkit.Task]]:
    """Of each kind a subject, what is claimed of it, and its task."""
    ours, normed = random_model("two blocks"), random_model("LayerNorm, GELU")
    of_addition = stream({0: "a", 1: "(a, b)", 2: "(a, b)"})
    of_rows = stream({0: "x0", 1: "(x0, x1)", 2: "(x0, x1, x2)"})
    return {
        "ours": (ours, of_addition, ours.task),
        "LayerNorm bridge": (normed.bridge, of_addition, normed.task),
        "GPT-2": (gpt2(), of_rows, max_of_three()),
        "two answers": (gpt2(), of_rows, running_max()),
        "no labels": (gpt2(), of_rows, max_of_three(labels=False)),
    }


def score(name: str, subject: Any, graph: nx.DiGraph, task: Any) -> scrubkit.Answer:
    bound = scrubkit.bind(subject, graph, task=task)
    method = NonlinearAlignment(steps=4) if name == "nonlinear-alignment" else name
    return find_method(method).score(  # pyright: ignore[reportAttributeAccessIssue]
        subject,
        bound.plan.hypothesis,
        task=task,
        generator=torch.Generator().manual_seed(0),
        budget=scrubkit.Budget(draws=2),
    )


def find(name: str, subject: Any, task: Any) -> scrubkit.Importances:
    return find_method(name).find(  # pyright: ignore[reportAttributeAccessIssue]
        subject, task=task, generator=torch.Generator().manual_seed(0), budget=scrubkit.Budget()
    )


def kinds(name: str) -> list[str]:
    """Kinds of subject on which a scorer is tried; trained maps take seconds each, and read all alike."""
    slow = name in ("boundless-das", "nonlinear-alignment")
    return ["two answers"] if slow else ["ours", "LayerNorm bridge", "two answers", "no labels"]


def finds() -> list[tuple[str, str]]:
    """Finders, and the kinds of subject on which they are tried: on a native bridge one of each mechanism."""
    native = ("activation-patching", "attribution-patching", "atp-star", "edge-pruning", "hisp")
    return [
        (name, kind)
        for name in FINDERS
        for kind in ("ours", "LayerNorm bridge", "two answers")
        if kind != "LayerNorm bridge" or name in native
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [(n, kind) for n in SCORERS if n not in ("random-scores", *BLIND) for kind in kinds(n)],
)
def test_a_scorer_accepts_what_holds_of_any_transformer(name: str, kind: str) -> None:
    """Everything that the logits read is named, with all of the input that reaches it."""
    answer = score(name, *subjects()[kind])
    assert np.isfinite(answer.score)
    if name in ("causal-scrubbing", "path-patching", "resample-ablation"):
        assert answer.score == pytest.approx(1, abs=1e-4)
    if name == "audited-scrubbing":
        assert answer.verdict == "untestable"


def test_an_interchange_follows_the_models_own_answers_where_there_are_no_labels() -> None:
    assert score("interchange-accuracy", *subjects()["no labels"]).score == 1


@pytest.mark.parametrize("kind", ["ours", "LayerNorm bridge", "no labels"])
@pytest.mark.parametrize("name", ["audited-scrubbing", "interchange-accuracy"])
def test_a_scorer_that_looks_at_features_refuses_a_wrong_one(name: str, kind: str) -> None:
    subject, graph, task = subjects()[kind]
    wrong = nx.DiGraph(graph)
    wrong.nodes["stream2"]["feature"] = graph.nodes["stream0"]["feature"]
    answer = score(name, subject, wrong, task)
    assert answer.verdict != "supported"
    assert answer.score < 0.95


@pytest.mark.parametrize(("name", "kind"), finds())
def test_a_finder_names_sites_of_every_block(name: str, kind: str) -> None:
    subject, _, task = subjects()[kind]
    found = find(name, subject, task)
    bound = scrubkit.bind(subject, task=task)
    hooks = {bound.part(site).hook for site in found.sites}
    assert {"hook_embed", "blocks.0.attn.hook_z", "blocks.1.attn.hook_z"} <= hooks
    assert all(np.isfinite(list(found.sites.values())))
    if name != "random-scores":
        assert max(found.sites.values()) > 0


@pytest.mark.parametrize("kind", ["ours", "LayerNorm bridge"])
def test_pruning_all_edges_leaves_the_output_of_the_corrupt_input(kind: str) -> None:
    from scrubkit.methods.acdc import PairRuns

    subject, _, task = subjects()[kind]
    bound = scrubkit.bind(subject, task=task)
    clean, corrupt = torch.arange(12), torch.arange(12) + 7
    runs = PairRuns(bound, clean, corrupt)
    output = runs.value(bound.whole_output, frozenset(runs.edges))
    torch.testing.assert_close(output, bound.clean(corrupt), rtol=1e-4, atol=1e-4)
    assert runs.divergence(frozenset()) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", SCORERS)
def test_a_scorer_takes_a_graph_of_functions_or_says_why_not(name: str) -> None:
    if name == "text-and-spectra":
        with pytest.raises(ScrubError, match="reads the weights of a scrubkit.Model, found FunctionGraph"):
            score(name, functions(), parity("x % 2"), None)
    elif name in BLIND:
        assert 0 <= score(name, functions(), parity("x % 2"), None).score <= 1
    elif name in NEEDS_PARTS:
        with pytest.raises(ScrubError, match="a graph of functions has no"):
            score(name, functions(), parity("x % 2"), None)
    elif name not in ("random-scores", "linear-probe", "selective-probe"):
        true, false = (score(name, functions(), parity(feature), None) for feature in ("x % 2", "x // 2"))
        assert true.score == pytest.approx(1, abs=0.1)
        assert name == "path-patching" or false.score < 0.9


@pytest.mark.parametrize("kind", ["LayerNorm bridge", "GPT-2"])
def test_the_control_that_reads_spectra_says_that_a_bridge_is_no_model(kind: str) -> None:
    with pytest.raises(ScrubError, match="reads the weights of a scrubkit.Model, found TransformerBridge"):
        score("text-and-spectra", *subjects()[kind])


@pytest.mark.parametrize("name", FINDERS)
def test_a_finder_says_that_a_graph_of_functions_has_no_activations(name: str) -> None:
    with pytest.raises(ScrubError, match="a graph of functions has no"):
        find(name, functions(), None)


@pytest.mark.parametrize("kind", ["ours", "LayerNorm bridge", "GPT-2"])
def test_labels_are_decided_on_every_kind_of_subject(kind: str) -> None:
    subject, graph, task = subjects()[kind]
    wrong = nx.DiGraph(graph)
    wrong.nodes["stream2"]["feature"] = graph.nodes["stream0"]["feature"]
    judge = Judge.of(subject, task=task)
    assert judge.label(scrubkit.bind(subject, graph, task=task).plan.hypothesis).label != "false"
    assert judge.label(scrubkit.bind(subject, wrong, task=task).plan.hypothesis).label == "false"


def test_labels_are_decided_on_a_graph_of_functions() -> None:
    judge = Judge.of(functions())
    labels = [
        judge.label(scrubkit.bind(functions(), parity(f)).plan.hypothesis).label for f in ("x % 2", "x // 2")
    ]
    assert labels == ["true", "false"]


FRAME = ("__init__", "protocol", "registry")
"""Modules that say what a method is and find one."""
MODULES = sorted(path for path in Path(methods.__file__).parent.glob("*.py") if path.stem not in FRAME)
"""The controls in `blind` are no methods to write after: they take the text of claims apart."""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_method_imports_public_names_alone(path: Path) -> None:
    """The names of `scrubkit` itself, its errors, what a method is, and other methods."""
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
            if node.module == "scrubkit":
                assert {alias.name for alias in node.names} <= set(scrubkit.__all__)
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            inside = name.startswith("scrubkit.")
            assert not inside or name.startswith(("scrubkit.methods.", "scrubkit.errors")), name
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "bound":
            assert not node.attr.startswith("_") and node.attr not in (
                "plan",
                "subject",
                "target",
                "tree_nodes",
            )
