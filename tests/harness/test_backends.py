"""Every backend gives the answers of the serial one."""

import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from scrubkit.errors import BenchError
from scrubkit.harness import batches
from scrubkit.harness.batches import lay_out, split
from scrubkit.harness.run import validate
from tests.harness import toys


def answers(report):
    return [
        (method.name, r.case, r.outcome.score, r.outcome.verdict, r.outcome.fault)
        for method in report.methods
        for r in method.results
    ]


def test_processes_give_the_answers_of_the_serial_run(small_suite, tmp_path):
    methods = [toys.RandomScores(), toys.Raises(), toys.FindsAll()]
    serial = validate(methods, small_suite)
    parallel = validate(methods, small_suite, jobs=2, store=tmp_path / "results.sqlite")
    assert answers(parallel) == answers(serial)
    assert parallel.finders[0].sites_auroc == serial.finders[0].sites_auroc
    assert validate(methods, small_suite, store=tmp_path / "results.sqlite").asked == 0


def test_a_method_that_cannot_be_sent_is_named(small_suite):
    import threading

    method = toys.RandomScores()
    method.lock = threading.Lock()
    with pytest.raises(BenchError, match="cannot be sent to another process"):
        validate(method, small_suite)


def test_a_batch_holds_one_bare_model_and_no_labels(small_suite):
    layout = lay_out(small_suite.cases)
    assert len(layout.batches) == 2
    for batch in layout.batches:
        assert batch.model.truth is None and batch.model.name == "model"
        keys = [question.key for question in batch.questions]
        assert keys == sorted(keys)
        sent = pickle.dumps(batch)
        assert not any(word in sent for word in (b"wrong_feature", b"vacuous", b"pizza", b"torus"))


def test_batches_are_split_and_what_is_known_left_out(small_suite, monkeypatch):
    monkeypatch.setattr(batches, "MAX_QUESTIONS", 2)
    batch = lay_out(small_suite.cases).batches[0]
    skip = {batch.questions[0].key}
    pieces = split(batch, skip)
    assert [len(piece.questions) for piece in pieces] == [2, 2, 2]
    assert skip.isdisjoint(question.key for piece in pieces for question in piece.questions)


def test_cases_that_ask_the_same_share_a_question(suite):
    first = suite.cases[0]
    twin = first.model_copy(update={"id": "twin"})
    two = suite.model_copy(update={"cases": (first, twin)})
    report = validate(toys.RandomScores(), two)
    assert report.asked == 1
    one, other = report["random"].results
    assert one.outcome == other.outcome


def test_every_bad_case_of_a_suite_is_named(suite):
    bad = [
        case.model_copy(update={"hypothesis": toys.claim(feature), "id": f"bad-{i}"})
        for i, (case, feature) in enumerate(zip(suite.cases, ["a +", "zz"], strict=False))
    ]
    broken = suite.model_copy(
        update={"cases": (*suite.cases, bad[0], bad[0].model_copy(update={"id": "bad-2"}))}
    )
    with pytest.raises(BenchError, match="bad-0") as raised:
        validate(toys.Oracle(), broken)
    assert len(raised.value.faults) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jobs": 0}, "jobs must lie between 1 and 1,024, found 0"),
        ({"dask": "tcp://127.0.0.1:1"}, "no Dask scheduler answers"),
    ],
)
def test_a_backend_that_is_not_there_is_named(suite, options, message, monkeypatch):
    monkeypatch.setattr("scrubkit.harness.dask_backend.CONNECT_SECONDS", 1)
    if "dask" in options:
        pytest.importorskip("distributed")
    with pytest.raises(BenchError, match=message):
        validate(toys.Oracle(), suite, **options)


@dataclass
class Cluster:
    """A scheduler of Dask and two workers, each a process."""

    address: str
    scheduler: subprocess.Popen[str]
    workers: list[subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Start a cluster for the tests that take it down, one part after the other."""
    distributed = pytest.importorskip("distributed")
    scheduler = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"],
        stderr=subprocess.PIPE,
        text=True,
    )
    workers = []
    try:
        address = _address(scheduler)
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny"]
        workers += [
            subprocess.Popen([*command, "--nthreads", "1"], stderr=subprocess.DEVNULL) for _ in range(2)
        ]
        with distributed.Client(address) as client:
            client.wait_for_workers(2, timeout=120)
        yield Cluster(address, scheduler, workers)
    finally:
        for process in (scheduler, *workers):
            process.kill()
            process.wait()


def _address(scheduler: subprocess.Popen[str]) -> str:
    assert scheduler.stderr is not None
    for line in scheduler.stderr:
        if "Scheduler at:" in line:
            return line.split()[-1]
    raise AssertionError("the scheduler did not start")


def test_a_cluster_that_loses_a_worker_gives_the_answers_of_the_serial_run(suite, cluster):
    killed = []

    def kill_one(done, total):
        if not killed:
            cluster.workers[0].kill()
            killed.append(done)

    report = validate(toys.Slow(0.05), suite, dask=cluster.address, progress=kill_one)
    assert killed == [1]
    assert answers(report) == answers(validate(toys.Slow(0.05), suite))


def test_a_scheduler_that_dies_is_one_message_and_keeps_what_was_answered(small_suite, cluster, tmp_path):
    store = tmp_path / "answers.sqlite"

    def kill(done, total):
        cluster.scheduler.kill()

    with pytest.raises(BenchError, match="Dask"):
        validate(toys.Slow(0.05), small_suite, dask=cluster.address, progress=kill, store=store)
    again = validate(toys.Slow(0.05), small_suite, store=store)
    assert again.asked < len(small_suite.cases)
