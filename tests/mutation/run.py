"""Run tests on mutants, each in a process of its own that starts with all libraries loaded.

The parent imports what is slow to import and nothing of scrubkit, and forks. The child works in a copy of the
repository with one file changed, so that nothing of the working tree is touched.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.mutation.mutants import Mutant
from tests.mutation.stages import Stage, stages_of

LIBRARIES = ("torch", "transformer_lens.model_bridge.sources", "scipy.stats", "sklearn.metrics")
LIBRARIES += (
    "numba",
    "hypothesis",
    "networkx",
    "pydantic",
    "pytest",
    "jaxtyping",
    "typer",
    "rich",
    "sympy",
    "distributed",
)
KEPT = (
    "scrubkit",
    "tests",
    "hypotheses",
    "examples",
    "pyproject.toml",
    "README.md",
    "docs",
    "mkdocs.yml",
    "constraints.txt",
    "Makefile",
)
SECONDS = 240
"""CPU time of one stage; a mutant that takes more is counted as noticed."""


def load_libraries() -> None:
    """Import what is slow to import."""
    for name in LIBRARIES:
        importlib.import_module(name)
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)


def copy_of(root: Path, to: Path) -> Path:
    """Copy what tests need of a repository."""
    for name in KEPT:
        if (root / name).is_dir():
            shutil.copytree(root / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (root / name).exists():
            shutil.copy(root / name, to / name)
    return to


class FailsAnywayError(Exception):
    """Tests fail on the code as it is, so that they tell nothing of a mutant."""


_green: set[Stage] = set()


def noticed(copy: Path, mutant: Mutant, source: str) -> str:
    """Run a mutant's stages and return the one that noticed it, "" if it survives.

    Raises:
        FailsAnywayError: that stage fails without the change as well.
    """
    for stage in stages_of(mutant.path):
        with _changed(copy / mutant.path, source):
            failed = run_stage(copy, stage, keep_bytecode=False) != 0
        if failed and stage not in _green:
            if run_stage(copy, stage):
                raise FailsAnywayError(f"{' '.join(stage)}\n{(copy / 'output.txt').read_text()[-3000:]}")
            _green.add(stage)
        if failed:
            return " ".join(stage)
    return ""


def run_stage(copy: Path, stage: Stage, *, keep_bytecode: bool = True) -> int:
    """Run pytest in a forked process; return 0 if all tests pass."""
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        _run_in_child(copy, stage, keep_bytecode)
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        if time.perf_counter() - began > 8 * SECONDS:
            os.kill(child, 9)
            os.waitpid(child, 0)
            return 9
        time.sleep(0.05)


def _run_in_child(copy: Path, stage: Stage, keep_bytecode: bool) -> None:
    """Run pytest and leave the process, whatever happens."""
    code = 1
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
        os.chdir(copy)
        sys.dont_write_bytecode = not keep_bytecode
        sys.path[:] = [str(copy), *(p for p in sys.path if p not in ("", str(Path(__file__).parents[2])))]
        os.environ["PYTHONPATH"] = str(copy)
        for name in [n for n in sys.modules if n.split(".")[0] in ("scrubkit", "tests")]:
            del sys.modules[name]
        out = os.open(copy / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        code = int(importlib.import_module("pytest").main(["-x", "-q", "-p", "no:cacheprovider", *stage]))
    finally:
        os._exit(code)


@contextlib.contextmanager
def _changed(path: Path, source: str) -> Iterator[None]:
    """Change a file, and the compiled form of it, for a while."""
    was = path.read_text()
    compiled = path.parent / "__pycache__"
    try:
        path.write_text(source)
        for stale in compiled.glob(f"{path.stem}.*.pyc"):
            stale.unlink()
        yield
    finally:
        path.write_text(was)
