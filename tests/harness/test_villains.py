"""No method can pass, stop or hang a run: what it does is recorded, and every other case is answered."""

import os
import signal
import time

import pytest

from scrubkit.harness.limits import Limits, check_limits
from scrubkit.harness.run import validate
from scrubkit.harness.store import open_store
from scrubkit.methods.protocol import Budget
from tests.harness import toys
from tests.harness.villains import DEEDS, Villain

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked")

BUDGET = Budget(seconds=1.0)

EXPECTED = {
    "exits at once": {"crashed"},
    "segfault": {"crashed"},
    "regular expression": {"timeout"},
    "stack of C": {"crashed"},
    "recursion": {"raised"},
    "allocates 100 GB": {"raised"},
    "lingering children": {"crashed"},
    "closes standard files": None,
    "closes all files": {"crashed"},
    "prints without end": {"timeout"},
    "forges replies": {"crashed"},
    "says it was refused": {"crashed"},
    "writes to files 0 to 20": None,
    "sys.exit": {"raised"},
    "BaseException": {"raised"},
    "KeyboardInterrupt": {"raised"},
    "changes the model": {"model-changed"},
    "seeds globally": None,
    "patches others": None,
    "looks for labels": None,
    "deletes files": None,
    "ignores signals": {"timeout"},
    "leaves threads": None,
    "ends later": None,
    "kills its parent": {"crashed"},
    "stops itself": {"timeout"},
    "deep generator": {"raised", "crashed", "timeout"},
    "nan": {"not-finite"},
    "huge": {"invalid"},
    "text as score": {"invalid"},
    "text as verdict": None,
    "float that exits": {"crashed"},
    "cannot be pickled": {"invalid"},
    "notes without end": None,
}
"""The faults that the one case of a deed may be charged with, None where it is answered like any other."""


@pytest.fixture(scope="module")
def one_model():
    return toys.tiny_suite(models=("pizza-p11",))


DEED = "pizza-p11-wrong_feature-4"


def test_every_deed_has_an_expectation():
    assert DEEDS.keys() == EXPECTED.keys()


@pytest.mark.parametrize("deed", DEEDS)
def test_a_deed_costs_its_own_case_and_no_other(one_model, deed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "doomed").touch()
    store = tmp_path / "kept" / "results.sqlite"
    report = validate(Villain(deed), one_model, budget=BUDGET, store=store)["villain"]
    faults = {r.case: r.outcome.fault.kind for r in report.results if r.outcome.fault}
    assert faults.keys() == ({DEED} if EXPECTED[deed] else set()), report.fault_kinds
    assert set(faults.values()) <= (EXPECTED[deed] or set())
    with open_store(store, write=False) as opened:
        kept = [row.answer.key for row in opened.select()]
    assert len(kept) == len(set(kept)) == len(one_model.cases)
    behaved = {r.case: r.outcome.verdict for r in report.results if r.case != DEED}
    right = {c.id: "supported" if c.label.label == "true" else "refuted" for c in one_model.cases}
    assert behaved == {case: verdict for case, verdict in right.items() if case != DEED}


def test_a_method_that_ends_its_process_passes_no_limit(one_model):
    class Exits(toys.Toy):
        name = "exits"

        def judge(self, model, hypothesis, generator):
            os._exit(0)

    report = validate(Exits(), one_model)
    limits = Limits(min_auroc=0.95, max_false_accept=0.05, max_false_reject=0.05, max_vacuous=0.5)
    assert {check.status for check in check_limits(report, limits)} == {"missed"}
    assert report["exits"].fault_kinds == {"crashed": len(one_model.cases)}
    assert report["exits"].crashed.value == 1 and report["exits"].false_accept.value == 0


def test_a_worker_knows_nothing_of_cases_and_of_who_asks(one_model):
    report = validate(Villain("looks for labels"), one_model)["villain"]
    (asked,) = [r for r in report.results if r.case == DEED]
    assert asked.outcome.score == 0.0


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_method_cannot_change_what_another_answers(one_model, jobs):
    report = validate([Villain("patches others"), toys.AlwaysAccepts()], one_model, jobs=jobs)
    assert report["accepts"].false_accept.value == 1


@pytest.mark.parametrize("deed", ["exits at once", "regular expression"])
def test_two_workers_lose_no_more_than_one(small_suite, deed):
    report = validate(Villain(deed), small_suite, jobs=2, budget=BUDGET)["villain"]
    assert report.faults.count == 2
    assert len(report.results) == len(small_suite.cases)


def test_what_a_method_leaves_behind_is_ended(one_model):
    psutil = pytest.importorskip("psutil")
    before = set(psutil.pids())
    validate(Villain("lingering children"), one_model, budget=BUDGET)
    time.sleep(0.2)
    left = [p for p in psutil.process_iter(["pid", "status"]) if p.pid not in before]
    ours = [p for p in left if _belongs(p, os.getpid(), psutil)]
    # The template stays for the next run.
    assert len(ours) <= 1, ours


def _belongs(process, ancestor, psutil):
    try:
        return any(parent.pid == ancestor for parent in process.parents())
    except psutil.Error:
        return False


def test_a_crash_is_not_asked_again(one_model, tmp_path):
    store = tmp_path / "results.sqlite"
    validate(Villain("segfault"), one_model, store=store)
    again = validate(Villain("segfault"), one_model, store=store)
    assert again.asked == 0
    (fault,) = [r.outcome.fault for r in again["villain"].results if r.outcome.fault]
    assert fault.kind == "crashed" and signal.SIGSEGV.name in fault.detail
