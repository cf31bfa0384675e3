"""The run's side of the workers: the template that forks them, and a method that is called in one.

A worker is not trusted. Its replies are JSON that carries the token of the question; anything else, an end or
a silence is a fault of the method, the worker is killed, and the next call goes to a new one.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import pickle
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import cache
from typing import Any

import cloudpickle
import torch
from pydantic import ValidationError

from scrubkit.errors import BenchError
from scrubkit.harness.call import Call, Said, timed_out
from scrubkit.harness.outcome import Fault
from scrubkit.harness.worker import template as orders
from scrubkit.harness.worker import wire
from scrubkit.harness.worker.serve import Ask, Hold, Load
from scrubkit.models.model import Model

START_SECONDS = 300.0
"""How long the template may take to import torch, and a worker to import a method."""
BEGIN_SECONDS = 60.0
"""How long a worker may take to begin with a call."""
READ_SECONDS = 60.0
"""How long a worker may take to read what a method returned."""

_BOOT = "import json, sys; sys.path[:] = json.loads(sys.argv[2])\n" + (
    "from scrubkit.harness.worker.template import main; main(int(sys.argv[1]))"
)


class Template:
    """A running template process."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-c", _BOOT, str(number), json.dumps(sys.path)],
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # Ctrl-C is for the run, which ends the template itself.
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        """Whether it runs, and is this process's own and not that of the process it was forked from."""
        return self.owner == os.getpid() and self._process.poll() is None

    def fork(self) -> tuple[int, socket.socket]:
        """Return the number of a new worker, and the channel to it; raises OSError."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                return self._order(orders.FORK, 0, [theirs.fileno()])[0], ours
            except OSError:
                ours.close()
                raise

    def end(self, number: int, *, lost: bool) -> int:
        """Kill a worker with all that it started; return its status; raises OSError."""
        return self._order(orders.LOST if lost else orders.END, number)[1]

    def close(self) -> None:
        """End the template and all its workers."""
        self._control.close()
        if self.owner == os.getpid():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(2)
            self._process.kill()
            self._process.wait()

    def _order(self, kind: bytes, number: int, channels: list[int] | None = None) -> tuple[int, int]:
        """Give an order and wait until it is done."""
        with self._lock:
            self._control.settimeout(START_SECONDS)
            socket.send_fds(self._control, [orders.ORDER.pack(kind, number)], channels or [])
            reply = b""
            while len(reply) < orders.DONE.size:
                more = self._control.recv(orders.DONE.size - len(reply))
                if not more:
                    raise ConnectionError("the template ended")
                reply += more
            return orders.DONE.unpack(reply)


_templates: list[Template] = []
_starting = threading.Lock()


def template() -> Template:
    """Return this process's template, started now if there is none; it imports while the run goes on.

    Raises:
        BenchError: this system has no fork.
    """
    if not hasattr(os, "fork"):
        raise BenchError("methods run in worker processes, which this system cannot fork; use --in-process")
    with _starting:
        while _templates and not _templates[0].alive:
            _templates.pop().close()
        if not _templates:
            _templates.append(Template())
            _close_at_exit()
        return _templates[0]


def close_template() -> None:
    """End this process's template, if it has one."""
    while _templates:
        _templates.pop().close()


@cache
def _close_at_exit() -> None:
    atexit.register(close_template)
    os.register_at_fork(after_in_child=_forget)


def _forget() -> None:
    """Drop the template in a fork of this process, whose own it is not."""
    global _starting
    _starting = threading.Lock()
    while _templates:
        _templates.pop()._control.close()


class Worker:
    """A method in a worker process; a new one takes over where one was lost.

    Args:
        method: a scorer or a finder.
        threads: threads of computation.
        memory: bytes that the worker may allocate, None for three quarters of the machine's.

    Raises:
        BenchError: the method cannot be sent to another process.
    """

    def __init__(self, method: Any, *, threads: int | None = None, memory: int | None = None) -> None:
        self.name: str = method.name if not isinstance(method, Packed) else method.name
        self._packed = method if isinstance(method, Packed) else Packed(method)
        self._threads = torch.get_num_threads() if threads is None else threads
        self._memory = machine_memory() * 3 // 4 if memory is None else memory
        self._channel: socket.socket | None = None
        self._template: Template | None = None
        self._number = 0
        self._held: Model | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, model: Model, call: Call) -> Said:
        """Call the method; what kills the worker, or outlasts the limit, is a fault.

        A worker may die of what an earlier call left behind, so that the call is made once more in a new one.

        Raises:
            BenchError: no worker can be started, or it cannot load the method.
        """
        if self._channel is not None:
            try:
                return self._ask(model, call)
            except (wire.Closed, wire.Late, wire.Garbled):
                status = self._end(lost=True)
                if status is None:
                    return _crashed(ended_how(status), 0.0)
        began = time.perf_counter()
        try:
            self._start()
            return self._ask(model, call)
        except wire.Closed:
            detail = ended_how(self._end(lost=True))
        except wire.Late:
            detail = "its process does not begin with a call"
        except wire.Garbled:
            detail = "it wrote into the channel of its process"
        self._end(lost=True)
        return _crashed(detail, time.perf_counter() - began)

    def _ask(self, model: Model, call: Call) -> Said:
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

    def close(self) -> None:
        """End the worker."""
        self._end(lost=False)

    def _begin(self, model: Model, call: Call) -> bytes:
        """Send the call, and the model where the worker has another; return the token once it is begun."""
        token = secrets.token_bytes(wire.TOKEN)
        if self._held is not model:
            self._send(Hold(model))
            self._held = model
        self._send(Ask(token, call))
        self._expect(token, wire.BEGAN, BEGIN_SECONDS)
        return token

    def _start(self) -> None:
        """Fork a worker and have it load the method; a template that was killed is replaced once."""
        for attempt in range(2):
            self._template = template()
            try:
                self._number, self._channel = self._template.fork()
                break
            except OSError as error:
                self._template.close()
                if attempt:
                    raise BenchError(f"no worker process can be started: {error}; use --in-process") from None
        token = secrets.token_bytes(wire.TOKEN)
        load = Load(token, self._packed.payload, sys.path, os.getcwd(), self._threads, self._memory)
        try:
            self._send(load)
            self._expect(token, wire.READY, START_SECONDS)
        except (wire.Closed, wire.Late, wire.Garbled) as lost:
            why = f"not loaded within {START_SECONDS:g} s"
            if not isinstance(lost, wire.Late):
                why = ended_how(self._end(lost=True))
            self._end(lost=True)
            raise BenchError(f"cannot be loaded in a worker process: {why}", title=self.name) from None

    def _send(self, message: Any) -> None:
        assert self._channel is not None
        wire.send(self._channel, pickle.dumps(message), BEGIN_SECONDS)

    def _expect(self, token: bytes, stage: bytes, seconds: float) -> bytes:
        """Wait for one frame of a token and a stage; return what follows them."""
        assert self._channel is not None
        frame = wire.receive(self._channel, seconds, wire.MAX_REPLY)
        body = frame[wire.TOKEN + 1 :]
        if frame[: wire.TOKEN] == token and frame[wire.TOKEN : wire.TOKEN + 1] == wire.REFUSED:
            self._end(lost=False)
            raise BenchError(
                f"cannot be loaded in a worker process: {body.decode(errors='replace')[:500]}; "
                "--in-process runs it without one",
                title=self.name,
            )
        if frame[: wire.TOKEN + 1] != token + stage:
            raise wire.Garbled("another frame than was asked for")
        return body

    def _end(self, *, lost: bool) -> int | None:
        """Kill the worker, if there is one; return its status, None if nobody knows it."""
        channel, self._channel, self._held = self._channel, None, None
        if channel is None:
            return None
        channel.close()
        assert self._template is not None
        try:
            return self._template.end(self._number, lost=lost)
        except OSError:
            return None


def _crashed(detail: str, seconds: float) -> Said:
    return Said(fault=Fault(kind="crashed", detail=detail), seconds=seconds)


class Packed:
    """A method as it is sent to workers: pickled, and known by name without being unpickled.

    Raises:
        BenchError: it cannot be pickled.
    """

    def __init__(self, method: Any) -> None:
        self.name: str = method.name
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
