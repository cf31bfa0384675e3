"""Operators: pure, repeatable, and false for the reason that they are made for."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import networkx as nx
import numpy as np
import pytest

from scrubkit.bench.label import Judge
from scrubkit.families.modular.compile import compile_model
from scrubkit.families.modular.suites.hypotheses import FAMILIES, true_hypotheses
from scrubkit.families.modular.suites.known import Known
from scrubkit.families.modular.suites.mutators import MUTATORS, RESTATEMENTS
from scrubkit.hypothesis import from_graph

LEFT_OUT, IDLE, WRONG = {"left-out", "wrong-place"}, {"not-needed"}, {"too-coarse", "wrong-place", "rare"}
VARIANTS = ("pizza", "clock-torus", "clock-attention")
PLANTED = {
    "pizza": {"decoy_neurons": 6, "decoy_heads": 1, "cancelling_heads": 1},
    "clock-torus": {"decoy_neurons": 6, "decoy_heads": 1},
    "clock-attention": {"decoy_heads": 2},
}


@lru_cache
def known(variant: str) -> Known:
    options: dict[str, Any] = {"variant": variant, "p": 11, "distractors": PLANTED[variant]}
    other = compile_model(frequencies=(1, 3), **options)
    return Known.of(compile_model(frequencies=(2, 5), **options), other.truth)


@lru_cache
def judge(variant: str) -> Judge:
    return Judge.of(compile_model(variant=variant, p=11, frequencies=(2, 5), distractors=PLANTED[variant]))


def contents(graph: nx.DiGraph) -> Any:
    return sorted(graph.nodes(data=True), key=str), sorted(graph.edges(data=True), key=str)


@pytest.mark.parametrize("name", [*MUTATORS, *RESTATEMENTS])
def test_operators_are_pure_and_repeatable(name: str) -> None:
    operator = {**MUTATORS, **RESTATEMENTS}[name]
    applied = 0
    for variant in VARIANTS:
        for story in true_hypotheses(known(variant)).values():
            before = contents(story)
            for seed in range(2):
                first = operator(story, known(variant), np.random.default_rng(seed))
                again = operator(story, known(variant), np.random.default_rng(seed))
                assert contents(story) == before
                assert (first is None) == (again is None)
                if first is not None and again is not None:
                    assert contents(first) == contents(again)
                    assert from_graph(first).hash != from_graph(story).hash
                    applied += 1
    assert applied, f"{name} applies to no story"


@pytest.mark.parametrize("name", [*MUTATORS, *RESTATEMENTS])
def test_operators_document_what_they_break(name: str) -> None:
    assert {**MUTATORS, **RESTATEMENTS}[name].__doc__


@pytest.mark.parametrize(
    ("operator", "variant", "family", "strata"),
    [
        ("drop_frequency", "pizza", "frequencies", LEFT_OUT),
        ("drop_frequency", "clock-attention", "planes", LEFT_OUT),
        ("wrong_frequency", "clock-torus", "planes", LEFT_OUT),
        ("wrong_frequency", "clock-torus", "frequencies", LEFT_OUT),
        ("extra_frequency", "pizza", "planes", IDLE),
        ("extra_frequency", "clock-torus", "frequencies", IDLE),
        ("other_seed", "clock-torus", "frequencies", LEFT_OUT),
        ("swap_positions", "pizza", "clusters", WRONG),
        ("exchange_clusters", "clock-torus", "full", LEFT_OUT),
        ("misassign_neurons", "pizza", "full", LEFT_OUT),
        ("difference", "clock-torus", "clusters", WRONG),
        ("one_operand", "clock-attention", "planes", WRONG),
        ("scaled_operand", "pizza", "planes", WRONG),
        ("coarser", "clock-torus", "planes", WRONG),
        ("clock_for_pizza", "pizza", "planes", WRONG),
        ("drop_node", "clock-torus", "clusters", LEFT_OUT),
        ("drop_edge", "clock-torus", "clusters", LEFT_OUT),
        ("needed_unimportant", "pizza", "frequencies", LEFT_OUT),
        ("skip_matters", "clock-torus", "skip", IDLE),
        ("decoy_neurons", "pizza", "clusters", IDLE),
        ("decoy_head", "clock-attention", "heads", IDLE),
        ("one_of_cancelling", "pizza", "heads", WRONG),
    ],
)
def test_a_mutant_is_false_for_the_reason_that_it_is_made_for(
    operator: str, variant: str, family: str, strata: set[str]
) -> None:
    story = true_hypotheses(known(variant))[family]
    found: set[str | None] = set()
    for seed in range(4):
        mutant = MUTATORS[operator](story, known(variant), np.random.default_rng(seed))
        assert mutant is not None
        label = judge(variant).label(from_graph(mutant))
        found.add(label.stratum)
        if found & strata:
            break
    assert found & strata


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_equivalent_mutant_is_found_to_be_true(variant: str) -> None:
    mutant = MUTATORS["shifted"](
        true_hypotheses(known("clock-torus"))["planes"], known(variant), np.random.default_rng(0)
    )
    assert mutant is not None
    assert judge("clock-torus").label(from_graph(mutant)).label == "true"


def test_a_finer_feature_than_is_needed_is_true() -> None:
    """The pizza's feature said of a clock: the |cos| is not needed and makes nothing false."""
    story = true_hypotheses(known("pizza"))["planes"]
    assert judge("clock-torus").label(from_graph(story)).label == "true"


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ["rename_classes", "refine", "leaves", "rest_unimportant", "merge_nodes"])
def test_restatements_stay_true(name: str, variant: str) -> None:
    for family, story in true_hypotheses(known(variant)).items():
        graph = RESTATEMENTS[name](story, known(variant), np.random.default_rng(1))
        if graph is None:
            continue
        if family == "heads":
            # Its restatements are slow to label and hold nothing of their own.
            continue
        label = judge(variant).label(from_graph(graph))
        assert label.label in ("true", "vacuous"), (family, label.failed)


def test_everything_in_one_is_vacuous() -> None:
    story = true_hypotheses(known("pizza"))["clusters"]
    for seed in range(4):
        mutant = MUTATORS["everything_in_one"](story, known("pizza"), np.random.default_rng(seed))
        assert mutant is not None
        assert judge("pizza").label(from_graph(mutant)).label == "vacuous"


def test_every_family_has_a_story_and_a_docstring() -> None:
    told = {family for variant in VARIANTS for family in true_hypotheses(known(variant))}
    assert told == set(FAMILIES)
    assert all(story.__doc__ for story in FAMILIES.values())
