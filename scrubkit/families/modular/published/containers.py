"""What projects wrap around a state dict: keys, prefixes, buffers, second copies, and settings beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

KEYS = ("model", "state_dict", "model_state_dict")
"""Keys under which a run's file holds the state dict."""

SEVERAL = "state_dicts"
"""Key under which it holds several, the last of which is the final one."""

SETTINGS = ("config", "cfg")
"""Keys under which it may hold the run's settings."""

DEPTH = 4
"""Deepest nesting of such keys that is followed."""

PREFIXES = ("module.", "_orig_mod.")
"""What `torch.nn.DataParallel` and `torch.compile` put before every name."""

DROPPED_SUFFIXES = (".mask", ".IGNORE")
"""Buffers of attention that hold no parameter."""

DROPPED = ("x_embed", "y_embed")
"""Second copies of the embedding that the group-composition repository stores as bare tensors
(Chughtai et al. 2023, arXiv:2302.03025)."""


def find_state(loaded: Any, depth: int = DEPTH) -> dict[str, Tensor] | None:
    """Return the state dict in what a file held, None where there is none."""
    if not isinstance(loaded, Mapping) or depth == 0:
        return None
    if loaded and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in loaded.items()):
        return dict(loaded)
    for key in KEYS:
        if key in loaded:
            return find_state(loaded[key], depth - 1)
    several = loaded.get(SEVERAL)
    return find_state(several[-1], depth - 1) if isinstance(several, list | tuple) and several else None


def find_settings(loaded: Any) -> dict[str, Any]:
    """Return the plain settings that lie beside the state dict, empty where there are none."""
    if not isinstance(loaded, Mapping):
        return {}
    found = next((loaded[key] for key in SETTINGS if isinstance(loaded.get(key), Mapping)), {})
    return {key: value for key, value in found.items() if isinstance(key, str)}


def parameters(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the parameters under their own names: prefixes, buffers and second copies are dropped.

    A prefix is one only where every name has it.
    """
    kept = dict(state)
    while kept and (prefix := next((p for p in PREFIXES if all(k.startswith(p) for k in kept)), None)):
        kept = {name.removeprefix(prefix): tensor for name, tensor in kept.items()}
    return {
        name: tensor
        for name, tensor in kept.items()
        if not name.endswith(DROPPED_SUFFIXES) and name not in DROPPED
    }
