"""What is asked about permuted models: claims that are true of a trained one.

Which neurons and frequencies they name is read of its measured truth. Where a model is only nearly what a
claim says, the label is ambiguous, and the claim is in no suite.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float

from scrubkit.families.modular.suites.known import POST, Known
from scrubkit.families.modular.suites.texts import Told, begin, finer, node
from scrubkit.models.model import Model

MORE = (0, 3, 6)
"""Frequencies that are named besides as many as are key: a trained model uses others a little."""
STRONGEST = (0.8, 0.9)
"""Shares of the neurons that are named where not clusters are."""


def trained_texts(model: Model, known: Known) -> Iterator[Told]:
    """Yield claims that may be true of a trained model, each with its grain.

    Args:
        model: which of its frequencies and neurons are strong is read of its weights.
        known: what was measured of it.
    """
    p, w = known.truth.p, model.weights
    keys = known.truth.frequencies
    for more in MORE:
        count = len(keys) + more
        yield from _planes(known, _strong(w.W_U.T[:p].double().numpy(), count))
        yield from _frequencies(known, _strong(w.W_E[:p].double().numpy(), count))
    clusters = list(known.truth.clusters.values())
    yield from _clusters(known, clusters)
    strength = (w.W_in.norm(dim=0) * (w.W_out @ w.W_U).norm(dim=1)).double().numpy()
    for share in STRONGEST:
        found = np.argsort(-strength)[: round(share * len(strength))]
        yield from _clusters(known, [sorted(found.tolist())])


def _strong(table: Float[np.ndarray, "token d"], count: int) -> list[int]:
    """Return the frequencies over the tokens that have the largest norm."""
    norms = np.linalg.norm(np.fft.rfft(table, axis=0), axis=1)[1:]
    return sorted((1 + np.argsort(-norms)[:count]).tolist())


def _listed(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers))


def _planes(known: Known, strong: Sequence[int]) -> Iterator[Told]:
    """Yield claims about planes of the logits: each or all together, and one that is weak besides."""
    total = known.circles.sum
    weak = next(k for k in known.unread if k not in strong)
    for feature in (total, finer(total, "a % 3"), finer(total, "b % 2"), known.circles.pair, "(a, b)"):
        graph, apart = begin(), begin()
        node(graph, "planes", f"logits[frequencies={_listed(strong)}]", feature)
        for k in strong:
            node(apart, f"plane_{k}", f"logits[frequencies={k}]", feature)
        more = graph.copy()
        node(more, "other", f"logits[frequencies={weak}]")
        yield from (("planes", told) for told in (graph, apart, more))


def _frequencies(known: Known, strong: Sequence[int]) -> Iterator[Told]:
    """Yield claims about frequencies of the embedding: of one operand or both, with a weak one besides."""
    weak = next(k for k in known.unread if k not in strong)
    for said in ("ab", "a", "b"):
        graph = begin()
        for position, variable in enumerate("ab"):
            part = f", frequencies={_listed(strong)}" if variable in said else ""
            node(graph, variable, f"hook_embed[pos={position}{part}]", variable)
        more = graph.copy()
        node(more, "other", f"hook_embed[pos={'ab'.index(said[0])}, frequencies={weak}]")
        yield from (("frequencies", told) for told in (graph, more))


def _clusters(known: Known, clusters: Sequence[Sequence[int]]) -> Iterator[Told]:
    """Yield claims about groups of neurons: all that matter, and what the others are worth."""
    used = {i for members in clusters for i in members}
    rest = [i for i in range(known.config.d_mlp) if i not in used]
    for feature in ("(a, b)", known.circles.pair, known.circles.sum):
        graph = begin()
        for i, members in enumerate(clusters):
            node(graph, f"group_{i}", f"{POST}[pos=-1, neurons={_listed(members)}]", feature)
        yield "clusters", graph
        if rest:
            more = graph.copy()
            node(more, "rest", f"{POST}[pos=-1, neurons={_listed(rest)}]")
            yield "clusters", more
        operands = graph.copy()
        for position, variable in enumerate("ab"):
            operands.add_node(variable, site=f"hook_embed[pos={position}]", feature=variable)
            operands.add_edges_from((variable, f"group_{i}") for i in range(len(clusters)))
        yield "operands", operands
