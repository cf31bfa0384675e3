"""Compiled models that have a name, and the request that each name stands for.

They are not in the package: compiling takes seconds, and the result is kept under the user's cache folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LARGE = {"p": 113, "frequencies": (14, 35, 41, 42, 52)}
"""The task of Nanda et al. 2023, with the frequencies that their model found."""

SMALL = {"p": 59, "frequencies": (10, 14, 19, 22)}
"""The modulus of Zhong et al. 2023, with four frequencies whose pizza has the widest smallest margin."""

CATALOGUE: Mapping[str, Mapping[str, Any]] = {
    "pizza-p113": {"variant": "pizza", **LARGE},
    "clock-torus-p113": {"variant": "clock-torus", **LARGE},
    "clock-attention-p113": {"variant": "clock-attention", **LARGE},
    "pizza-p59": {"variant": "pizza", **SMALL},
    "clock-torus-p59": {"variant": "clock-torus", **SMALL},
    "clock-attention-p59": {"variant": "clock-attention", **SMALL},
}
"""Name to the options of `scrubkit.families.modular.compile.CompileRequest`."""
