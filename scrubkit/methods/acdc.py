"""Pruning edges one by one: automatic circuit discovery (ACDC).

Conmy et al. 2023, "Towards Automated Circuit Discovery for Mechanistic Interpretability", arXiv:2304.14997,
algorithm 1: from the logits backwards, every edge is set to its value on a corrupt input, and stays removed
unless the KL divergence from the model's own output grows by more than a threshold. Nodes are the
embeddings, the heads and the MLP; what an edge costs is kept as its importance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from scrubkit.core.task import Task
from scrubkit.methods.protocol import Budget, Importances
from scrubkit.models.model import Model
from scrubkit.models.weights import Weights

PAIRS = 256
"""Pairs of a clean and a corrupt input."""
THRESHOLD = 0.01
"""KL, nats per input, that an edge has to cost to stay."""
Edge = tuple[str, str]


class Pruning:
    """Importance of an edge = the KL that its removal adds, nats per input; of a site, its largest edge's."""

    name = "acdc"

    @torch.no_grad()
    def find(self, model: Model, *, task: Task, generator: torch.Generator, budget: Budget) -> Importances:
        """Prune all edges of a model and return what each costs."""
        clean, corrupt = torch.randint(task.n_inputs, (2, PAIRS), generator=generator)
        runs = PairRuns(model.weights, model.tokens[clean], model.tokens[corrupt])
        edges = runs.edges()
        removed: set[Edge] = set()
        now, costs = 0.0, {}
        for edge in edges:
            kl = runs.divergence(removed | {edge})
            costs[edge] = max(kl - now, 0.0)
            if kl - now < THRESHOLD:
                removed, now = removed | {edge}, kl
        sites: dict[str, float] = {}
        for (source, _), cost in costs.items():
            sites[source] = max(sites.get(source, 0.0), cost)
        return Importances(sites, costs, evaluations=PAIRS * (2 + len(edges)))


@dataclass
class PairRuns:
    """Runs of the 1-layer model in which each edge carries its current or its corrupt value.

    Attributes:
        w: the weights.
        clean: token rows that are run.
        corrupt: token rows that removed edges come from.
    """

    w: Weights
    clean: Int[Tensor, "pair pos"]
    corrupt: Int[Tensor, "pair pos"]

    def __post_init__(self) -> None:
        n = self.clean.shape[1]
        self.embeds = [f"hook_embed[pos={i}]" for i in range(n)]
        self.heads = [f"blocks.0.attn.hook_z[pos=-1, head={h}]" for h in range(len(self.w.W_Q))]
        self.mlp, self.logits = "blocks.0.hook_mlp_out[pos=-1]", "logits"
        self.corrupt_values = self._values(self.corrupt, frozenset(), {})
        self.log_probs = self._logits(self.clean, frozenset()).double().log_softmax(dim=1)

    def edges(self) -> list[Edge]:
        """Return all edges, those nearest to the logits first."""
        into_logits = [(source, self.logits) for source in (self.mlp, *self.heads, self.embeds[-1])]
        into_mlp = [(source, self.mlp) for source in (*self.heads, self.embeds[-1])]
        return into_logits + into_mlp + [(e, head) for head in self.heads for e in self.embeds]

    def divergence(self, removed: set[Edge]) -> float:
        """Return the mean KL from the model's output with some edges removed, nats per input."""
        log_probs = self._logits(self.clean, frozenset(removed)).double().log_softmax(dim=1)
        return float((self.log_probs.exp() * (self.log_probs - log_probs)).sum(dim=1).mean())

    def _logits(self, tokens: Int[Tensor, "pair pos"], removed: frozenset[Edge]) -> Tensor:
        values = self._values(tokens, removed, self.corrupt_values)
        return self._read(self.logits, values, removed, self.corrupt_values) @ self.w.W_U + self.w.b_U

    def _values(
        self, tokens: Int[Tensor, "pair pos"], removed: frozenset[Edge], corrupt: dict[str, Tensor]
    ) -> dict[str, Float[Tensor, "pair d_model"]]:
        """Return what each node writes into the residual stream."""
        w = self.w
        embedded = w.W_E[tokens] + w.W_pos[: tokens.shape[1]]
        values = {name: embedded[:, i] for i, name in enumerate(self.embeds)}
        for h, head in enumerate(self.heads):
            resid = [corrupt[e] if (e, head) in removed else values[e] for e in self.embeds]
            values[head] = _head(w, h, torch.stack(resid, dim=1))
        post = (self._read(self.mlp, values, removed, corrupt) @ w.W_in + w.b_in).relu()
        values[self.mlp] = post @ w.W_out + w.b_out
        return values

    def _read(
        self, reader: str, values: dict[str, Tensor], removed: frozenset[Edge], corrupt: dict[str, Tensor]
    ) -> Float[Tensor, "pair d_model"]:
        """Add up what a reader gets over its edges."""
        sources = [self.embeds[-1], *self.heads, *([self.mlp] if reader == self.logits else [])]
        got = [corrupt[s] if (s, reader) in removed else values[s] for s in sources]
        return torch.stack(got).sum(dim=0) + self.w.b_O


def _head(w: Weights, h: int, resid: Float[Tensor, "pair pos d_model"]) -> Float[Tensor, "pair d_model"]:
    """Return what one head writes at the last position."""
    q = resid[:, -1] @ w.W_Q[h] + w.b_Q[h]
    k, v = resid @ w.W_K[h] + w.b_K[h], resid @ w.W_V[h] + w.b_V[h]
    pattern = (torch.einsum("ie,ipe->ip", q, k) / math.sqrt(q.shape[1])).softmax(dim=1)
    return torch.einsum("ip,ipe->ie", pattern, v) @ w.W_O[h]
