"""Making a suite of any number of programs into a folder of shards; a making that was killed goes on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from scrubkit.bench.case import Frozen
from scrubkit.bench.manifest import VERSION, Progress, sources_digest
from scrubkit.bench.shards import MAKING, SUITE, ShardedSuite, paths, write_list, write_shard
from scrubkit.bench.side_by_side import side_by_side
from scrubkit.errors import BenchError
from scrubkit.families.programs.model import to_model
from scrubkit.families.programs.suites.arrangement import VARIANTS
from scrubkit.families.programs.suites.base import STYLES
from scrubkit.families.programs.suites.cases import base_cases
from scrubkit.families.programs.suites.make import HELD_OUT
from scrubkit.models.atomic import os_errors, remove_temporaries, write_atomically

NAME = "programs-stream"
BASES = 4
"""Bases of one shard."""
CASES = 10
"""Cases of one program, on average."""
STREAMS = 10**15
"""Bases of streamed suites are numbered from here on, so that they are in no published one."""


class Making(Frozen):
    """What is being made in a folder; kept there, so that it goes on with the same only.

    Attributes:
        seed: decides the programs.
        programs: how many.
        sources: digest of the code that makes them.
    """

    seed: int
    programs: int
    sources: str


@dataclass(frozen=True)
class Plan:
    """Which bases a shard holds."""

    folder: Path
    seed: int
    bases: int

    @property
    def shards(self) -> int:
        """Number of shards."""
        return -(-self.bases // BASES)

    def numbers(self, shard: int) -> range:
        """Return the numbers of a shard's bases."""
        return range(shard * BASES, min((shard + 1) * BASES, self.bases))


def stream(
    folder: Path, *, seed: int, programs: int, jobs: int = 1, progress: Progress | None = None
) -> ShardedSuite:
    """Make a suite in shards, or go on making it.

    Args:
        folder: where; new, or one in which this very suite was begun.
        seed: decides the programs; every seed has others.
        programs: how many, in multiples of eight, the variants of a base.
        jobs: processes.
        progress: told of each shard.

    Raises:
        BenchError: the folder holds something else, or the numbers are no numbers of programs.
        ModelError: the folder cannot be written.
    """
    plan = Plan(folder, seed, -(-programs // VARIANTS))
    _begin(plan)
    done = [n for n in range(plan.shards) if paths(folder, n)[0].is_file()]
    left = sorted(set(range(plan.shards)) - set(done))
    tell = progress or (lambda done, total: None)
    tell(len(done), plan.shards)
    for count, _ in enumerate(side_by_side(partial(_make, plan), left, jobs), start=len(done) + 1):
        tell(count, plan.shards)
    remove_temporaries(folder, ["*.parquet", "*.safetensors", SUITE])
    return write_list(folder, name=NAME, version=VERSION, seed=seed, shards=plan.shards)


def _begin(plan: Plan) -> None:
    """Write down what is made in a folder; raises BenchError where it is something else."""
    title = str(plan.folder)
    if plan.bases < 1 or not 0 <= plan.seed < 10**6:
        raise BenchError(
            f"a suite has at least 1 program and a seed from 0 to 999,999; found seed {plan.seed}"
        )
    from scrubkit.families.programs.family import FAMILY

    mine = Making(seed=plan.seed, programs=plan.bases * VARIANTS, sources=sources_digest(FAMILY))
    path = plan.folder / MAKING
    if path.is_file():
        try:
            begun = Making.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            begun = None
        if begun != mine:
            said = "something else" if begun is None else f"{begun.programs:,} programs of seed {begun.seed}"
            code = " by other code" if begun and begun.sources != mine.sources else ""
            raise BenchError(f"holds the making of {said}{code}; choose another folder", title=title)
        return
    with os_errors(plan.folder):
        if plan.folder.exists() and (not plan.folder.is_dir() or any(plan.folder.iterdir())):
            raise BenchError("is not empty, and no suite was begun in it; choose another folder", title=title)
        plan.folder.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (mine.model_dump_json() + "\n").encode())


def _make(plan: Plan, shard: int) -> int:
    """Make one shard."""
    cases, models = [], {}
    for number in plan.numbers(shard):
        style = STYLES[number % len(STYLES)]
        base = STREAMS + plan.seed * HELD_OUT + number
        found, made = base_cases(base, style, CASES * VARIANTS)
        cases += found
        models |= {key: to_model(m, name=f"{style}-{base}-{v}") for v, (key, m) in enumerate(made.items())}
    write_shard(plan.folder, shard, cases, models)
    return shard
