"""Graphs of functions are asked about like models: in workers, in tests, and from the shell."""

import sys
from dataclasses import dataclass

import pytest

from scrubkit.bench.case import ModelSpec
from scrubkit.bench.graphs import MEANINGS, find
from scrubkit.bench.models import build_subject
from scrubkit.bench.suites import load_suite
from scrubkit.cli import app
from scrubkit.errors import BenchError, SiteError
from scrubkit.harness.questions import bare, question_key, question_of
from scrubkit.harness.run import validate
from scrubkit.harness.specimen import Specimen
from scrubkit.methods.protocol import Answer
from scrubkit.subjects.function_graph import FunctionGraph
from scrubkit.testing import load_case, parametrize_with_cases

NAME = "function-graphs"


@pytest.fixture(scope="module")
def suite():
    return load_suite(NAME)


@pytest.fixture(scope="module")
def report(suite):
    return validate(["causal-scrubbing", "audited-scrubbing", "text-only"], suite)


def test_every_case_is_answered_in_a_worker(report, suite):
    for method in report.methods:
        assert len(method.results) == len(suite.cases) and method.faults.count == 0, method.name


def test_loss_recovered_is_fooled_where_its_authors_say_and_an_audit_is_not(report):
    fooled = {r.operator for r in report["causal-scrubbing"].results if r.wrong == "accepted"}
    assert {"large_deviation", "interference", "separate_draws", "direct_inhibition"} <= fooled
    assert "swapped_features" not in fooled
    assert report["audited-scrubbing"].false_accept.count == 0


def test_what_each_claim_that_is_not_true_does_is_said(suite):
    assert {case.operator for case in suite.cases if case.operator != "none"} == set(MEANINGS)


@dataclass
class Spy:
    """Keeps what it is given."""

    name = "spy"

    def __post_init__(self):
        self.seen = []

    def score(self, model, hypothesis, *, task, generator, budget):
        self.seen.append((model, hypothesis, task))
        return Answer(0.0, verdict="refuted")


def test_a_method_is_given_a_graph_without_task_and_a_claim_without_names(suite):
    spy = Spy()
    validate([spy], suite.model_copy(update={"cases": suite.cases[:1]}), in_process=True)
    model, hypothesis, task = spy.seen[0]
    assert isinstance(model, FunctionGraph) and task is None
    assert hypothesis.name == "hypothesis" and set(hypothesis.nodes) == {f"n{i}" for i in range(5)}
    assert {node.site for node in hypothesis.nodes.values()} == {"x0", "x1", "A", "B", "out"}


class Meddler:
    name = "meddler"

    def score(self, model, hypothesis, *, task, generator, budget):
        model.inputs["x0"].zero_()
        return Answer(0.0, verdict="refuted")


def test_a_method_that_changes_the_graph_is_charged_and_the_next_question_gets_a_clean_one(suite):
    cases = tuple(case for case in suite.cases if case.model.options["name"] == "separate")[:2]
    found = validate([Meddler()], suite.model_copy(update={"cases": cases}), in_process=True)["meddler"]
    kinds = [result.outcome.fault.kind for result in found.results]
    assert kinds == ["model-changed", "model-changed"]
    assert find("separate").graph.inputs["x0"].any()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda g: g.graph.nodes["A"].update(fn=lambda x0: x0), "the function of A"),
        (lambda g: setattr(g, "label", "0"), "label and loss"),
        (lambda g: setattr(g, "weights", g.tokens[:, 0]), "weights"),
    ],
)
def test_whatever_is_changed_in_a_graph_is_named(change, said):
    specimen = Specimen(bare(find("separate").graph))
    assert specimen.changes() == []
    change(specimen.model)
    assert specimen.changes() == [said]
    specimen.renew()
    assert specimen.changes() == []


def test_two_graphs_with_other_labels_are_other_questions():
    one, other = (find("separate").graph for _ in range(2))
    assert question_key(one, "claim") == question_key(other, "claim")
    other.label = "x0"
    assert question_key(one, "claim") != question_key(other, "claim")


def test_a_claim_about_a_node_that_is_not_there_is_refused(suite):
    case = suite.cases[0]
    wrong = case.model_copy(update={"model": ModelSpec(kind="functions", options={"name": "xor"})})
    with pytest.raises(SiteError, match="no such node"):
        question_of(wrong, build_subject(wrong.model))


def test_methods_that_need_a_transformer_say_so_and_a_finder_is_refused(suite):
    some = suite.model_copy(update={"cases": suite.cases[:1]})
    fault = validate(["zero-ablation"], some)["zero-ablation"].results[0].outcome.fault
    assert fault is not None and "a graph of functions has no classes" in fault.detail
    with pytest.raises(BenchError, match="acdc is a finder, and finders are not asked about"):
        validate(["acdc"], some)
    assert validate(["random-scores"], some).finders == ()


def test_stated_intervals_are_held_against_enumerated_values(suite):
    some = suite.model_copy(update={"cases": suite.cases[4:7]})
    assert validate(["causal-scrubbing"], some, calibrate=True)["causal-scrubbing"].calibration.total == 3


def test_a_case_is_a_test_like_any_other():
    marked = parametrize_with_cases(NAME, where=lambda case: case.case.family == "idle")
    assert [param.id for param in marked.args[1]] == ["idle-idle_left_out", "idle-idle_matters"] + [
        "idle-idle_is_constant"
    ]
    load_case("idle-idle_matters", suite=NAME).check("audited-scrubbing")
    with pytest.raises(AssertionError, match="causal-scrubbing is wrong about idle-idle_matters"):
        load_case("idle-idle_matters", suite=NAME).check("causal-scrubbing")


def test_the_command_takes_the_suite_by_name(monkeypatch, capsys, tmp_path):
    page = tmp_path / "page.html"
    words = ["scrubkit", "validate", "answers-only", "--suite", NAME, "--no-store", "--html", str(page)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert not ended.value.code
    assert "38 cases" in capsys.readouterr().out
    assert MEANINGS["idle_matters"] in page.read_text(encoding="utf-8")
