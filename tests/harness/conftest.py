"""Fixtures of the tests of the bench."""

import pytest

from tests.harness.toys import tiny_suite


@pytest.fixture(scope="session")
def suite():
    return tiny_suite()


@pytest.fixture(scope="session")
def small_suite():
    """Two models, for methods that take long or are looked at in detail."""
    return tiny_suite(models=("pizza-p11", "torus-p11"))
