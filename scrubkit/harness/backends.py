"""Where jobs run: in worker processes of this machine, on a Dask cluster, or in this process for debugging.

All give the same answers. Only this process, which reads what comes back, writes to the results store.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch

from scrubkit.errors import BenchError
from scrubkit.harness.ask import device_class
from scrubkit.harness.batches import Job, Result, work
from scrubkit.harness.call import InProcess
from scrubkit.harness.worker.link import Packed, Worker, machine_memory
from scrubkit.harness.worker.starter import close_template, template

MAX_JOBS = 1024
"""Largest number of workers."""
JOIN_SECONDS = 10
"""How long a run that is broken off waits for its threads, whose workers are killed."""


class Backend(Protocol):
    """Somewhere to run jobs."""

    def devices(self) -> frozenset[str]:
        """Return the kinds of devices that methods find there."""
        ...

    def run(self, jobs: Sequence[Job]) -> Iterator[Result]:
        """Run jobs in any order; yield each answer with the index of its job."""
        ...


class Here:
    """Runs jobs in this process: a method can end it, hang it, and reach all it holds."""

    def devices(self) -> frozenset[str]:
        """Return the kinds of devices of this machine."""
        return frozenset({device_class()})

    def run(self, jobs: Sequence[Job]) -> Iterator[Result]:
        """Run jobs one after another."""
        for index, job in enumerate(jobs):
            for answer in work(job, InProcess(job.method)):
                yield index, answer


class Workers:
    """Runs jobs in worker processes of this machine, one thread of computation each where there are several.

    Args:
        n: how many run at a time.
        memory: bytes that each may allocate; None shares three quarters of the machine's.
    """

    def __init__(self, n: int, memory: int | None = None) -> None:
        self.n = n
        self.memory = share(memory, n)
        self.threads = torch.get_num_threads() if n == 1 else 1
        # It imports while the run is laid out.
        template()

    def devices(self) -> frozenset[str]:
        """Return the kinds of devices of this machine."""
        return frozenset({device_class()})

    def run(self, jobs: Sequence[Job]) -> Iterator[Result]:
        """Run jobs; each answer is there as soon as it is given.

        Raises:
            BenchError: a method cannot be sent to a worker, or no worker can be started.
        """
        packed = {id(job.method): job.method for job in jobs}
        packed = {key: Packed(method) for key, method in packed.items()}
        left = iter(list(enumerate(jobs)))
        if self.n == 1:
            yield from self._work_off(left, packed)
            return
        yield from self._in_threads(left, packed, min(self.n, len(jobs)))

    def _work_off(self, left: Iterator[tuple[int, Job]], packed: dict[int, Packed]) -> Iterator[Result]:
        """Do what is left, with one worker at a time; it is kept while the method is the same."""
        with contextlib.ExitStack() as stack:
            worker: Worker | None = None
            method: Any = None
            for index, job in left:
                if worker is None or job.method is not method:
                    stack.close()
                    method = job.method
                    worker = Worker(packed[id(method)], threads=self.threads, memory=self.memory)
                    stack.enter_context(worker)
                for answer in work(job, worker):
                    yield index, answer

    def _in_threads(
        self, left: Iterator[tuple[int, Job]], packed: dict[int, Packed], count: int
    ) -> Iterator[Result]:
        """Do what is left with several workers, a thread of this process waiting for each."""
        answers: queue.SimpleQueue[Result | BaseException | None] = queue.SimpleQueue()
        lock, stopped = threading.Lock(), threading.Event()

        def take() -> Iterator[tuple[int, Job]]:
            while not stopped.is_set():
                with lock:
                    job = next(left, None)
                if job is None:
                    return
                yield job

        def follow() -> None:
            try:
                for answer in self._work_off(take(), packed):
                    answers.put(answer)
                    if stopped.is_set():
                        break
                answers.put(None)
            except BaseException as error:  # it is raised where the answers are read
                answers.put(error)

        threads = [threading.Thread(target=follow, name=f"scrubkit-{i}", daemon=True) for i in range(count)]
        try:
            for thread in threads:
                thread.start()
            running = count
            while running:
                answer = answers.get()
                if isinstance(answer, BaseException):
                    raise answer
                if answer is None:
                    running -= 1
                else:
                    yield answer
        finally:
            stopped.set()
            if any(thread.is_alive() for thread in threads):
                # A run that is broken off waits for no method: without their template all workers end.
                close_template()
            for thread in threads:
                thread.join(JOIN_SECONDS)


def share(memory: int | None, jobs: int) -> int:
    """Return the bytes that one of several workers may allocate: so many, or its share of the machine's."""
    return machine_memory() * 3 // 4 // max(jobs, 1) if memory is None else memory


@contextlib.contextmanager
def backend(
    jobs: int, dask: str | None, *, in_process: bool = False, memory: int | None = None
) -> Iterator[Backend]:
    """Provide the backend that was asked for.

    Args:
        jobs: number of workers.
        dask: address of a scheduler, or "local" for a cluster on this machine with so many workers.
        in_process: run in this process.
        memory: bytes that a worker may allocate.

    Raises:
        BenchError: options exclude each other or are out of range, or the extra or the scheduler is missing.
    """
    if not 1 <= jobs <= MAX_JOBS:
        raise BenchError(f"jobs must lie between 1 and {MAX_JOBS:,}, found {jobs}")
    if in_process and (jobs > 1 or dask is not None):
        raise BenchError("in-process runs have one job and no Dask; leave out one of the options")
    if in_process:
        yield Here()
    elif dask is not None:
        from scrubkit.harness.dask_backend import cluster

        with cluster(dask, jobs, memory) as remote:
            yield remote
    else:
        yield Workers(jobs, memory)
