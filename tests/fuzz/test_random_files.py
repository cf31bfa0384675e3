"""A sample of the random files: the same few of every family, read in one limited process each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.fuzz.families import FAMILIES
from tests.fuzz.random_files import check, written

COUNT = 100
"""Files of a family in the suite; `random_files` has as many as are asked for."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What was wrong, by family; one process reads all files."""
    listed = []
    for name, family in FAMILIES.items():
        for number in range(COUNT):
            folder = tmp_path_factory.mktemp(name)
            listed.append((name, written(family.make(np.random.default_rng([0, number])), Path(folder))))
    found: dict[str, list[str]] = {name: [] for name in FAMILIES}
    for (name, path), result in zip(listed, check(listed), strict=True):
        if result.bad:
            found[name].append(f"{path}: {result.kind} {result.detail}")
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_a_random_file_is_read_or_refused(family: str, results: dict[str, list[str]]) -> None:
    assert not results[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_undamaged_file_is_read(family: str, tmp_path: Path) -> None:
    FAMILIES[family].use(written(FAMILIES[family].whole(), tmp_path))
