"""Every reader of other people's files: what a whole file looks like, how it is damaged, how it is used."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import sqlite3
import struct
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from scrubkit.bench.manifest import read as read_suite
from scrubkit.core.feature import parse as parse_feature
from scrubkit.core.site import parse as parse_site
from scrubkit.errors import ScrubkitError
from scrubkit.families.modular.compile import compile_model
from scrubkit.families.modular.published.formats import PLACES
from scrubkit.families.modular.published.read import read_published
from scrubkit.formats import from_eap, read_eap
from scrubkit.harness.baseline import read_baseline
from scrubkit.harness.export import flatten
from scrubkit.harness.outcome import Outcome
from scrubkit.harness.store import open_store
from scrubkit.hypothesis import from_json, load_hypothesis, to_json
from scrubkit.models.model import Model
from scrubkit.models.store import RECORD, WEIGHTS, describe, read
from scrubkit.models.store import to_json as record_json
from scrubkit.scrubbing.plan import bind
from scrubkit.subjects.network import NetworkSubject
from scrubkit.subjects.sites import Sites
from tests.fuzz import mutate
from tests.fuzz.mutate import Rng
from tests.fuzz.pickles import odd_pickle
from tests.fuzz.seeds import (
    BASELINE,
    CIRCUIT,
    CLAIM,
    FEATURE_PIECES,
    IDENTITY,
    PIZZA_CONFIG,
    SITE_PIECES,
    SUITE,
    store_bytes,
)

Files = dict[str, bytes]
"""Files of one try, by name; the first is the one that is read."""


@dataclass(frozen=True)
class Family:
    """One kind of file.

    Attributes:
        whole: files that are not damaged.
        make: draws the files of a try.
        use: reads the first file and does with it what the commands do.
    """

    whole: Callable[[], Files]
    make: Callable[[Rng], Files]
    use: Callable[[Path], None]


@cache
def model() -> Model:
    """A small compiled model."""
    return compile_model(variant="pizza", p=7, frequencies=(2,))


@cache
def sites() -> Sites:
    """Its sites."""
    return Sites.of(model())


def _use_claim(path: Path) -> None:
    claim = load_hypothesis(path)
    assert from_json(to_json(claim)).hash == claim.hash
    with contextlib.suppress(ScrubkitError):
        bind(claim, NetworkSubject(model()))


def _feature(path: Path) -> None:
    for part in parse_feature(path.read_bytes().decode("utf-8", "replace")).values(
        sites().columns, sites().constants
    ):
        assert part.shape == (sites().n_inputs,)


def _site(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    assert parse_site(str(parse_site(text))) == parse_site(text)
    part = sites().part(text, {})
    assert sites().part(part.spelled_out(), {}).key == part.key


def _use_model(path: Path) -> None:
    found = read(path.parent)
    found.logits()
    Sites.of(found)


def _make_model(rng: Rng) -> Files:
    record, weights = _model_files()
    how = int(rng.integers(4))
    if how <= 1:
        return {RECORD: mutate.damaged_text(rng, json.loads(record)), WEIGHTS: weights}
    if how == 2:
        return {RECORD: record, WEIGHTS: mutate.damaged_bytes(rng, weights)}
    (size,) = struct.unpack("<Q", weights[:8])
    header = mutate.damaged_text(rng, json.loads(weights[8 : 8 + size]))
    length = max(0, len(header) + mutate.pick(rng, [0, 0, 0, -1, 1, 2**40, 2**63])) % 2**64
    return {RECORD: record, WEIGHTS: struct.pack("<Q", length) + header + weights[8 + size :]}


@cache
def _model_files() -> tuple[bytes, bytes]:
    return record_json(describe(model())), safetensors.torch.save(model().weights.named())


@cache
def _states() -> dict[str, dict[str, torch.Tensor]]:
    """State dicts of the formats that are read."""
    named = model().weights.short()
    lens = {place: named[name].clone() for name, place in PLACES.items()}
    nanda = {k: v for k, v in lens.items() if ".b_Q" not in k and ".b_K" not in k and ".b_V" not in k}
    nanda = {k: v for k, v in nanda.items() if k not in ("blocks.0.attn.b_O", "unembed.b_U")}
    turned = {k: v.mT.contiguous() if v.ndim > 1 and k != "pos_embed.W_pos" else v for k, v in nanda.items()}
    turned["unembed.W_U"] = nanda["unembed.W_U"]
    w_o = nanda["blocks.0.attn.W_O"]
    turned["blocks.0.attn.W_O"] = w_o.permute(2, 0, 1).reshape(w_o.shape[2], -1).contiguous()
    return {"lens": lens, "nanda": turned}


def _make_checkpoint(rng: Rng) -> Files:
    state = _states()[mutate.pick(rng, ["lens", "nanda"])]
    how, extra = int(rng.integers(10)), {}
    if how == 0:
        extra = {"config_x.json" if rng.random() < 0.5 else "x.json": mutate.damaged_text(rng, PIZZA_CONFIG)}
    if how <= 4:
        state = _reshaped(rng, state)
    data = saved(mutate.pick(rng, [state, {"model": state}, {"state_dicts": [state], "epoch": 3}]))
    if how in (5, 6):
        data = mutate.damaged_bytes(rng, data)
    elif how >= 7:
        data = repacked(data, odd_pickle(rng, data_pkl(data)))
    return {"x.pt": data, **extra}


def _make_safetensors(rng: Rng) -> Files:
    state = _states()[mutate.pick(rng, ["lens", "nanda"])]
    if rng.random() < 0.5:
        return {"x.safetensors": safetensors.torch.save(_reshaped(rng, state))}
    data = safetensors.torch.save(state)
    (size,) = struct.unpack("<Q", data[:8])
    if rng.random() < 0.5:
        return {"x.safetensors": mutate.damaged_bytes(rng, data)}
    header = mutate.damaged_text(rng, json.loads(data[8 : 8 + size]))
    return {"x.safetensors": struct.pack("<Q", len(header)) + header + data[8 + size :]}


def _reshaped(rng: Rng, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return a state dict in which one or two tensors have other sizes, dtypes, names or values."""
    made = dict(state)
    for _ in range(int(rng.integers(1, 3))):
        if not made:
            break
        name = mutate.pick(rng, sorted(made))
        shape = list(made[name].shape)
        how = int(rng.integers(8))
        if how <= 2 and shape:
            shape[int(rng.integers(len(shape)))] = mutate.pick(rng, [0, 1, 2, 5, 9, 300])
            made[name] = torch.zeros(shape)
        elif how == 3:
            made[name] = torch.zeros([*shape, 1] if rng.random() < 0.5 else shape[1:])
        elif how == 4:
            made[name] = made[name].to(
                mutate.pick(rng, [torch.float16, torch.int64, torch.bfloat16, torch.bool])
            )
        elif how == 5:
            made[name] = made[name] * mutate.pick(rng, [float("nan"), float("inf"), 1e38])
        elif how == 6:
            made[mutate.pick(rng, [*mutate.TEXTS[4:9], name + "x", "blocks.1.mlp.W_in", "ln_final.w"])] = (
                made.pop(name)
            )
        else:
            del made[name]
    return {name: tensor.contiguous() for name, tensor in made.items()}


def saved(content: Any) -> bytes:
    """Return the bytes of a file of torch.save."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def data_pkl(data: bytes) -> bytes:
    """Return the pickle in a file of torch.save."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))


def repacked(data: bytes, pickle: bytes, compression: int = zipfile.ZIP_STORED) -> bytes:
    """Return a file of torch.save with another pickle."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", compression) as new:
        for name in old.namelist():
            new.writestr(name, pickle if name.endswith("data.pkl") else old.read(name))
    return buffer.getvalue()


def _make_suite(rng: Rng) -> Files:
    if rng.random() < 0.1:
        whole = gzip.compress(json.dumps(SUITE).encode(), mtime=0)
        return {"suite.json.gz": mutate.damaged_bytes(rng, whole)}
    return {"suite.json.gz": gzip.compress(mutate.damaged_text(rng, SUITE), compresslevel=1, mtime=0)}


def _use_suite(path: Path) -> None:
    suite = read_suite(path)
    assert suite.hash and suite.counts
    for case in suite.cases[:3]:
        with contextlib.suppress(ScrubkitError):
            from_json(json.dumps(case.hypothesis), title=f"case {case.id}")


def _make_store(rng: Rng) -> Files:
    whole = store_bytes()
    if rng.random() < 0.6:
        return {"results.sqlite": mutate.damaged_bytes(rng, whole)}
    return {"results.sqlite": _rewritten(rng, whole)}


COLUMNS = [
    "kind",
    "question",
    "method",
    "version",
    "config",
    "seed",
    "draws",
    "suite",
    "cases",
    "answer",
    "recorded",
]


def _rewritten(rng: Rng, whole: bytes) -> bytes:
    """Return a store with one column of one row, or its layout, changed by SQL."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.sqlite"
        path.write_bytes(whole)
        value = mutate.odd_value(rng)
        plain = isinstance(value, str | float | None) or (isinstance(value, int) and abs(value) < 2**63)
        statements = [
            (f"UPDATE results SET {mutate.pick(rng, COLUMNS)} = ?", [value if plain else json.dumps(value)]),
            (f"UPDATE results SET {mutate.pick(rng, COLUMNS)} = ?", [rng.bytes(5)]),
            ("UPDATE results SET answer = ?", [mutate.damaged_text(rng, {"key": "k", "score": 1.0})]),
            ("CREATE TRIGGER t AFTER INSERT ON results BEGIN DELETE FROM results; END", []),
            (f"PRAGMA user_version = {int(rng.integers(5))}", []),
        ]
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            with contextlib.suppress(sqlite3.Error, UnicodeEncodeError, OverflowError):
                connection.execute(*mutate.pick(rng, statements))
        return path.read_bytes()


def _use_store(path: Path) -> None:
    with contextlib.suppress(ScrubkitError), open_store(path, write=True) as opened:
        opened.known(IDENTITY, seed=0, draws=8)
        opened.add(IDENTITY, Outcome(key="k", score=1.0), seed=0, draws=8, suite="s", cases=["c"])
    with open_store(path, write=False) as opened:
        for row in opened.select():
            json.dumps(flatten(row))


def _circuit(path: Path) -> None:
    to_json(from_eap(read_eap(path)))


def _published(path: Path) -> None:
    read_published(path, activation="relu", allow_inaccurate=True)


def _baseline(path: Path) -> None:
    read_baseline(path)


def _json(document: Any) -> bytes:
    return json.dumps(document).encode()


def _family(name: str, document: Any, use: Callable[[Path], None]) -> Family:
    """Return the family of a JSON file that is damaged as such."""
    return Family(
        whole=lambda: {name: _json(document)},
        make=lambda rng: {name: mutate.damaged_text(rng, document)},
        use=use,
    )


def _language(name: str, pieces: list[str], use: Callable[[Path], None]) -> Family:
    """Return the family of texts in a small language."""
    return Family(
        whole=lambda: {name: pieces[0].encode()},
        make=lambda rng: {name: mutate.spliced(rng, pieces, 14).encode("utf-8", "replace")},
        use=use,
    )


FAMILIES: dict[str, Family] = {
    "hypothesis": _family("claim.json", CLAIM, _use_claim),
    "feature": _language("feature", FEATURE_PIECES, _feature),
    "site": _language("site", SITE_PIECES, _site),
    "model": Family(
        lambda: dict(zip((RECORD, WEIGHTS), _model_files(), strict=True)), _make_model, _use_model
    ),
    "checkpoint": Family(lambda: {"x.pt": saved(_states()["nanda"])}, _make_checkpoint, _published),
    "safetensors": Family(
        lambda: {"x.safetensors": safetensors.torch.save(_states()["lens"])}, _make_safetensors, _published
    ),
    "suite": Family(lambda: {"suite.json.gz": gzip.compress(_json(SUITE))}, _make_suite, _use_suite),
    "baseline": _family("baseline.json", BASELINE, _baseline),
    "store": Family(lambda: {"results.sqlite": store_bytes()}, _make_store, _use_store),
    "circuit": _family("graph.json", CIRCUIT, _circuit),
}
"""By the name that the command line takes."""
