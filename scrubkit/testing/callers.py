"""Where tests call a method: in a worker process kept from test to test, or here where that is asked for.

A method that crashes, hangs or ends its process fails its test; it cannot end the run of tests, or pass it.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from scrubkit.harness.call import Caller, InProcess
from scrubkit.harness.entrants import find_one
from scrubkit.harness.worker.link import Packed, Worker

KEPT = 4
"""Number of workers that are kept: tests of one method follow each other."""

_here: ContextVar[bool] = ContextVar("scrubkit_in_process", default=False)
_found: dict[str, Any] = {}
_workers: OrderedDict[bytes, Worker] = OrderedDict()


@contextlib.contextmanager
def in_process() -> Iterator[None]:
    """Call methods in this process while the context lasts, where a debugger stops and prints are seen.

    A method can then end the run of tests, hang it, and change whatever this process holds; its time limit is
    looked at once it has returned.
    """
    token = _here.set(True)
    try:
        yield
    finally:
        _here.reset(token)


def found(source: Any) -> Any:
    """Return the method that a source stands for; one named by its module is imported where it is called.

    Raises:
        BenchError: there is no such method, or it cannot be loaded.
    """
    if _here.get() or not isinstance(source, str):
        return find_one(source, in_process=_here.get())
    if source not in _found:
        _found[source] = find_one(source)
    return _found[source]


def caller_for(method: Any) -> Caller:
    """Return where a method is called; a method whose settings have changed is another one.

    Raises:
        BenchError: it cannot be sent to another process.
    """
    if _here.get():
        return InProcess(method)
    packed = Packed(method)
    if packed.payload not in _workers:
        while len(_workers) >= KEPT:
            _workers.popitem(last=False)[1].close()
        _workers[packed.payload] = Worker(packed)
    _workers.move_to_end(packed.payload)
    return _workers[packed.payload]
