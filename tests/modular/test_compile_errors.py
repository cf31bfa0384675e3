"""A request that is wrong or does not fit is refused with every fault and what would fit."""

import pytest

from scrubkit.errors import ModelError
from scrubkit.families.modular.compile import compile_model

REJECTED = {
    "unknown variant": (
        {"variant": "piza"},
        ["unknown variant 'piza' (did you mean \"pizza\"?)", "clock-torus"],
    ),
    "unknown option": ({"rotated": True}, ["unknown option 'rotated'", '"rotate"']),
    "unknown distractor": ({"distractors": {"decoy_head": 1}}, ["'distractors.decoy_head'", '"decoy_heads"']),
    "no frequencies": ({"frequencies": ()}, ["frequencies", "at least 1"]),
    "not a number": ({"frequencies": (2, "x")}, ["frequencies.1", "found 'x'"]),
    "zero": ({"frequencies": (0, 2)}, ["frequency 0 is constant", "1 to 6"]),
    "out of range": ({"frequencies": (2, 8)}, ["frequency 8 lies outside 1 to 6", "write 5"]),
    "negative": ({"frequencies": (-2,)}, ["write 2"]),
    "equal up to sign": ({"frequencies": (2, 11)}, ["frequencies 2, 11 are equal up to sign"]),
    "twice": ({"frequencies": (2, 2)}, ["frequencies 2, 2 are equal"]),
    "dead and key": ({"distractors": {"dead_frequencies": [5]}}, ["frequencies 5, 5 are equal", "as dead"]),
    "dead but doubled": (
        {"variant": "clock-attention", "distractors": {"dead_frequencies": [4]}},
        ["frequency 4 cannot be dead", "twice 2"],
    ),
    "half the order": (
        {"variant": "clock-torus", "p": 12, "frequencies": (1, 6)},
        ["half the order 12", "no sine", "1 to 5"],
    ),
    "common factor": (
        {"variant": "clock-torus", "p": 15, "frequencies": (3, 6)},
        ["share the factor 3", "s and s + 5", "accuracy stays below 1", "no multiple of 3"],
    ),
    "pizza of even order": (
        {"task": "modular_multiplication"},
        ["pizza cannot solve a group of even order 12", "clock-torus"],
    ),
    "attention and subtraction": (
        {"variant": "clock-attention", "task": "modular_subtraction"},
        ["cannot solve modular_subtraction", "pizza or clock-torus"],
    ),
    "epsilon of pizza": ({"epsilon": 0.1}, ["epsilon belongs to clock-attention"]),
    "task": ({"task": "modular_adition"}, ['did you mean "modular_addition"']),
    "composite": ({"task": "modular_multiplication", "p": 15}, ["p must be prime"]),
    "tiny": ({"p": 2}, ["larger than 2"]),
    "negative noise": ({"noise": -1}, ["noise", "greater than or equal to 0"]),
    "infinite noise": ({"noise": float("inf")}, ["noise", "finite"]),
    "much noise": ({"noise": 3.0}, ["accuracy is 0.", "noise 3 is too much"]),
    "small alpha": ({"alpha": 2.0}, ["alpha = 2 leaves a loss of 0.", "use alpha = 100, or leave it out"]),
    "hardly apart": (
        {"p": 113, "frequencies": (1,)},
        ["frequencies 1 tell some classes hardly apart", "alpha = 10000", "use more frequencies"],
    ),
    "no small set": ({"frequencies": (1, 2, 3, 4)}, ["4 key frequencies are no small set", "at most 3"]),
    "large epsilon": (
        {"variant": "clock-attention", "p": 113, "frequencies": (1,), "epsilon": 1.0},
        ["accuracy is 0.", "epsilon 1 is too large"],
    ),
    "narrow": ({"d_model": 6}, ["d_model = 6 is too small", "takes 8", "d_model >= 8", "(at most 1)"]),
    "narrow heads": ({"d_head": 2}, ["d_head = 2 is too small", "d_head >= 4", "(at most 1)"]),
    "few heads": (
        {"variant": "clock-attention", "n_heads": 4},
        ["n_heads = 4 is too small", "n_heads >= 5", "(at most 1)"],
    ),
    "few heads for distractors": (
        {"n_heads": 2, "distractors": {"decoy_heads": 2}},
        ["n_heads = 2 is too small", "n_heads >= 3"],
    ),
    "few neurons": (
        {"d_mlp": 20, "distractors": {"decoy_neurons": 12}},
        ["d_mlp = 20", "12 planted", "d_mlp >= 22", "(at most 1)"],
    ),
    "few neurons on the torus": (
        {"variant": "clock-torus", "d_mlp": 40},
        ["at least 25 neurons", "d_mlp >= 50"],
    ),
    "many pairs": ({"distractors": {"memorised_pairs": 170}}, ["170 pairs", "only 169"]),
}


@pytest.mark.parametrize("name", REJECTED)
def test_a_bad_request_is_refused_and_the_message_says_what_would_do(name):
    options, fragments = REJECTED[name]
    with pytest.raises(ModelError) as caught:
        compile_model(**{"variant": "pizza", "p": 13, "frequencies": (2, 5), **options})
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_all_faults_are_told_at_once():
    with pytest.raises(ModelError) as caught:
        compile_model(variant="pizza", p=12, frequencies=(0, 6, 2, 10, 9))
    text = str(caught.value)
    for fragment in ("frequency 0", "frequency 6", "2, 10", "write 3", "even order 12"):
        assert fragment in text
    with pytest.raises(ModelError) as caught:
        compile_model(variant="pizza", p=13, frequencies=(2, 5), d_model=2, d_head=1, d_mlp=3)
    assert [fault.split(" = ")[0] for fault in caught.value.faults] == ["d_mlp", "d_model", "d_head"]


def test_types_and_ranges_are_told_at_once():
    with pytest.raises(ModelError) as caught:
        compile_model(variant="pizza", p="x", frequencies=(1,), noise=-1, seeed=3)
    assert len(caught.value.faults) == 3


def test_a_request_and_keywords_together_are_refused():
    from scrubkit.families.modular.compile import CompileRequest

    with pytest.raises(ModelError, match="one or the other"):
        compile_model(CompileRequest(variant="pizza", frequencies=(1,), p=5), p=7)


def test_what_the_message_says_would_fit_does_fit():
    compile_model(variant="pizza", p=13, frequencies=(2, 5), d_model=8, d_head=4, n_heads=1, d_mlp=10)
    compile_model(variant="clock-attention", p=13, frequencies=(2, 5), n_heads=5)
    compile_model(variant="pizza", p=13, frequencies=(2, 5), d_mlp=22, distractors={"decoy_neurons": 12})
    compile_model(variant="clock-torus", p=13, frequencies=(2, 5), d_mlp=50)
