"""The process that workers are forked from: it has imported what methods need, and computes nothing.

A fork takes milliseconds where a new process would import torch for seconds. No method ever runs in the
template, so that every worker starts clean. It waits for its workers itself, so that none is mistaken for
another, takes in what they leave behind, and lets go of a worker's pipe to the run when the worker ends.
When the run ends, in whatever way, its end of the control channel closes, and the template kills all workers
and ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import socket
import struct
import sys
from collections.abc import Sequence

FORK, END, LOST = b"f", b"e", b"l"
ORDER = struct.Struct("!cq")
"""What the template is told: to fork (with a channel attached), to end the worker of a number, or that it was
lost and is to be replaced."""
DONE = struct.Struct("!qq")
"""What it replies: the worker's number, and how it ended, as `os.waitpid` says it."""
ROUNDS = 100
"""How often processes that a worker left behind are looked for: they may fork faster than they are killed."""

FIRST = ("torch", "scrubkit.harness.worker.serve", "scrubkit.scrubbing.score", "scrubkit.models.bridge")
"""Modules that nearly every method needs."""
LATER = ("transformer_lens.model_bridge",)
"""Modules that some need and that take seconds: imported when a worker was lost, for the next ones."""


def main(descriptor: int) -> None:
    """Take orders until the control channel closes."""
    # A fork cannot use a GPU that was only asked about before it; asked this way, it can.
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    preload(FIRST)
    from scrubkit.harness.worker import serve

    control = socket.socket(fileno=descriptor)
    serve.prctl(serve.PR_SET_CHILD_SUBREAPER, 1)
    workers: set[int] = set()
    lives: dict[int, int] = {}
    if hasattr(os, "waitid"):  # without, the run learns of an end from the channel alone
        signal.signal(signal.SIGCHLD, lambda *_: let_go(lives))
    lost = False
    while order := _order(control):
        kind, number, channels = order
        if kind == FORK:
            number, status = _fork(control, channels[0]), 0
            workers.add(number)
            lives[number] = channels[1]
            let_go(lives)
        else:
            workers.discard(number)
            _close(lives, number)
            status = end(number)
            end_strays(workers)
        control.sendall(DONE.pack(number, status))
        if kind == LOST and not lost:
            lost = True
            preload(LATER)
    for number in workers:
        end(number)
    end_strays(set())


def preload(modules: Sequence[str]) -> None:
    """Import modules and compute nothing: no threads and no GPU may be in use when a worker is forked."""
    for module in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    gc.collect()
    gc.freeze()


def _order(control: socket.socket) -> tuple[bytes, int, list[int]] | None:
    """Wait for an order; None when the run has ended."""
    try:
        data, channels, _, _ = socket.recv_fds(control, ORDER.size, 2)
        while data and len(data) < ORDER.size:
            data += control.recv(ORDER.size - len(data))
    except OSError:
        return None
    if len(data) < ORDER.size:
        return None
    kind, number = ORDER.unpack(data)
    return kind, number, channels


def _fork(control: socket.socket, descriptor: int) -> int:
    """Fork a worker that serves a channel."""
    from scrubkit.harness.worker import serve

    parent = os.getpid()
    number = os.fork()
    if number:
        os.close(descriptor)
        return number
    try:
        control.close()
        serve.serve(serve.settle(socket.socket(fileno=descriptor), parent))
    finally:
        os._exit(0)


def let_go(lives: dict[int, int]) -> None:
    """Close the pipes of workers that have ended; they are waited for when the run says so."""
    for number in list(lives):
        with contextlib.suppress(OSError):
            if os.waitid(os.P_PID, number, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                _close(lives, number)


def _close(lives: dict[int, int], number: int) -> None:
    """Close the pipe of a worker, once: the end of another may interrupt this."""
    life = lives.pop(number, None)
    if life is not None:
        os.close(life)


def end(number: int) -> int:
    """Kill a worker and its process group, and return how it ended."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            kill(number, signal.SIGKILL)
    try:
        return os.waitpid(number, 0)[1]
    except OSError:
        return 0


def end_strays(workers: set[int]) -> None:
    """Kill what workers left behind: their orphans become children of this process."""
    for _ in range(ROUNDS):
        strays = _children() - workers
        if not strays:
            return
        for number in strays:
            end(number)


def _children() -> set[int]:
    """Return the children of this process; none where the system does not list them."""
    me, found = os.getpid(), set()
    with contextlib.suppress(OSError):
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                # Processes end while the list is read.
                with contextlib.suppress(OSError), open(f"/proc/{entry}/stat", "rb") as file:
                    parent = int(file.read().rpartition(b")")[2].split()[1])
                    found |= {int(entry)} if parent == me else set()
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]))
