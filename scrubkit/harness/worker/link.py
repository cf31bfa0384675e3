"""The run's side of the workers: a method that is called in one.

A worker is not trusted. Its replies are JSON that carries the token of the question; anything else, an end or
a silence is a fault of the method, the worker is killed, and the next call goes to a new one.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import time
from typing import Any

import cloudpickle
import torch
from pydantic import ValidationError

from scrubkit.errors import BenchError
from scrubkit.harness.call import Call, Said, timed_out
from scrubkit.harness.outcome import Fault
from scrubkit.harness.questions import Given
from scrubkit.harness.stranger import Card, Stranger
from scrubkit.harness.worker import wire
from scrubkit.harness.worker.serve import MAX_REFUSAL, Ask, Hold, Load
from scrubkit.harness.worker.starter import Fork, Template, template

BEGIN_SECONDS = 60.0
"""How long a worker may take to begin with a call."""
LOAD_SECONDS = 120.0
"""How long a worker may take to import a method."""
READ_SECONDS = 60.0
"""How long a worker may take to read what a method returned."""
MAX_LOADS = 3
"""How often in a row a method may fail to be loaded that was loaded before, until it is not tried again."""


class Worker:
    """A method in a worker process; a new one takes over where one was lost.

    A method that was loaded once and then is not, as it ends or hangs its process when it is imported, is
    charged with that: it must not end the run.

    Args:
        method: a scorer or a finder.
        threads: threads of computation.
        memory: bytes that the worker may allocate, None for three quarters of the machine's.

    Raises:
        BenchError: the method cannot be sent to another process.
    """

    def __init__(self, method: Any, *, threads: int | None = None, memory: int | None = None) -> None:
        self.name: str = method.name
        self._packed = method if isinstance(method, Packed) else Packed(method)
        self._threads = torch.get_num_threads() if threads is None else threads
        self._memory = machine_memory() * 3 // 4 if memory is None else memory
        self._fork: Fork | None = None
        self._template: Template | None = None
        self._held: Given | None = None
        self._failed = 0

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, model: Given, call: Call) -> Said:
        """Call the method; what kills the worker, or outlasts the limit, is a fault.

        A worker may die of what an earlier call left behind, so that the call is made once more in a new one.

        Raises:
            BenchError: no worker can be started, or it cannot load the method.
        """
        if self._fork is not None:
            try:
                return self._ask(model, call)
            except (wire.Closed, wire.Late, wire.Garbled):
                status = self._end(lost=True)
                if status is None:
                    return _crashed(ended_how(status), 0.0)
        began = time.perf_counter()
        try:
            if self._failed >= MAX_LOADS:
                return _crashed(f"it could not be loaded {MAX_LOADS} times in a row", 0.0)
            self._start()
            return self._ask(model, call)
        except NotLoaded as error:
            if not self._packed.loads:
                raise
            self._failed += 1
            return _crashed(str(error), time.perf_counter() - began)
        except wire.Closed:
            detail = ended_how(self._end(lost=True))
        except wire.Late:
            detail = "its process does not begin with a call"
        except wire.Garbled:
            detail = "it wrote into the channel of its process"
        self._end(lost=True)
        return _crashed(detail, time.perf_counter() - began)

    def _ask(self, model: Given, call: Call) -> Said:
        """Make a call in the worker that is there."""
        token = self._begin(model, call)
        began = time.perf_counter()
        try:
            self._expect(token, wire.RETURNED, call.budget.seconds)
        except wire.Late:
            self._end(lost=True)
            return timed_out(call, time.perf_counter() - began)
        took = time.perf_counter() - began
        try:
            said = Said.model_validate_json(self._expect(token, wire.SAID, READ_SECONDS))
        except wire.Late:
            self._end(lost=True)
            return _crashed(f"what it returned cannot be read within {READ_SECONDS:g} s", took)
        except ValidationError:
            raise wire.Garbled("no reply of a worker") from None
        return said.model_copy(update={"seconds": min(said.seconds, took)})

    def describe(self) -> Card:
        """Load the method in a worker and return what that says of it.

        Raises:
            BenchError: no worker can be started, or it cannot load the method.
        """
        try:
            return Card.model_validate_json(self._start(card=True))
        except ValidationError:
            raise NotLoaded("the worker does not say what it has loaded", title=self.name) from None

    def close(self) -> None:
        """End the worker."""
        self._end(lost=False)

    def _begin(self, model: Given, call: Call) -> bytes:
        """Send the call, and the model where the worker has another; return the token once it is begun."""
        token = secrets.token_bytes(wire.TOKEN)
        if self._held is not model:
            self._send(Hold(model))
            self._held = model
        self._send(Ask(token, call))
        self._expect(token, wire.BEGAN, BEGIN_SECONDS)
        return token

    def _start(self, *, card: bool = False) -> bytes:
        """Fork a worker and have it load the method; a template that was killed is replaced once.

        Returns:
            What it says of the method, if a card is asked for.
        """
        for attempt in range(2):
            self._template = template()
            try:
                self._fork = self._template.fork()
                break
            except OSError as error:
                self._template.close()
                if attempt:
                    raise BenchError(f"no worker process can be started: {error}; use --in-process") from None
        token = secrets.token_bytes(wire.TOKEN)
        load = Load(token, self._packed.payload, sys.path, os.getcwd(), self._threads, self._memory, card)
        try:
            self._send(load)
            said = self._expect(token, wire.READY, LOAD_SECONDS)
        except (wire.Closed, wire.Late, wire.Garbled) as lost:
            why = f"not loaded within {LOAD_SECONDS:g} s"
            if not isinstance(lost, wire.Late):
                why = ended_how(self._end(lost=True))
            self._end(lost=True)
            raise NotLoaded(f"cannot be loaded in a worker process: {why}", title=self.name) from None
        self._packed.loads, self._failed = True, 0
        return said

    def _send(self, message: Any) -> None:
        assert self._fork is not None
        # The functions of a graph have no names by which pickle could send them.
        wire.send(self._fork.channel, cloudpickle.dumps(message), BEGIN_SECONDS)

    def _expect(self, token: bytes, stage: bytes, seconds: float) -> bytes:
        """Wait for one frame of a token and a stage; return what follows them."""
        assert self._fork is not None
        frame = wire.receive(self._fork.channel, seconds, wire.MAX_REPLY, self._fork.life)
        body = frame[wire.TOKEN + 1 :]
        if stage == wire.READY and frame[: wire.TOKEN + 1] == token + wire.REFUSED:
            self._end(lost=False)
            raise _refused(body, self.name)
        if frame[: wire.TOKEN + 1] != token + stage:
            raise wire.Garbled("another frame than was asked for")
        return body

    def _end(self, *, lost: bool) -> int | None:
        """Kill the worker, if there is one; return its status, None if nobody knows it."""
        fork, self._fork, self._held = self._fork, None, None
        if fork is None:
            return None
        fork.close()
        assert self._template is not None
        try:
            return self._template.end(fork.number, lost=lost)
        except OSError:
            return None


class NotLoaded(BenchError):
    """A worker process could not load a method."""


def _refused(reply: bytes, name: str) -> NotLoaded:
    """Return the error of a method that its worker refused: in scrubkit's own words, where it was those."""
    try:
        own, text = json.loads(reply)
        text = text[:MAX_REFUSAL]
    except (ValueError, TypeError):
        own, text = False, "its worker does not say why"
    if own:
        return NotLoaded(text)
    return NotLoaded(
        f"cannot be loaded in a worker process: {text}; --in-process runs it without one", title=name
    )


def _crashed(detail: str, seconds: float) -> Said:
    return Said(fault=Fault(kind="crashed", detail=detail), seconds=seconds)


class Packed:
    """A method as it is sent to workers: pickled, and known by name without being unpickled.

    Attributes:
        loads: whether a worker has loaded it before.

    Raises:
        BenchError: it cannot be pickled.
    """

    def __init__(self, method: Any) -> None:
        self.name: str = method.name
        self.loads = isinstance(method, Stranger)
        try:
            self.payload = cloudpickle.dumps(method)
        except Exception as error:
            raise BenchError(
                f"cannot be sent to another process: {error}; keep what cannot be pickled out of it, or use "
                "--in-process",
                title=self.name,
            ) from error


def ended_how(status: int | None) -> str:
    """Say in words how a worker ended."""
    if status is None:
        return "its process was killed, with the one that started it"
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"it ended its process with code {code}"
    try:
        return f"its process was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"its process was killed by signal {-code}"


def machine_memory() -> int:
    """Return the machine's memory in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
