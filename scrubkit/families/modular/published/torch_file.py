"""What a file of ``torch.save`` holds, without unpickling it.

``torch.load(weights_only=True)`` runs no code, but it takes what memory the file asks for: a pickle of sixty
bytes makes a bytearray of gigabytes. Here the pickle is walked opcode by opcode, and nothing comes of it but
plain containers, numbers, text, and tensors that are views of the archive's own bytes, so that they take no
more than the file.

Source: https://docs.pytorch.org/docs/stable/notes/serialization.html (the archive), ``pickletools``.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import Tensor

MAX_PICKLE = 16 * 2**20
"""Largest pickle that is walked; a run's file with 500 state dicts has about 2 MB."""
MAX_STEPS = 5_000_000
"""Most opcodes that are walked: some seconds."""

MAX_AXES = 8

LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""First bytes of a file of torch.save before version 1.6: a pickled magic number."""

DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
"""Dtype of each kind of storage; others are not read."""


RESAVE = (
    "if you trust the file, keep only its tensors: "
    "torch.save(torch.load(PATH, weights_only=False)['model'], NEW_PATH)"
)


class NotRead(Exception):
    """A file is damaged, or holds what is not read; the message says which, in words."""


class Name(NamedTuple):
    """A class or function that a pickle names; nothing is imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


def read_torch_file(file: BinaryIO) -> Any:
    """Return what was saved.

    Raises:
        NotRead: no archive, damaged, compressed, or holds what is neither a tensor nor a plain value.
    """
    if file.read(len(LEGACY)) == LEGACY:
        raise NotRead("is in the format of PyTorch before 1.6; load and save it again with a newer one")
    try:
        with zipfile.ZipFile(file) as archive:
            return _Archive(archive).content()
    except NotRead:
        raise
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError, RuntimeError) as error:
        raise NotRead(f"not a checkpoint of PyTorch, or damaged: {str(error)[:200]}") from None


class _Archive:
    """An open archive of ``torch.save``; each storage is read once."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._entries = {entry.filename: entry for entry in archive.infolist()}
        self._storages: dict[str, Tensor] = {}

    def content(self) -> Any:
        """Return what was saved; raises NotRead."""
        pickles = [name for name in self._entries if name.count("/") <= 1 and name.endswith("data.pkl")]
        if len(pickles) != 1:
            raise NotRead("not a checkpoint of PyTorch, or damaged: the archive holds no data.pkl")
        self._prefix = pickles[0].removesuffix("data.pkl")
        order = f"{self._prefix}byteorder"
        if order in self._entries and self._read(order, 16) != b"little":
            raise NotRead("holds numbers in big-endian order; save it again on a little-endian machine")
        return Walk(self._read(pickles[0], MAX_PICKLE), self.storage).result()

    def storage(self, identity: Any) -> Tensor:
        """Return the numbers of a storage, one axis; raises NotRead if they are not all there."""
        kind, name, key, _, count = identity
        if kind != "storage" or not isinstance(name, Name) or not isinstance(key, str):
            raise ValueError("no storage")
        if name.module != "torch" or name.name not in DTYPES:
            raise NotRead(f"holds a {name}, which is not read; save its numbers as float32")
        dtype, path = DTYPES[name.name], f"{self._prefix}data/{key}"
        if path not in self._entries or self._entries[path].file_size != _count(count) * dtype.itemsize:
            raise NotRead(f"damaged: storage {key[:40]!r} is not of {count:,} numbers")
        if key not in self._storages:
            data = bytearray(self._read(path, self._entries[path].file_size))
            self._storages[key] = torch.frombuffer(data, dtype=torch.uint8) if data else torch.empty(0).byte()
        return self._storages[key].view(dtype)

    def _read(self, name: str, most: int) -> bytes:
        entry = self._entries[name]
        # torch.save never compresses, and what is compressed may unpack to a thousand times its size.
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise NotRead(
                "is a compressed archive, which torch.save does not write and which may unpack to any size; "
                "load and save it again with PyTorch"
            )
        if entry.file_size > most:
            raise NotRead(f"{name[-40:]} has {entry.file_size:,} bytes, more than the {most:,} that are read")
        return self._archive.read(entry)


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_PLAIN = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE"}
_EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_SET": list}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_SILENT = {"PROTO", "FRAME"}
_MARK = object()


class Walk:
    """One walk through a pickle, with the stack and the memo of the pickle machine."""

    def __init__(self, data: bytes, storage: Callable[[Any], Tensor]) -> None:
        """Walk to the end.

        Args:
            data: the pickle.
            storage: gives the numbers of a storage for its identity in the pickle.

        Raises:
            NotRead: at the first thing that is not read.
        """
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.storage = storage
        try:
            for steps, (code, argument, _) in enumerate(pickletools.genops(io.BytesIO(data))):
                if steps > MAX_STEPS:
                    raise NotRead(f"has more than the {MAX_STEPS:,} pickled values that are read")
                self._step(code.name, argument)
        except (ValueError, TypeError, LookupError, OverflowError, RuntimeError, RecursionError):
            raise NotRead("not a checkpoint of PyTorch, or damaged") from None

    def result(self) -> Any:
        """Return what the pickle holds."""
        if len(self.stack) != 1:
            raise NotRead("not a checkpoint of PyTorch, or damaged")
        return self.stack[0]

    def _step(self, code: str, argument: Any) -> None:
        push = self.stack.append
        if code in _PLAIN:
            push(argument)
        elif code in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = self.stack[-1]
        elif code == "MEMOIZE":
            self.memo[len(self.memo)] = self.stack[-1]
        elif code in ("BINGET", "LONG_BINGET"):
            push(self.memo[argument])
        elif code == "MARK":
            push(_MARK)
        elif code in _CONSTANTS:
            push(_CONSTANTS[code])
        elif code in _EMPTY:
            push(_EMPTY[code]())
        elif code == "TUPLE":
            push(tuple(self._marked()))
        elif code in _TUPLES:
            push(tuple(self._pop(_TUPLES[code])))
        elif code not in _SILENT:
            self._build(code, argument)

    def _build(self, code: str, argument: Any) -> None:
        """Do what fills a container, names a class or calls one."""
        if code in ("SETITEM", "SETITEMS"):
            items = self._pop(2) if code == "SETITEM" else self._marked()
            into = self._top(dict)
            into.update(zip(items[::2], items[1::2], strict=True))
        elif code in ("APPEND", "APPENDS", "ADDITEMS"):
            items = self._pop(1) if code == "APPEND" else self._marked()
            self._top(list).extend(items)
        elif code == "GLOBAL":
            self.stack.append(Name(*argument.split(" ", 1)))
        elif code == "STACK_GLOBAL":
            self.stack.append(Name(*map(str, self._pop(2))))
        elif code == "BINPERSID":
            self.stack.append(self.storage(*self._pop(1)))
        elif code == "REDUCE":
            called, arguments = self._pop(2)
            self.stack.append(_call(called, arguments))
        elif code == "BUILD":
            # The attributes of an OrderedDict: versions of modules, which no tensor depends on.
            self._pop(1)
            self._top(dict)
        elif code != "STOP":
            raise NotRead(f"holds a pickled value of a kind that is not read ({code})")

    def _pop(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise ValueError("the stack is empty")
        taken = self.stack[-count:]
        if any(value is _MARK for value in taken):
            raise ValueError("a mark in the way")
        del self.stack[-count:]
        return taken

    def _marked(self) -> list[Any]:
        taken = []
        while (value := self.stack.pop()) is not _MARK:
            taken.append(value)
        return taken[::-1]

    def _top(self, kind: type) -> Any:
        if not isinstance(self.stack[-1], kind):
            raise ValueError(f"no {kind.__name__} to fill")
        return self.stack[-1]


def _call(called: Any, arguments: Any) -> Any:
    """Return what a call means, for the few that are known; the others are refused by name."""
    if not isinstance(called, Name) or not isinstance(arguments, tuple):
        raise ValueError("a call of no function")
    match str(called):
        case "collections.OrderedDict":
            return dict(*arguments)
        case "torch._utils._rebuild_tensor_v2":
            return _tensor(*arguments[:4])
        case "torch._utils._rebuild_parameter" if isinstance(arguments[0], Tensor):
            return arguments[0]
        case "torch.Size" | "builtins.set" | "__builtin__.set":
            return tuple(*arguments)
        case "torch.device":
            return "device"
    raise NotRead(f"holds a {called}; objects other than tensors are not unpickled; {RESAVE}")


def _tensor(numbers: Any, offset: Any, shape: Any, strides: Any) -> Tensor:
    """Return a view of a storage; torch itself holds its bounds against the storage."""
    if not isinstance(numbers, Tensor) or len(shape) != len(strides) or len(shape) > MAX_AXES:
        raise ValueError("no tensor")
    return numbers.as_strided([*map(_count, shape)], [*map(_count, strides)], _count(offset))


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**48:
        raise ValueError("no count")
    return value
