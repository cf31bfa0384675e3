"""Hypothesis files and circuits from strangers: a hypothesis or a ScrubkitError, and nothing else."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrubkit.core.feature import parse as parse_feature
from scrubkit.core.site import parse as parse_site
from scrubkit.errors import HypothesisError, ScrubkitError
from scrubkit.families.modular.compile import compile_model
from scrubkit.formats import from_eap, read_eap
from scrubkit.hypothesis import from_json, load_hypothesis, to_json
from scrubkit.scrubbing.plan import bind
from scrubkit.subjects.bridge import BridgeSubject
from scrubkit.subjects.sites import Sites
from tests.fuzz.damage import damaged, damaged_bytes, few, text_of
from tests.fuzz.seeds import CIRCUIT, CLAIM, FEATURE_PIECES, SITE_PIECES


@pytest.fixture(scope="module")
def sites() -> Sites:
    model = compile_model(variant="pizza", p=7, frequencies=(2,))
    return Sites.of(model)


def test_the_undamaged_files_are_read(sites: Sites, tmp_path: Path) -> None:
    claim = from_json(text_of(CLAIM))
    assert from_json(to_json(claim)).hash == claim.hash
    (tmp_path / "g.json").write_text(text_of(CIRCUIT))
    assert len(from_eap(read_eap(tmp_path / "g.json")).nodes) == 4


@few(100)
@given(document=damaged(CLAIM))
def test_hypotheses(document: dict[str, Any], sites: Sites) -> None:
    with contextlib.suppress(ScrubkitError):
        claim = from_json(text_of(document))
        assert from_json(to_json(claim)).hash == claim.hash
        str(claim.doc + claim.name).encode()
        for node in claim.nodes.values():
            with contextlib.suppress(ScrubkitError):
                sites.part(node.site, claim.subspaces)
            if node.feature:
                with contextlib.suppress(ScrubkitError):
                    node.feature.values(sites.columns, sites.constants, sites.tokens)


@few(100)
@given(data=damaged_bytes(text_of(CLAIM).encode()))
def test_bytes_of_a_hypothesis(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "claim.json").write_bytes(data)
    with contextlib.suppress(ScrubkitError):
        load_hypothesis(tmp_path / "claim.json")
    assert [path.name for path in tmp_path.iterdir()] == ["claim.json"]


@few(100)
@given(document=damaged(CIRCUIT), top=st.none() | st.integers(1, 4))
def test_circuits(document: dict[str, Any], top: int | None, tmp_path: Path) -> None:
    (tmp_path / "graph.json").write_text(text_of(document))
    with contextlib.suppress(ScrubkitError):
        to_json(from_eap(read_eap(tmp_path / "graph.json"), top=top))


@few(150)
@given(text=st.lists(st.sampled_from(FEATURE_PIECES), max_size=12).map("".join) | st.text(max_size=12))
def test_features(text: str, sites: Sites) -> None:
    with contextlib.suppress(ScrubkitError):
        for component in parse_feature(text).values(sites.columns, sites.constants):
            assert component.shape == (sites.n_inputs,)


@pytest.mark.parametrize(
    "text",
    ["(" * 900 + "a", "-" * 1999 + "a", "lambda:" * 250 + "0", "not " * 400 + "a", "[" * 190 + "]" * 190]
    + [
        "a" + ".x" * 900,
        "a" + "()" * 900,
        "a if " * 300 + "a",
        "+".join("a" * 900),
        "a," * 900,
        "*".join("a" * 900),
    ],
)
def test_deep_features(text: str, sites: Sites) -> None:
    with contextlib.suppress(ScrubkitError):
        parse_feature(text).values(sites.columns, sites.constants)


@few(150)
@given(text=st.lists(st.sampled_from(SITE_PIECES), max_size=8).map("".join) | st.text(max_size=12))
def test_sites(text: str, sites: Sites) -> None:
    with contextlib.suppress(ScrubkitError):
        part = sites.part(text, {})
        assert sites.part(part.spelled_out(), {}).key == part.key
        assert parse_site(str(parse_site(text))) == parse_site(text)


def test_a_long_site_gives_a_short_message(sites: Sites) -> None:
    for text in (
        "hook_embed[" + ",".join(f"x{i}=1" for i in range(14_000)) + "]",
        f"logits[pos={'9,' * 40_000}9]",
    ):
        with pytest.raises(ScrubkitError) as caught:
            sites.part(text, {})
        assert len(str(caught.value)) < 20_000


@pytest.mark.parametrize("attack", ["expect", "huge", "subspace", "attributes", "surrogate", "wide"])
def test_known_attacks(attack: str) -> None:
    document: dict[str, Any] = json.loads(text_of(CLAIM))
    if attack == "expect":
        document["graph"]["expect"] = {"pizza": 5}
    elif attack == "huge":
        document["nodes"][2]["tolerance"] = 10**400
    elif attack == "subspace":
        document["graph"]["subspaces"] = {"plane": [[10**400]]}
    elif attack == "attributes":
        document["nodes"][0]["node_for_adding"] = 1
    elif attack == "surrogate":
        document["graph"]["name"] = "\ud800"
    else:
        document["nodes"] = [{"id": i, "site": "logits"} for i in range(2001)]
    with pytest.raises(HypothesisError):
        from_json(text_of(document))


def test_a_graph_attribute_is_no_graph() -> None:
    document: dict[str, Any] = json.loads(text_of(CLAIM))
    document["graph"]["incoming_graph_data"] = [["x", "y"]]
    with pytest.raises(HypothesisError, match="incoming_graph_data"):
        from_json(text_of(document))


@few(20)
@given(document=damaged(CLAIM))
def test_binding(document: dict[str, Any], bridge: BridgeSubject) -> None:
    with contextlib.suppress(ScrubkitError):
        bind(from_json(text_of(document)), bridge)


@pytest.fixture(scope="module")
def bridge() -> BridgeSubject:
    return BridgeSubject.of(compile_model(variant="pizza", p=7, frequencies=(2,)))
