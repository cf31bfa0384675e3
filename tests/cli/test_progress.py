"""Progress where there is no terminal: a line now and then, with what is left."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from scrubkit.cli import progress


def lines(monkeypatch: pytest.MonkeyPatch, steps: list[tuple[float, int]], total: int) -> list[str]:
    """Return what is written when so many are done at each of some times."""
    clock = iter([0.0, *(at for at, _ in steps)])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    console = Console(file=io.StringIO(), width=200)
    with progress.shown_progress(console, "asking") as shown:
        for _, done in steps:
            shown(done, total)
    return console.file.getvalue().splitlines()  # pyright: ignore[reportAttributeAccessIssue]


def test_lines_come_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    found = lines(monkeypatch, [(1, 1), (2, 2), (40, 20), (41, 21), (80, 40)], 100)
    assert [line.split(",")[0] for line in found] == ["asking: 20 of 100", "asking: 40 of 100"]


def test_a_slow_first_step_is_soon_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [(600.0, 1), *((600.0 + 40 * i, 1 + 40 * i) for i in range(1, 8))]
    assert lines(monkeypatch, steps, 401)[-1] == "asking: 281 of 401, about 120 s left"


def test_a_first_estimate_comes_soon_and_leaves_out_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines(monkeypatch, [(20, 1), (21, 2), (22, 3)], 103)[:1] == ["asking: 1 of 103"]
    assert lines(monkeypatch, [(4, 1), (5.5, 4)], 104) == ["asking: 4 of 104, about 50 s left"]


def test_a_hint_is_given_where_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 6.0, 60.0, 61.0, 67.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    console = Console(file=io.StringIO(), width=200)
    for total in (2, 200):
        shown = progress.Lines(console, "enumerating", "take draws")
        shown(1, total)
        shown(2, total)
    assert console.file.getvalue().splitlines() == [  # pyright: ignore[reportAttributeAccessIssue]
        "enumerating: 2 of 2, about 0 s left",
        "enumerating: 2 of 200, about 1188 s left; take draws",
    ]


def test_nothing_is_promised_before_anything_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines(monkeypatch, [(40, 0)], 100) == ["asking: 0 of 100"]
