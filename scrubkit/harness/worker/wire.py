"""Frames between a run and its workers: four bytes of length, then so many bytes.

A run sends pickles. A worker, in which anything may happen, sends the token of the question, one byte that
says how far it is, and JSON; nothing that comes from it is ever unpickled.
"""

from __future__ import annotations

import select
import socket
import struct
import time

MAX_REPLY = 64 * 2**20
"""Largest frame that is taken from a worker, in bytes."""
TOKEN = 16
"""Length of a token, in bytes."""
REFUSED, READY, BEGAN, RETURNED, SAID = (bytes([letter]) for letter in b"XLBRS")
"""How far a worker is: it cannot load the method, has loaded it, calls it, has its answer, has read that."""

_LENGTH = struct.Struct("!I")


class Closed(Exception):
    """The other side is gone."""


class Late(Exception):
    """Nothing came, or nothing was taken, in time."""


class Garbled(Exception):
    """What came is no frame that was asked for."""


def send(channel: socket.socket, data: bytes, seconds: float | None = None) -> None:
    """Send one frame.

    Raises:
        Closed: the other side is gone.
        Late: it did not take the frame in time.
    """
    channel.settimeout(seconds)
    try:
        channel.sendall(_LENGTH.pack(len(data)) + data)
    except TimeoutError:
        raise Late from None
    except OSError as error:
        raise Closed from error


def receive(
    channel: socket.socket, seconds: float | None = None, limit: int | None = None, life: int | None = None
) -> bytes:
    """Wait for one frame.

    Args:
        channel: a connected socket.
        seconds: for the whole frame, however slowly its bytes drop in; None waits for ever.
        limit: most bytes that are taken.
        life: a pipe that closes when the other side ends, whoever else may hold its end of the channel.

    Raises:
        Closed: the other side is gone.
        Late: the frame was not whole in time.
        Garbled: the frame is longer than the limit.
    """
    end = None if seconds is None else time.monotonic() + seconds
    (length,) = _LENGTH.unpack(_exactly(channel, _LENGTH.size, end, life))
    if limit is not None and length > limit:
        raise Garbled(f"a frame of {length:,} bytes")
    return _exactly(channel, length, end, life)


def _exactly(channel: socket.socket, count: int, end: float | None, life: int | None) -> bytes:
    """Return so many bytes."""
    taken = bytearray()
    while len(taken) < count:
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            raise Late
        if life is not None:
            _await(channel, life, left)
        channel.settimeout(left)
        try:
            more = channel.recv(min(count - len(taken), 2**20))
        except TimeoutError:
            raise Late from None
        except OSError as error:
            raise Closed from error
        if not more:
            raise Closed
        taken += more
    return bytes(taken)


def _await(channel: socket.socket, life: int, seconds: float | None) -> None:
    """Wait until the channel has bytes; what was sent before the other side ended still counts."""
    both = select.poll()
    both.register(channel, select.POLLIN)
    both.register(life, select.POLLIN)
    ready = {descriptor for descriptor, _ in both.poll(None if seconds is None else seconds * 1000)}
    if not ready:
        raise Late
    if channel.fileno() not in ready:
        raise Closed
