"""Models with random weights of every architecture that we hold, small enough to run by hooks."""

from functools import cache

import numpy as np
import torch

from scrubkit.families.modular.task import ModularAddition
from scrubkit.families.modular.truth import ModularTruth
from scrubkit.models.config import ModelConfig
from scrubkit.models.model import Model
from scrubkit.models.record import Provenance
from scrubkit.models.weights import random_weights
from scrubkit.subjects.bridge import BridgeSubject
from scrubkit.subjects.network import NetworkSubject

ARCHITECTURES = {
    "one block": {},
    "two blocks": {"n_layers": 2},
    "LayerNorm, GELU": {"n_layers": 2, "normalization": "LN", "act_fn": "gelu"},
    "RMSNorm, bidirectional": {"n_layers": 2, "normalization": "RMS", "attention": "bidirectional"},
    "attention only": {"n_layers": 2, "d_mlp": 0},
}


@cache
def random_model(architecture: str) -> Model:
    """Return a model of addition mod 5 with random weights, whose truth names neurons."""
    task = ModularAddition(5)
    sizes = {"d_model": 6, "n_heads": 2, "d_head": 4, "d_mlp": 9, **ARCHITECTURES[architecture]}
    config = ModelConfig.for_task(task, **sizes)
    weights = random_weights(config, torch.Generator().manual_seed(0))
    rng = torch.Generator().manual_seed(1)
    noise = {
        name: value + torch.randn(value.shape, generator=rng) / 3
        for name, value in weights.tensors.items()
        if value.ndim < 2 or name.split(".")[-1].startswith("b_")
    }
    truth = ModularTruth(
        source="construction",
        variant="random",
        p=5,
        frequencies=(1,),
        clusters={1: (0, 2, 5), 2: (1, 4)},
        n_neurons=config.d_mlp,
        subspaces={"plane": np.eye(6)[:2].tolist(), "head_plane": np.eye(4)[:2].tolist()},
    )
    return Model("random", task, config, weights.with_(**noise), Provenance(kind="trained"), truth)


@cache
def both(architecture: str) -> tuple[NetworkSubject, BridgeSubject]:
    """Return the model as a network and as a bridge, in float64 so that only real differences show."""
    model = random_model(architecture)
    return NetworkSubject(model, dtype=torch.float64), BridgeSubject.of(model, dtype=torch.float64)


def sites(subject: NetworkSubject) -> list[str]:
    """Return sites on every hook that the subject has, with every key that the hook takes."""
    found = ["hook_embed[pos=0,1]", "hook_embed[pos=0, frequencies=1]", "hook_embed[pos=0, frequencies=~1]"]
    found += ["hook_embed[pos=1, frequencies=1,2]", "logits[frequencies=0]", "logits[frequencies=1]"]
    found += ["logits[frequencies=2]", "hook_embed[pos=0, frequencies=0-2]"]
    for name, hook in subject.architecture.hooks.items():
        if name == "logits":
            continue
        keys = hook.kind.keys
        if "head" in keys:
            found += [f"{name}[pos=-1, head=0]", f"{name}[pos=0,2]", f"{name}[head=1]", name]
            found += [f"{name}[pos=-1, head=1, subspace=head_plane]"] if "subspace" in keys else []
        elif "neurons" in keys:
            found += [f"{name}[pos=-1, neurons=cluster:1]", f"{name}[pos=-1, neurons=cluster:2]", name]
            found += [f"{name}[pos=-1, neurons=rest]", f"{name}[pos=0, neurons=~0-3]"]
        else:
            found += [f"{name}[pos=0]", f"{name}[pos=-1]", name]
            found += [f"{name}[pos=-1, subspace=plane]"] if "subspace" in keys else []
    return found
