import itertools

import numpy as np
import pytest

from scrubkit.errors import ProgramError
from scrubkit.families.programs.compile import compile_program
from scrubkit.families.programs.compile.check import measure
from scrubkit.families.programs.random import random_program
from tests.programs.forward import forward
from tests.programs.graphs import add, chain, induction, inputs, parity, reverse

PROGRAMS = {"chain": chain, "parity": parity, "induction": induction}
EXACT = 1e-10


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("normalization", [None, "LN", "RMS"])
@pytest.mark.parametrize("codes", ["onehot", "rotated"])
@pytest.mark.parametrize("act_fn", ["relu", "gelu"])
def test_every_variable_is_exact_under_every_code(name, normalization, codes, act_fn):
    made = compile_program(PROGRAMS[name](), normalization=normalization, codes=codes, act_fn=act_fn)
    assert made.errors.code < EXACT and made.errors.logit < EXACT and made.errors.wrong == 0


@pytest.mark.parametrize("attention", ["causal", "bidirectional"])
@pytest.mark.parametrize("placement", ["last", "inputs", "random"])
def test_every_placement_is_exact(placement, attention):
    for seed in range(5):
        program = random_program(seed, inputs=3, values=3, nodes=5)
        made = compile_program(
            program, placement=placement, attention=attention, slack=seed % 3, permute=True, seed=seed
        )
        assert made.errors.code < EXACT and made.errors.wrong == 0


def test_one_hot_codes_of_local_functions_are_bit_exact():
    g = add(inputs(1, 4), "v", ["x0"], feature="x0 % 2")
    made = compile_program(add(g, "out", ["v", "x0"], feature="v * x0"))
    assert made.errors.code == 0 and made.errors.logit == 0


def test_reading_a_code_back_is_a_real_check():
    made = compile_program(chain())
    broken = {name: value.copy() for name, value in made.weights.items()}
    block, neurons = made.truth.neurons["s"]
    broken[f"blocks.{block}.mlp.W_out"][neurons[0]] = 0
    errors, by_variable = measure(made.program, broken, made.config, made.code, made.truth)
    assert by_variable["s"] == 1 and by_variable["x0"] < EXACT and errors.wrong > 0


def test_neurons_of_a_variable_are_those_that_compute_it():
    made = compile_program(chain(), permute=True, d_mlp=20, n_heads=4, seed=3)
    block, neurons = made.truth.neurons["s"]
    hidden = forward(made.weights, made.config, made.program.tokens).hidden[block][:, 2]
    assert len(neurons) == 9 and (hidden[:, neurons].sum(axis=1) == 1).all()


def test_neurons_are_silent_at_other_positions():
    made = compile_program(chain(), placement="inputs")
    block, neurons = made.truth.neurons["s"]
    hidden = forward(made.weights, made.config, made.program.tokens).hidden[block]
    assert (hidden[:, 0][:, neurons] == 0).all() and (hidden[:, 2][:, neurons] == 0).all()


def test_heads_are_those_that_move():
    made = compile_program(chain())
    assert sorted(made.truth.heads.values()) == ["x0", "x1"]


@pytest.mark.parametrize("normalization", ["LN", "RMS"])
def test_the_norm_of_the_stream_never_changes_under_a_normalization(normalization):
    made = compile_program(induction(), normalization=normalization)
    run = forward(made.weights, made.config, made.program.tokens)
    norms = np.stack([np.linalg.norm(x, axis=-1) for x in run.stream])
    assert np.allclose(norms, norms[0, 0, 0], rtol=1e-12)


@pytest.mark.parametrize("codes", ["onehot", "rotated"])
def test_float32_is_exact_to_3e_5_under_layernorm(codes):
    for seed in range(5):
        made = compile_program(random_program(seed, nodes=5), normalization="LN", codes=codes)
        errors, _ = measure(made.program, made.weights, made.config, made.code, made.truth, np.float32)
        assert errors.code < 3e-5


def test_slack_adds_blocks():
    assert compile_program(chain(), slack=3).config.n_layers == compile_program(chain()).config.n_layers + 3


def test_outputs_at_all_positions_are_right_with_bidirectional_attention():
    made = compile_program(reverse(), attention="bidirectional")
    logits = forward(made.weights, made.config, made.program.tokens).logits
    assert (logits.argmax(axis=-1) == made.program.rows[:, ::-1]).all()


def test_a_causal_mask_that_hides_what_is_read_is_refused_with_what_would_do():
    with pytest.raises(ProgramError, match="attention='bidirectional'"):
        compile_program(reverse())


def test_padding_to_a_shape_changes_no_answer():
    plain = compile_program(chain())
    sizes = dict(n_layers=5, d_model=64, n_heads=6, d_head=16, d_mlp=50, d_vocab=9, d_vocab_out=7)
    wide = compile_program(chain(), **sizes)
    assert {name: getattr(wide.config, name) for name in sizes} == sizes
    logits = [forward(m.weights, m.config, m.program.tokens).logits[:, -1] for m in (plain, wide)]
    assert np.allclose(logits[0], logits[1][:, :3], atol=1e-12) and (logits[1][:, 3:] == 0).all()


def test_a_size_that_is_too_small_is_refused_with_the_least_that_would_do():
    with pytest.raises(ProgramError, match="d_model=5 is too small; this program needs 18"):
        compile_program(chain(), d_model=5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"codes": "hot"}, "allowed are onehot, rotated, superposed"),
        ({"placment": "last"}, "did you mean"),
        ({"d_mlp": 0}, "whole number above 0"),
        ({"slack": -1}, "at least 0"),
        ({"codes": "superposed", "normalization": "LN"}, "no constant norm"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, words):
    with pytest.raises(ProgramError, match=words):
        compile_program(chain(), **options)


def test_a_seed_decides_the_weights():
    options = dict(codes="rotated", placement="random", permute=True)
    first, again, other = (compile_program(chain(), **options, seed=s).weights for s in (1, 1, 2))
    assert all((first[name] == again[name]).all() for name in first)
    assert any(first[n].shape != other[n].shape or (first[n] != other[n]).any() for n in first)


def test_answers_hold_when_variables_are_set_in_the_stream():
    """Off the dataset too: a code written over another acts as the program says."""
    made = compile_program(chain())
    place = made.truth.where("s")[0]
    basis = made.truth.spaces["s"]
    run = forward(made.weights, made.config, made.program.tokens)
    for source, target in itertools.product((0, 13, 26), (5, 22)):
        stream = run.stream[place.time][[target]]
        donor = run.stream[place.time][[source]]
        edit = (donor - stream)[:, place.pos] @ basis @ basis.T
        w = made.weights
        stream = stream.copy()
        stream[:, place.pos] += edit
        at = f"blocks.{place.time // 2}."
        hidden = np.maximum(stream @ w[f"{at}mlp.W_in"] + w[f"{at}mlp.b_in"], 0)
        logits = (stream + hidden @ w[f"{at}mlp.W_out"]) @ w["unembed.W_U"]
        program = made.program
        expected = program.run([target], {"s": program.indices["s"][[source]]})["out"]
        assert logits[0, -1].argmax() == expected[0]
