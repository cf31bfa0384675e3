"""Files that were once read into gigabytes, minutes or tracebacks: each is refused, in words."""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from scrubkit.bench.manifest import read as read_suite
from scrubkit.errors import BenchError, ModelError, ScrubkitError
from scrubkit.families.modular.published.mixed_attention import read_config, read_settings
from scrubkit.families.modular.published.read import read_published
from scrubkit.formats import read_eap
from scrubkit.harness.baseline import read_baseline
from scrubkit.harness.run import find_suite
from scrubkit.harness.store import open_store
from scrubkit.hypothesis import load_hypothesis
from scrubkit.hypothesis.files import find_hypotheses
from scrubkit.models.load import load
from scrubkit.models.store import RECORD, WEIGHTS, read
from tests.fuzz.families import repacked, saved
from tests.fuzz.random_files import Result, check
from tests.fuzz.seeds import PIZZA_CONFIG, SUITE, store_bytes
from tests.fuzz.test_models import HEADER_BYTES, RECORD_TEXT, checkpoint


def _suite_of(text: bytes, folder: Path) -> Path:
    path = folder / "suite.json.gz"
    path.write_bytes(gzip.compress(text))
    return path


def _compile(p: int, folder: Path) -> Path:
    cases = [dict(SUITE["cases"][1], model={"kind": "compile", "options": {**COMPILE, "p": p}})]
    return _suite_of(json.dumps({**SUITE, "cases": cases}).encode(), folder)


COMPILE = {"variant": "pizza", "frequencies": [2]}


def _claim(nodes: int, feature: Callable[[int], str], folder: Path) -> Path:
    names = [f"n{i}" for i in range(nodes)]
    listed = [
        {"id": name, "site": f"blocks.0.mlp.hook_post[neurons={i}]", "feature": feature(i)}
        for i, name in enumerate(names)
    ]
    document = {
        "nodes": [*listed, {"id": "root", "site": "logits"}],
        "edges": [{"source": name, "target": "root"} for name in names],
    }
    path = folder / "claim.json"
    path.write_text(json.dumps(document))
    return path


def _file(name: str, data: bytes | str, folder: Path) -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def _record(text: str, folder: Path, weights: bytes = HEADER_BYTES) -> Path:
    _file(WEIGHTS, weights, folder)
    return _file(RECORD, text, folder)


def _gigabytes_of_weights(folder: Path) -> Path:
    document = json.loads(RECORD_TEXT)
    document["config"] |= {"d_model": 8192, "d_mlp": 65536}
    document["truth"] = None
    path = _record(json.dumps(document), folder)
    with open(folder / WEIGHTS, "wb") as file:
        file.truncate(4_400_000_000)
    return path


def _views(folder: Path) -> Path:
    block = torch.zeros(2**18, dtype=torch.float16)
    return _file("x.pt", saved({f"blocks.0.x{i}": block.view(2**9, 2**9) for i in range(6000)}), folder)


def _wide_views(folder: Path) -> Path:
    block = torch.zeros(2**24, dtype=torch.float16)
    state = {name: block.view([2**24] + [1] * (tensor.ndim - 1)) for name, tensor in checkpoint().items()}
    return _file("x.pt", saved(state), folder)


def _compressed(folder: Path) -> Path:
    data = saved({name: torch.zeros(2**20) for name in checkpoint()})
    return _file("x.pt", repacked(data, b"\x80\x02}.", zipfile.ZIP_DEFLATED), folder)


BYTEARRAY = b"\x80\x02cbuiltins\nbytearray\nJ\x00\x00\x00\x70\x85R."
MEMO = b"\x80\x02}r\xff\xff\xff\xff."

GROWING: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "many views of one storage": ("checkpoint", _views, "numbers, more than the"),
    "wide views of one storage": ("checkpoint", _wide_views, "numbers, more than the"),
    "a compressed checkpoint": ("checkpoint", _compressed, "compressed archive"),
    "a pickled call for gigabytes": (
        "checkpoint",
        lambda folder: _file("x.pt", repacked(saved({}), BYTEARRAY), folder),
        "builtins.bytearray",
    ),
    "a pickled memo of gigabytes": (
        "checkpoint",
        lambda folder: _file("x.pt", repacked(saved({}), MEMO), folder),
        "holds no state dict",
    ),
    "a suite of empty lists": (
        "suite",
        lambda folder: _suite_of(b'{"cases": [' + b"[]," * 10_000_000 + b"[]]}", folder),
        "values, more than the",
    ),
    "a suite of empty objects": (
        "suite",
        lambda folder: _suite_of(b'{"cases": [' + b"{}," * 450_000 + b"{}]}", folder),
        "cases, more than the",
    ),
    "a suite that unpacks to gigabytes": (
        "suite",
        lambda folder: _suite_of(bytes(2**28), folder),
        "would unpack to more than",
    ),
    "a suite that asks for p = 1999": ("suite", lambda folder: _compile(1999, folder), "choose a smaller p"),
    "nodes with features of 270 terms": (
        "hypothesis",
        lambda folder: _claim(1500, lambda i: f"a + {i}, " + ", ".join(["b"] * 269), folder),
        "270 components, at most 32",
    ),
    "a model.json of empty objects": (
        "model",
        lambda folder: _record("[" + "{}," * 10_000_000 + "{}]", folder),
        "values, more than the",
    ),
    "a model.json with a list of objects": (
        "model",
        lambda folder: _record(
            RECORD_TEXT.replace('"clusters"', '"x": [' + "{}," * 200_000 + '{}], "clusters"'), folder
        ),
        "truth.x",
    ),
    "sizes that multiply to gigabytes": ("model", _gigabytes_of_weights, "more than the 67,108,864"),
    "a circuit of empty objects": (
        "circuit",
        lambda folder: _file("graph.json", '{"edges": {' + '"x":{},' * 5_000_000 + '"x":{}}}', folder),
        "values, more than the",
    ),
    "a baseline of empty objects": (
        "baseline",
        lambda folder: _file("baseline.json", '{"methods": [' + "{}," * 1_500_000 + "{}]}", folder),
        "values, more than the",
    ),
}


def _pipe(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        os.mkfifo(folder / name)
        return folder / name

    return make


def _device(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).symlink_to("/dev/zero")
        return folder / name

    return make


NAMES = {
    "hypothesis": "claim.json",
    "model": RECORD,
    "checkpoint": "x.pt",
    "safetensors": "x.safetensors",
    "suite": "suite.json.gz",
    "baseline": "baseline.json",
    "store": "results.sqlite",
    "circuit": "graph.json",
}
ENDLESS = {
    f"{family}, {what}": (family, make(name), f"is not a file but a {what}")
    for family, name in NAMES.items()
    for what, make in (("pipe", _pipe), ("device", _device))
}
ATTACKS = GROWING | ENDLESS


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """What became of every file, each read in a process that may take 2 GB and 10 s a file."""
    paths = []
    for family, make, _ in ATTACKS.values():
        folder = tmp_path_factory.mktemp("attack")
        paths.append((family, make(folder)))
    return dict(zip(ATTACKS, check(paths), strict=True))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ATTACKS)
def test_a_file_that_grows_or_never_ends_is_refused_in_words(name: str, outcomes: dict[str, Result]) -> None:
    assert outcomes[name].kind == "refused", outcomes[name]
    assert ATTACKS[name][2] in outcomes[name].detail


def test_a_checkpoint_that_holds_itself_is_one_clear_error(tmp_path: Path) -> None:
    content: dict[str, Any] = {"epoch": 3}
    content["model"] = content
    with pytest.raises(ModelError, match="holds no state dict"):
        read_published(_file("x.pt", saved(content), tmp_path))


def test_a_checkpoint_from_before_1_6_is_called_what_it_is(tmp_path: Path) -> None:
    torch.save(checkpoint(), tmp_path / "x.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(ModelError, match="before 1.6; load and save it again"):
        read_published(tmp_path / "x.pt")


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_tensors_that_share_their_numbers_are_read(suffix: str, tmp_path: Path) -> None:
    block = torch.randn(64, generator=torch.Generator().manual_seed(0))
    state = {"a": block[:32].view(4, 8).T, "b": block[16:48], "c": torch.nn.Parameter(block[:4])}
    path = tmp_path / f"x{suffix}"
    if suffix == ".pt":
        torch.save(state, path)
    else:
        from safetensors.torch import save_file

        save_file({name: tensor.detach().clone().contiguous() for name, tensor in state.items()}, path)
    from scrubkit.families.modular.published.checkpoint import read_checkpoint

    for name, tensor in read_checkpoint(path).state.items():
        assert torch.equal(tensor, state[name])


BROKEN: dict[str, tuple[str, tuple[int, ...]]] = {
    "no heads": ("blocks.0.attn.W_Q", (0, 128, 32)),
    "W_K wider than W_Q": ("blocks.0.attn.W_K", (4, 128, 40)),
    "a head too many": ("blocks.0.attn.W_V", (5, 128, 32)),
    "a width that is nothing": ("blocks.0.attn.W_Q", (2**30, 2**30, 0)),
}


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("name", BROKEN)
def test_attention_of_unlike_sizes_is_one_clear_error(name: str, mixed: bool, tmp_path: Path) -> None:
    place, shape = BROKEN[name]
    state: dict[str, torch.Tensor] = checkpoint()
    if mixed:
        state = {
            k: v for k, v in state.items() if k.rsplit(".", 1)[1] not in ("b_Q", "b_K", "b_V", "b_O", "b_U")
        }
        state["blocks.0.attn.W_O"] = torch.zeros(128, 128)
        _file("x.json", json.dumps(PIZZA_CONFIG), tmp_path)
    state[place] = torch.zeros(shape)
    with pytest.raises(ModelError, match=r"W_|is empty"):
        read_published(_file("x.pt", saved(state), tmp_path))


@pytest.mark.parametrize(
    ("place", "shape"),
    [
        ("blocks.0.attn.k.weight", (3, 128)),
        ("blocks.0.attn.q.bias", (3,)),
        ("blocks.0.attn.v.weight", (0, 128)),
        ("blocks.0.attn.o.weight", (128, 3)),
        ("blocks.0.mlp.in.weight", (0, 0)),
    ],
)
def test_a_short_tensor_of_a_bridge_is_one_clear_error(
    place: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    from scrubkit.models.bridge import to_bridge_state
    from tests.fuzz.families import model

    state = {**to_bridge_state(model().weights), place: torch.zeros(shape)}
    with pytest.raises(ModelError):
        read_published(_file("x.pt", saved(state), tmp_path), heads=4)


def test_a_modulus_of_5000_digits_is_one_clear_error(tmp_path: Path) -> None:
    config = {**PIZZA_CONFIG, "funcs": f"lambda x: (x[0]+x[1])%{'7' * 5000}"}
    with pytest.raises(ModelError, match="funcs is"):
        read_config(read_settings(_file("x.json", json.dumps(config), tmp_path)), title="x.json")


@pytest.mark.parametrize("kind", range(5))
@pytest.mark.parametrize("change", ["missing", "mistyped", "unknown", "null"])
def test_options_of_a_suites_model_are_checked(kind: int, change: str, tmp_path: Path) -> None:
    case = json.loads(json.dumps(SUITE["cases"][kind]))
    options = case["model"]["options"]
    first = next(iter(options))
    if change == "missing":
        del options[first]
    elif change == "unknown":
        options["unknown"] = 1
    else:
        options[first] = [1] if change == "mistyped" else None
    path = _suite_of(json.dumps({**SUITE, "cases": [case]}).encode(), tmp_path)
    with pytest.raises(BenchError, match=f"model {case['model']['kind']}"):
        read_suite(path)


def test_the_undamaged_suite_is_read(tmp_path: Path) -> None:
    assert len(read_suite(_suite_of(json.dumps(SUITE).encode(), tmp_path)).cases) == 5


def test_a_suite_may_ask_for_a_model_of_p_251(tmp_path: Path) -> None:
    assert read_suite(_compile(251, tmp_path)).counts == {"false": 1}


def test_a_flipped_byte_in_a_stores_layout_is_one_clear_error(tmp_path: Path) -> None:
    data = store_bytes().replace(b"question TEXT", b"questi\xcdn TEXT")
    assert data != store_bytes()
    with pytest.raises(BenchError), open_store(_file("x.sqlite", data, tmp_path), write=False):
        pass


def test_a_store_with_rows_without_end_is_not_read(tmp_path: Path) -> None:
    import contextlib
    import sqlite3

    path = _file("x.sqlite", store_bytes(), tmp_path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        (columns,) = connection.execute(
            "SELECT group_concat(name) FROM pragma_table_info('results')"
        ).fetchone()
        connection.execute("DROP TABLE results")
        rows = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT "
        connection.execute(f"CREATE VIEW results({columns}) AS {rows}{', '.join(['x'] * 12)} FROM n")
    with pytest.raises(BenchError, match="nothing else"), open_store(path, write=False):
        pass


def _stored(path: Any) -> None:
    with open_store(path, write=False):
        pass


def _written(path: Any) -> None:
    with open_store(path, write=True):
        pass


READERS: dict[str, Callable[[Any], Any]] = {
    "load_hypothesis": lambda path: load_hypothesis(f"{path}.json"),
    "find_hypotheses": lambda path: find_hypotheses([path]),
    "load": load,
    "read a model": read,
    "read_published": read_published,
    "read_settings": lambda path: read_settings(Path(path)),
    "read_suite": lambda path: read_suite(Path(path)),
    "find_suite": find_suite,
    "find_suite, a file": lambda path: find_suite(f"{path}.json.gz"),
    "read_baseline": read_baseline,
    "read_eap": read_eap,
    "a store to read": _stored,
    "a store to write": _written,
}


@pytest.mark.parametrize("path", ["long", "NUL", "surrogate", "loop", "below a file"])
@pytest.mark.parametrize("reader", READERS)
def test_a_path_that_cannot_be_is_one_clear_error(reader: str, path: str, tmp_path: Path) -> None:
    for name in ("loop", "loop.json", "loop.json.gz"):
        (tmp_path / name).symlink_to(name)
    (tmp_path / "file").write_text("x")
    odd = {
        "long": "a" * 400,
        "NUL": "a\0b",
        "surrogate": "a\ud800",
        "loop": "loop",
        "below a file": "file/x",
    }[path]
    with pytest.raises(ScrubkitError) as caught:
        READERS[reader](str(tmp_path / odd))
    assert len(str(caught.value)) < 1500
    str(caught.value).encode()


def test_a_file_of_faults_lists_fifty_and_counts_the_rest(tmp_path: Path) -> None:
    edges = ",".join('{"source": 1, "target": 2}' for _ in range(9000))
    path = _file("x.json", f'{{"nodes": [], "edges": [{edges}]}}', tmp_path)
    with pytest.raises(ScrubkitError) as caught:
        load_hypothesis(path)
    assert len(caught.value.faults) == 51
    assert caught.value.faults[-1] == "and 17,950 more"
    assert "18000 faults" in str(caught.value)


def test_control_characters_do_not_reach_a_message() -> None:
    error = ScrubkitError("node 'a\u202eb\x1b[2J\r' \ud800", title="x\n\x07.json")
    assert str(error) == "x\\n\\x07.json: node 'a\\u202eb\\x1b[2J\\r' \\ud800"


@pytest.mark.parametrize("character", ["\u202e", "\x1b", "\ud800", "\x00", "\u2066"])
@pytest.mark.parametrize("where", ["name", "node", "task"])
def test_names_that_steer_a_terminal_are_refused(character: str, where: str, tmp_path: Path) -> None:
    odd = f"a{character}b"
    document = {
        "graph": {where: odd} if where != "node" else {},
        "nodes": [{"id": odd if where == "node" else "root", "site": "logits"}],
        "edges": [],
    }
    with pytest.raises(ScrubkitError, match=f"U\\+{ord(character):04X}"):
        load_hypothesis(_file("x.json", json.dumps(document), tmp_path))
