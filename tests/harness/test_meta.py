"""The bench is itself under test: what is known to be wrong must be caught, and what is right must pass."""

import json

import pytest

from scrubkit.bench.case import Label
from scrubkit.harness.intervals import clustered_auroc
from scrubkit.harness.run import validate
from tests.harness import toys


def test_a_perfect_oracle_scores_one(suite):
    report = validate(toys.Oracle(), suite)["oracle"]
    assert report.auroc.value == report.auroc.low == 1
    for figure in (report.false_accept, report.false_reject, report.vacuous_accepted, report.faults):
        assert figure.count == 0
    assert all(figures.refuted.value == 1 for figures in report.operators)


def test_a_method_that_always_accepts_is_caught(suite):
    report = validate(toys.AlwaysAccepts(), suite)["accepts"]
    assert report.false_accept.value == report.vacuous_accepted.value == 1
    assert report.auroc.value == 0.5
    assert {figures.operator for figures in report.fooled_by} == {"wrong_feature", "swap_sign"}


def test_a_method_that_always_rejects_is_caught(suite):
    report = validate(toys.AlwaysRejects(), suite)["rejects"]
    assert report.false_reject.value == 1
    assert report.false_accept.value == 0
    assert report.auroc.value == 0.5


def test_random_scores_are_worth_a_coin(suite):
    auroc = validate(toys.RandomScores(), suite)["random"].auroc
    assert auroc.low <= 0.5 <= auroc.high
    assert auroc.high < 1


@pytest.mark.parametrize("source", ["torch", "numpy", "python"])
def test_a_method_that_draws_from_the_global_state_is_caught(small_suite, source):
    report = validate(toys.GlobalRandom(source), small_suite)[f"global-{source}"]
    assert report.fault_kinds == {"not-reproducible": len(small_suite.cases)}
    assert report.faults.value == 1 and report.crashed.value == 0


def test_a_method_with_randomness_of_its_own_is_caught_by_spot_checks(suite, monkeypatch):
    monkeypatch.setattr("scrubkit.harness.ask.SPOT_CHECK", 2)
    assert "not-reproducible" in validate(toys.HiddenRandom(), suite)["hidden-random"].fault_kinds


def test_a_method_that_touches_the_global_state_in_vain_is_not_charged(small_suite):
    assert validate(toys.TouchesGlobal(), small_suite)["touches-global"].faults.count == 0


def test_a_method_that_is_wrong_on_one_variant_shows_in_that_variant(suite):
    report = validate(toys.WrongOnPizza(), suite)["wrong-on-pizza"]
    variants = {figures.variant: figures for figures in report.variants}
    assert variants["pizza"].accepted.value == variants["pizza"].false_reject.value == 1
    assert variants["torus"].refuted.value == 1
    assert variants["torus"].false_reject.value == 0


def relabelled(suite):
    """The same questions under other names, with the labels turned round."""
    turned = {"true": "false", "false": "vacuous", "vacuous": "true"}
    cases = []
    for number, case in enumerate(reversed(suite.cases)):
        told = json.loads(json.dumps(case.hypothesis))
        told["graph"] = {
            **told["graph"],
            "name": "secret",
            "doc": "it is secret",
            "expect": {"pizza": ["refuted"]},
        }
        told["nodes"] = [{**node, "id": f"secret {node['id']}"} for node in reversed(told["nodes"])]
        told["edges"] = [{key: f"secret {end}" for key, end in edge.items()} for edge in told["edges"]]
        changes = {"id": f"secret-{number}", "operator": "secret", "family": "secret", "variant": "secret"}
        label = Label(label=turned[case.label.label], failed=("secret",))
        cases.append(case.model_copy(update={**changes, "hypothesis": told, "label": label}))
    return suite.model_copy(update={"name": "secret", "cases": tuple(cases)})


def test_nothing_that_a_method_is_given_depends_on_names_or_labels(small_suite):
    plain, turned = toys.Spy(), toys.Spy()
    validate(plain, small_suite, in_process=True)
    validate(turned, relabelled(small_suite), in_process=True)
    by_question = [sorted(spy.given, key=lambda given: given["seed"]) for spy in (plain, turned)]
    assert by_question[0] == by_question[1]
    assert "secret" not in json.dumps(turned.given)


def test_no_name_of_the_suite_reaches_a_method(small_suite):
    spy = toys.Spy()
    validate(spy, small_suite, in_process=True)
    everything = json.dumps(spy.given)
    words = {"wrong_feature", "swap_sign", "vacuous", "pizza", "torus", "compiled", "tests", "neurons none"}
    words |= {case.id for case in small_suite.cases}
    assert {word for word in words if word in everything} == set()


@pytest.mark.parametrize("peek", ["order", "seed", "hash"])
def test_labels_cannot_be_told_from_the_order_the_seeds_or_the_hashes(suite, peek):
    spy = toys.Spy()
    report = validate(spy, suite, in_process=True)["spy"]
    labels = {result.outcome.score: result.label for result in report.results}
    seen = [
        {**given, "order": number, "seed": given["seed"] % 1000}
        for number, given in enumerate(spy.given)
        if labels[toys.number_of(given["hash"])] != "vacuous"
    ]
    found = clustered_auroc(
        [labels[toys.number_of(given["hash"])] == "true" for given in seen],
        [float(toys.number_of(given["hash"]) if peek == "hash" else given[peek]) for given in seen],
        [given["weights"] for given in seen],
    )
    assert found.low <= 0.5 <= found.high
