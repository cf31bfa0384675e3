import pytest

from scrubkit.families.programs.claims import ROOT
from scrubkit.families.programs.label import label
from scrubkit.families.programs.library import LIBRARY, named
from scrubkit.families.programs.near_misses import near_misses

CHEAP = ["max3", "greater-than", "parity5-chain", "s3-cosets", "automaton5"]


@pytest.mark.parametrize("name", CHEAP)
def test_most_near_misses_are_false_in_several_ways(name):
    program = named(name).program()
    labels = [label(program, miss) for _, miss in near_misses(program, named(name).claims()["coarse"])]
    false = [found.stratum for found in labels if not found.true]
    assert len(false) > len(labels) / 2 and len(set(false)) >= 3


def test_a_near_miss_leaves_the_claim_as_it_was():
    program, claim = named("max3").program(), named("max3").claims()["full"]
    before = dict(claim.nodes(data=True)), list(claim.edges)
    assert len(list(near_misses(program, claim))) > 10
    assert before == (dict(claim.nodes(data=True)), list(claim.edges))


def test_every_library_program_has_near_misses():
    for name in LIBRARY:
        program = named(name).program()
        claims = named(name).claims()
        assert any(True for claim in claims.values() for _ in near_misses(program, claim))


def test_a_node_is_dropped_or_called_unimportant_only_where_another_stays():
    program, claim = named("max3").program(), named("max3").claims()["coarse"]
    kept = next(iter(claim.predecessors(ROOT)))
    alone = claim.subgraph([kept, ROOT]).copy()
    kinds = [{name.split()[0] for name, _ in near_misses(program, each)} for each in (claim, alone)]
    assert {"dropped", "unimportant"} <= kinds[0]
    assert not {"dropped", "unimportant"} & kinds[1]


def test_a_feature_of_two_components_is_not_taken_mod_two():
    program, claim = named("max3").program(), named("max3").claims()["full"]
    coarser = [name for name, _ in near_misses(program, claim) if name.startswith("coarser")]
    assert coarser
    for node in claim:
        if "feature" in claim.nodes[node]:
            claim.nodes[node]["feature"] = f"({claim.nodes[node]['feature']}, x0)"
    assert not [name for name, _ in near_misses(program, claim) if name.startswith("coarser")]
