import pytest

from scrubkit.bench import manifest

from .suites import small_suite


@pytest.fixture(scope="session")
def suite():
    return small_suite()


@pytest.fixture(scope="session")
def suite_file(suite, tmp_path_factory):
    path = tmp_path_factory.mktemp("suite") / "small.json.gz"
    manifest.write(suite, path)
    return path
