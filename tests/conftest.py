"""Settings shared by all tests."""

from collections.abc import Iterator
from contextlib import suppress

import numpy  # noqa: F401 - extensions load once a process, and pytester forgets what its runs import
import pytest
import scipy.stats  # noqa: F401
import sklearn.metrics  # noqa: F401
import torch

with suppress(ImportError):
    import numba  # noqa: F401

torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def cache_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep compiled models out of the user's cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCRUBKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
