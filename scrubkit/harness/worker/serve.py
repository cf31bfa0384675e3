"""What a worker process does: it loads one method, holds one model, and calls the method when told to.

It is forked from the template, is let go of all files but its channel, and dies with the template.
"""

from __future__ import annotations

import ctypes
import json
import os
import pickle
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Any

from scrubkit.errors import ScrubkitError
from scrubkit.harness.call import Call, clean, perform
from scrubkit.harness.questions import Given
from scrubkit.harness.specimen import Specimen
from scrubkit.harness.stranger import describe
from scrubkit.harness.worker import wire

HIGH = 200
"""Number from which the channel's descriptor is taken, out of the way of what a method opens or closes."""
MAX_REFUSAL = 5000
"""Longest text of a refusal, in characters."""
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


@dataclass(frozen=True)
class Load:
    """The first message: the method, and the surroundings in which it is loaded.

    The reply is READY, with the method's `Card` where that is asked for, or REFUSED, with whether the words
    are scrubkit's own and the words.

    Attributes:
        token: goes back with the reply.
        method: the method, pickled.
        path: ``sys.path`` of the run.
        folder: its current folder.
        threads: threads of computation.
        memory: bytes that the process may allocate, None for no limit.
        card: whether the run has yet to learn what it is about.
    """

    token: bytes
    method: bytes
    path: list[str]
    folder: str
    threads: int
    memory: int | None
    card: bool = False


@dataclass(frozen=True)
class Hold:
    """A bare model, or a graph of functions, about which the next calls are."""

    model: Given


@dataclass(frozen=True)
class Ask:
    """A call to make; replies carry its token."""

    token: bytes
    call: Call


def serve(channel: socket.socket) -> None:
    """Do what is sent until the channel closes."""
    method: Any = None
    specimen: Specimen | None = None
    while True:
        try:
            message = pickle.loads(wire.receive(channel))
        except wire.Closed:
            return
        if isinstance(message, Load):
            method = _load(channel, message)
        elif isinstance(message, Hold):
            specimen = Specimen(message.model)
        elif specimen is not None:
            _answer(channel, method, specimen, message)


def _answer(channel: socket.socket, method: Any, specimen: Specimen, ask: Ask) -> None:
    """Make a call, and say how far it is."""
    wire.send(channel, ask.token + wire.BEGAN)
    said = perform(method, specimen, ask.call, returned=lambda: wire.send(channel, ask.token + wire.RETURNED))
    wire.send(channel, ask.token + wire.SAID + said.model_dump_json().encode())


def _load(channel: socket.socket, load: Load) -> Any:
    """Unpickle the method, which imports what it is made of, and say whether that went well."""
    import torch

    os.chdir(load.folder)
    sys.path[:] = load.path
    torch.set_num_threads(load.threads)
    limit_memory(load.memory)
    try:
        method = pickle.loads(load.method)
        card = describe(method).model_dump_json() if load.card else ""
    except BaseException as error:
        wire.send(channel, load.token + wire.REFUSED + _refusal(error).encode())
        return None
    wire.send(channel, load.token + wire.READY + card.encode())
    return method


def _refusal(error: BaseException) -> str:
    """Return why a method cannot be loaded, and whether the words are scrubkit's own."""
    try:
        own = isinstance(error, ScrubkitError)
        text = str(error) if own else f"{type(error).__name__}: {error}"
    except BaseException:  # its own __str__ may fail
        own, text = False, type(error).__name__
    return json.dumps([own, clean(text, MAX_REFUSAL)])


def limit_memory(size: int | None) -> None:
    """Cap what this process may allocate, and write no core when it crashes.

    Linux counts writable private memory (RLIMIT_DATA), which leaves the address space that CUDA reserves
    alone. Elsewhere there is no cap.
    """
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if size is not None and sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def settle(channel: socket.socket, parent: int) -> socket.socket:
    """Make a fork of the template a worker: a session of its own, no files but the channel, no output.

    Returns:
        The channel under a descriptor of its own.
    """
    import fcntl

    os.setsid()
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    number = fcntl.fcntl(channel.fileno(), fcntl.F_DUPFD_CLOEXEC, HIGH)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    os.closerange(3, number)
    os.closerange(number + 1, 65536)
    return socket.socket(fileno=number)


def die_with_parent(parent: int) -> None:
    """Have the system kill this process when its parent ends, where the system can."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
