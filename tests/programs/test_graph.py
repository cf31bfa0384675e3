import networkx as nx
import numpy as np
import pytest
import torch

from scrubkit.errors import ProgramError
from scrubkit.families.programs.reading import read_program
from tests.programs.graphs import add, chain, induction, inputs, parity, reverse


def test_every_combination_of_inputs_is_a_row():
    program = read_program(chain())
    assert program.rows.tolist() == [[a, b, c] for a in range(3) for b in range(3) for c in range(3)]


def test_values_follow_the_features():
    program = read_program(chain())
    a, b, c = program.rows.T
    assert (program.labels == np.maximum((a + b) % 3, c)).all()


def test_functions_are_called_with_tensors_by_name():
    g = add(inputs(2), "out", ["x1", "x0"], fn=lambda x0, x1: torch.maximum(x0 - x1, torch.tensor(0)))
    assert read_program(g).labels.tolist() == [0, 0, 0, 1, 0, 0, 2, 1, 0]


def test_a_domain_is_what_the_parents_values_can_give_even_off_the_rows():
    g = add(inputs(2, rows=[[0, 0], [1, 1]]), "out", ["x0", "x1"], feature="x0 + 5 * x1")
    program = read_program(g)
    assert program.variables["out"].domain == (0, 1, 2, 5, 6, 7, 10, 11, 12)
    assert program.labels.tolist() == [0, 6]


def test_a_sum_is_a_function_of_its_parents_sum():
    assert (read_program(parity()).labels == read_program(parity()).rows.sum(axis=1) % 2).all()


def test_a_selection_takes_the_last_match_or_the_last_source():
    program = read_program(induction())
    for row, label in zip(program.rows, program.labels, strict=True):
        matches = [i for i in range(1, 4) if row[i - 1] == row[4]]
        assert label == row[matches[-1] if matches else 3]


def test_a_selection_may_prefer_the_first_match():
    g = induction()
    g.nodes["out"]["prefer"] = "first"
    program = read_program(g)
    for row, label in zip(program.rows, program.labels, strict=True):
        matches = [i for i in range(1, 4) if row[i - 1] == row[4]]
        assert label == row[matches[0] if matches else 1]


def test_outputs_at_several_positions_give_a_label_each():
    program = read_program(reverse())
    assert (program.labels == program.rows[:, ::-1]).all()


def test_a_set_variable_reaches_its_readers():
    program = read_program(chain())
    given = {"s": np.full(27, 2)}
    assert (program.run(range(27), given)["out"] == 2).all()


def test_positions_without_input_hold_a_blank():
    g = chain()
    g.graph["n_ctx"] = 4
    program = read_program(g)
    assert program.d_vocab == 4 and (program.tokens[:, 3] == 3).all()


def _broken(change) -> nx.DiGraph:
    g = chain()
    change(g)
    return g


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda g: g.nodes["s"].pop("feature"), "'s' needs fn or feature"),
        (lambda g: g.nodes["s"].update(feature="x0 + y"), "names 'y'"),
        (lambda g: g.nodes["s"].update(feature="x0 / 2"), "whole numbers"),
        (lambda g: g.nodes["s"].update(feature="(x0, x1)"), "2 parts"),
        (lambda g: g.nodes["s"].update(via="magic"), "allowed are table, sum, copy, select"),
        (lambda g: g.nodes["s"].update(via="copy", feature=None), "unknown 'feature'"),
        (lambda g: g.nodes["s"].update(featur="x0"), "did you mean"),
        (lambda g: g.nodes["x0"].pop("values"), "'x0' needs values"),
        (lambda g: g.nodes["x0"].update(values=[-1, 0]), "whole numbers from 0"),
        (lambda g: g.nodes["x0"].update(feature="0"), "an input takes values and pos"),
        (lambda g: g.nodes["x0"].update(pos=1), "'x0' and 'x1' share"),
        (lambda g: g.graph.update(n_ctx=2), "pos is 2, n_ctx 2"),
        (lambda g: g.nodes["s"].update(family="f"), "needs pos"),
        (lambda g: g.graph.update(output="t"), "output 't' is not a node"),
        (lambda g: g.graph.update(outptu="s"), "did you mean"),
        (lambda g: g.graph.update(rows=[[0, 0]]), "3 a row"),
        (lambda g: g.graph.update(rows=[[0, 0, 9]]), "'x2' takes 9"),
        (lambda g: add(g, "dead", ["x0"], feature="x0"), "name the output"),
        (lambda g: add(g, "not a name", ["x0"], feature="x0"), "identifier"),
        (lambda g: g.nodes["out"].update(feature="s - 3"), "negative values"),
        (lambda g: g.add_edge("out", "x0"), "without cycles; found .*out -> "),
    ],
)
def test_a_fault_is_named(change, words):
    with pytest.raises(ProgramError, match=words):
        read_program(_broken(change))


def test_all_faults_are_reported_at_once():
    g = chain()
    g.nodes["x2"]["values"] = []
    g.nodes["s"]["feature"] = "x0 +"
    with pytest.raises(ProgramError) as caught:
        read_program(g)
    assert len(caught.value.faults) == 2


def test_a_table_that_is_too_large_is_refused_with_what_would_do():
    g = inputs(9)
    add(g, "out", list(g), feature="max(x0, x1, x2, x3, x4, x5, x6, x7, x8)")
    with pytest.raises(ProgramError, match="in steps, or via sum"):
        read_program(g)
