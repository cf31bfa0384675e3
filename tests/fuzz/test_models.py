"""Model folders and checkpoints from strangers: a whole model or a ScrubkitError, and nothing is written."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from scrubkit.errors import ModelError, ScrubkitError
from scrubkit.families.modular.compile import compile_model
from scrubkit.families.modular.published.formats import PLACES
from scrubkit.families.modular.published.read import read_published
from scrubkit.models.load import load
from scrubkit.models.store import RECORD, WEIGHTS, describe, read, save, to_json
from scrubkit.subjects.sites import Sites
from tests.fuzz.damage import damaged, damaged_bytes, few, text_of

MODEL = compile_model(variant="pizza", p=7, frequencies=(2,))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(MODEL, tmp_path_factory.mktemp("models") / "model")


def snapshot(top: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def use(path: Path) -> None:
    """Read a model and do with it what the commands do, on sites that its truth names."""
    with contextlib.suppress(ScrubkitError):
        model = read(path)
        model.logits()
        sites = Sites.of(model)
        truth = model.truth
        if truth is None:
            return
        named = [f"neurons=cluster:{k}" for k in truth.clusters] + ["neurons=rest", "neurons=~rest"]
        texts = [f"blocks.0.mlp.hook_post[{one}]" for one in named] + ["hook_embed[frequencies=~key]"]
        texts += [f"hook_embed[subspace={name}]" for name in truth.subspaces]
        for text in texts:
            with contextlib.suppress(ScrubkitError):
                part = sites.part(text, {})
                assert part.neurons is None or max(part.neurons) < model.config.d_mlp
                assert (
                    part.components is None
                    or max(part.components) < sites.architecture.decompositions["frequencies"]
                )


RECORD_TEXT = to_json(describe(MODEL)).decode()


@few(100)
@given(document=damaged(json.loads(RECORD_TEXT)))
def test_records(document: dict[str, Any], folder: Path) -> None:
    (folder / RECORD).write_text(text_of(document))
    before = snapshot(folder.parent)
    use(folder)
    assert snapshot(folder.parent) == before


@few(60)
@given(data=damaged_bytes(RECORD_TEXT.encode()))
def test_bytes_of_a_record(data: bytes, folder: Path) -> None:
    (folder / RECORD).write_bytes(data)
    use(folder)


HEADER_BYTES = safetensors.torch.save(MODEL.weights.short())


@few(60)
@given(data=damaged_bytes(HEADER_BYTES))
def test_bytes_of_the_weights(data: bytes, folder: Path) -> None:
    (folder / RECORD).write_text(RECORD_TEXT)
    (folder / WEIGHTS).write_bytes(data)
    use(folder)


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    (size,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + size]), data[8 + size :]


@few(80)
@given(document=damaged(split(HEADER_BYTES)[0]), excess=st.sampled_from([0, 0, 0, -1, 1, 2**40, 2**63]))
def test_header_of_the_weights(document: dict[str, Any], excess: int, folder: Path) -> None:
    header = text_of(document).encode()
    size = struct.pack("<Q", max(0, len(header) + excess) % 2**64)
    (folder / RECORD).write_text(RECORD_TEXT)
    (folder / WEIGHTS).write_bytes(size + header + split(HEADER_BYTES)[1])
    use(folder)


@pytest.mark.parametrize(
    "dtype", [torch.float8_e4m3fn, torch.float64, torch.bfloat16, torch.int8, torch.complex64]
)
def test_dtypes_of_the_weights(dtype: torch.dtype, folder: Path) -> None:
    tensors = {name: tensor.to(dtype) for name, tensor in MODEL.weights.short().items()}
    if dtype == torch.float64:
        tensors["W_E"] = torch.full_like(tensors["W_E"], 1e300)
    (folder / RECORD).write_text(RECORD_TEXT)
    (folder / WEIGHTS).write_bytes(safetensors.torch.save(tensors))
    with pytest.raises(ModelError):
        read(folder)


def _truth(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["truth"].update(changes)


ATTACKS: dict[str, Callable[[dict[str, Any]], None]] = {
    "huge_version": lambda document: document.update(schema_version=10**4400),
    "huge_number": lambda document: document["task"].update(p=10**4400),
    "neurons_past_the_end": _truth(clusters={"2": [10**6]}),
    "negative_neurons": _truth(clusters={"2": [-1]}),
    "unknown_frequencies": _truth(frequencies=[99]),
    "huge_subspace": _truth(subspaces={"plane": [[1.0], [2.0, 3.0]]}),
    "heads_past_the_end": _truth(heads=[{"head": 99, "role": "x"}]),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_known_attacks_on_a_record(name: str, folder: Path) -> None:
    document = json.loads(RECORD_TEXT)
    ATTACKS[name](document)
    (folder / WEIGHTS).write_bytes(HEADER_BYTES)
    text = text_of(
        {k: v for k, v in document.items() if "huge_" not in name or k not in ("schema_version", "task")}
    )
    if name == "huge_version":
        text = '{"schema_version": 1' + "0" * 4400 + ', "x": 1}'
    elif name == "huge_number":
        text = RECORD_TEXT.replace('"p": 7', '"p": 1' + "0" * 4400, 1)
        assert text != RECORD_TEXT
    (folder / RECORD).write_text(text)
    with pytest.raises(ModelError):
        read(folder)


def checkpoint() -> dict[str, torch.Tensor]:
    """The state dict of a model in the format of TransformerLens 1 to 3."""
    return {place: MODEL.weights.short()[name].clone() for name, place in PLACES.items()}


def published(folder: Path, state: Any) -> None:
    """Read a checkpoint with this content."""
    torch.save(state, folder / "model.pth")
    read_published(folder / "model.pth", activation="relu", allow_inaccurate=True)


def test_the_undamaged_checkpoint_is_read(tmp_path: Path) -> None:
    published(tmp_path, checkpoint())


def _bytes_of_checkpoint() -> bytes:
    buffer = io.BytesIO()
    torch.save(checkpoint(), buffer)
    return buffer.getvalue()


@few(60)
@given(data=damaged_bytes(_bytes_of_checkpoint()))
def test_bytes_of_a_checkpoint(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(data)
    with contextlib.suppress(ScrubkitError):
        load(path)
    assert [one.name for one in tmp_path.iterdir()] == ["model.pth"]


ODD_TENSORS: dict[str, Callable[[torch.Tensor], Any]] = {
    "sparse": lambda t: t.to_sparse(),
    "meta": lambda t: t.to("meta"),
    "expanded": lambda t: torch.zeros(()).expand(t.shape),
    "expanded_far": lambda t: torch.zeros(()).expand(*(2000 for _ in t.shape)),
    "huge": lambda t: t.double() * 1e300 + 1e300,
    "nan": lambda t: t * float("nan"),
    "empty": lambda t: t[:0],
    "scalar": lambda t: t.sum(),
    "complex": lambda t: t.to(torch.complex64),
    "quantized": lambda t: torch.quantize_per_tensor(t, 0.1, 0, torch.qint8),
    "list": lambda t: t.tolist(),
}


@pytest.mark.parametrize("odd", ODD_TENSORS)
@pytest.mark.parametrize("which", ["one", "all"])
def test_odd_tensors_in_a_checkpoint(odd: str, which: str, tmp_path: Path) -> None:
    state: dict[str, Any] = checkpoint()
    names = ["blocks.0.attn.W_O"] if which == "one" else list(state)
    state |= {name: ODD_TENSORS[odd](state[name]) for name in names}
    with pytest.raises(ModelError):
        published(tmp_path, state)


@few(60)
@given(state=damaged({k: v.shape for k, v in checkpoint().items()}))
def test_checkpoints_of_odd_content(state: dict[str, Any], tmp_path: Path) -> None:
    tensors = {k: torch.zeros(v) if isinstance(v, torch.Size) else v for k, v in state.items()}
    with contextlib.suppress(ScrubkitError):
        published(tmp_path, tensors)


def test_numbers_of_eight_bits_in_a_checkpoint(tmp_path: Path) -> None:
    with contextlib.suppress(ScrubkitError):
        published(tmp_path, {name: t.to(torch.float8_e4m3fn) for name, t in checkpoint().items()})


class Evil:
    """Unpickling one makes a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("where", ["value", "key", "legacy"])
def test_no_code_runs(where: str, tmp_path: Path) -> None:
    evil, path = Evil(str(tmp_path / "made")), tmp_path / "model.pth"
    if where == "legacy":
        path.write_bytes(pickle.dumps(evil))
    else:
        torch.save({"model": {"x": evil}} if where == "value" else {evil: torch.zeros(1)}, path)
    with pytest.raises(ModelError):
        load(path)
    assert not (tmp_path / "made").exists()


def test_a_checkpoint_that_unpacks_to_more_than_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(2**20))
    monkeypatch.setattr("scrubkit.families.modular.published.checkpoint.MAX_BYTES", 2**19)
    assert path.stat().st_size < 2**19
    with pytest.raises(ModelError, match="unpack"):
        load(path)


@pytest.mark.parametrize("name", ["a" * 5000, "\x00", "x/" * 3000, "hf://../x", "", "."])
def test_odd_names(name: str) -> None:
    with pytest.raises(ModelError):
        load(name)


def test_links_out_of_the_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / WEIGHTS).symlink_to("/dev/zero")
    (tmp_path / RECORD).write_text(RECORD_TEXT)
    with pytest.raises(ModelError):
        read(tmp_path)
