"""Interchanges by pyvene: its interventions on a plain transformer, and its causal models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from scrubkit import Bound, Part
from tests.methods.authors.plain import Plain

MODULES = {"mlp.hook_post": ".post", "attn.hook_z": ".z", "hook_mlp_out": ".mlp_out", "hook_resid_post": ""}


def component(part: Part) -> str:
    """Return pyvene's name of the module whose output a part is of."""
    block, _, hook = part.hook.removeprefix("blocks.").partition(".")
    return f"blocks[{block}]{MODULES[hook]}.output" if hook else "embed.output"


def whole(part: Part) -> Any:
    """Return pyvene's intervention that sets all of a part."""
    import pyvene  # pyright: ignore[reportMissingImports]

    if part.basis is None:
        return pyvene.VanillaIntervention()
    rows = torch.tensor(part.basis, dtype=torch.float64)
    return rotation(rows.T)


def rotation(basis: Tensor) -> Any:
    """Return pyvene's intervention that sets the coordinates along a basis, (width, rank)."""
    import pyvene  # pyright: ignore[reportMissingImports]

    width, rank = basis.shape
    found = pyvene.LowRankRotatedSpaceIntervention(embed_dim=width, low_rank_dimension=rank).double()
    found.rotate_layer.weight = basis
    return found


def numbers(part: Part, d_head: int) -> list[int] | None:
    """Return which numbers of the module's output at a position a part takes; None for all."""
    if part.neurons is not None:
        return list(part.neurons)
    if part.heads is not None:
        return [h * d_head + i for h in part.heads for i in range(d_head)]
    return None


def intervened(
    bound: Bound, plain: Plain, parts: Mapping[Part, Any], base: Tensor, source: Tensor, d_head: int = 0
) -> Tensor:
    """Return the logits on some inputs with parts set by pyvene to what they are on others.

    Args:
        bound: our model.
        plain: the same in plain torch.
        parts: for each part, at one position, pyvene's intervention.
        base: the inputs that are run.
        source: the inputs that values come from.
        d_head: width of a head.
    """
    import pyvene  # pyright: ignore[reportMissingImports]

    given = [
        pyvene.RepresentationConfig(0, component(part), "pos", 1, intervention=how)
        for part, how in parts.items()
    ]
    model = pyvene.IntervenableModel(pyvene.IntervenableConfig(given), model=plain)
    places = [[[part.positions[0]]] * len(base) for part in parts]
    found = [numbers(part, d_head) for part in parts]
    _, output = model(
        {"tokens": bound.tokens[base]},
        [{"tokens": bound.tokens[source]}] * len(given),
        {"sources->base": (places, places)},
        subspaces=[None if own is None else [own] * len(base) for own in found],
    )
    return output[:, -1:]


def causal_model(bound: Bound, steps: Mapping[str, Any]) -> Any:
    """Return pyvene's causal model of a hypothesis, whose root answers with a class.

    Args:
        bound: the hypothesis.
        steps: for each node that has parents the function of their values; inputs are their features.
    """
    import pyvene  # pyright: ignore[reportMissingImports]

    names = list(bound.nodes)
    return pyvene.CausalModel(
        names,
        {name: range(bound.right.max() + 1) for name in names},
        {name: list(bound.nodes[name].parents) for name in names},
        {name: steps.get(name, lambda: 0) for name in names},
        pos={},
    )


def predicted(
    model: Any, values: Mapping[str, Any], names: Sequence[str], base: Tensor, source: Tensor, root: str
) -> Tensor:
    """Return the answer that pyvene's causal model gives to each interchange of some variables.

    Args:
        model: the causal model.
        values: of every variable that is an input of it, for each row.
        names: the variables that are set.
        base: the inputs that are run.
        source: the inputs that the variables' values come from.
        root: the variable that is the answer.
    """

    def inputs(row: int) -> dict[str, int]:
        return {name: int(values[name][row]) for name in model.inputs}

    pairs = zip(base.tolist(), source.tolist(), strict=True)
    return torch.tensor(
        [model.run_interchange(inputs(b), dict.fromkeys(names, inputs(s)))[root] for b, s in pairs]
    )
