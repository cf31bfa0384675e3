"""Formats of other projects' state dicts, told apart by the tensors themselves.

- nanda: Nanda et al. 2023 and the pizza repository. Parameters multiply from the left, ``W_O`` is
  (d_model, head * d_head), attention and unembedding have no bias.
- transformerlens: `HookedTransformer` of TransformerLens 1 to 3. The same keys, but parameters multiply
  from the right, as ours do, and ``W_O`` is (head, d_head, d_model).
- bridge: `TransformerBridge` of TransformerLens 4. Torch Linear orientation, heads folded into one axis,
  so that their number has to be given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from einops import rearrange
from pydantic import ValidationError
from torch import Tensor

from scrubkit.errors import ModelError
from scrubkit.models.record import ModelConfig

Format = Literal["nanda", "transformerlens", "bridge"]

PLACES = {
    "W_E": "embed.W_E",
    "W_pos": "pos_embed.W_pos",
    "W_Q": "blocks.0.attn.W_Q",
    "b_Q": "blocks.0.attn.b_Q",
    "W_K": "blocks.0.attn.W_K",
    "b_K": "blocks.0.attn.b_K",
    "W_V": "blocks.0.attn.W_V",
    "b_V": "blocks.0.attn.b_V",
    "W_O": "blocks.0.attn.W_O",
    "b_O": "blocks.0.attn.b_O",
    "W_in": "blocks.0.mlp.W_in",
    "b_in": "blocks.0.mlp.b_in",
    "W_out": "blocks.0.mlp.W_out",
    "b_out": "blocks.0.mlp.b_out",
    "W_U": "unembed.W_U",
    "b_U": "unembed.b_U",
}
"""Key of each parameter in the formats nanda and transformerlens."""

OPTIONAL_BIASES = {"b_Q", "b_K", "b_V", "b_O", "b_U"}
"""Parameters that files of the format nanda do not have, and some of the format transformerlens lack."""

HEADS = ("n_heads", "num_heads")
"""Settings that name the number of heads, in TransformerLens and in Nanda et al.'s code."""


def recognise(state: dict[str, Tensor], *, title: str) -> Format:
    """Return the format of a state dict.

    Raises:
        ModelError: no known format, more than one layer, or LayerNorm.
    """
    layers = {key.split(".")[1] for key in state if key.startswith("blocks.")}
    norms = sorted(key for key in state if ".ln" in key or key.startswith("ln_final"))
    faults = []
    if len(layers) > 1:
        faults.append(f"has {len(layers)} layers; only models of one layer can be held")
    if norms:
        faults.append(f"has LayerNorm ({', '.join(norms[:4])}); only models without can be held")
    if faults:
        raise ModelError(faults, title=title)
    output = state.get(PLACES["W_O"])
    if output is not None and output.ndim in (2, 3):
        return "nanda" if output.ndim == 2 else "transformerlens"
    if "blocks.0.attn.o.weight" in state:
        return "bridge"
    raise ModelError(
        f"no known format; found tensors {', '.join(sorted(state)[:6])}. Known are the formats of "
        "Nanda et al. and of the pizza repository (blocks.0.attn.W_O with 2 axes), of TransformerLens 1 to 3 "
        "(the same with 3 axes) and of TransformerLens 4 (blocks.0.attn.o.weight)",
        title=title,
    )


def convert(state: dict[str, Tensor], kind: Format, *, heads: int | None, title: str) -> dict[str, Tensor]:
    """Return a state dict's tensors under our names and in our orientation, float32.

    Args:
        state: tensors by the names of the format.
        kind: the format.
        heads: number of attention heads; needed for the format bridge, checked in the others.
        title: what errors call the file.

    Raises:
        ModelError: every tensor that is missing, unknown or has the wrong number of axes.
    """
    faults = [
        f"{key} has dtype {t.dtype}, expected a float dtype"
        for key, t in state.items()
        if not t.is_floating_point()
    ]
    faults += [f"{key} of shape {tuple(t.shape)} is empty" for key, t in state.items() if not t.numel()]
    if faults:
        raise ModelError(faults, title=title)
    if kind == "bridge":
        return _from_bridge(state, heads, title)
    tensors = _by_place(state, title)
    if kind == "nanda":
        tensors = _turn_nanda(tensors)
    tensors = _with_biases(tensors)
    found = tensors["W_Q"].shape[0]
    if heads not in (None, found):
        raise ModelError(f"has {found} heads, not {heads}", title=title)
    return tensors


def settle_heads(asked: int | None, settings: Mapping[str, Any], *, title: str) -> int | None:
    """Return the number of heads that the caller or the settings name; raises ModelError if they disagree."""
    found = (settings.get(name) for name in HEADS)
    said = next((n for n in found if isinstance(n, int) and not isinstance(n, bool)), None)
    if asked is not None and said is not None and asked != said:
        raise ModelError(f"{asked} heads were asked for, but its config says {said}", title=title)
    return said if asked is None else asked


def _by_place(state: dict[str, Tensor], title: str) -> dict[str, Tensor]:
    names = {place: name for name, place in PLACES.items()}
    faults = [
        f"missing tensor {p}" for p, name in names.items() if p not in state and name not in OPTIONAL_BIASES
    ]
    faults += [f"unknown tensor {key}" for key in sorted(state.keys() - names.keys())]
    for place in names.keys() & state.keys():
        leaf = place.rsplit(".", 1)[1]
        found, expected = state[place].ndim, _axes(leaf, state[PLACES["W_O"]].ndim)
        if found != expected:
            faults.append(f"{place} has {found} axes, expected {expected}")
    if not faults:
        faults = _unlike({place: t for place, t in state.items() if place.endswith(("_Q", "_K", "_V"))})
    if faults:
        raise ModelError(faults, title=title)
    return {names[key]: tensor.detach().float() for key, tensor in state.items()}


def _unlike(tensors: dict[str, Tensor]) -> list[str]:
    """Say which tensors of the same number of axes differ in shape: queries, keys and values must not."""
    first: dict[int, str] = {}
    faults = []
    for name, tensor in tensors.items():
        other = first.setdefault(tensor.ndim, name)
        if tensor.shape != tensors[other].shape:
            faults.append(
                f"{name} has shape {tuple(tensor.shape)}, but {other} has {tuple(tensors[other].shape)}"
            )
    return faults


def _axes(name: str, output_axes: int) -> int:
    if name in ("W_Q", "W_K", "W_V"):
        return 3
    if name in ("b_Q", "b_K", "b_V"):
        return 2
    if name == "W_O":
        return output_axes
    return 1 if name.startswith("b_") else 2


def _turn_nanda(t: dict[str, Tensor]) -> dict[str, Tensor]:
    h, e, _ = t["W_Q"].shape
    turned = {name: rearrange(t[name], "h e d -> h d e") for name in ("W_Q", "W_K", "W_V")}
    turned |= {"W_E": t["W_E"].T, "W_in": t["W_in"].T, "W_out": t["W_out"].T}
    if t["W_O"].shape[1] == h * e:
        turned["W_O"] = rearrange(t["W_O"], "d (h e) -> h e d", h=h)
    return {**t, **turned}


def _with_biases(t: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with zeros for the biases that a file may lack."""
    h, d, e = t["W_Q"].shape
    blank = {"b_Q": (h, e), "b_K": (h, e), "b_V": (h, e), "b_O": (d,), "b_U": (t["W_U"].shape[1],)}
    return {**{name: torch.zeros(shape) for name, shape in blank.items()}, **t}


def _from_bridge(state: dict[str, Tensor], heads: int | None, title: str) -> dict[str, Tensor]:
    # TransformerLens takes seconds to import and only this format needs it.
    from scrubkit.models.bridge import from_bridge_state, one_layer_state_names

    if heads is None:
        raise ModelError(
            "a state dict of TransformerLens 4 does not say how many heads it has; give --heads",
            title=title,
        )
    faults = [f"missing tensor {name}" for name in one_layer_state_names() if name not in state]
    faults += [
        f"{name} has {t.ndim} axes" for name, t in state.items() if t.ndim != 1 + name.endswith("weight")
    ]
    if not faults:
        faults = _unlike({name: state[name] for name in state if name.split(".")[-2] in ("q", "k", "v")})
        width, output = state["blocks.0.attn.q.weight"].shape[0], state["blocks.0.attn.o.weight"].shape[1]
        if width != output:
            faults.append(f"blocks.0.attn.o.weight reads {output} numbers, and the heads write {width}")
        if width != len(bias := state["blocks.0.attn.q.bias"]):
            faults.append(f"blocks.0.attn.q.bias has {len(bias)} numbers, and q.weight {width} rows")
    if not faults and (heads < 1 or state["blocks.0.attn.q.weight"].shape[0] % heads):
        faults = [f"attention of width {state['blocks.0.attn.q.weight'].shape[0]} has no {heads} equal heads"]
    if faults:
        raise ModelError(faults, title=title)
    config = config_of(
        vocab=state["embed.weight"].shape,
        positions=state["pos_embed.weight"].shape[0],
        heads=heads,
        d_head=state["blocks.0.attn.q.weight"].shape[0] // heads,
        d_mlp=state["blocks.0.mlp.in.weight"].shape[0],
        classes=state["unembed.weight"].shape[0],
        title=title,
    )
    return from_bridge_state(state, config, title=title).short()


def config_of(
    *, vocab: tuple[int, ...], positions: int, heads: int, d_head: int, d_mlp: int, classes: int, title: str
) -> ModelConfig:
    """Return the configuration of these sizes; raises ModelError naming those that are out of range."""
    try:
        return ModelConfig(
            d_vocab=vocab[0],
            d_model=vocab[1],
            n_ctx=positions,
            n_heads=heads,
            d_head=d_head,
            d_mlp=d_mlp,
            d_vocab_out=classes,
        )
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}, found {e['input']!r:.80}" for e in error.errors()
        ]
        raise ModelError(faults, title=title) from None
