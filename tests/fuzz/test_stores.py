"""Results stores, baselines and suites from strangers: read, or a ScrubkitError, and nothing is lost."""

from __future__ import annotations

import contextlib
import gzip
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrubkit.bench.manifest import read as read_suite
from scrubkit.errors import ScrubkitError
from scrubkit.harness.baseline import read_baseline
from scrubkit.harness.export import flatten
from scrubkit.harness.outcome import Outcome
from scrubkit.harness.store import open_store
from tests.fuzz.damage import VALUES, damaged, damaged_bytes, few, text_of
from tests.fuzz.seeds import BASELINE, IDENTITY, SUITE, store_bytes


@few(80)
@given(document=damaged(BASELINE))
def test_baselines(document: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text_of(document))
    with contextlib.suppress(ScrubkitError):
        read_baseline(path)


@few(40)
@given(data=damaged_bytes(text_of(BASELINE).encode()))
def test_bytes_of_a_baseline(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "baseline.json").write_bytes(data)
    with contextlib.suppress(ScrubkitError):
        read_baseline(tmp_path / "baseline.json")


@few(60)
@given(document=damaged(SUITE))
def test_suites(document: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "suite.json.gz"
    path.write_bytes(gzip.compress(text_of(document).encode()))
    with contextlib.suppress(ScrubkitError):
        read_suite(path)


@few(40)
@given(data=damaged_bytes(gzip.compress(text_of(SUITE).encode(), mtime=0)))
def test_bytes_of_a_suite(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "suite.json.gz").write_bytes(data)
    with contextlib.suppress(ScrubkitError):
        read_suite(tmp_path / "suite.json.gz")


def test_a_suite_that_unpacks_to_more_than_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scrubkit.bench.manifest.MAX_BYTES", 1000)
    (tmp_path / "suite.json.gz").write_bytes(gzip.compress(bytes(5000)))
    with pytest.raises(ScrubkitError, match="unpack"):
        read_suite(tmp_path / "suite.json.gz")


@pytest.fixture(scope="module")
def store() -> bytes:
    """The bytes of a store with three answers."""
    return store_bytes()


def use(path: Path) -> None:
    """Do with a store what the commands do."""
    for write in (False, True):
        with contextlib.suppress(ScrubkitError), open_store(path, write=write) as opened:
            for row in opened.select():
                json.dumps(flatten(row))
            opened.known(IDENTITY, seed=0, draws=8)
            if write:
                opened.add(IDENTITY, Outcome(key="k", score=1.0), seed=0, draws=8, suite="s", cases=["c"])


def test_the_undamaged_store_is_read(store: bytes, tmp_path: Path) -> None:
    (tmp_path / "results.sqlite").write_bytes(store)
    with open_store(tmp_path / "results.sqlite", write=False) as opened:
        assert len(list(opened.select())) == 3


@few(60)
@given(data=st.data())
def test_bytes_of_a_store(data: st.DataObject, store: bytes, tmp_path: Path) -> None:
    for path in tmp_path.iterdir():
        path.unlink()
    (tmp_path / "results.sqlite").write_bytes(data.draw(damaged_bytes(store)))
    use(tmp_path / "results.sqlite")
    assert {path.name.partition(".sqlite")[0] for path in tmp_path.iterdir()} == {"results"}


COLUMNS = [
    "kind",
    "question",
    "method",
    "version",
    "config",
    "seed",
    "draws",
    "suite",
    "cases",
    "answer",
    "recorded",
]


@few(60)
@given(column=st.sampled_from(COLUMNS), value=VALUES, as_json=st.booleans())
def test_rows_of_a_store(column: str, value: Any, as_json: bool, store: bytes, tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    for old in tmp_path.iterdir():
        old.unlink()
    path.write_bytes(store)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        plain = not as_json and isinstance(value, str | float | None)
        text = value if plain else text_of(value)
        with contextlib.suppress(sqlite3.Error, UnicodeEncodeError):
            connection.execute(f"UPDATE results SET {column} = ?", [text])
    use(path)


@pytest.mark.parametrize(
    "schema", ["CREATE VIEW results AS SELECT 1", "CREATE TABLE results (id)", "CREATE TABLE x (y)"]
)
def test_foreign_layouts(schema: str, store: bytes, tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    path.write_bytes(store)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE results")
        connection.execute(schema)
    use(path)
    with pytest.raises(ScrubkitError), open_store(path, write=False) as opened:
        list(opened.select())
