"""Where jobs run: in this process, in several processes on this machine, or on a Dask cluster.

All give the same answers. Only the parent process, which reads what comes back, writes to the results store.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Protocol

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from scrubkit.errors import BenchError
from scrubkit.harness.ask import device_class
from scrubkit.harness.batches import Job, work
from scrubkit.harness.outcome import Finding, Outcome

Result = tuple[int, Outcome | Finding]
"""Index of a job, and one of its answers."""


class Backend(Protocol):
    """Somewhere to run jobs."""

    def devices(self) -> frozenset[str]:
        """Return the kinds of devices that methods find there."""
        ...

    def run(self, jobs: Sequence[Job]) -> Iterator[Result]:
        """Run jobs in any order; yield each answer with the index of its job."""
        ...


class Serial:
    """Runs jobs in this process, one after another; each answer is there as soon as it is given."""

    def devices(self) -> frozenset[str]:
        """Return the kinds of devices of this machine."""
        return frozenset({device_class()})

    def run(self, jobs: Sequence[Job]) -> Iterator[Result]:
        """Run jobs one after another."""
        for index, job in enumerate(jobs):
            for answer in work(job):
                yield index, answer


class Processes:
    """Runs jobs in processes on this machine through joblib, one thread of computation each.

    Args:
        n: number of processes.
    """

    def __init__(self, n: int) -> None:
        self.n = n

    def devices(self) -> frozenset[str]:
        """Return the kinds of devices of this machine."""
        return frozenset({device_class()})

    def run(self, jobs: Sequence[Job]) -> Iterator[Result]:
        """Run jobs in parallel.

        Raises:
            BenchError: a method cannot be sent to another process, or a process was killed.
        """
        # Workers keep tables of the last models; joblib takes that for a leak and replaces them, which loses
        # nothing but the tables.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
        with joblib.parallel_config(backend="loky", n_jobs=self.n, inner_max_num_threads=1):
            parallel = joblib.Parallel(return_as="generator_unordered")
            tasks = (joblib.delayed(work_off)(index, job, os.getpid()) for index, job in enumerate(jobs))
            try:
                done: Any = parallel(tasks)
                for index, answers in done:
                    for answer in answers:
                        yield index, answer
            except TerminatedWorkerError as error:
                raise BenchError(
                    "a worker process died, of a crash in a method or for lack of memory; what was answered "
                    "is kept in the store, so run again, with fewer jobs, or with --jobs 1 to see which case "
                    f"it is: {str(error).splitlines()[0]}"
                ) from error
            except pickle.PicklingError as error:
                raise BenchError(
                    f"a method cannot be sent to another process: {error}; use --jobs 1"
                ) from error


def work_off(index: int, job: Job, parent: int) -> tuple[int, list[Outcome | Finding]]:
    """Run one job to its end; what a worker process is sent."""
    _end_with(parent)
    return index, list(work(job))


@lru_cache(maxsize=1)
def _end_with(parent: int) -> None:
    """End this process soon after its parent: a run that is killed leaves no workers behind."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    if os.getppid() == parent:
        threading.Thread(target=watch, daemon=True, name="scrubkit-watch").start()


@contextlib.contextmanager
def backend(jobs: int, dask: str | None) -> Iterator[Backend]:
    """Provide the backend that was asked for.

    Args:
        jobs: number of processes; with ``dask="local"`` the number of its workers.
        dask: address of a scheduler, or "local" for a cluster on this machine.

    Raises:
        BenchError: jobs is not a positive number, or the extra or the scheduler is missing.
    """
    if jobs < 1:
        raise BenchError(f"jobs must be at least 1, found {jobs}")
    if dask is not None:
        from scrubkit.harness.dask_backend import cluster

        with cluster(dask, jobs) as remote:
            yield remote
    else:
        yield Serial() if jobs == 1 else Processes(jobs)
