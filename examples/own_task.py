"""A task of your own, and a small transformer trained on it: which claims hold of weights nobody wrote down?

The network learns the larger of two digits and is always right. That its last position holds nothing but the
larger one is false all the same: the logits still tell some of the pairs apart.
"""

import networkx as nx
import numpy as np
import torch
from transformer_lens.config import TransformerBridgeConfig
from transformer_lens.model_bridge.sources import boot_native

import scrubkit

SHAPE = dict(d_model=16, d_head=8, n_heads=2, n_layers=2, n_ctx=2, d_vocab=5, d_mlp=32, act_fn="relu", seed=0)
rows = np.array([[a, b] for a in range(5) for b in range(5)])
columns = {"a": rows[:, 0], "b": rows[:, 1]}
task = scrubkit.Task("larger", tokens=rows, labels=rows.max(axis=1), variables=columns)
config = TransformerBridgeConfig(**SHAPE, normalization_type=None, architecture="TransformerLensNative")
bridge = boot_native(config)
tokens, labels = torch.from_numpy(rows), torch.from_numpy(rows.max(axis=1))
optimizer = torch.optim.AdamW(bridge.parameters(), 0.01)
for _ in range(150):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(bridge(tokens)[:, -1], labels).backward()
    optimizer.step()

print(f"accuracy  {float((bridge(tokens)[:, -1].argmax(-1) == labels).double().mean()):.3f}")
for feature in ("max(a, b)", "b"):
    claim = nx.DiGraph([("stream", "logits")])
    claim.add_node("logits", site="logits")
    claim.add_node("stream", site="blocks.1.hook_resid_post[pos=1]", feature=feature)
    found = scrubkit.score(bridge, claim, task=task, exact=True)
    print(f"{feature}  {found.fidelity.value:.3f}  {found.agreement.value:.3f}  {found.verdict}")
