"""The built-in methods pass the conformance checks, but for what is written here.

They are called in this process, as they may be trusted not to end it: what others do is looked at elsewhere.
"""

import pytest

from scrubkit.methods.registry import builtin_methods
from scrubkit.testing import check_method, in_process
from tests.methods.conftest import FEW

SHORT = {name: lengths for name, lengths in FEW.items() if name != "circuit_tests"}
SHORT["published_tests"] = {"RANDOM_CIRCUITS": 4, "SPARE": 1.0}
"""Short searches; of tests of circuits, the fewest with which a circuit can pass."""
SLOW = {"das", "boundless-das", "nonlinear-alignment"}
"""They train for each question, and a run of all checks takes minutes."""
EXPECTED = {
    "zero-ablation": {
        "identity_is_not_refuted": "zeros are far from any activation, so the whole input does not suffice"
    },
    "linear-probe": {
        "identity_is_not_refuted": "it asks if the feature can be read, and one operand does not hold both"
    },
    "text-only": {"nothing_is_not_supported": "it has no look at the model"},
    "text-and-spectra": {"identity_is_not_refuted": "it never runs the model"},
    "causal-abstraction": {"node_order_does_not_matter": "it draws sets of nodes in their order"},
    "local-consistency": {
        "node_order_does_not_matter": "it draws for each step in turn",
        "nothing_is_not_supported": "a step is asked about with the rest of the run as it was",
    },
    "selective-probe": {
        "identity_is_not_refuted": "it asks if the feature can be read, and one operand does not hold both",
        "node_order_does_not_matter": "it splits the inputs anew for each node in turn",
    },
    "random-scores": {
        "identity_is_not_refuted": "it draws its verdict",
        "nothing_is_not_supported": "it draws the same score for all claims from the same generator",
    },
}


@pytest.mark.parametrize("name", sorted(set(builtin_methods()) - SLOW))
def test_a_built_in_method_behaves(name, monkeypatch):
    for module, lengths in SHORT.items():
        for constant, length in lengths.items():
            monkeypatch.setattr(f"scrubkit.methods.{module}.{constant}", length)
    expected = EXPECTED.get(name, {})
    with in_process():
        results = check_method(name, expected_failures=expected)
    assert {result.name for result in results if result.state == "failed"} == set(expected)
