"""Running jobs on a Dask cluster.

A model is a task of its own, under the hash of its weights: it travels once to each Dask worker that needs
it, and the scheduler makes it anew, like the jobs, where a worker is lost. Methods run in worker processes
beside the Dask workers, which see no more of them than their replies.
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
from scrubkit.harness.batches import Batch, Job, Result, work
from scrubkit.harness.outcome import Finding, Outcome
from scrubkit.harness.worker.link import Packed, Worker, machine_memory
from scrubkit.models.model import Model

CONNECT_SECONDS = 30


class Dask:
    """Runs jobs through a Dask client.

    Args:
        client: a connected `distributed.Client`.
        memory: bytes that a method may allocate.
    """

    def __init__(self, client: Any, memory: int | None = None) -> None:
        self.client = client
        self.memory = memory

    def devices(self) -> frozenset[str]:
        """Return the kinds of devices of all workers that are there now."""
        with _lost(self.client):
            return frozenset(self.client.run(device_class).values()) or frozenset({device_class()})

    def run(self, jobs: Sequence[Job]) -> Iterator[Result]:
        """Run jobs on the cluster; Dask runs those of lost workers again.

        Raises:
            BenchError: a job was lost too often, the scheduler is gone, or a method cannot be sent.
        """
        distributed = importlib.import_module("distributed")
        packed = {id(job.method): job.method for job in jobs}
        packed = {key: Packed(method) for key, method in packed.items()}
        with _lost(self.client):
            models = {
                key: self.client.submit(_held, model, key=f"scrubkit-model-{key}")
                for key, model in {job.batch.key: job.batch.model for job in jobs}.items()
            }
            running = {
                self.client.submit(
                    _work_with,
                    replace(
                        job,
                        method=packed[id(job.method)],
                        batch=Batch(_NOTHING, job.batch.key, job.batch.questions),
                    ),
                    models[job.batch.key],
                    self.memory,
                    pure=False,
                ): index
                for index, job in enumerate(jobs)
            }
            for future in distributed.as_completed(list(running)):
                for answer in future.result():
                    yield running[future], answer


_NOTHING: Any = None


def _held(model: Model) -> Model:
    """Return a model: a task whose result stays on the workers that need it."""
    return model


def _work_with(job: Job, model: Model, memory: int | None) -> list[Outcome | Finding]:
    """Run a job with the model that the Dask worker holds, in a worker process of its own."""
    with Worker(job.method, threads=1, memory=memory) as worker:
        return list(work(replace(job, batch=replace(job.batch, model=model)), worker))


@contextlib.contextmanager
def _lost(client: Any) -> Iterator[None]:
    """Turn what Dask raises when workers or the scheduler are lost into a BenchError."""
    distributed = importlib.import_module("distributed")
    kept = "what was answered is kept in the store, so run again"
    try:
        yield
    except distributed.KilledWorker as error:
        raise BenchError(f"a job was lost too often with its Dask worker ({error}); {kept}") from None
    except (CancelledError, OSError) as error:
        raise BenchError(f"the Dask scheduler is gone ({type(error).__name__}); {kept}") from None


@contextlib.contextmanager
def cluster(address: str, workers: int, memory: int | None = None) -> Iterator[Dask]:
    """Connect to a scheduler, or start one with processes of this machine.

    Args:
        address: address of a scheduler, or "local".
        workers: number of local worker processes.
        memory: bytes that a method may allocate; None is a share of the machine's.

    Raises:
        BenchError: the extra is not installed, or no scheduler answers.
    """
    try:
        distributed = importlib.import_module("distributed")
    except ImportError:
        raise BenchError("the extra dask is not installed: pip install 'scrubkit-interp[dask]'") from None
    with contextlib.ExitStack() as stack:
        if address == "local":
            memory = machine_memory() * 3 // 4 // workers if memory is None else memory
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
        yield Dask(client, memory)
