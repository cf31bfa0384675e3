"""Reading other projects' checkpoint files down to named tensors, without running code from them.

Nothing is unpickled, and nothing takes more memory than the file has bytes; see `torch_file`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from scrubkit.core.reading import require_file
from scrubkit.errors import ModelError
from scrubkit.families.modular.published.containers import find_settings, find_state, parameters
from scrubkit.families.modular.published.torch_file import NotRead, read_torch_file
from scrubkit.models.atomic import os_errors

MAX_BYTES = 2**30
"""Largest checkpoint that is read; the largest known one, with every hundredth epoch, is about 0.5 GB."""

MAX_NUMBERS = 2**26
"""Most numbers in a state dict: a quarter of a gigabyte as float32."""

MAX_HEADER = 2**20
"""Largest header of a safetensors file that is read."""


LFS_POINTER = b"version https://git-lfs.github.com/spec/"
"""First bytes of the small text file that Git LFS puts where a large file was not fetched."""


class Checkpoint(NamedTuple):
    """What a checkpoint file holds: parameters by name, and the run's settings where it has them."""

    state: dict[str, Tensor]
    settings: dict[str, Any]


def read_checkpoint(path: Path) -> Checkpoint:
    """Return the parameters in a checkpoint file, without buffers, and the settings beside them.

    A run's file may hold the state dict under one of several keys, see `containers`.

    Raises:
        ModelError: the file is missing, too large, damaged, a pointer of Git LFS, holds objects other than
            tensors and plain values, or holds no state dict.
    """
    size = require_file(path, error=ModelError).st_size
    with os_errors(path), open(path, "rb") as file:
        if file.read(len(LFS_POINTER)) == LFS_POINTER:
            raise ModelError(
                "is a Git LFS pointer and not the checkpoint itself; fetch it with `git lfs pull`, or "
                "download the file from the project's page",
                title=str(path),
            )
    if size > MAX_BYTES:
        raise ModelError(f"holds {size:,} bytes, more than the {MAX_BYTES:,} that are read", title=str(path))
    loaded = _load(path)
    state = find_state(loaded)
    if state is None:
        found = (
            f"keys {', '.join(map(str, list(loaded)[:8]))}"
            if isinstance(loaded, Mapping)
            else type(loaded).__name__
        )
        raise ModelError(f"holds no state dict of tensors; found {found}", title=str(path))
    faults = [
        f"tensor {name[:80]} does not hold its own numbers (it is expanded from fewer); save it whole"
        for name, tensor in state.items()
        if tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size()
    ]
    total = sum(tensor.numel() for tensor in state.values())
    if total > MAX_NUMBERS:
        # Tensors may share their numbers in the file, and are copied apart later.
        faults.append(
            f"its tensors have {total:,} numbers, more than the {MAX_NUMBERS:,} that a model may have"
        )
    if faults:
        raise ModelError(faults, title=str(path))
    return Checkpoint(parameters(state), find_settings(loaded))


def _load(path: Path) -> Any:
    try:
        with os_errors(path), open(path, "rb") as file:
            if path.suffix != ".safetensors":
                return read_torch_file(file)
            header = int.from_bytes(file.read(8), "little")
        if header > MAX_HEADER:
            raise NotRead(f"its header has {header:,} bytes, more than the {MAX_HEADER:,} that are read")
        return safetensors.torch.load_file(path)
    except NotRead as error:
        raise ModelError(str(error), title=str(path)) from None
    # The reader of safetensors documents one exception, and raises others on damaged files.
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError, OSError) as error:
        raise ModelError(
            f"not a safetensors file, or damaged: {str(error).splitlines()[0][:200]}", title=str(path)
        ) from None
