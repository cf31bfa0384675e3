"""The results store: nothing is asked twice, and a file that cannot be used is named."""

import random
import sqlite3
import sys

import pytest

from scrubkit.errors import BenchError
from scrubkit.harness.run import validate
from scrubkit.harness.store import open_store
from scrubkit.methods.protocol import Budget
from tests.harness import toys


def scores(report, name):
    return {result.case: result.outcome.score for result in report[name].results}


def test_a_second_run_asks_nothing(small_suite, tmp_path):
    store = tmp_path / "made" / "results.sqlite"
    first = validate(toys.RandomScores(), small_suite, store=store)
    again = validate(toys.RandomScores(), small_suite, store=store)
    assert (first.asked, again.asked) == (len(small_suite.cases), 0)
    assert scores(again, "random") == scores(first, "random")


def test_only_what_is_missing_is_asked(small_suite, tmp_path):
    store = tmp_path / "results.sqlite"
    part = small_suite.model_copy(update={"cases": small_suite.cases[::2]})
    validate(toys.RandomScores(), part, store=store)
    whole = validate(toys.RandomScores(), small_suite, store=store)
    assert whole.asked == len(small_suite.cases) - len(part.cases)
    assert scores(whole, "random") == scores(validate(toys.RandomScores(), small_suite), "random")


@pytest.mark.parametrize("change", ["seed", "draws", "version", "setting", "name"])
def test_another_question_is_asked_anew(small_suite, tmp_path, change):
    store, method = tmp_path / "results.sqlite", toys.Slow(0.0)
    validate(method, small_suite, store=store)
    options = {"seed": {"seed": 1}, "draws": {"budget": Budget(draws=9)}}.get(change, {})
    if change == "version":
        method.version = "2"
    if change == "setting":
        method.seconds = 1e-9
    if change == "name":
        method.name = "other"
    assert validate(method, small_suite, store=store, **options).asked == len(small_suite.cases)


def test_a_timeout_is_tried_again(suite, tmp_path):
    store = tmp_path / "results.sqlite"
    one = suite.model_copy(update={"cases": suite.cases[:1]})
    method = toys.Slow(0.3)
    hurried = validate(method, one, store=store, budget=Budget(seconds=0.02))
    assert hurried["slow"].fault_kinds == {"timeout": 1}
    assert validate(method, one, store=store)["slow"].faults.count == 0


def test_finders_are_kept_too(small_suite, tmp_path):
    store = tmp_path / "results.sqlite"
    first = validate(toys.FindsAll(), small_suite, store=store)
    again = validate(toys.FindsAll(), small_suite, store=store)
    assert (first.asked, again.asked) == (2, 0)
    assert again.finders[0].sites_auroc == first.finders[0].sites_auroc


def test_a_store_that_is_written_can_be_read_but_not_written_by_another(small_suite, tmp_path):
    path = tmp_path / "results.sqlite"
    validate(toys.Oracle(), small_suite, store=path)
    with open_store(path, write=True):
        with open_store(path, write=False) as reader:
            assert len(list(reader.select())) == len(small_suite.cases)
        with pytest.raises(BenchError, match="another run is writing"):
            validate(toys.Oracle(), small_suite, store=path)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "results.sqlite"
    path.write_bytes(b"these are my notes\n" * 100)
    with pytest.raises(BenchError, match="no results store, or damaged"):
        with open_store(path, write=True):
            pass
    assert path.read_bytes() == b"these are my notes\n" * 100


def test_the_database_of_another_program_is_refused(tmp_path):
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE mine (x)")
    with pytest.raises(BenchError, match="another program"):
        with open_store(path, write=True):
            pass


def test_a_newer_layout_is_refused(small_suite, tmp_path):
    path = tmp_path / "results.sqlite"
    validate(toys.Oracle(), small_suite, store=path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(BenchError, match="layout 99"):
        with open_store(path, write=False):
            pass


def test_a_damaged_store_is_named(small_suite, tmp_path):
    path = tmp_path / "results.sqlite"
    validate(toys.Oracle(), small_suite, store=path)
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(bytes(data))
    with pytest.raises(BenchError, match="damaged"):
        validate(toys.Oracle(), small_suite, store=path)


def test_a_row_that_makes_no_sense_is_named(small_suite, tmp_path):
    path = tmp_path / "results.sqlite"
    validate(toys.Oracle(), small_suite, store=path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE results SET answer = '{\"key\": 3}' WHERE rowid = 2")
    with pytest.raises(BenchError, match="row that cannot be read"):
        validate(toys.Oracle(), small_suite, store=path)


def test_a_missing_store_cannot_be_read(tmp_path):
    with pytest.raises(BenchError, match="no results store here yet"):
        with open_store(tmp_path / "none.sqlite", write=False):
            pass


def test_a_folder_is_no_store(tmp_path):
    with pytest.raises(BenchError, match="is not a file but a folder"):
        with open_store(tmp_path, write=True):
            pass


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is a read-only place on Linux")
def test_a_place_that_cannot_be_written_is_named():
    with pytest.raises(BenchError, match="choose another --store|choose a --store"):
        with open_store("/proc/scrubkit/results.sqlite", write=True):
            pass


def test_a_disk_that_turns_read_only_is_named(small_suite, tmp_path):
    path = tmp_path / "results.sqlite"
    validate(toys.Oracle(), small_suite, store=path)
    with pytest.raises(BenchError, match="choose a --store that you may write"):
        with open_store(path, write=True) as store:
            store._connection.execute("PRAGMA query_only = 1")
            row = next(store.select())
            identity = __import__("scrubkit.harness.identity", fromlist=["x"]).identify(toys.Oracle())
            store.add(identity, row.answer, seed=5, draws=1, suite="", cases=[])


def test_a_row_of_endless_depth_is_named(small_suite, tmp_path):
    path = tmp_path / "results.sqlite"
    validate(toys.Oracle(), small_suite, store=path)
    deep = "[" * 100_000 + "]" * 100_000
    for column in ("answer", "cases"):
        with sqlite3.connect(path) as connection:
            connection.execute(f"UPDATE results SET {column} = ? WHERE rowid = 1", [deep])
        with pytest.raises(BenchError, match="row that cannot be read"):
            validate(toys.Oracle(), small_suite, store=path)


def test_only_the_latest_rows_are_read(small_suite, tmp_path):
    path = tmp_path / "results.sqlite"
    validate(toys.Oracle(), small_suite, store=path)
    with open_store(path, write=False) as store:
        every = list(store.select())
        assert list(store.select(latest=3)) == every[-3:]
        assert store.count() == len(every) == len(small_suite.cases)
        assert store.holds() == (["oracle"], ["tiny 1"])


def test_a_store_on_a_disk_that_cannot_be_written_is_read(small_suite, tmp_path, monkeypatch):
    path = tmp_path / "results.sqlite"
    validate(toys.Oracle(), small_suite, store=path)
    path.with_name("results.sqlite.lock").unlink(missing_ok=True)
    monkeypatch.setattr("scrubkit.harness.store.os.access", lambda *_: False)
    with open_store(path, write=False) as store:
        assert len(list(store.select())) == len(small_suite.cases)
        assert [file.name for file in tmp_path.iterdir()] == ["results.sqlite"]


def test_a_flipped_byte_is_one_clear_error_or_none(small_suite, tmp_path):
    path, rng = tmp_path / "results.sqlite", random.Random(0)
    validate(toys.Oracle(), small_suite, store=path)
    whole, refused = path.read_bytes(), 0
    for _ in range(200):
        data = bytearray(whole)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(bytes(data))
        try:
            with open_store(path, write=False) as store:
                list(store.select())
        except BenchError as error:
            assert len(error.faults) == 1
            refused += 1
    assert refused > 10
