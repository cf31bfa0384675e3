"""The results store: every answer that was ever given, in an embedded database.

An answer is kept under the hash of all that decides it: the question, the method with its code and settings,
the seed and the number of draws. Each is committed when it is given, so a run that is killed resumes
where it was. One run writes, any number read.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scrubkit.core.reading import require_file, text_fault
from scrubkit.errors import BenchError
from scrubkit.harness.identity import Identity
from scrubkit.harness.outcome import Finding, Outcome, Record

APPLICATION = 0x5C2B17
"""Marks a SQLite file as a results store."""
LAYOUT = 1
"""Version of the table below."""
MAX_ANSWER = 20_000_000
"""Largest value of a row that is read, in bytes."""

_TABLE = """
CREATE TABLE IF NOT EXISTS results (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, question TEXT NOT NULL, method TEXT NOT NULL,
    version TEXT NOT NULL, config TEXT NOT NULL, seed INTEGER NOT NULL, draws INTEGER NOT NULL,
    suite TEXT NOT NULL, cases TEXT NOT NULL, answer TEXT NOT NULL, recorded REAL NOT NULL
)"""
_COLUMNS = "kind, question, method, version, config, seed, draws, suite, cases, answer, recorded"


class Stored(Record):
    """One row of the store.

    Attributes:
        method: name of the method.
        version: its version.
        config: hash of its code and settings.
        seed: seed of the run.
        draws: draws of the budget.
        suite: suite that it was first asked for, with its version.
        cases: ids of the cases that ask this question.
        answer: what came back.
        recorded: when, in seconds since 1970.
    """

    method: str
    version: str
    config: str
    seed: int
    draws: int
    suite: str
    cases: tuple[str, ...]
    answer: Outcome | Finding
    recorded: float


class Store:
    """An open results store; use `open_store`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    def known(self, identity: Identity, *, seed: int, draws: int) -> dict[str, Outcome | Finding]:
        """Return the answers of one method, by question, but for those that ran out of time.

        A timeout says as much of the machine as of the method, so that it is tried again.
        """
        rows = self.select(
            "method = ? AND version = ? AND config = ? AND seed = ? AND draws = ?",
            [identity.name, identity.version, identity.config, seed, draws],
        )
        answers = (row.answer for row in rows)
        return {a.key: a for a in answers if a.fault is None or a.fault.kind != "timeout"}

    def add(
        self,
        identity: Identity,
        answer: Outcome | Finding,
        *,
        seed: int,
        draws: int,
        suite: str,
        cases: Sequence[str],
    ) -> None:
        """Keep one answer; an earlier one to the same question is replaced."""
        kind = "score" if isinstance(answer, Outcome) else "find"
        decides = [kind, answer.key, identity.name, identity.version, identity.config, seed, draws]
        key = hashlib.sha256(json.dumps(decides).encode()).hexdigest()
        row = [key, *decides, suite, json.dumps(list(cases)), answer.model_dump_json(), time.time()]
        marks = ", ".join("?" * len(row))
        with _sqlite_errors(self.path), self._connection:
            self._connection.execute(f"INSERT OR REPLACE INTO results VALUES ({marks})", row)

    def select(
        self, where: str = "1", values: Sequence[Any] = (), *, latest: int | None = None
    ) -> Iterator[Stored]:
        """Yield rows in the order in which they were kept.

        Args:
            where: an SQL condition with ``?`` for the values; never made of anything from outside.
            values: the values.
            latest: only so many, those that were kept last.
        """
        # The limit is applied by the database; a negative one is none.
        last = f"SELECT id, {_COLUMNS} FROM results WHERE {where} ORDER BY recorded DESC, id DESC LIMIT ?"
        query = f"SELECT {_COLUMNS} FROM ({last}) ORDER BY recorded, id"
        with _sqlite_errors(self.path):
            found = self._connection.execute(query, [*values, -1 if latest is None else latest])
            while rows := found.fetchmany(100):
                yield from (
                    _read_row(dict(zip(_COLUMNS.split(", "), row, strict=True)), self.path) for row in rows
                )

    def count(self, where: str = "1", values: Sequence[Any] = ()) -> int:
        """Return the number of rows that fit a condition, as for `select`."""
        with _sqlite_errors(self.path):
            query = f"SELECT count(*) FROM results WHERE {where}"
            return self._connection.execute(query, list(values)).fetchone()[0]

    def holds(self) -> tuple[list[str], list[str]]:
        """Return the names of all methods and of all suites in the store."""
        with _sqlite_errors(self.path):
            rows = self._connection.execute("SELECT DISTINCT method, suite FROM results").fetchall()
        return sorted({str(method) for method, _ in rows}), sorted({str(suite) for _, suite in rows})


@contextlib.contextmanager
def open_store(path: str | Path, *, write: bool) -> Iterator[Store]:
    """Open a results store.

    Args:
        path: the file; it is made if it is missing and the store is to be written.
        write: whether answers will be added; one process at a time may do so.

    Raises:
        BenchError: no such file, not a results store, damaged, from a newer version, in use by another
            run, or in a place that cannot be written.
    """
    path = Path(path)
    if text_fault("path", str(path)) is not None:
        raise BenchError("the path holds a control character; choose another --store", title=str(path))
    if not write or os.path.lexists(path):
        require_file(path, error=BenchError, missing="there is no results store here yet")
    with contextlib.ExitStack() as stack:
        stack.enter_context(_sqlite_errors(path))
        if write:
            with _os_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_only_writer(path))
        where = path.resolve().as_uri() + ("" if write else _reading(path))
        connection = stack.enter_context(contextlib.closing(sqlite3.connect(where, uri=True, timeout=30)))
        _check(connection, path, write=write)
        if write:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
        else:
            connection.execute("PRAGMA query_only = 1")
        yield Store(path, connection)


def _reading(path: Path) -> str:
    """Return how a store is opened to be read.

    A reader too may have to roll a killed run's journal in, for which it writes. Where it cannot, a store
    without a journal is read as it lies, and one with a journal together with that.
    """
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return "?mode=rw"
    journal = path.with_name(path.name + "-wal")
    return "?mode=ro" if journal.exists() and journal.stat().st_size else "?immutable=1"


def _check(connection: sqlite3.Connection, path: Path, *, write: bool) -> None:
    """Set a new store up, or make sure that an old one is a whole store of ours."""
    # A file from a stranger may hold views and triggers that call functions; they are not to run.
    connection.execute("PRAGMA trusted_schema = 0")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_ANSWER)
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (layout,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if write and application == layout == tables == 0:
        # One transaction, so that a run killed here leaves an empty file and no half of a store.
        connection.executescript(
            f"BEGIN; PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {LAYOUT}; {_TABLE}; COMMIT"
        )
        return
    if application != APPLICATION:
        raise BenchError("is a database of another program; choose another --store", title=str(path))
    if layout == LAYOUT and _objects(connection) != _expected():
        raise BenchError(
            f"does not hold the table of a results store and nothing else; {_REMEDY}", title=str(path)
        )
    if layout != LAYOUT:
        raise BenchError(
            f"has layout {layout}, this scrubkit reads {LAYOUT}; choose another --store", title=str(path)
        )
    (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if state != "ok":
        raise BenchError(f"is damaged ({state}); {_REMEDY}", title=str(path))


def _expected() -> set[tuple[str, str, str]]:
    """Return what a new store holds."""
    with contextlib.closing(sqlite3.connect(":memory:")) as fresh:
        fresh.execute(_TABLE)
        return _objects(fresh)


def _objects(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    """Return the tables, indices, views and triggers of a database: a view may have rows without end."""
    found = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master LIMIT 100").fetchall()
    return {(str(kind), str(name), str(sql)) for kind, name, sql in found}


_REMEDY = "move it away and run again, or choose another --store"


def _read_row(row: Mapping[str, Any], path: Path) -> Stored:
    try:
        kind = Outcome if row["kind"] == "score" else Finding
        answer = kind.model_validate_json(row["answer"])
        fields = {name: row[name] for name in Stored.model_fields if name not in ("cases", "answer")}
        return Stored(**fields, cases=tuple(json.loads(row["cases"])), answer=answer)
    except (ValidationError, ValueError, TypeError, RecursionError) as error:
        first = str(error).splitlines()[0]
        raise BenchError(f"holds a row that cannot be read ({first}); {_REMEDY}", title=str(path)) from None


@contextlib.contextmanager
def _only_writer(path: Path) -> Iterator[None]:
    """Hold the writer's lock, which the system lets go of even when a run is killed."""
    lock = sqlite3.connect(path.with_name(path.name + ".lock"), timeout=0, isolation_level=None)
    with contextlib.closing(lock):
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            raise BenchError(
                "another run is writing to it; wait for its end, or choose another --store", title=str(path)
            ) from None
        yield


@contextlib.contextmanager
def _sqlite_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into a BenchError that says what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "decode" in str(error) or "malformed" in str(error):
            raise BenchError(f"is damaged ({error}); {_REMEDY}", title=str(path)) from None
        raise BenchError(
            f"cannot be used: {error}; choose a --store that you may write, on a disk with space",
            title=str(path),
        ) from None
    # A flipped byte in a name that SQLite quotes in its message ends in a UnicodeDecodeError.
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise BenchError(f"is no results store, or damaged ({error}); {_REMEDY}", title=str(path)) from None


@contextlib.contextmanager
def _os_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BenchError(
            f"cannot be made: {error.strerror}; choose another --store, or set SCRUBKIT_CACHE to a folder",
            title=str(path),
        ) from None
