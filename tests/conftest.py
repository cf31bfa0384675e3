"""Settings shared by all tests."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy  # noqa: F401 - extensions load once a process, and pytester forgets what its runs import
import pytest
import scipy.stats  # noqa: F401
import sklearn.metrics  # noqa: F401
import torch
from filelock import FileLock

with suppress(ImportError):
    import numba  # noqa: F401

torch.set_num_threads(1)

LONG = ("/testing/test_example.py", "/test_types.py", "/docs/test_site.py", "/harness/test_backends.py")
LONG += ("/harness/test_kill.py", "/harness/test_villains.py")
"""Files of which one test takes as long as hundreds of others, or waits."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process is left with it when the others have ended."""
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONG))


@pytest.fixture(autouse=True, scope="session")
def cache_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep compiled models out of the user's cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCRUBKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Return a function that makes a folder once for all processes of the session, which only read it."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder = base / "made" / name
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            done = folder.with_suffix(".done")
            if not done.exists():
                make(folder)
                done.touch()
        return folder

    return made
