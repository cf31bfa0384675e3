"""Random and damaged files by the hundred thousand, for every reader; run by hand.

``python -m tests.fuzz.random_files --family model --count 100000``. A file is read, or refused by a
`ScrubkitError`; anything else is a failure: another exception, more than `SECONDS`, more than `BYTES` of
address space, a crash, a file left beside it. Files are made from ``--seed`` and their number, so that a
failure is found again with ``--first N --count 1 --keep FOLDER``.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

SECONDS = 10
"""Longest time that one file may take, of a processor's."""
PATIENCE = 300
"""Longest time by the clock: on a busy machine the first is less, and a file that waits takes none."""
BYTES = 2 * 2**30
"""Most address space that a reading process may have."""

MEMORY = "/dev/shm"
"""Where files are written if it is there: a store is synced to its disk at every turn."""


@dataclass(frozen=True)
class Result:
    """What became of one file.

    Attributes:
        number: which file.
        kind: "read", "refused", "traceback", "hang", "memory", "crash" or "stray".
        detail: the last frames of a traceback, or the message of a refusal.
        seconds: how long it took.
    """

    number: int
    kind: str
    detail: str = ""
    seconds: float = 0.0

    @property
    def bad(self) -> bool:
        """Whether this may not happen."""
        return self.kind not in ("read", "refused")


class _Hang(BaseException):
    """A file took too long."""


def run(family: str, seed: int, first: int, count: int) -> Iterator[Result]:
    """Try files in a process of their own, in a new one after each crash."""
    end = first + count
    while first < end:
        argv = [sys.executable, "-m", "tests.fuzz.random_files", "--worker", "--family", family]
        argv += ["--seed", str(seed), "--first", str(first), "--count", str(end - first)]
        for result in _watched(argv, first):
            first = result.number + 1
            yield result


def check(paths: Iterable[tuple[str, Path]]) -> list[Result]:
    """Read given files, each with the reader of its family, in a limited process."""
    lines = [f"{family} {path}" for family, path in paths]
    found: list[Result] = []
    while len(found) < len(lines):
        argv = [sys.executable, "-m", "tests.fuzz.random_files", "--worker", "--files", *lines[len(found) :]]
        found += _watched([*argv, "--first", str(len(found))], len(found))
    # A worker that dies after its last file adds a result of none.
    return found[: len(lines)]


def _watched(argv: list[str], first: int) -> Iterator[Result]:
    """Yield the results of a worker; the file that it dies or hangs at is the last."""
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    ) as worker:
        assert worker.stdout is not None
        ready = selectors.DefaultSelector()
        ready.register(worker.stdout, selectors.EVENT_READ)
        number = first
        started = False
        while True:
            # A worker that has not begun yet is still importing.
            if not ready.select(PATIENCE if started else 3 * PATIENCE):
                worker.kill()
                yield Result(number, "hang", "", PATIENCE)
                return
            line = worker.stdout.readline()
            if not line:
                break
            started = True
            if line != "begin\n":
                result = Result(**json.loads(line))
                number = result.number + 1
                yield result
        if worker.wait():
            yield Result(number, "crash", f"exit code {worker.returncode}")


def _work(args: argparse.Namespace) -> None:
    """Try files and write one line of JSON for each."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    import numpy as np

    from tests.fuzz.families import FAMILIES

    names = {line.partition(" ")[0] for line in args.files} if args.files else {args.family}
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else None) as folder:
        for name in sorted(names):
            # The first read imports; an undamaged file has to be taken.
            FAMILIES[name].use(written(FAMILIES[name].whole(), Path(folder)))
            _clear(Path(folder), "", set())
        print("begin", flush=True)
        if args.files:
            for number, line in enumerate(args.files, args.first):
                name, _, path = line.partition(" ")
                _tell(_timed(number, lambda name=name, path=path: FAMILIES[name].use(Path(path))))
            return
        family = FAMILIES[args.family]
        for number in range(args.first, args.first + args.count):
            files = family.make(np.random.default_rng([args.seed, number]))
            path = written(files, Path(args.keep or folder))
            result = _timed(number, lambda path=path: family.use(path))
            strays = _clear(Path(folder), path.name.partition(".")[0], set(files))
            _tell(Result(number, "stray", ", ".join(strays)) if strays and not result.bad else result)


def written(files: dict[str, bytes], folder: Path) -> Path:
    """Write files and return the first."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder / next(iter(files))


def _tell(result: Result) -> None:
    print(json.dumps(asdict(result)), flush=True)


def _clear(folder: Path, stem: str, known: set[str]) -> list[str]:
    """Empty a folder; return what was neither put there nor belongs to the file read."""
    names = [path.name for path in folder.iterdir()]
    for name in names:
        (folder / name).unlink()
    return [name for name in names if name not in known and not name.startswith(stem)]


def _timed(number: int, read: object) -> Result:
    began = time.process_time()
    kind, detail = _outcome(read)
    seconds = time.process_time() - began
    return Result(
        number, "hang" if seconds > SECONDS and kind in ("read", "refused") else kind, detail, seconds
    )


def _outcome(read: object) -> tuple[str, str]:
    from scrubkit.errors import ScrubkitError

    def ring(*_: object) -> None:
        raise _Hang

    signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        assert callable(read)
        read()
    except ScrubkitError as error:
        return "refused", str(error)[:300]
    except MemoryError:
        return "memory", traceback.format_exc(limit=-3)
    except _Hang:
        return "hang", traceback.format_exc(limit=-6)
    except Exception:
        return "traceback", traceback.format_exc(limit=-5)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return "read", ""


def main() -> None:
    """Read the command line; report what failed, or be a worker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", help="one reader")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--keep", help="folder in which the files stay")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--files", nargs="*", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        with contextlib.suppress(BrokenPipeError):
            _work(args)
        return
    kinds: collections.Counter[str] = collections.Counter()
    slowest, slow, began, shown = 0.0, 0, time.perf_counter(), set()
    for result in run(args.family, args.seed, args.first, args.count):
        kinds[result.kind] += 1
        if result.seconds > slowest:
            slowest, slow = result.seconds, result.number
        signature = result.detail[-300:]
        if result.bad and signature not in shown and len(shown) < 40:
            shown.add(signature)
            print(f"--- {args.family} {result.number}: {result.kind}\n{result.detail}", flush=True)
    counted = ", ".join(f"{kind} {count:,}" for kind, count in sorted(kinds.items()))
    slowly = f"slowest {slowest:.2f} s (file {slow}), {time.perf_counter() - began:.0f} s in all"
    print(f"{args.family}: {counted}; {slowly}")
    sys.exit(any(kind not in ("read", "refused") for kind in kinds))


if __name__ == "__main__":
    main()
