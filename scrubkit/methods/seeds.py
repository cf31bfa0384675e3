"""Seeds for parts that take a number, drawn from the generator that a method is given."""

from __future__ import annotations

import torch


def draw_seed(generator: torch.Generator) -> int:
    """Return a seed in [0, 2^31), advancing the generator."""
    return int(torch.randint(2**31, (1,), generator=generator, device=generator.device))
