"""Coverage-guided fuzzing of everything that reads a stranger's file, with atheris; run by hand.

``pip install atheris``, then ``python -m tests.fuzz.fuzz_readers hypothesis -max_total_time=600``. The first
argument names the reader; the rest goes to libFuzzer. A crash is an exception other than a `ScrubkitError`.
"""

from __future__ import annotations

import contextlib
import gzip
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atheris  # pyright: ignore[reportMissingImports]

with atheris.instrument_imports(include=["scrubkit"]):
    from scrubkit.bench.manifest import read as read_suite
    from scrubkit.core.feature import parse as parse_feature
    from scrubkit.core.site import parse as parse_site
    from scrubkit.errors import ScrubkitError
    from scrubkit.families.modular.task import ModularAddition
    from scrubkit.formats import from_eap, read_eap
    from scrubkit.harness.baseline import read_baseline
    from scrubkit.harness.store import open_store
    from scrubkit.hypothesis import from_json, load_hypothesis
    from scrubkit.models.load import load
    from scrubkit.models.store import parse_record

from tests.fuzz.damage import text_of
from tests.fuzz.seeds import BASELINE, CIRCUIT, CLAIM, SUITE
from tests.fuzz.test_models import RECORD_TEXT

TASK = ModularAddition(7)
SEEDS: dict[str, bytes] = {
    "hypothesis": text_of(CLAIM).encode(),
    "hypothesis_file": text_of(CLAIM).encode(),
    "circuit": text_of(CIRCUIT).encode(),
    "feature": b"(a + b) % p, abs(cos(2 * pi * a / p))",
    "site": b"blocks.0.mlp.hook_post[pos=-1, neurons=cluster:2,0-3]",
    "record": RECORD_TEXT.encode(),
    "baseline": text_of(BASELINE).encode(),
    "suite": gzip.compress(text_of(SUITE).encode()),
}
"""What each reader starts from; damage to a whole file reaches further than noise."""


def feature(data: bytes) -> None:
    """Read an expression and evaluate it."""
    parse_feature(data.decode("utf-8", "replace")).values(TASK.columns, TASK.constants)


def in_file(read: Callable[[Path], Any], name: str) -> Callable[[bytes], None]:
    """Return a target that reads a file of that name, alone in a folder, and leaves no other behind."""

    def target(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(data)
            try:
                read(path)
            finally:
                strays = [one.name for one in Path(folder).iterdir() if not one.name.startswith(name)]
                if strays:
                    raise RuntimeError(f"wrote {strays}")

    return target


def stored(path: Path) -> None:
    """Read every row of a store."""
    with open_store(path, write=False) as store:
        list(store.select())


TARGETS: dict[str, Callable[[bytes], Any]] = {
    "hypothesis": lambda data: from_json(data.decode("utf-8", "replace")),
    "hypothesis_file": in_file(load_hypothesis, "claim.json"),
    "circuit": in_file(lambda path: from_eap(read_eap(path)), "graph.json"),
    "feature": feature,
    "site": lambda data: parse_site(data.decode("utf-8", "replace")),
    "record": lambda data: parse_record(data, title="model.json"),
    "checkpoint": in_file(load, "model.pth"),
    "baseline": in_file(read_baseline, "baseline.json"),
    "suite": in_file(read_suite, "suite.json.gz"),
    "store": in_file(stored, "results.sqlite"),
}


def main() -> None:
    """Fuzz the reader that the command line names."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in TARGETS:
        sys.exit(f"name a reader: {', '.join(TARGETS)}")

    def once(data: bytes) -> None:
        with contextlib.suppress(ScrubkitError):
            TARGETS[name](data)

    with tempfile.TemporaryDirectory() as corpus:
        (Path(corpus) / "whole").write_bytes(SEEDS.get(name, b""))
        atheris.Setup([sys.argv[0], corpus, *sys.argv[2:]], once)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
