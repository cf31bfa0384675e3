"""Scoring on any TransformerBridge, of any depth, by the reference engine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch

from scrubkit.core.task import Task
from scrubkit.scrubbing.evaluate import scrub_rows
from scrubkit.scrubbing.figures import Levels
from scrubkit.scrubbing.passes import Outputs
from scrubkit.scrubbing.plan import Plan
from scrubkit.scrubbing.scoring import Scorer
from scrubkit.subjects.bridge import BridgeSubject


class BridgeScorer(Scorer):
    """Scores hypotheses on any native TransformerBridge with the reference engine: any depth, slow.

    Args:
        bridge: the model; it is not changed.
        task: enumerates the inputs, as token rows that the bridge takes.
        truth: gives ``cluster:k`` and ``key`` a meaning, where something is known.
        name: what reports call the model.
    """

    engine = "reference"

    def __init__(self, bridge: Any, task: Task, *, truth: Any = None, name: str = "bridge") -> None:
        self.model = None
        self.name = name
        self.known = truth
        self.device = torch.device("cpu")
        self.subject = BridgeSubject(bridge, task, truth=truth, title=f"model {name}")
        state = bridge.state_dict()
        self.dtype = state["embed.weight"].dtype
        self.hash = hash_tensors(state)
        rows = torch.arange(task.n_inputs)
        logits = self.subject.clean(self.subject.part("logits", {}), rows)[:, 0].double()
        self.levels = Levels(logits, torch.from_numpy(task.labels))
        self.truth = None

    def outputs(self, plan: Plan) -> Outputs:
        """Return the function from draws to scrubbed logits."""
        return lambda draws: scrub_rows(self.subject, plan, draws)[:, 0]


def hash_tensors(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the SHA-256 of named tensors, as float32."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = tensors[name].detach().to("cpu", torch.float32).contiguous().numpy()
        digest.update(f"{name}{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()
