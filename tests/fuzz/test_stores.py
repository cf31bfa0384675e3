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
from scrubkit.harness.identity import Identity
from scrubkit.harness.outcome import Outcome
from scrubkit.harness.store import open_store
from tests.fuzz.damage import VALUES, damaged, damaged_bytes, few, text_of

SHARE = {"count": 1, "total": 4, "value": 0.25, "low": 0.1, "high": 0.5}
BASELINE: dict[str, Any] = {
    "scrubkit": "0.1",
    "suite": {"name": "fast", "version": "1", "seed": 0, "hash": "abc", "cases": 4},
    "seed": 0,
    "draws": 8,
    "devices": ["cpu"],
    "methods": {
        "m": {"version": "1", "auroc": {"value": 0.9, "low": 0.8, "high": 1.0}}
        | {name: SHARE for name in ("false_accept", "false_reject", "vacuous_accepted", "faults")}
    },
}
SUITE: dict[str, Any] = {"name": "s", "version": "1", "cases": [], "equivalent": {"x": 1}, "ambiguous": 2}


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
def store(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a store with three answers."""
    path = tmp_path_factory.mktemp("store") / "results.sqlite"
    with open_store(path, write=True) as opened:
        for i in range(3):
            outcome = Outcome(key=f"{i:064x}", score=0.5, verdict="supported", notes=("x",))
            opened.add(IDENTITY, outcome, seed=0, draws=8, suite="fast-1", cases=[f"case-{i}"])
    return path.read_bytes()


IDENTITY = Identity(name="m", version="1", config="c" * 64)


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
