"""Sites: how they are written, what they mean on a model, and what lies upstream of what."""

import numpy as np
import pytest

from scrubkit.core.architecture import Architecture
from scrubkit.core.site import contains, overlap, parse, resolve
from scrubkit.errors import SiteError

MODEL = Architecture(
    n_layers=2,
    n_ctx=3,
    d_model=8,
    n_heads=4,
    d_head=2,
    d_mlp=12,
    d_vocab_out=13,
    decompositions={"frequencies": 7},
)
NAMES = {"neurons": {"cluster:2": (0, 1, 2), "cluster:5": (3, 4)}, "frequencies": {"key": (2, 5)}}
BASES = {"plane": np.eye(8)[:2].tolist(), "slanted": [[1.0, 1.0] + [0.0] * 6]}


def part(text, names=NAMES, **subspaces):
    return resolve(parse(text), MODEL, names=names, bases={**(BASES if names else {}), **subspaces})


def upstream(source, reader):
    if source.hook == reader.hook:
        return contains(reader, source)
    return bool((MODEL.spread({source.hook: source.mask(MODEL)})[reader.hook] & reader.mask(MODEL)).any())


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("hook_embed", "hook_embed"),
        (" hook_embed [ pos = 0 ] ", "hook_embed[pos=0]"),
        ("hook_embed[]", "hook_embed"),
        ("hook_embed[frequencies=~key, pos=0]", "hook_embed[pos=0, frequencies=~key]"),
        ("blocks.0.attn.hook_z[pos=-1,head=0,1]", "blocks.0.attn.hook_z[pos=-1, head=0,1]"),
        ("unembed.hook_out", "logits"),
        ("hook_unembed[frequencies=2]", "logits[frequencies=2]"),
    ],
)
def test_a_site_is_read_and_printed(text, printed):
    assert str(parse(text)) == printed
    assert parse(printed) == parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot read site"),
        ("hook_embed[pos=0", "cannot read site"),
        ("hook_embed[pos=0][head=1]", "cannot read site"),
        ("hook_embed[0]", "needs a key"),
        ("hook_embed[po s=0]", "is not a key; keys are pos, head"),
        ("hook_embed[pos=0, pos=1]", "given twice"),
        ("hook_embed[pos=]", "has no value"),
        ("hook embed", "cannot read site"),
    ],
)
def test_what_is_no_site_is_refused(text, message):
    with pytest.raises(SiteError, match=message):
        parse(text)


def test_all_faults_of_a_site_are_told_at_once():
    with pytest.raises(SiteError) as error:
        parse("hook_embed[0pos=0, 1head=1, pos=2, pos=3]")
    assert len(error.value.faults) == 3


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        ("hook_embed", "positions", (0, 1, 2)),
        ("hook_embed[pos=-1]", "positions", (2,)),
        ("hook_embed[pos=-1,0]", "positions", (0, 2)),
        ("hook_embed[pos=0-2]", "positions", (0, 1, 2)),
        ("logits", "positions", (2,)),
        ("blocks.1.attn.hook_z", "heads", (0, 1, 2, 3)),
        ("blocks.1.attn.hook_z[head=1-2]", "heads", (1, 2)),
        ("blocks.0.mlp.hook_post[neurons=0-2,7]", "neurons", (0, 1, 2, 7)),
        ("blocks.0.mlp.hook_post[neurons=~0-9]", "neurons", (10, 11)),
        ("blocks.0.mlp.hook_post[neurons=cluster:5]", "neurons", (3, 4)),
        ("blocks.0.mlp.hook_post[neurons=cluster:5,cluster:2]", "neurons", (0, 1, 2, 3, 4)),
        ("blocks.0.mlp.hook_post[neurons=rest]", "neurons", tuple(range(5, 12))),
        ("hook_embed[frequencies=key]", "components", (2, 5)),
        ("hook_embed[frequencies=~key]", "components", (0, 1, 3, 4, 6)),
        ("logits[frequencies=1-3]", "components", (1, 2, 3)),
    ],
)
def test_keys_mean_indices(text, field, expected):
    assert getattr(part(text), field) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hook_embd[pos=0]", 'did you mean "hook_embed"'),
        ("blocks.2.hook_resid_mid", "the model has no hook"),
        ("blocks.0.attn.hook_attn_scores", "it has hook_embed, hook_pos_embed, blocks.0"),
        ("hook_embed[pos=3]", "no position '3'; positions are 0 to 2"),
        ("hook_embed[pos=-4]", "no position '-4'"),
        ("hook_embed[pos=x]", "no position 'x'"),
        ("hook_embed[head=0]", "hook_embed has no head; it takes pos, subspace, frequencies"),
        ("blocks.0.attn.hook_z[head=4]", "no head '4'; allowed are 0 to 3"),
        ("blocks.0.attn.hook_z[head=2-1]", "no head '2-1'"),
        ("blocks.0.mlp.hook_post[neurons=12]", "no neurons '12'"),
        ("blocks.0.mlp.hook_post[neurons=~0-11]", "no neurons are left"),
        ("blocks.0.mlp.hook_post[neurons=cluster:3]", "or by name cluster:2, cluster:5, rest"),
        ("hook_embed[frequencies=7]", "no frequencies '7'; allowed are 0 to 6"),
        ("hook_embed[subspace=plain]", 'did you mean "plane"'),
        ("hook_embed[subspace=slanted]", "not orthonormal"),
        ("hook_embed[subspace=plane, frequencies=1]", "not several"),
        ("logits[subspace=plane]", r"expected \(rank, 13\)"),
        ("logits[pos=0]", "read where the answer is, at position 2"),
        ("blocks.0.attn.hook_z[subspace=two]", "needs one head"),
    ],
)
def test_what_a_model_lacks_is_refused_with_what_it_has(text, message):
    with pytest.raises(SiteError, match=message):
        part(text, two=np.eye(2))


def test_every_fault_of_a_site_on_a_model_is_told_at_once():
    with pytest.raises(SiteError) as error:
        part("blocks.0.attn.hook_z[pos=9, head=9, neurons=0]")
    assert len(error.value.faults) == 3


@pytest.mark.parametrize(
    ("names", "message"),
    [(None, "nothing is known"), ({"neurons": {"cluster:3": (1,)}}, "or by name cluster:3, rest")],
)
def test_names_need_a_truth_that_has_them(names, message):
    with pytest.raises(SiteError, match=message):
        part("blocks.0.mlp.hook_post[neurons=cluster:2]", names)


@pytest.mark.parametrize(
    "text",
    [
        "hook_embed[pos=0, frequencies=~key]",
        "blocks.0.mlp.hook_post[pos=-1, neurons=rest]",
        "blocks.1.attn.hook_z[pos=0,1, head=1,3]",
        "blocks.0.hook_resid_mid[subspace=plane]",
        "logits",
        "logits[frequencies=key]",
    ],
)
def test_a_part_spelled_out_is_the_same_part_without_the_truth(text):
    original = part(text)
    spelled = original.spelled_out("mine")
    again = part(spelled, None, mine=np.asarray(original.basis)) if original.basis else part(spelled, None)
    assert again.key == original.key


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("hook_embed[pos=0]", "hook_embed[pos=1]", False),
        ("hook_embed[pos=0]", "hook_embed", True),
        ("hook_embed[pos=0]", "blocks.0.hook_resid_pre[pos=0]", False),
        ("hook_embed[pos=0, frequencies=1]", "hook_embed[pos=0, frequencies=2]", False),
        ("hook_embed[pos=0, frequencies=1,2]", "hook_embed[pos=0, frequencies=2]", True),
        ("blocks.0.attn.hook_z[head=0]", "blocks.0.attn.hook_z[head=1]", False),
        ("blocks.0.mlp.hook_post[neurons=0-3]", "blocks.0.mlp.hook_post[neurons=3-5]", True),
        ("hook_embed[subspace=plane]", "hook_embed[subspace=third]", False),
        ("hook_embed[subspace=plane]", "hook_embed[subspace=first]", True),
    ],
)
def test_overlap(one, other, expected):
    bases = {"third": np.eye(8)[2:3], "first": np.eye(8)[:1]}
    assert overlap(part(one, **bases), part(other, **bases)) is expected
    assert overlap(part(other, **bases), part(one, **bases)) is expected


@pytest.mark.parametrize(
    ("whole", "inner", "expected"),
    [
        ("logits", "logits[frequencies=2]", True),
        ("logits[frequencies=2]", "logits", False),
        ("logits", "logits", False),
        ("hook_embed", "hook_embed[pos=0]", True),
        ("hook_embed[pos=0,1]", "hook_embed[pos=1,2]", False),
        ("hook_embed[subspace=plane]", "hook_embed[subspace=first]", True),
        ("hook_embed[subspace=first]", "hook_embed[subspace=plane]", False),
    ],
)
def test_a_part_lies_within_its_whole(whole, inner, expected):
    first = np.eye(8)[:1]
    assert contains(part(whole, first=first), part(inner, first=first)) is expected


@pytest.mark.parametrize(
    ("source", "reader", "expected"),
    [
        ("hook_embed[pos=0]", "logits", True),
        ("hook_embed[pos=0]", "blocks.0.hook_resid_mid[pos=-1]", True),
        ("hook_embed[pos=2]", "blocks.0.hook_attn_out[pos=0]", False),
        ("hook_embed[pos=0]", "blocks.0.hook_resid_pre[pos=1]", False),
        ("hook_embed[pos=0]", "hook_pos_embed[pos=0]", False),
        ("blocks.0.attn.hook_v[head=0]", "blocks.0.attn.hook_z[head=0]", True),
        ("blocks.0.attn.hook_v[head=0]", "blocks.0.attn.hook_z[head=1]", False),
        ("blocks.0.attn.hook_v[head=0]", "blocks.1.attn.hook_z[head=1]", True),
        ("blocks.0.attn.hook_v[head=0]", "blocks.0.attn.hook_pattern[head=0]", False),
        ("blocks.0.mlp.hook_post[pos=0]", "logits", True),
        ("blocks.1.mlp.hook_post[pos=0]", "logits", False),
        ("blocks.0.mlp.hook_pre[neurons=1]", "blocks.0.mlp.hook_post[neurons=2]", False),
        ("blocks.1.hook_resid_mid", "blocks.0.hook_resid_mid", False),
        ("logits[frequencies=2]", "logits", True),
        ("logits", "logits", False),
        ("logits", "hook_embed", False),
    ],
)
def test_upstream_follows_the_causal_mask(source, reader, expected):
    assert upstream(part(source), part(reader)) is expected
