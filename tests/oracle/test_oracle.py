"""scrubkit beside the oracle on random hypotheses: exact against exact, and sampled inside its interval."""

from __future__ import annotations

import pytest

from tests.oracle.cases import RANDOM, case
from tests.oracle.compare import snippet

EXACT = [name for name in RANDOM if "layer" not in name]
SAMPLED = [name for name in RANDOM if "layer" in name]


def disagreements(seed: int, name: str, wanted: int) -> list[str]:
    """Compare until so many hypotheses were scored by both sides; return what differs."""
    found, compared, number = [], 0, 0
    while compared < wanted:
        this = case(seed, number, name)
        outcome = this.compare()
        compared += outcome.kind in ("agree", "differ", "crash")
        if outcome.kind in ("differ", "crash"):
            found.append(
                f"{outcome.text}\n{snippet(this.subject, this.graph, resample_root=this.resample_root)}"
            )
        number += 1
        assert number < 20 * wanted, "hardly any hypothesis is accepted"
    return found


@pytest.mark.parametrize("name", ["functions"])
def test_exact_scores_are_those_of_the_oracle(name: str) -> None:
    assert disagreements(0, name, 20) == []
