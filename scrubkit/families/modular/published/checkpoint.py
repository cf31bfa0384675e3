"""Reading other projects' checkpoint files down to named tensors, without running code from them.

``torch.load(weights_only=True)`` builds tensors and plain containers and refuses everything else.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from torch import Tensor

from scrubkit.errors import ModelError
from scrubkit.families.modular.published.containers import find_settings, find_state, parameters
from scrubkit.models.atomic import os_errors

MAX_BYTES = 4 * 2**30
"""Largest checkpoint that is read; the largest known one, with every hundredth epoch, is about 0.5 GB."""

RESAVE = (
    "if you trust the file, keep only its tensors: "
    "torch.save(torch.load(PATH, weights_only=False)['model'], NEW_PATH)"
)


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
    with os_errors(path):
        if not path.is_file():
            raise ModelError("no such file", title=str(path))
        size = path.stat().st_size
        with open(path, "rb") as file:
            if file.read(len(LFS_POINTER)) == LFS_POINTER:
                raise ModelError(
                    "is a Git LFS pointer and not the checkpoint itself; fetch it with `git lfs pull`, or "
                    "download the file from the project's page",
                    title=str(path),
                )
    if size > MAX_BYTES:
        raise ModelError(f"holds {size:,} bytes, more than the {MAX_BYTES:,} that are read", title=str(path))
    unpacked = _unpacked_size(path)
    if unpacked > MAX_BYTES:
        raise ModelError(
            f"would unpack to {unpacked:,} bytes, more than the {MAX_BYTES:,} that are read", title=str(path)
        )
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
        f"tensor {name[:80]} does not hold its own numbers (sparse, expanded or without data); save it whole"
        for name, tensor in state.items()
        if not _is_plain(tensor)
    ]
    if faults:
        raise ModelError(faults, title=str(path))
    return Checkpoint(parameters(state), find_settings(loaded))


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
