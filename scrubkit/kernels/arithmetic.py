"""Pieces of the compiled loops, written so that they run on vectors."""

from __future__ import annotations

import math

import numpy as np

from scrubkit.kernels.jit import LOOSE, STRICT, jit

_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
_ROUND = 6755399441055744.0
"""1.5 * 2^52: added and taken away again, it rounds to an integer, which is then the lowest bits."""
_LEAST = -708.0


@jit(STRICT, inline=True)
def exp(x):
    """Return e^x for x <= 0 to the last bit or so, 3e-308 for what is smaller.

    2^k times a Taylor polynomial of the rest, which is below log(2) / 2, so that the first term left out is
    under 2^-52.
    """
    x = _LEAST if x < _LEAST else x
    shifted = x * _LOG2_E + _ROUND
    k = shifted - _ROUND
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    p = 1.0 / 479001600
    p = p * r + 1.0 / 39916800
    p = p * r + 1.0 / 3628800
    p = p * r + 1.0 / 362880
    p = p * r + 1.0 / 40320
    p = p * r + 1.0 / 5040
    p = p * r + 1.0 / 720
    p = p * r + 1.0 / 120
    p = p * r + 1.0 / 24
    p = p * r + 1.0 / 6
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    power = np.int64((np.float64(shifted).view(np.int64) << np.int64(52)) + (np.int64(1023) << np.int64(52)))
    return p * np.int64(power).view(np.float64)


@jit(STRICT, inline=True)
def _key(bits):
    """Map the bits of floats to integers in the order of the floats, and back."""
    return np.int64(bits ^ (np.int64(bits >> np.int64(63)) & np.int64(0x7FFFFFFFFFFFFFFF)))


@jit(LOOSE, inline=True)
def largest(values):
    """Return the largest of some float64 numbers, and the first place where it stands.

    Compared as integers, since a loop that compares floats is not run on vectors.
    """
    best = _key(np.float64(values[0]).view(np.int64))
    for j in range(1, len(values)):
        best = max(best, _key(np.float64(values[j]).view(np.int64)))
    top = np.int64(_key(best)).view(np.float64)
    n = np.int32(len(values))
    place = n
    for j in range(n):
        place = min(place, np.int32(j) if values[j] == top else n)
    return top, min(place, n - np.int32(1))


_ROUND_32 = np.float32(12582912.0)
"""1.5 * 2^23, the same in float32."""
_LOG2_E_32 = np.float32(_LOG2_E)
_LN2_HIGH_32, _LN2_LOW_32 = np.float32(0.693145751953125), np.float32(1.428606820309417e-06)
_LEAST_32 = np.float32(-87.0)
_TAYLOR_32 = tuple(np.float32(1 / math.factorial(n)) for n in range(8))


@jit(STRICT, inline=True)
def exp32(x):
    """Return e^x in float32 for x <= 0 to a few of its last bits, 2e-38 for what is smaller."""
    x = _LEAST_32 if x < _LEAST_32 else x
    shifted = np.float32(x * _LOG2_E_32 + _ROUND_32)
    k = shifted - _ROUND_32
    r = (x - k * _LN2_HIGH_32) - k * _LN2_LOW_32
    p = _TAYLOR_32[7]
    p = p * r + _TAYLOR_32[6]
    p = p * r + _TAYLOR_32[5]
    p = p * r + _TAYLOR_32[4]
    p = p * r + _TAYLOR_32[3]
    p = p * r + _TAYLOR_32[2]
    p = p * r + _TAYLOR_32[1]
    p = p * r + _TAYLOR_32[0]
    power = np.int32((np.float32(shifted).view(np.int32) << np.int32(23)) + (np.int32(127) << np.int32(23)))
    return np.float32(p * np.int32(power).view(np.float32))


@jit(STRICT, inline=True)
def _key32(bits):
    return np.int32(bits ^ (np.int32(bits >> np.int32(31)) & np.int32(0x7FFFFFFF)))


@jit(LOOSE, inline=True)
def largest32(values, begin, n):
    """Return the largest of n float32 numbers from a place on, and how far from there it first stands.

    Args:
        values: the numbers.
        begin: where to begin, unsigned.
        n: how many, unsigned.
    """
    best = _key32(np.float32(values[begin]).view(np.int32))
    for j in range(n):
        best = max(best, _key32(np.float32(values[begin + j]).view(np.int32)))
    top = np.int32(_key32(best)).view(np.float32)
    last = np.int32(n)
    place = last
    for j in range(n):
        place = min(place, np.int32(j) if values[begin + j] == top else last)
    return top, np.uint64(min(place, last - np.int32(1)))


@jit(STRICT, inline=True)
def remainder(number, size):
    """Return number % size, for 0 <= number < 2^62 and 1 <= size < 2^52.

    By multiplying with 1 / size: a processor divides whole numbers of 64 bits one at a time, which takes most
    of a draw. The first quotient is off by less than 2^11 / size + 1, the second by at most 1.
    """
    part = 1.0 / np.float64(size)
    rest = number - np.int64(np.float64(number) * part) * size
    rest -= np.int64(np.float64(rest) * part) * size
    rest += size if rest < 0 else 0
    return rest - (size if rest >= size else 0)
