"""The core knows no algorithm: its words are those of every family."""

import re
from pathlib import Path

import pytest

import scrubkit

PACKAGE = Path(scrubkit.__file__).parent
GENERAL = ("core", "subjects", "scrubbing", "methods", "bench")
PARTICULAR = re.compile(r"\b(frequency|frequencies|clusters?|pizzas?|clocks?|modular)\b", re.IGNORECASE)
EXCEPTIONS = {
    # Scores that were written before components had this name are still read.
    'components: float | None = Field(validation_alias=AliasChoices("components", "frequencies"))',
}


@pytest.mark.parametrize("folder", GENERAL)
def test_the_general_parts_do_not_speak_of_one_algorithm(folder):
    files = sorted((PACKAGE / folder).rglob("*.py"))
    assert files
    found = [
        f"{file.relative_to(PACKAGE)}:{number}: {line.strip()}"
        for file in files
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if PARTICULAR.search(line) and line.strip() not in EXCEPTIONS
    ]
    assert found == []
