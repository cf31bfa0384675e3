"""Draws for chosen inputs are the same whether compiled loops or torch make them."""

import numpy as np
import pytest
import torch

from scrubkit import kernels
from scrubkit.scrubbing.evaluate import draws_for
from scrubkit.scrubbing.sampling import by_feature


@pytest.mark.skipif(not kernels.available(), reason="needs the extra 'fast'")
def test_compiled_loops_and_torch_draw_the_same_stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    resampling = by_feature([np.arange(20) % 3])
    rows = torch.arange(50) * 7 % 20
    draws = draws_for(rows, 20, torch.Generator().manual_seed(0))
    compiled = draws.stand_ins(resampling, rows, 5)
    monkeypatch.setattr(kernels, "available", lambda: False)
    assert torch.equal(draws.stand_ins(resampling, rows, 5), compiled)
    assert not torch.equal(compiled, rows)
