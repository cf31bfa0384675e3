"""In which way a false claim is false, and what a method is charged with."""

import pytest
from rich.console import Console

from scrubkit.bench.case import Case, Evidence, Label
from scrubkit.bench.suites import load_suite
from scrubkit.cli.bench_tables import bench_tables
from scrubkit.harness.clusters import clusterings, unit_of
from scrubkit.harness.figures import judge, method_report
from scrubkit.harness.identity import Identity, identify
from scrubkit.harness.limits import Limits, check_limits
from scrubkit.harness.outcome import Fault, Outcome
from scrubkit.harness.run import validate
from scrubkit.harness.strata import ordered, stratum_of
from scrubkit.methods.causal_scrubbing import CausalScrubbing
from scrubkit.report.markdown import markdown
from scrubkit.report.rows import listed
from tests.harness import toys

IDLE = Evidence(claim="matters", where="n -> logits", value=0.0, holds_above=0.01, fails_below=0.002)
LOOSE = Evidence(claim="carries", where="n -> logits", value=0.5, holds_below=0.08, fails_above=0.12)
MISSING = Evidence(claim="irrelevant", where="logits", value=0.5, holds_below=0.08, fails_above=0.12)
FINE = Evidence(claim="carries", where="n -> logits", value=0.0, holds_below=0.08, fails_above=0.12)


def case(number, *evidence, operator="swap", label="false", spec="pizza-p11"):
    return Case(
        id=f"c{number}",
        model=toys.spec(spec),
        variant="pizza",
        family="neurons",
        operator=operator,
        hypothesis=toys.claim("a"),
        label=Label(label=label, evidence=evidence),
    )


def answered(cases, verdict="supported", *, minimal=True, fault=None):
    outcomes = {c.id: Outcome(key=c.id, score=1.0, verdict=verdict, fault=fault) for c in cases}
    return method_report(Identity("m", "1", "0" * 64, minimal), cases, outcomes)


@pytest.mark.parametrize(
    ("evidence", "stratum"),
    [((IDLE, FINE), "not-needed"), ((LOOSE, IDLE), "too-coarse"), ((MISSING, LOOSE), "left-out"), ((), "")],
)
def test_the_stratum_of_an_old_label_is_read_from_its_evidence(evidence, stratum):
    assert stratum_of(case(0, *evidence)) == stratum


def test_a_stratum_that_is_named_is_taken_at_its_word():
    assert stratum_of(case(0, IDLE, operator="rare")) == "rare"
    assert stratum_of(case(0, IDLE, label="true")) == ""


def test_strata_nobody_has_heard_of_follow_the_known_ones():
    assert ordered(["zebra", "rare", "", "left-out", "apple"]) == ["left-out", "rare", "apple", "zebra"]


def test_every_false_case_of_the_shipped_suites_has_a_stratum():
    for name in ("fast", "programs-fast"):
        false = [c for c in load_suite(name).cases if c.label.label == "false"]
        assert false and all(stratum_of(c) for c in false)


CASES = [case(0, IDLE), case(1, IDLE), case(2, LOOSE), case(3, LOOSE), case(4, FINE, label="true")]


def test_a_method_without_a_claim_of_minimality_is_not_charged_with_what_is_idle():
    strict, lenient = answered(CASES), answered(CASES, minimal=False)
    assert (strict.false_accept.count, strict.false_accept.total) == (4, 4)
    assert (lenient.false_accept.count, lenient.false_accept.total) == (2, 2)
    shown = {figures.stratum: figures.accepted.total for figures in lenient.strata}
    assert shown == {"too-coarse": 2, "not-needed": 2}


def test_limits_charge_faults_only_where_accepts_would_be_charged():
    fault = Fault(kind="raised", detail="no luck")
    lenient = answered(CASES, minimal=False, fault=fault)
    report = toys_report(lenient)
    unanswered, check = check_limits(report, Limits(max_false_accept=0.05))
    assert unanswered.name == "answers"
    assert check.status == "missed" and "100.0 %" in check.detail
    only_idle = answered(CASES[:2] + CASES[4:], minimal=False, fault=fault)
    _, check = check_limits(toys_report(only_idle), Limits(max_false_accept=0.05))
    assert "cannot be told" in check.detail or "never decided" in check.detail


def toys_report(*methods):
    report = validate(toys.Oracle(), toys.tiny_suite(models=("pizza-p11",)), in_process=True)
    return report.model_copy(update={"methods": methods})


def test_the_claim_is_an_attribute_of_the_method():
    assert not identify(CausalScrubbing()).claims_minimality
    assert identify(toys.Oracle()).claims_minimality


def test_the_claim_of_a_method_of_another_module_is_told_by_its_worker():
    from scrubkit.harness.stranger import Stranger, describe

    assert not Stranger("tests.harness.toys:Oracle", describe(CausalScrubbing())).identity.claims_minimality


def test_the_tables_show_strata_and_say_who_is_let_off():
    report = toys_report(answered(CASES, minimal=False))
    console = Console(record=True, width=100)
    console.print(bench_tables(report))
    for text in (markdown(report), console.export_text()):
        assert "too-coarse" in text and "makes no claim of minimality" in " ".join(text.split())


def test_long_tables_are_sorted_by_auroc_and_fit_a_hundred_columns():
    best, worst = answered(CASES), answered(CASES)
    many = [
        worst.model_copy(
            update={"name": f"a-method-with-a-name-{i}", "auroc": best.auroc.model_copy(update={"value": v})}
        )
        for i, v in enumerate((0.2, None, 0.9, 0.5, 0.7))
    ]
    assert [m.auroc.value for m in listed(many)] == [0.9, 0.7, 0.5, 0.2, None]
    assert listed(many[:3]) == many[:3]
    console = Console(record=True, width=100)
    console.print(bench_tables(toys_report(*many)))
    assert "a-method-with-a-name-4" in console.export_text()


def test_timeouts_are_counted_apart_from_crashes():
    slow = answered(CASES, fault=Fault(kind="timeout", detail=""))
    assert (slow.timeouts.value, slow.crashed.value, slow.faults.value) == (1, 0, 1)


def test_variants_of_one_base_are_one_unit():
    program = load_suite("programs-fast").cases
    units = {unit_of(c) for c in program}
    assert len(units) == 8 and len({c.model.key for c in program}) == 64
    assert unit_of(CASES[0]) != unit_of(case(0, spec="pizza-p13"))


def test_cases_cluster_by_operator_where_operators_are_many():
    few = [judge(case(i, LOOSE, operator=f"o{i % 5}"), Outcome(key="k")) for i in range(12)]
    many = [judge(case(i, LOOSE, operator=f"o{i % 6}"), Outcome(key="k")) for i in range(12)]
    assert len(clusterings(few)) == 1 and len(clusterings(many)) == 2
