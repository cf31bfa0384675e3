import networkx as nx
import numpy as np
import pytest

from scrubkit.errors import ProgramError
from scrubkit.families.programs.random import random_program


@pytest.mark.parametrize("kind", ["tree", "shared"])
def test_every_input_and_parent_matters(kind):
    for seed in range(10):
        program = random_program(seed, inputs=3, values=3, nodes=4, kind=kind)
        output = program.labels.reshape(3, 3, 3)
        assert all((np.diff(output, axis=axis) != 0).any() for axis in range(3))
        for name in program.computed:
            answers = program.variables[name].rule.answers
            assert all((np.diff(answers, axis=axis) != 0).any() for axis in range(answers.ndim))


def test_no_variable_is_constant_or_tells_what_another_tells():
    for seed in range(10):
        program = random_program(seed, inputs=3, values=3, nodes=6)
        classes = set()
        for values in program.values.values():
            _, first = np.unique(values, return_index=True)
            assert len(first) > 1
            classes.add(tuple((values[:, None] == values[None]).argmax(axis=1)))
        assert len(classes) == len(program.variables)


def test_a_tree_reads_every_variable_once():
    graph = random_program(3, inputs=4, nodes=4, kind="tree").graph
    assert {graph.out_degree(name) for name in graph} == {0, 1}


def test_shared_programs_read_some_variable_twice():
    assert any(max(d for _, d in random_program(s, nodes=5).graph.out_degree()) > 1 for s in range(5))


def test_depth_is_as_asked():
    assert nx.dag_longest_path_length(random_program(0, inputs=4, nodes=4, depth=3).graph) == 3


def test_a_seed_decides_the_program():
    one, again, other = (random_program(s) for s in (1, 1, 2))
    assert (one.labels == again.labels).all() and nx.utils.graphs_equal(
        nx.DiGraph(one.graph.edges), nx.DiGraph(again.graph.edges)
    )
    assert (
        nx.utils.edges_equal(one.graph.edges, other.graph.edges) is False
        or (one.labels != other.labels).any()
    )


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ProgramError, match="at least 1 input, 2 values and 4 nodes"):
        random_program(0, inputs=8, nodes=2)
