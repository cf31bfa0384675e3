"""Running jobs on a Dask cluster.

A model is scattered under the hash of its weights and travels once to each worker that needs it. A
worker that dies takes nothing along: its jobs are given out again, with their model.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import Any

from scrubkit.errors import BenchError
from scrubkit.harness.ask import device_class
from scrubkit.harness.backends import Result
from scrubkit.harness.batches import Batch, Job, work
from scrubkit.harness.outcome import Finding, Outcome
from scrubkit.models.model import Model

ATTEMPTS = 5
"""How often a job is given out before the run is ended."""
CONNECT_SECONDS = 30


class Dask:
    """Runs jobs through a Dask client.

    Args:
        client: a connected `distributed.Client`.
    """

    def __init__(self, client: Any) -> None:
        self.client = client

    def devices(self) -> frozenset[str]:
        """Return the kinds of devices of all workers that are there now."""
        return frozenset(self.client.run(device_class).values()) or frozenset({device_class()})

    def run(self, jobs: Sequence[Job]) -> Iterator[Result]:
        """Run jobs on the cluster; jobs of lost workers are run again.

        Raises:
            BenchError: a job was lost too often.
        """
        distributed = importlib.import_module("distributed")
        models: dict[str, Any] = {}
        running: dict[Any, tuple[int, int]] = {
            self._submit(job, index, 1, models): (index, 1) for index, job in enumerate(jobs)
        }
        finished = distributed.as_completed(list(running))
        for future in finished:
            index, attempt = running.pop(future)
            try:
                answers = future.result()
            # A worker can be lost before its answers were fetched, too.
            except (CancelledError, distributed.KilledWorker):
                answers = None
            if answers is not None:
                for answer in answers:
                    yield index, answer
                continue
            if attempt == ATTEMPTS:
                raise BenchError(
                    f"a job was lost {ATTEMPTS} times with its worker: a method crashes it, or memory lacks; "
                    "what was answered is kept in the store"
                )
            models.pop(jobs[index].batch.key, None)
            again = self._submit(jobs[index], index, attempt + 1, models)
            running[again] = (index, attempt + 1)
            finished.add(again)

    def _submit(self, job: Job, index: int, attempt: int, models: dict[str, Any]) -> Any:
        """Give a job out without its model, which is scattered under its hash."""
        key = job.batch.key
        if key not in models:
            # A dead worker may have held the only copy, so each attempt has a name of its own.
            name = f"scrubkit-model-{key}-{attempt}"
            models[key] = self.client.scatter({name: job.batch.model})[name]
        light = replace(job, batch=Batch(_NOTHING, key, job.batch.questions))
        return self.client.submit(
            _work_with, light, models[key], pure=False, key=f"scrubkit-{id(self)}-{index}-{attempt}"
        )


_NOTHING: Any = None


def _work_with(job: Job, model: Model) -> list[Outcome | Finding]:
    """Run a job with the model that the worker holds."""
    return list(work(replace(job, batch=replace(job.batch, model=model))))


@contextlib.contextmanager
def cluster(address: str, workers: int) -> Iterator[Dask]:
    """Connect to a scheduler, or start one with processes of this machine.

    Args:
        address: address of a scheduler, or "local".
        workers: number of local worker processes.

    Raises:
        BenchError: the extra is not installed, or no scheduler answers.
    """
    try:
        distributed = importlib.import_module("distributed")
    except ImportError:
        raise BenchError("the extra dask is not installed: pip install 'scrubkit-interp[dask]'") from None
    with contextlib.ExitStack() as stack:
        if address == "local":
            address = stack.enter_context(
                distributed.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
            )
        try:
            client = stack.enter_context(distributed.Client(address, timeout=CONNECT_SECONDS))
        except (OSError, ValueError, TimeoutError) as error:
            raise BenchError(
                f"no Dask scheduler answers at {address!r}: {error}; give its address, such as "
                "tcp://10.0.0.1:8786, or 'local'"
            ) from None
        yield Dask(client)
