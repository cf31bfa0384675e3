"""Reading other projects' checkpoint files down to named tensors, without running code from them.

``torch.load(weights_only=True)`` builds tensors and plain containers and refuses everything else.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from scrubkit.errors import ModelError
from scrubkit.models.atomic import os_errors

MAX_BYTES = 4 * 2**30
"""Largest checkpoint that is read; the largest known one, with every hundredth epoch, is about 0.5 GB."""

DROPPED_SUFFIXES = (".mask", ".IGNORE")
"""Buffers of attention that hold no parameter."""

DROPPED_PREFIXES = ("x_embed.", "y_embed.")
"""Second copies of the embedding that the group-composition repository stores."""

RESAVE = (
    "if you trust the file, keep only its tensors: "
    "torch.save(torch.load(PATH, weights_only=False)['model'], NEW_PATH)"
)


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the state dict in a checkpoint file, without buffers that hold no parameter.

    A run's file may hold the state dict under "model" or "state_dict", or several under "state_dicts", of
    which the last is taken.

    Raises:
        ModelError: the file is missing, too large, damaged, holds objects other than tensors and plain
            values, or holds no state dict.
    """
    with os_errors(path):
        if not path.is_file():
            raise ModelError("no such file", title=str(path))
        size = path.stat().st_size
    if size > MAX_BYTES:
        raise ModelError(f"holds {size:,} bytes, more than the {MAX_BYTES:,} that are read", title=str(path))
    unpacked = _unpacked_size(path)
    if unpacked > MAX_BYTES:
        raise ModelError(
            f"would unpack to {unpacked:,} bytes, more than the {MAX_BYTES:,} that are read", title=str(path)
        )
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
        f"tensor {name[:80]} does not hold its own numbers (sparse, expanded or without data); save it whole"
        for name, tensor in state.items()
        if not _is_plain(tensor)
    ]
    if faults:
        raise ModelError(faults, title=str(path))
    return {
        name: tensor
        for name, tensor in state.items()
        if not name.endswith(DROPPED_SUFFIXES) and not name.startswith(DROPPED_PREFIXES)
    }


def _load(path: Path) -> Any:
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    # Unpickling a damaged or hostile file may end in any exception; each of them means the same to the user.
    except Exception as error:
        refused = re.search(r"GLOBAL (\S+)", str(error))
        first = (str(error) or type(error).__name__).splitlines()[0]
        # torch's own advice, to load with weights_only=False, is not passed on.
        detail = "" if first.startswith("Weights only load failed") else f": {first[:200]}"
        reason = f"not a checkpoint of PyTorch, or damaged{detail}"
        if refused:
            reason = f"holds a {refused[1]}; objects other than tensors are not unpickled; {RESAVE}"
        raise ModelError(reason, title=str(path)) from None


def _is_plain(tensor: Tensor) -> bool:
    """Say whether a tensor's numbers are all in the file; an expanded one takes far more memory than it."""
    if tensor.layout is not torch.strided or tensor.device.type != "cpu":
        return False
    return tensor.untyped_storage().nbytes() >= tensor.numel() * tensor.element_size()


def _unpacked_size(path: Path) -> int:
    """Return the size of an archive's contents, which may be compressed; 0 for what is no archive."""
    if not zipfile.is_zipfile(path):
        return 0
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ModelError(f"not a checkpoint of PyTorch, or damaged: {error}", title=str(path)) from None


def _find_state(loaded: Any) -> dict[str, Tensor] | None:
    if not isinstance(loaded, Mapping):
        return None
    if loaded and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in loaded.items()):
        return dict(loaded)
    for key in ("model", "state_dict"):
        if key in loaded:
            return _find_state(loaded[key])
    several = loaded.get("state_dicts")
    return _find_state(several[-1]) if isinstance(several, list | tuple) and several else None
