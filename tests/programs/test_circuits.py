"""Minimal circuits, on programs in which they are seen at a glance."""

import pytest

from scrubkit.families.programs import distractors
from scrubkit.families.programs.circuits import MAX_CIRCUITS, minimal_circuits, sufficient_parents
from scrubkit.families.programs.model import compile_graph
from scrubkit.families.programs.reading import read_program
from tests.programs.graphs import add, chain, induction, inputs, parity

CHAIN = [("x0", "s"), ("x1", "s"), ("s", "out"), ("x2", "out")]


def sorted_edges(circuits):
    return sorted(sorted(edges) for edges in circuits)


@pytest.mark.parametrize("graph", [chain(), parity(), induction()], ids=["chain", "parity", "induction"])
def test_where_every_parent_is_needed_the_one_circuit_is_the_whole_graph(graph):
    assert sorted_edges(minimal_circuits(read_program(graph))) == [sorted(graph.edges)]


def test_of_three_voters_any_two_suffice():
    program = distractors.vote(read_program(chain()), "s")
    voters = {"s", "s_second", "s_third"}
    found = [{p for p, name in edges if name == "out"} for edges in minimal_circuits(program)]
    assert sorted(map(sorted, found)) == [
        ["s", "s_second", "x2"],
        ["s", "s_third", "x2"],
        ["s_second", "s_third", "x2"],
    ]
    for edges in minimal_circuits(program):
        assert len(voters & {name for _, name in edges}) == 2


def test_of_a_pair_that_cancels_neither_is_needed():
    program = distractors.cancelling_pair(read_program(chain()), "s", "x2")
    assert sorted_edges(minimal_circuits(program)) == [sorted(CHAIN)]


def test_a_backup_is_needed_since_it_wakes_when_the_rest_runs_on_another_row():
    program = distractors.backup(read_program(chain()), "s")
    assert sufficient_parents(program, "out") == [("x2", "s", "s_backup")]


def test_a_parent_that_changes_nothing_is_in_no_circuit():
    graph = add(inputs(3), "out", ["x0", "x1", "x2"], feature="(x0 + x1 + 0 * x2) % 3")
    assert sufficient_parents(read_program(graph), "out") == [("x0", "x1")]


def test_what_is_kept_for_one_reader_may_be_left_for_another():
    graph = add(inputs(2), "u", ["x0"], feature="x0")
    add(graph, "v", ["x0"], feature="x0")
    add(graph, "w", ["u", "v"], feature="u - v")
    add(graph, "out", ["w", "u", "x1"], feature="(w + u + x1) % 3")
    assert sorted_edges(minimal_circuits(read_program(graph))) == [[("u", "out"), ("x0", "u"), ("x1", "out")]]


def test_circuits_multiply_along_a_path_and_are_listed_up_to_a_limit():
    graph, last = inputs(1), "x0"
    for i in range(5):
        add(graph, f"s{i}", [last], feature=f"({last} + 1) % 3")
        last = f"s{i}"
    program, counts = read_program(graph), []
    for i in range(4):
        program = distractors.vote(program, f"s{i}")
        counts.append(len(minimal_circuits(program)))
    # Each of the two voters that are kept may take any two of the three before it: 3 x 3 x 3.
    assert counts == [3, 27, MAX_CIRCUITS, MAX_CIRCUITS]


def test_a_compiled_model_knows_its_circuits():
    model = compile_graph(chain())
    assert model.truth is not None
    assert sorted_edges(model.truth.minimal) == [sorted(CHAIN)]
