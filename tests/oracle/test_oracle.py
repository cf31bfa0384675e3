"""scrubkit beside the oracle on random hypotheses: exact against exact, and sampled inside its interval."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from tests.oracle.cases import Case, case
from tests.oracle.claim import read_claim
from tests.oracle.compare import rng_of, scorable, snippet
from tests.oracle.open_faults import open_faults
from tests.oracle.parts import disjoint
from tests.oracle.runs import differing_runs

RANDOM = {
    "untrained-p5": 4,
    "untrained-p7": 1,
    "untrained-mul-p5": 3,
    "untrained-sub-p5": 2,
    "untrained-two-tokens-p5": 3,
    "compiled-pizza-p5": 3,
    "compiled-clock-p7": 1,
    "weighted-p5": 30,
    "few-rows-p7": 30,
    "two-blocks": 14,
    "two-blocks-norm": 14,
    "two-blocks-both-ways": 8,
    "two-blocks-of-attention": 8,
    "functions": 200,
}
BRIDGES = {
    "bridge-two-layers": 2,
    "bridge-two-layers-norm": 2,
    "bridge-norm-p7": 2,
    "bridge-both-ways": 2,
    "bridge-few-rows": 2,
}
JOINT = 4_000
"""Joint draws of a hypothesis at most, so that each is quick."""
RUNS = 5
"""Hypotheses on each bridge whose nodes are run once."""
ENOUGH = 6
"""Lines of disagreements after which no more are looked for."""
SEED = 0


def chosen(name: str, wanted: int) -> list[Case]:
    """Return the first cases of one subject that are small enough to go through."""
    found, number = [], 0
    while len(found) < wanted:
        this = case(SEED, number, name)
        if scorable(this.subject, this.graph, JOINT):
            found.append(this)
        number += 1
    return found


def disagreements(name: str, wanted: int) -> tuple[Counter[str], str]:
    """Score the chosen cases on both sides; count the outcomes and show what differs."""
    kinds: Counter[str] = Counter()
    shown = []
    for this in chosen(name, wanted):
        outcome = this.compare()
        known = outcome.kind in ("differ", "crash") and open_faults(this.subject, this.graph)
        kinds["known" if known else outcome.kind] += 1
        if outcome.kind != "agree" and not known:
            shown.append(f"{outcome.kind}: {outcome.text}")
            shown.append(snippet(this.subject, this.graph, resample_root=this.resample_root))
        if len(shown) >= ENOUGH:
            break
    return kinds, "\n".join(shown)


@pytest.mark.parametrize("name", RANDOM)
def test_scores_are_those_of_the_oracle_to_nine_digits_and_within_the_interval_of_draws(name: str) -> None:
    kinds, shown = disagreements(name, RANDOM[name])
    assert set(kinds) <= {"agree", "known"}, shown
    assert kinds["agree"] >= 0.9 * RANDOM[name]


@pytest.mark.parametrize("name", BRIDGES)
def test_scores_of_bridges_are_those_of_the_oracle(name: str) -> None:
    kinds, shown = disagreements(name, BRIDGES[name])
    assert set(kinds) <= {"agree", "known"}, shown
    assert kinds["agree"] >= 0.6 * BRIDGES[name]


@pytest.mark.parametrize("name", BRIDGES)
def test_every_run_of_a_bridge_is_that_of_the_oracle_to_nine_digits(name: str) -> None:
    wrong = []
    for number in range(RUNS):
        this = case(SEED + 1, number, name)
        found = differing_runs(this.subject, this.graph, rng_of(SEED, number))
        if found:
            wrong.append(f"{found}\n{snippet(this.subject, this.graph)}")
    assert not wrong, "\n".join(wrong)


WORDS = (
    *("pos=", "head=", "neurons=", "frequencies=", "subspace=", "cluster:1", "rest", "~", "=key", "plane]"),
    *(
        "hook_embed",
        "hook_pos_embed",
        "hook_resid_pre",
        "hook_q",
        "hook_k",
        "hook_v",
        "hook_pattern",
        "hook_z",
    ),
    *(
        "hook_attn_out",
        "hook_resid_mid",
        "hook_pre",
        "hook_post",
        "hook_mlp_out",
        "hook_resid_post",
        "logits[",
    ),
)


@cache
def every_graph() -> list[tuple[Case, bool]]:
    """All hypotheses of this module's tests, and whether each redraws its reference."""
    return [(c, c.resample_root) for name, n in {**RANDOM, **BRIDGES}.items() for c in chosen(name, n)]


@pytest.mark.parametrize("word", WORDS)
def test_the_random_hypotheses_name_every_hook_and_key(word: str) -> None:
    sites = [c.graph.nodes[n]["site"] for c, _ in every_graph() for n in c.graph]
    assert sum(word in site for site in sites) >= 3


def test_the_random_hypotheses_meet_every_policy() -> None:
    seen: Counter[str] = Counter()
    for this, redrawn in every_graph():
        graph = this.graph
        seen["redrawn root"] += redrawn
        seen["shared node"] += any(graph.out_degree(n) > 1 for n in graph)
        seen["weighted"] += len(set(this.subject.machine.domain.weights)) > 1
        claim = read_claim(graph, this.subject.machine)
        for name, node in claim.nodes.items():
            attributes = graph.nodes[name]
            sampler = attributes.get("sampler", "feature")
            seen[f"sampler {sampler if isinstance(sampler, str) else 'fixed'}"] += 1
            seen[f"other {attributes.get('other', 'none').split(':')[0]}"] += 1
            seen["unimportant"] += node.unimportant
            seen["tolerance"] += "tolerance" in attributes and "period" not in attributes
            seen["tolerance around a circle"] += "period" in attributes
            direct = {
                claim.nodes[p].part.hook for p, d in node.parents if d and not isinstance(node.part, str)
            }
            seen["direct edges"] += bool(direct)
            seen["direct edges of mixed depth"] += len(direct) > 1
            seen["held site"] += bool(node.holds and node.parents)
            same = [h for h in node.holds if not isinstance(h, str) and h.hook == node.part.hook]
            read = [claim.nodes[p].part for p, _ in node.parents if not isinstance(node.part, str)]
            seen["nested parts"] += any(part.hook == node.part.hook for part in [*same, *read])
            seen["overlap of held and set"] += any(
                h.hook == part.hook and not disjoint(h, part) for h in node.holds for part in read
            )
    wanted = {
        *("redrawn root", "shared node", "weighted", "unimportant", "held site", "direct edges"),
        *("tolerance", "tolerance around a circle", "direct edges of mixed depth", "nested parts"),
        *("overlap of held and set", "other uniform", "other exact", "other together"),
        *("sampler feature", "sampler uniform", "sampler exact", "sampler fixed"),
    }
    assert {name for name in wanted if seen[name] < 3} == set(), seen


def test_there_are_at_least_three_hundred_random_hypotheses() -> None:
    assert sum(RANDOM.values()) + sum(BRIDGES.values()) >= 300
