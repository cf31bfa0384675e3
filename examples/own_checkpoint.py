"""A checkpoint of your own: a file of weights becomes a model, is certified by measurement, and takes claims.

The file is made here of a network that was trained to add mod 59; yours comes from your own training. For
files as other projects store them there is `scrubkit import`.
"""

import tempfile
from pathlib import Path

import torch
from transformer_lens.config import TransformerBridgeConfig
from transformer_lens.model_bridge.sources import boot_native

import scrubkit

SHAPE = dict(d_vocab=60, d_vocab_out=59, n_ctx=3, n_layers=1, d_model=64, n_heads=4, d_head=16, d_mlp=256)

with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "run.pth"
    torch.save(scrubkit.load("modadd-p59").bridge.state_dict(), file)
    native = dict(act_fn="relu", normalization_type=None, architecture="TransformerLensNative")
    bridge = boot_native(TransformerBridgeConfig(**SHAPE, **native))
    bridge.load_state_dict(torch.load(file, weights_only=True))

model = scrubkit.Model.from_bridge(bridge, scrubkit.ModularAddition(59), name="mine")
model = scrubkit.with_certificate(model)
print(f"key frequencies  {', '.join(map(str, model.truth.frequencies))}")
for name in ("sum", "difference"):
    found = scrubkit.score(model, scrubkit.load_hypothesis(name, truth=model.truth))
    print(f"{name}  {found.fidelity.value:.3f}  {found.verdict}")
