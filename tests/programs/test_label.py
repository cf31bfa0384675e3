import networkx as nx
import numpy as np
import pytest

from scrubkit.families.programs.claims import ROOT, abstraction
from scrubkit.families.programs.compile import compile_program
from scrubkit.families.programs.label import label
from scrubkit.families.programs.places import with_moves
from scrubkit.families.programs.random import random_program
from scrubkit.families.programs.reading import read_program
from scrubkit.families.programs.subject import function_graph
from scrubkit.scrubbing.functions import scrub
from tests.programs.graphs import add, chain, induction, inputs


def claim(**features) -> nx.DiGraph:
    """A claim in which every variable is read by the output alone."""
    g = nx.DiGraph(name="claim")
    g.add_node(ROOT)
    for variable, feature in features.items():
        g.add_node(variable, variable=variable, feature=feature)
        g.add_edge(variable, ROOT)
    return g


def vote():
    """Three copies of one bit, of which the majority counts."""
    g = inputs(2, 2)
    for i in range(3):
        add(g, f"v{i}", ["x0", "x1"], feature="(x0 + x1) % 2")
    return read_program(add(g, "out", ["v0", "v1", "v2"], feature="v0 + v1 + v2 > 1"))


def exceptions():
    """The first token, but for one input of 64."""
    g = inputs(2, 8)
    return read_program(add(g, "out", ["x0", "x1"], feature="(x0 + (x0 == 3 and x1 == 5)) % 8"))


def test_the_whole_program_is_true_of_itself():
    for seed in range(10):
        program = random_program(seed, nodes=4)
        found = label(program, abstraction(program, program.variables))
        assert found.true and not found.idle and not found.vacuous


def test_three_voters_called_constant_are_false():
    found = label(vote(), claim(v0="0", v1="0", v2="0"))
    assert not found.true and found.stratum == "too-coarse"


def test_three_voters_by_what_they_carry_are_true_and_each_is_needed():
    found = label(vote(), claim(v0="(x0 + x1) % 2", v1="(x0 + x1) % 2", v2="(x0 + x1) % 2"))
    assert found.true and found.idle == ()


def test_two_voters_of_three_leave_one_out():
    found = label(vote(), claim(v0="(x0 + x1) % 2", v1="0"))
    assert not found.true


def test_a_coarse_feature_is_too_coarse():
    program = read_program(chain())
    assert label(program, claim(s="(x0 + x1) % 2", x2="x2")).stratum == "too-coarse"


def test_a_finer_feature_is_true():
    program = read_program(chain())
    assert label(program, claim(s="x0 + 3 * x1", x2="x2")).true


def test_a_missing_variable_is_left_out():
    program = read_program(chain())
    assert label(program, claim(s="(x0 + x1) % 3")).stratum == "left-out"


def test_an_unimportant_node_that_matters_is_left_out():
    program = read_program(chain())
    graph = claim(s="(x0 + x1) % 3", x2="x2")
    graph.nodes["x2"]["unimportant"] = True
    assert label(program, graph).stratum == "left-out"


def test_an_unimportant_node_that_does_not_matter_is_true():
    g = add(chain(), "dead", ["x0"], feature="x0")
    g.graph["output"] = "out"
    graph = claim(s="(x0 + x1) % 3", x2="x2", dead="x0")
    graph.nodes["dead"]["unimportant"] = True
    assert label(read_program(g), graph).true


def test_a_variable_that_nobody_reads_is_not_needed():
    g = add(chain(), "dead", ["x0"], feature="x0")
    g.graph["output"] = "out"
    found = label(read_program(g), claim(s="(x0 + x1) % 3", x2="x2", dead="x0"))
    assert found.sufficient and found.stratum == "not-needed" and found.idle == ((ROOT, "dead"),)


def test_another_variable_of_the_same_feature_is_the_wrong_place():
    g = add(chain(), "dead", ["x0", "x1"], feature="(x0 + x1) % 3")
    g.graph["output"] = "out"
    assert label(read_program(g), claim(dead="(x0 + x1) % 3", x2="x2")).stratum == "wrong-place"


def test_the_right_place_repairs_nothing_where_another_variable_is_left_out():
    g = add(chain(), "dead", ["x0", "x1"], feature="(x0 + x1) % 3")
    g.graph["output"] = "out"
    assert label(read_program(g), claim(dead="(x0 + x1) % 3")).stratum == "left-out"


def test_the_right_place_is_looked_for_behind_variables_that_cannot_be_meant():
    """x3 comes before s and is not made of x0 and x1, as what the claim calls dead has to be."""
    g = add(inputs(4), "s", ["x0", "x1"], feature="(x0 + x1) % 3")
    add(g, "out", ["s", "x2"], feature="max(s, x2)")
    add(g, "dead", ["x0", "x1"], feature="(x0 + x1) % 3")
    add(g, "idle", ["x3"], feature="x3")
    g.graph["output"] = "out"
    program = read_program(g)
    assert list(program.variables).index("x3") < list(program.variables).index("s")
    named = claim(dead="(x0 + x1) % 3", x2="x2")
    for operand in ("x0", "x1"):
        named.add_node(operand, variable=operand, feature=operand)
        named.add_edge(operand, "dead")
    assert label(program, named).stratum == "wrong-place"


def test_a_claim_that_fails_on_few_inputs_is_rare():
    found = label(exceptions(), claim(x0="x0", x1="0"))
    assert found.stratum == "rare" and 0 < found.failure < 0.05 and found.worst_row[0] in range(64)


def test_inputs_alone_say_nothing_of_the_weights():
    program = read_program(chain())
    assert label(program, claim(x0="x0", x1="x1", x2="x2")).vacuous
    assert not label(program, claim(s="(x0 + x1) % 3", x2="x2")).vacuous


def test_moves_are_places_of_their_own():
    model = compile_program(chain())
    program = with_moves(model)
    assert (program.labels == model.program.labels).all()
    found = label(program, abstraction(program, ["x0@2", "x1@2", "x2", "s"]))
    assert found.true


def test_selections_are_labelled_too():
    program = read_program(induction())
    names = [n for n in program.variables if n != "out"]
    assert label(program, abstraction(program, names)).true
    short = claim(prev2="x1", prev3="x2", x1="x1", x2="x2", x3="x3", x4="x4")
    assert label(program, short).stratum == "left-out"
    # Where the last key matches the last source is taken, and where none does, too.
    assert label(program, claim(prev1="x0", prev2="x1", x1="x1", x2="x2", x3="x3", x4="x4")).true


def engine_failure(program, graph) -> float:
    """The share of draws that change the answer, by the engine, which shares no code with labels."""
    hypothesis = nx.DiGraph(name="claim")
    (output,) = program.outputs.values()
    for node, attributes in graph.nodes(data=True):
        hypothesis.add_node(node, site=attributes.get("variable", output))
        if "feature" in attributes:
            hypothesis.nodes[node]["feature"] = attributes["feature"]
    hypothesis.add_edges_from(graph.edges)
    answers = {tuple(row): int(v) for row, v in zip(program.rows, program.labels, strict=True)}
    score = scrub(
        function_graph(program),
        hypothesis,
        label=lambda rows: np.array([answers[tuple(row)] for row in np.asarray(rows)]),
        loss=lambda output, right: (output != right).double(),
    )
    return score.scrubbed_loss.value


@pytest.mark.parametrize("seed", range(12))
def test_the_scrubbing_engine_fails_as_often(seed):
    """The engine, which shares no code with labels, finds the same share of draws that change answers."""
    rng = np.random.default_rng(seed)
    program = random_program(seed, inputs=2, values=3, nodes=3)
    chosen = [v for v in program.computed if v != program.outputs[1]] + list(program.inputs)
    graph = abstraction(program, chosen)
    victim = str(rng.choice(chosen))
    graph.nodes[victim]["feature"] = str(rng.choice(["0", "x0 % 2", "x1", "max(x0, x1)"]))
    if rng.random() < 0.5:
        graph.remove_edge(*list(graph.in_edges(ROOT))[0]) if graph.in_degree(ROOT) > 1 else None
    for node in [n for n in graph if n != ROOT and graph.out_degree(n) == 0]:
        graph.remove_node(node)
    assert label(program, graph).failure == pytest.approx(engine_failure(program, graph), abs=1e-9)


def test_a_mapped_variable_that_is_not_read_keeps_its_value_as_in_the_engine():
    g = add(inputs(3), "s", ["x0", "x1"], feature="max(x0, x1)")
    add(g, "t", ["s", "x2"], feature="(s + x2) % 3")
    add(g, "u", ["s", "x2"], feature="max(s, x2)")
    program = read_program(add(g, "out", ["t", "u"], feature="(t + 2 * u) % 3"))
    graph = claim(t="(max(x0, x1) + x2) % 3", x0="x0", x2="x2")
    graph.add_node("s", variable="s", feature="max(x0, x1)")
    graph.add_edges_from([("s", "t"), ("x2", "t")])
    held = label(program, graph).failure
    assert held == pytest.approx(engine_failure(program, graph), abs=1e-9)
    graph.remove_node("s")
    assert abs(held - label(program, graph).failure) > 0.01
