"""A plain transformer as auto_circuit sees it: the same nodes and edges as our finders have."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from scrubkit import Bound
from scrubkit.methods.edge_attribution import site_names
from tests.methods.authors.plain import Plain

Edges = dict[tuple[str, str], Any]
"""Their edge, by the sites that our finders call its ends."""


def patchable(bound: Bound, plain: Plain) -> tuple[Any, Edges]:
    """Return auto_circuit's model, and its edges by our names.

    Args:
        bound: our model, whose answer is read at the last position.
        plain: the same in plain torch; its modules are wrapped.
    """
    from auto_circuit.types import DestNode, Edge, SrcNode  # pyright: ignore[reportMissingImports]
    from auto_circuit.utils.graph_utils import make_model_patchable  # pyright: ignore[reportMissingImports]
    from auto_circuit.utils.patchable_model import PatchableModel  # pyright: ignore[reportMissingImports]

    sources = [{"module_name": f"embed_at.{i}", "layer": 0} for i in range(plain.n_ctx)]
    readers = []
    for layer in range(len(plain.blocks)):
        heads = [{"layer": 2 * layer + 1, "head_idx": h, "head_dim": 2} for h in range(plain.n_heads)]
        sources += [{"module_name": f"blocks.{layer}.written", **head} for head in heads]
        sources.append({"module_name": f"blocks.{layer}.mlp_out", "layer": 2 * layer + 2})
        readers += [{"module_name": f"blocks.{layer}.enter", **head} for head in heads]
        readers.append({"module_name": f"blocks.{layer}.mid", "layer": 2 * layer + 2})
    readers.append({"module_name": "end", "layer": 2 * len(plain.blocks) + 1})
    names = [*site_names(bound), "logits"]
    srcs = [SrcNode(name=names[i], src_idx=i, **found) for i, found in enumerate(sources)]
    dests = [DestNode(name=name, **found) for name, found in zip(names[plain.n_ctx :], readers, strict=True)]
    # In the order in which ours prunes: the last reader first, and of its sources the last stage first.
    edges = [
        Edge(source, reader)
        for reader in sorted(dests, key=lambda dest: -dest.layer)
        for source in sorted(srcs, key=lambda source: -source.layer)
        if source.layer < reader.layer
    ]
    nodes = {*srcs, *dests}
    wrappers = make_model_patchable(plain, True, set(srcs), nodes, torch.device("cpu"), None, 1)
    model = PatchableModel(
        nodes,
        set(srcs),
        set(dests),
        {None: edges},
        set(edges),
        1,
        None,
        *wrappers,
        out_slice=(slice(None), -1),
        is_factorized=True,
        is_transformer=False,
        separate_qkv=None,
        kv_caches=(None,),
        wrapped_model=plain,
    )
    model.edges = edges  # a list: in a set the order in which ACDC removes them is a matter of chance
    return model, {(edge.src.name, edge.dest.name): edge for edge in edges}


def batch(bound: Bound, clean: Tensor, corrupt: Tensor) -> Any:
    """Return pairs as auto_circuit's batch: wrong answers are all classes, as the lead is from their mean."""
    from auto_circuit.data import PromptPair, collate_fn  # pyright: ignore[reportMissingImports]

    classes = torch.arange(bound.clean(clean[:1]).shape[-1])
    return collate_fn(
        [
            PromptPair(bound.tokens[one], bound.tokens[other], bound.right[one], classes)
            for one, other in zip(clean.tolist(), corrupt.tolist(), strict=True)
        ]
    )
