"""The run's side of the template: the process that forks workers, started once and ended with the run."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import cache

from scrubkit.errors import BenchError
from scrubkit.harness.worker import template as orders

START_SECONDS = 300.0
"""How long the template may take to import torch."""

_BOOT = "import json, sys; sys.path[:] = json.loads(sys.argv[2])\n" + (
    "from scrubkit.harness.worker.template import main; main(int(sys.argv[1]))"
)


@dataclass(frozen=True)
class Fork:
    """A worker that was forked.

    Attributes:
        number: its process.
        channel: the channel to it, of which what it forks itself may keep a copy.
        life: read end of a pipe that only the template holds open, and closes when the worker ends.
    """

    number: int
    channel: socket.socket
    life: int

    def close(self) -> None:
        """Let go of the channel and the pipe."""
        self.channel.close()
        os.close(self.life)


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

    def fork(self) -> Fork:
        """Return a new worker; raises OSError."""
        ours, theirs = socket.socketpair()
        life, held = os.pipe()
        try:
            number = self._order(orders.FORK, 0, [theirs.fileno(), held])[0]
        except OSError:
            ours.close()
            os.close(life)
            raise
        finally:
            theirs.close()
            os.close(held)
        return Fork(number, ours, life)

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
