"""What the README and the site show is what happens."""

import pytest

from tests.docs.pages import ROOT, blocks, run, runs

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
QUICK = ("README.md", "docs/tours/", "docs/own-")
"""Pages that are run with the other tests; commands of the rest train, certify or judge for minutes."""


def pages():
    for path in PAGES:
        name = path.relative_to(ROOT).as_posix()
        if runs(path.read_text()):
            yield pytest.param(path, id=name, marks=() if name.startswith(QUICK) else pytest.mark.benchmark)


@pytest.mark.parametrize("page", pages())
def test_what_a_page_shows_is_what_happens(page, tmp_path):
    stale = [step for step in run(page.read_text(), tmp_path) if not step.same]
    told = "\n".join(f"$ {step.asked}\n--- shown\n{step.shown}--- got\n{step.got}" for step in stale)
    assert not stale, f"{told}\n\nif that is right: python -m tests.docs.refresh {page.relative_to(ROOT)}"


def test_a_page_that_is_wrong_is_noticed(tmp_path):
    text = '```python title="one.py"\nx = 1\n```\n\n```pycon\n>>> import one\n>>> 1 + 1\n3\n```\n'
    text += "```console\n$ python -c 'print(1)'\n1\n$ scrubkit --version\nscrubkit none\n```\n"
    (tmp_path / "conftest.py").touch()
    steps = list(run(text.replace("import one\n", "from pathlib import Path\n"), tmp_path))
    assert [step.same for step in steps] == [True, False, True, False]
    assert (tmp_path / "one.py").read_text() == "x = 1\n"
    assert text.count("```") == 2 * len(blocks(text))
