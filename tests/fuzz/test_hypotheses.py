"""Hypothesis files and circuits from strangers: a hypothesis or a ScrubkitError, and nothing else."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrubkit.core.feature import parse as parse_feature
from scrubkit.core.site import parse as parse_site
from scrubkit.errors import HypothesisError, ScrubkitError, SiteError
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


POST = "blocks.0.mlp.hook_post[pos=-1, neurons={}]"
SITES = {
    "a name with 4,301 digits": (POST.format("cluster:" + "9" * 4301), "no neurons 'cluster:9"),
    "an index of 4,301 digits": (POST.format("9" * 4301), "no neurons '9"),
    "a range to 4,301 digits": (POST.format("0-" + "9" * 4301), "no neurons '0-9"),
    "a position of 4,301 digits": ("hook_embed[pos=-" + "9" * 4301 + "]", "no position '-9"),
    "a component of 4,301 digits": ("hook_embed[frequencies=" + "1" * 4301 + "]", "no frequencies '1"),
    "a layer of 4,301 digits": ("blocks." + "9" * 4301 + ".hook_resid_mid", "the model has no hook"),
    "all but nothing, 5,000 times": (POST.format("~" * 5000), "no neurons ''"),
    "an Arabic digit": (POST.format("\u0663"), "no neurons '\u0663'"),
    "a superscript": (POST.format("\u00b2"), "no neurons '\u00b2'"),
    "a wide digit": ("hook_embed[pos=\uff11]", "no position '\uff11'"),
    "a range to an Arabic digit": ("hook_embed[pos=0-\u0663]", "no position '0-\u0663'"),
    "a layer in Arabic": ("blocks.\u0660.hook_resid_mid", "the model has no hook"),
    "40,000 commas": ("hook_embed[pos=" + "," * 40_000 + "0]", "no position ''"),
    "40,000 names": (POST.format("x" + ",x" * 40_000), "no neurons 'x'"),
    "40,000 equals signs": ("hook_embed[pos" + "=" * 40_000 + "]", "no position '==="),
    "90,000 brackets": ("[" * 90_000, "cannot read site"),
    "90,000 spaces": ("hook_embed" + " " * 90_000 + "x", "cannot read site"),
    "90,000 spaces and brackets": ("hook_embed " + "[ ] " * 22_000, "cannot read site"),
    "90,000 dots": ("." * 90_000, "the model has no hook"),
    "a NUL": ("hook_embed[pos=0\0]", "no position '0\\x00'"),
    "a million letters": ("a" * 10**6, "cannot read site"),
}


@pytest.mark.parametrize("name", SITES)
def test_a_site_of_an_attacker_is_refused_at_once_in_few_words(name: str, sites: Sites) -> None:
    text, words = SITES[name]
    began = time.process_time()
    with pytest.raises(SiteError) as caught:
        sites.part(text, {})
    assert time.process_time() - began < 2
    assert words in str(caught.value)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (POST.format("~" * 5000 + "0"), POST.format("0")),
        (POST.format("~" * 5001 + "0"), POST.format("~0")),
        (POST.format("0" + ",0" * 40_000), POST.format("0")),
        (POST.format("rest" + ",rest" * 15_000), POST.format("rest")),
        ("hook_embed[" + "," * 40_000 + "]", "hook_embed"),
        ("blocks.0.attn.hook_z[head=" + "0-3," * 20_000 + "0]", "blocks.0.attn.hook_z"),
        ("  hook_embed  [ pos = 0 ]  ", "hook_embed[pos=0]"),
    ],
)
def test_a_site_that_says_little_at_length_is_what_it_says(text: str, short: str, sites: Sites) -> None:
    began = time.process_time()
    assert sites.part(text, {}).key == sites.part(short, {}).key
    assert time.process_time() - began < 2


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
