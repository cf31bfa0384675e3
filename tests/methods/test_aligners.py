"""Aligners find true variables, no wrong ones, and are asked about random weights."""

from functools import cache

import networkx as nx
import numpy as np
import pytest
import torch

import scrubkit
from scrubkit.errors import BenchError, ScrubError
from scrubkit.harness.aligners import aligner_figures
from scrubkit.harness.run import validate
from scrubkit.methods.aligned import Aligned
from scrubkit.methods.alignment import Place, draw_pairs, spanned
from scrubkit.methods.nonlinear_alignment import NonlinearAlignment, Reversible
from scrubkit.methods.protocol import Aligner, Alignment
from scrubkit.methods.registry import find_method
from scrubkit.models.config import ModelConfig
from scrubkit.models.model import Model
from scrubkit.models.record import Provenance
from scrubkit.models.weights import random_weights
from tests.methods.conftest import ask, compiled
from tests.methods.test_every_subject import functions, parity, score

MLP = "blocks.0.hook_mlp_out[pos=-1]"


def one(site: str, feature: str) -> nx.DiGraph:
    graph = nx.DiGraph([("path", "logits")])
    graph.add_node("logits", site="logits")
    graph.add_node("path", site=site, feature=feature)
    return graph


def embeddings() -> nx.DiGraph:
    graph = nx.DiGraph([("a", "logits"), ("b", "logits")])
    graph.add_node("logits", site="logits")
    for position, name in enumerate("ab"):
        graph.add_node(name, site=f"hook_embed[pos={position}]", feature=name)
    return graph


@cache
def never_trained() -> Model:
    """Random weights, on the task of Sutter et al., section 5: name the one of two that is not repeated."""
    rows = np.array([(a, b, s) for a in range(6) for b in range(6) if a != b for s in (a, b)])
    labels = rows[:, 0] + rows[:, 1] - rows[:, 2]
    variables = {"first": rows[:, 0], "second": rows[:, 1], "repeated": rows[:, 2]}
    task = scrubkit.Task("indirect-object", tokens=rows, labels=labels, variables=variables)
    config = ModelConfig.for_task(task, n_layers=1, d_model=64, n_heads=4, d_head=16, d_mlp=128)
    weights = random_weights(config, torch.Generator().manual_seed(0))
    return Model("random", task, config, weights, Provenance(kind="trained"))


NAME = one("blocks.0.hook_resid_post[pos=-1]", "first + second - repeated")


@pytest.mark.parametrize("name", ["das", "boundless-das"])
def test_an_aligner_finds_the_sum_and_no_difference(name: str) -> None:
    model = compiled("clock-torus", planted=False)
    right = ask(name, model, one(MLP, "(a + b) % p"))
    assert right.verdict == "supported" and right.score >= 0.95
    assert right.control is not None and right.control < 0.9
    wrong = ask(name, model, one(MLP, "(a - b) % p"))
    assert wrong.verdict == "refuted" and wrong.control is None


def test_das_takes_the_rank_that_a_whole_embedding_needs() -> None:
    model = compiled("clock-torus", planted=False)
    assert ask("das", model, embeddings()).score == 1
    bound = scrubkit.bind(model, embeddings())
    found = find_method("das").aligner.align(  # pyright: ignore[reportAttributeAccessIssue]
        model,
        bound.plan.hypothesis,
        ("a",),
        task=model.task,
        generator=torch.Generator().manual_seed(0),
        budget=scrubkit.Budget(),
    )
    assert found.rank == 4  # two circles


def test_boundless_das_keeps_few_axes_where_few_are_needed() -> None:
    model = compiled("clock-torus", planted=False)
    graph = one("blocks.0.hook_resid_post[pos=-1]", "(a + b) % p")
    bound = scrubkit.bind(model, graph)
    found = find_method("boundless-das").aligner.align(  # pyright: ignore[reportAttributeAccessIssue]
        model,
        bound.plan.hypothesis,
        ("path",),
        task=model.task,
        generator=torch.Generator().manual_seed(0),
        budget=scrubkit.Budget(),
    )
    assert found.rank is not None and 4 <= found.rank < Place.of(bound, ("path",)).axes.shape[1]


def test_a_nonlinear_map_aligns_weights_that_were_never_trained_and_a_linear_one_does_not() -> None:
    """Sutter et al. 2025: up to 100 % interchange accuracy on random language models of indirect objects."""
    bound, asked = scrubkit.bind(never_trained(), NAME), {"task": never_trained().task, "budget": None}
    reached = {}
    for aligner in (NonlinearAlignment(steps=400), find_method("das").aligner):  # pyright: ignore
        judge = Aligned(aligner)
        given = {**asked, "generator": torch.Generator().manual_seed(0)}
        found, _ = judge._accuracies(bound, never_trained(), bound.plan.hypothesis, given)
        reached[judge.name] = found["path"]
    assert reached["nonlinear-alignment"] > 0.95
    assert reached["das"] < 0.6


@pytest.mark.parametrize(("random", "verdict"), [(1.0, "untestable"), (0.5, "supported")])
def test_what_random_weights_pass_as_well_is_called_untestable(
    random: float, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = compiled("clock-torus", planted=False)
    reached = iter([({"path": 1.0}, 3), ({"path": random}, 4)])
    monkeypatch.setattr(Aligned, "_accuracies", lambda *given: next(reached))
    answer = ask("das", model, one(MLP, "(a + b) % p"))
    assert (answer.verdict, answer.score, answer.control) == (verdict, 1.0, random)
    assert answer.evaluations == 7


def test_a_reversible_map_is_undone() -> None:
    place = Place.of(scrubkit.bind(never_trained(), NAME), ("path",))
    found = Reversible(place, torch.Generator().manual_seed(0))
    values = torch.randn(7, found.axes.shape[1], generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(found.backward(*found.forward(values)), values)


def test_the_judge_asks_pairs_that_training_never_draws() -> None:
    bound = scrubkit.bind(never_trained(), NAME)
    nodes = (bound["path"],)
    drawn = [
        draw_pairs(bound, nodes, 2000, torch.Generator().manual_seed(s), held_out=h)
        for s, h in ((0, False), (1, True))
    ]
    seen, asked = ({*zip(p.base.tolist(), p.source.tolist(), strict=True)} for p in drawn)
    assert len(seen) > 1000 and len(asked) > 1000 and not seen & asked


def test_directions_are_kept_until_they_hold_the_share() -> None:
    values = torch.diag(torch.tensor([10.0, 1.0, 1e-9]))
    assert spanned(values, 1.0).shape == (3, 2)
    assert spanned(values, 0.9).shape == (3, 1)
    assert spanned(torch.zeros(4, 3), 1.0).shape[1] == 1


def test_an_aligner_says_that_a_graph_of_functions_has_no_activations() -> None:
    with pytest.raises(ScrubError, match="a graph of functions has no"):
        score("das", functions(), parity("x % 2"), None)


class Copying:
    """An aligner that sets the whole site to the source's value."""

    name = "copying"

    def align(self, model, hypothesis, variable, *, task, generator, budget) -> Alignment:
        return Alignment(lambda base, source: source)


class Wordless:
    name = "wordless"

    def align(self, model, hypothesis) -> None: ...


def test_an_aligner_of_ones_own_is_judged_like_any_method() -> None:
    assert isinstance(Copying(), Aligner)
    report = validate(find_method(Copying()), _few_cases(), in_process=True)
    (figures,) = aligner_figures(report.methods)
    assert figures.name == "copying" and figures.asked > 0
    assert figures.true == 1 and figures.control is not None and figures.control < 0.9
    assert figures.row[-1] == f"0 of {figures.asked}"


def test_an_aligner_that_cannot_be_called_is_refused() -> None:
    with pytest.raises(BenchError, match="align.* cannot be called"):
        find_method(Wordless())


def _few_cases():
    from scrubkit.bench.suites import load_suite

    suite = load_suite("fast-1")
    kept = [c for c in suite.cases if c.variant == "clock-torus" and c.family == "clusters"][:3]
    return suite.model_copy(update={"cases": tuple(kept)})
