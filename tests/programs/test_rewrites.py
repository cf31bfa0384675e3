import numpy as np
import pytest

from scrubkit.errors import ProgramError
from scrubkit.families.programs import distractors, rewrites
from scrubkit.families.programs.claims import abstraction
from scrubkit.families.programs.compile import compile_program
from scrubkit.families.programs.label import label
from scrubkit.families.programs.library import named
from scrubkit.families.programs.random import random_program
from scrubkit.families.programs.reading import read_program
from tests.programs.forward import forward
from tests.programs.graphs import add, chain, inputs


def shared():
    """One variable, two readers."""
    g = add(inputs(3), "s", ["x0", "x1"], feature="(x0 + x1) % 3")
    add(g, "t", ["s", "x2"], feature="max(s, x2)")
    add(g, "u", ["s", "x2"], feature="(s + x2) % 3")
    return read_program(add(g, "out", ["t", "u"], feature="(t + 2 * u) % 3"))


def product():
    g = add(inputs(3), "s", ["x0", "x1"], feature="(x0 + x1) % 3")
    return read_program(add(g, "out", ["s", "x2"], feature="s * x2 % 3"))


REWRITES = {
    "inline": lambda: (shared(), rewrites.inline(shared(), "s")),
    "recompute": lambda: (shared(), rewrites.recompute(shared(), "s", "u")),
    "split": lambda: (shared(), rewrites.split(shared(), "s")),
    "pack": lambda: (shared(), rewrites.pack(shared(), "t", "u")),
    "associate": lambda: (read_program(chain()), rewrites.associate(read_program(chain()), "out")),
    "associate sum": lambda: (product(), rewrites.associate(product(), "out")),
    "decoy": lambda: (shared(), distractors.decoy(shared(), "s")),
    "dead": lambda: (shared(), distractors.dead(shared(), "x0 * x1 % 3")),
    "redundant pair": lambda: (shared(), distractors.redundant_pair(shared(), "s")),
    "backup": lambda: (shared(), distractors.backup(shared(), "s")),
    "vote": lambda: (shared(), distractors.vote(shared(), "s")),
    "dormant": lambda: (shared(), distractors.dormant(shared(), "s")),
    "cancelling pair": lambda: (shared(), distractors.cancelling_pair(shared(), "s", "x2")),
}


@pytest.mark.parametrize("name", REWRITES)
def test_a_rewrite_keeps_every_answer_and_changes_the_graph(name):
    before, after = REWRITES[name]()
    assert np.array_equal(before.labels, after.labels)
    assert set(before.variables) != set(after.variables)
    assert compile_program(after, codes="rotated").errors.wrong == 0


@pytest.mark.parametrize("name", REWRITES)
def test_a_rewritten_program_is_true_of_itself(name):
    _, after = REWRITES[name]()
    used = {n for n in after.variables if n in after.ancestors["out"] or n == "out"}
    assert label(after, abstraction(after, used)).sufficient


def test_products_distribute_over_sums():
    after = rewrites.distribute(product(), "out")
    assert np.array_equal(after.labels, product().labels)
    assert after.computed == ("x0_x2", "x1_x2", "out")


def test_a_rewrite_that_would_change_answers_is_refused():
    with pytest.raises(ProgramError, match="changes the answers"):
        rewrites.distribute(read_program(chain()), "out")


def test_rewrites_of_functions_without_text_work_too():
    for seed in range(6):
        program = random_program(seed, nodes=4)
        name = next(n for n in program.computed if program.children[n])
        assert np.array_equal(rewrites.inline(program, name).labels, program.labels)
        reader = program.children[name][0]
        assert np.array_equal(rewrites.recompute(program, name, reader).labels, program.labels)


def test_twins_a_claim_is_true_of_one_and_false_of_the_other():
    claim = abstraction(shared(), ["x2", "s"])
    assert label(shared(), claim).true
    assert not label(rewrites.recompute(shared(), "s", "u"), claim).true


def test_swapped_places_hold_each_others_variable():
    g = add(inputs(3), "s", ["x0", "x1"], feature="(x0 + x1) % 3", pos=1)
    add(g, "t", ["x0", "x1"], feature="max(x0, x1)", pos=2)
    before = read_program(add(g, "out", ["s", "t", "x2"], feature="(s + t + x2) % 3"))
    after = rewrites.swap_places(before, "s", "t")
    assert [compile_program(p).truth.where("s")[0].pos for p in (before, after)] == [1, 2]
    with pytest.raises(ProgramError, match="need positions"):
        rewrites.swap_places(before, "s", "out")


def test_a_decoy_is_not_needed_and_not_the_place():
    program = distractors.decoy(shared(), "s")
    claim = abstraction(program, ["s", "x2"])
    claim.nodes["s"]["variable"] = "s_decoy"
    assert label(program, claim).stratum == "wrong-place"


def test_one_voter_of_three_is_needed():
    program = distractors.vote(shared(), "s")
    claim = abstraction(program, ["s", "s_second", "s_third", "x2"])
    found = label(program, claim)
    assert found.true and not found.idle


def test_two_cancelling_variables_called_constant_are_false():
    program = distractors.cancelling_pair(shared(), "s", "x2")
    claim = abstraction(program, ["s", "s_plus", "s_minus", "x2"])
    assert label(program, claim).true
    for node in ("s_plus", "s_minus"):
        claim.nodes[node]["feature"] = "0"
    assert not label(program, claim).true


def test_exceptions_change_the_answer_on_their_rows_alone():
    program = named("max3").program()
    changed = distractors.exceptions(program, [7, 90], 0)
    assert np.flatnonzero(changed.labels != program.labels).tolist() == [7, 90]
    claim = abstraction(program, ["first", "x2"])
    assert label(changed, claim).stratum == "rare"


def test_a_dormant_variable_moves_the_answer_only_together_with_its_decoy():
    """Along the sums of their codes, and along neither's own, a donor's value gains half of its logit."""
    made = compile_program(distractors.dormant(named("max3").program(), "first"))
    program, rng = made.program, np.random.default_rng(0)
    assert set(program.values["first_dormant"]) == {0}
    rows, donors = rng.integers(len(program.rows), size=(2, 60))
    decoy, asleep = (made.truth.where(f"first_{kind}")[0] for kind in ("decoy", "dormant"))
    time = max(decoy.time, asleep.time)
    codes = [made.code.write[place.read] for place in (decoy, asleep)]
    illusion = (codes[0] + codes[1][1:]) / np.sqrt(2)
    clean = forward(made.weights, made.config, program.tokens).stream[time][:, -1]

    def logits(basis):
        def edit(now, x):
            if now == time:
                x = x.copy()
                x[:, -1] += (clean[donors] - x[:, -1]) @ basis.T @ basis
            return x

        return forward(made.weights, made.config, program.tokens[rows], edit).logits[:, -1]

    value, x2 = program.values["first"][donors], program.values["x2"][rows]
    follows = np.maximum(value, x2)
    moved = follows != program.labels[rows]
    untouched = np.flatnonzero(moved)
    assert len(untouched) >= 10
    for basis in (codes[0], codes[1]):
        assert np.abs(logits(basis)[untouched, follows[untouched]]).max() < 1e-9
    assert logits(illusion)[untouched, follows[untouched]].min() > 4.9
