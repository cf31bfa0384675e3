"""Other projects' checkpoints of modular arithmetic, as models of ours.

A file seldom says its task, and no tensor its activation function. The task is taken for modular addition
unless a config or the caller says otherwise, and has to be solved; the activation function has to be said.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from torch import Tensor

from scrubkit.errors import ModelError, printable
from scrubkit.families.modular.published.activation import settle_activation
from scrubkit.families.modular.published.checkpoint import read_checkpoint
from scrubkit.families.modular.published.formats import config_of, convert, recognise, settle_heads
from scrubkit.families.modular.published.mixed_attention import (
    RATE,
    MixedConfig,
    config_name,
    find_config,
    read_config,
    read_settings,
    unmix,
)
from scrubkit.families.modular.published.readings import figures, require_solved
from scrubkit.families.modular.task import ModularTask
from scrubkit.models.model import Model
from scrubkit.models.record import Provenance
from scrubkit.models.weights import from_mapping


def read_published(
    path: str | Path,
    *,
    activation: str | None = None,
    p: int | None = None,
    task: str | None = None,
    config: str | Path | None = None,
    heads: int | None = None,
    allow_inaccurate: bool = False,
) -> Model:
    """Read another project's checkpoint.

    The logit of "=" is dropped where there is one, since it is never an answer, and so are positions past the
    last that is read.

    Args:
        path: a .pth, .pt or .safetensors file.
        activation: activation function by its name in TransformerLens, where no config says it.
        p: the modulus, where it is to be checked; it is read off the vocabulary.
        task: name of the task; by default what the config says, or else modular addition.
        config: JSON config of the run; by default that of a model of the pizza repository is looked for
            beside the checkpoint. Settings in the checkpoint itself are heeded too.
        heads: number of attention heads, where neither tensors nor config say it (TransformerLens 4).
        allow_inaccurate: take also a model that fails on the task, or that does better read in another way.

    Returns:
        The model; ``provenance.history`` has its accuracy and its loss in nats over all inputs.

    Raises:
        ModelError: the file cannot be read, is of no known format, holds what a 1-layer transformer without
            LayerNorm cannot hold (every fault that was found), or leaves open what nobody says; or the model
            does not solve the task.
    """
    file = Path(path)
    title = str(file)
    checkpoint = read_checkpoint(file)
    kind = recognise(checkpoint.state, title=title)
    beside = Path(config) if config else find_config(file)
    given = read_settings(beside) if beside else {}
    settings = {**checkpoint.settings, **given}
    mixed = read_config(given, title=str(beside)) if RATE in given else None
    if mixed and kind != "nanda":
        raise ModelError(
            f"the config {beside} is of the pizza repository, the file is of the format {kind}", title=title
        )
    heads = settle_heads(heads, settings, title=title)
    tensors = convert(checkpoint.state, kind, heads=heads, title=title)
    if mixed:
        tensors = unmix(tensors, mixed.attn_coeff, mixed.task().n_ctx)
    elif kind == "nanda" and tensors["W_pos"].shape[0] == 2:
        raise ModelError(
            'two positions and no "=", as in the pizza repository, where a JSON config gives the attention '
            f"rate; put {config_name(file)} beside the file, or name the config",
            title=title,
        )
    function = settle_activation(activation, settings, title=title)
    recipe: dict[str, Any] = {
        "format": kind,
        "file": printable(file.name),
        "sha256": _sha256(file),
        "activation": function,
    }
    if mixed:
        recipe |= {"format": "pizza", "config": mixed.model_dump()}
    model = _fit(file, tensors, _settle_task(tensors, p, task, mixed, title=title), recipe)
    if not allow_inaccurate:
        require_solved(model, folded=kind == "bridge", title=title)
    return model


def _settle_task(
    t: dict[str, Tensor], p: int | None, name: str | None, mixed: MixedConfig | None, *, title: str
) -> ModularTask:
    """Return the task that was asked for or configured; the tensors' sizes may not contradict it."""
    positions, vocab, classes = t["W_pos"].shape[0], t["W_E"].shape[0], t["W_U"].shape[-1]
    configured = mixed.task() if mixed else None
    equals = configured.equals if configured else positions >= 3
    found = vocab - equals
    tokens = f'the embedding has {vocab} tokens, {found} residues {"and" if equals else "without"} "="'
    given = {"asked for": p, "configured": configured.p if configured else None}
    faults = [f"{tokens}, but p = {q} was {source}" for source, q in given.items() if q not in (None, found)]
    if name and configured and name != configured.name:
        faults.append(f"{name} was asked for, but the config says {configured.name}")
    if positions < 2 + equals:
        faults.append(f"has {positions} positions, rows of the task have {2 + equals}")
    if classes not in (found, vocab):
        faults.append(f"has {classes} classes, expected {' or '.join(map(str, sorted({found, vocab})))}")
    if faults:
        raise ModelError(faults, title=title)
    return ModularTask(name or (configured.name if configured else "modular_addition"), found, equals)


def _fit(file: Path, t: dict[str, Tensor], task: ModularTask, recipe: dict[str, Any]) -> Model:
    """Return the model, without the logit of "=" and positions that are never read."""
    title = str(file)
    config = config_of(
        vocab=t["W_E"].shape,
        positions=task.n_ctx,
        heads=t["W_Q"].shape[0],
        d_head=t["W_Q"].shape[2],
        d_mlp=t["W_in"].shape[1],
        classes=task.d_vocab_out,
        title=title,
    ).model_copy(update={"act_fn": recipe["activation"]})
    t = {**t, "W_pos": t["W_pos"][: task.n_ctx], "W_U": t["W_U"][:, : task.p], "b_U": t["b_U"][: task.p]}
    weights = from_mapping({name: tensor.contiguous() for name, tensor in t.items()}, config, title=title)
    name = printable(file.stem)[:200]
    model = Model(name, task, config, weights, Provenance(kind="imported", recipe=recipe))
    return model.with_(provenance=model.provenance.model_copy(update={"history": figures(model)}))


def _sha256(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
