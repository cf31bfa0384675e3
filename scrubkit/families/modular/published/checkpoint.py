"""Reading other projects' checkpoint files down to named tensors, without running code from them.

Nothing is unpickled, and nothing takes more memory than the file has bytes; see `torch_file`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from scrubkit.core.reading import require_file
from scrubkit.errors import ModelError
from scrubkit.families.modular.published.torch_file import NotRead, read_torch_file
from scrubkit.models.atomic import os_errors

MAX_BYTES = 2**30
"""Largest checkpoint that is read; the largest known one, with every hundredth epoch, is about 0.5 GB."""

MAX_NUMBERS = 2**26
"""Most numbers in a state dict: a quarter of a gigabyte as float32."""

MAX_HEADER = 2**20
"""Largest header of a safetensors file that is read."""

MAX_DEPTH = 4
"""Deepest nesting of state dicts that is followed; a file may hold itself."""

DROPPED_SUFFIXES = (".mask", ".IGNORE")
"""Buffers of attention that hold no parameter."""

DROPPED_PREFIXES = ("x_embed.", "y_embed.")
"""Second copies of the embedding that the group-composition repository stores."""


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the state dict in a checkpoint file, without buffers that hold no parameter.

    A run's file may hold the state dict under "model" or "state_dict", or several under "state_dicts", of
    which the last is taken.

    Raises:
        ModelError: the file is missing, too large, damaged, holds objects other than tensors and plain
            values, or holds no state dict.
    """
    size = require_file(path, error=ModelError).st_size
    if size > MAX_BYTES:
        raise ModelError(f"holds {size:,} bytes, more than the {MAX_BYTES:,} that are read", title=str(path))
    loaded = _load(path)
    state = _find_state(loaded)
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
    return {
        name: tensor
        for name, tensor in state.items()
        if not name.endswith(DROPPED_SUFFIXES) and not name.startswith(DROPPED_PREFIXES)
    }


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


def _find_state(loaded: Any, depth: int = MAX_DEPTH) -> dict[str, Tensor] | None:
    if not isinstance(loaded, Mapping) or not depth:
        return None
    if loaded and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in loaded.items()):
        return dict(loaded)
    for key in ("model", "state_dict"):
        if key in loaded:
            return _find_state(loaded[key], depth - 1)
    several = loaded.get("state_dicts")
    return _find_state(several[-1], depth - 1) if isinstance(several, list | tuple) and several else None
