"""Pickles that torch.save does not write."""

from __future__ import annotations

import pickletools
import struct

from tests.fuzz import mutate
from tests.fuzz.mutate import Rng

OPCODES = [ord(code.code) for code in pickletools.opcodes]

PIECES = [
    b"cbuiltins\nbytearray\n",
    b"cbuiltins\neval\n",
    b"ctorch\nFloatStorage\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ctorch._utils\n_rebuild_parameter\n",
    b"ccollections\nOrderedDict\n",
    b"ctorch\nSize\n",
    b"J\xff\xff\xff\x7f",
    b"\x8a\x08" + struct.pack("<q", 2**62),
    b"r\xff\xff\xff\xff",
    b"j\x00\x00\x00\xff",
    b"\x96" + struct.pack("<Q", 2**40),
    b"X" + struct.pack("<I", 2**31),
    b"]" * 3000,
    b"(" * 3000,
    b"\x85" * 3000,
    b"}q\x00h\x00h\x00s",
    b"(lp0\n",
    b"R",
    b"b",
    b"Q",
    b"tq\x00",
]


def odd_pickle(rng: Rng, whole: bytes) -> bytes:
    """Return a pickle with other opcodes, numbers and names in it."""
    made = bytearray(whole)
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(len(made) + 1))
        how = int(rng.integers(5))
        if how == 0:
            made[at:at] = mutate.pick(rng, PIECES)
        elif how == 1 and at < len(made):
            made[at] = mutate.pick(rng, OPCODES)
        elif how == 2:
            return mutate.damaged_bytes(rng, bytes(made))
        elif how == 3:
            # A size, an offset or a stride.
            places = [i for i in range(len(made) - 1) if made[i] == ord("K")]
            if places:
                made[mutate.pick(rng, places) + 1] = int(rng.integers(256))
        else:
            return b"\x80\x02" + b"".join(mutate.pick(rng, PIECES) for _ in range(5)) + b"."
    return bytes(made)
