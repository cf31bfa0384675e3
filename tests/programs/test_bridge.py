import numpy as np
import pytest
import torch

from scrubkit.families.programs.compile import compile_program
from scrubkit.families.programs.compile.bridge import to_bridge
from scrubkit.families.programs.compile.forward import forward
from tests.programs.graphs import induction


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"normalization": "LN", "codes": "rotated"},
        {"normalization": "RMS", "act_fn": "gelu"},
        {"attention_dir": "bidirectional", "permute": True},
    ],
)
def test_transformer_lens_gives_the_same_logits(options):
    made = compile_program(induction(), **options)
    bridge = to_bridge(made.weights, made.shape)
    with torch.no_grad():
        theirs = bridge(torch.from_numpy(made.program.tokens), return_type="logits").numpy()
    ours = forward(
        {n: v.astype(np.float32) for n, v in made.weights.items()}, made.shape, made.program.tokens
    )
    assert np.abs(theirs - ours.logits).max() < 1e-4
    assert (theirs[:, -1].argmax(axis=-1) == made.program.labels).all()
