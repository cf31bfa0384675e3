"""Locally consistent abstraction: every step of the causal model, checked by itself on the network.

Jenner, Garriga-Alonso and Zverev 2023, "A comparison of causal scrubbing, causal abstractions, and related
methods", Alignment Forum: an abstraction is consistent where, for
every node, computing in the network and then abstracting gives what abstracting and then computing gives,
one step at a time and for all values of the parents, those that no input produces together included.

A value is abstracted by the nearest mean of the classes of its node, and the output by its answer. A network
whose later layers do not look at what an earlier claim is about can pass every step of it, and errors too
small to leave the nearest class are not seen: their sum over many steps may be.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from scrubkit import Answer, Bound, BoundNode, Budget, Hypothesis, Model, Task, bind
from scrubkit.methods.variables import agreeing

PAIRS = 256
MOST = 4096
"""Inputs from which class means are taken at most."""


@dataclass(frozen=True)
class LocalConsistency:
    """The share of joint values of the parents that lead to the predicted class, least over nodes.

    Attributes:
        device: where models are run.
        threshold: share from which the abstraction is accepted; the definition asks for 1.
    """

    device: str = "cpu"
    name = "local-consistency"
    threshold = 0.95
    claims_minimality = False

    def score(
        self, model: Model, hypothesis: Hypothesis, *, task: Task, generator: torch.Generator, budget: Budget
    ) -> Answer:
        """Check every node that reads others."""
        bound = bind(model, hypothesis, task=task, device=self.device)
        shares: dict[str, float] = {}
        for group in bound.readers:
            base = bound.others(torch.arange(PAIRS), generator)
            parents = [bound.nodes[name] for name in group[0].parents if not bound.nodes[name].unimportant]
            donors = {parent.name: bound.others(base, generator) for parent in parents}
            stands = agreeing(parents, list(donors.values()), base) if parents else base
            told = stands >= 0
            if not told.any():
                continue
            given = {name: rows[told] for name, rows in donors.items()}
            values = bound.given(group, base[told], given)
            for node, value in zip(group, values, strict=True):
                shares[node.name] = float(_consistent(bound, node, value, stands[told]).double().mean())
        if not shares:
            return Answer(0.0, verdict="untestable", evaluations=0, notes=("no step tells anything",))
        notes = ("consistent: " + ", ".join(f"{name} {share:.3f}" for name, share in shares.items()),)
        return Answer(min(shares.values()), evaluations=bound.evaluations, notes=notes)


def _consistent(bound: Bound, node: BoundNode, value: Tensor, goal: Tensor) -> Tensor:
    """Say for each item whether the value of a node is abstracted to the class that it has on the goal."""
    if node is bound.root:
        return bound.answers(value, goal)
    rows = torch.arange(bound.n_inputs) if bound.n_inputs <= MOST else goal
    classes = torch.from_numpy(node.classes)
    clean, found = node.read(rows).flatten(1).double(), value.flatten(1).double()
    seen, index = torch.unique(classes[rows], return_inverse=True)
    sums = clean.new_zeros(len(seen), clean.shape[1]).index_add_(0, index.to(clean.device), clean)
    means = sums / torch.bincount(index, minlength=len(seen)).to(sums)[:, None]
    nearest = torch.cdist(found, means).argmin(dim=1).cpu()
    # Means that coincide stand for one abstract value: the node does not tell those classes apart.
    wanted = torch.searchsorted(seen, classes[goal])
    apart = (means[nearest.to(means.device)] - means[wanted.to(means.device)]).norm(dim=1)
    scale = float((means - means.mean(dim=0)).norm(dim=1).max())
    return (apart <= 1e-6 * scale).cpu()
