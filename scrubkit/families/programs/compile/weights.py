"""A compiled program's tensors, by TransformerLens's names and in its orientation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scrubkit.models.config import ModelConfig

Tensors = Mapping[str, np.ndarray]


def zeros(config: ModelConfig) -> dict[str, np.ndarray]:
    """Return all tensors in float64, zero; the scales of normalisations are one."""
    return {
        name: np.ones(shape) if name.endswith(".w") else np.zeros(shape)
        for name, shape in config.shapes.items()
    }
