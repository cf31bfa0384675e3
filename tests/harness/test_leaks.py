"""The published suite gives its labels away by nothing on the surface of what a method is given."""

import pytest

from scrubkit.bench.suites import load_suite
from scrubkit.harness.batches import lay_out
from scrubkit.harness.intervals import clustered_auroc

SURFACE = {
    "number of nodes": lambda claim: len(claim.nodes),
    "number of edges": lambda claim: claim.graph.number_of_edges(),
    "length of its text": lambda claim: sum(len(n.site) + len(text_of(n)) for n in claim.nodes.values()),
    "number of features": lambda claim: len({text_of(n) for n in claim.nodes.values()}),
    "brackets": lambda claim: sum(text_of(n).count("(") for n in claim.nodes.values()),
    "tolerances": lambda claim: sum(bool(n.tolerance) for n in claim.nodes.values()),
    "claims of unimportance": lambda claim: sum(n.unimportant for n in claim.nodes.values()),
    "direct edges": lambda claim: sum(p == "direct" for n in claim.nodes.values() for _, p in n.parents),
    "hash": lambda claim: int(claim.hash[:8], 16),
}
NEAR = 0.1
"""How near to a coin's AUROC a surface must come, within its interval."""


def text_of(node):
    return node.feature.text if node.feature else ""


@pytest.fixture(scope="module")
def fast():
    suite = load_suite("fast")
    layout = lay_out(suite.cases)
    asked = [(q.key, q.hypothesis, batch.key) for batch in layout.batches for q in batch.questions]
    found = {key: (place, claim, model) for place, (key, claim, model) in enumerate(asked)}
    labelled = [case for case in suite.cases if case.label.label in ("true", "false")]
    return [(case.label.label == "true", *found[layout.keys[case.id]]) for case in labelled]


def auroc(fast, surface):
    truths, values, models = zip(*((t, surface(place, claim), m) for t, place, claim, m in fast), strict=True)
    return clustered_auroc(truths, [float(value) for value in values], models)


@pytest.mark.parametrize("name", SURFACE)
def test_no_surface_of_a_claim_tells_its_label(fast, name):
    found = auroc(fast, lambda place, claim: SURFACE[name](claim))
    assert found.low <= 0.5 + NEAR and found.high >= 0.5 - NEAR


def test_the_order_of_asking_tells_no_label(fast):
    found = auroc(fast, lambda place, claim: place)
    assert found.low <= 0.5 + NEAR and found.high >= 0.5 - NEAR


def test_a_surface_that_does_tell_would_be_seen(fast):
    truths = iter([t for t, *_ in fast])
    assert auroc(fast, lambda place, claim: next(truths)).low > 0.5 + NEAR
