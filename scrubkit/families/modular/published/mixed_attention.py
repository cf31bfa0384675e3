"""Models of the pizza repository, whose attention is mixed with a constant one.

Their pattern is alpha softmax(scores) + (1 - alpha), not normalised, with attention rate alpha. A head of n
positions under it is two ordinary heads with the same values:

    alpha softmax(scores) V W_O  +  softmax(0) V ((1 - alpha) n W_O),

for softmax(0) is 1 / n at each position. Rate 1 needs only the first, rate 0 only the second.
There is no causal mask, which makes no difference at the last position.

Source: Zhong et al. 2023, arXiv:2306.17844, section 2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from scrubkit.core.reading import parse_json, read_bytes, shown, validation_faults
from scrubkit.errors import ModelError
from scrubkit.families.modular.published.activation import HELD
from scrubkit.families.modular.task import ModularTask
from scrubkit.models.atomic import os_errors

MAX_CONFIG_BYTES = 2**20
MAX_CONFIG_VALUES = 10_000

RATE = "attn_coeff"
"""The setting that makes a JSON file a config of the pizza repository."""

FUNCTIONS = {"+": "modular_addition", "-": "modular_subtraction", "*": "modular_multiplication"}
"""Task by the operator in the config's function."""


class MixedConfig(BaseModel):
    """The settings of a run of the pizza repository that decide what the model computes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    C: int = Field(gt=2, le=2000)
    attn_coeff: float = Field(ge=0, le=1)
    n_layers: int = 1
    act_fn: str = "relu"
    diff_vocab: bool = False
    eqn_sign: bool = False
    use_linear: bool = False
    funcs: str = ""

    def faults(self) -> list[str]:
        """Return what a 1-layer ReLU transformer with one embedding cannot hold."""
        faults = []
        if self.n_layers != 1:
            faults.append(f"n_layers is {self.n_layers}; only models of one layer can be held")
        if self.act_fn.lower() not in HELD:
            faults.append(f"act_fn is {self.act_fn!r:.80}; models can be held with {', '.join(HELD)}")
        if self.diff_vocab:
            faults.append(
                "diff_vocab is set: the operands have embeddings of their own; only one can be held"
            )
        if self.use_linear:
            faults.append("use_linear is set: the model is no transformer")
        if self.funcs and self.task_name() is None:
            faults.append(f"funcs is {self.funcs[:80]!r}; known are (x[0]+x[1])%C, and with - or *")
        return faults

    def task_name(self) -> str | None:
        """Return the task that ``funcs`` names, read as text and never evaluated."""
        match = re.fullmatch(r"lambda x: ?\(?x\[0\]([-+*])x\[1\]\)?%(\d{1,6})", self.funcs.strip())
        return FUNCTIONS[match[1]] if match and int(match[2]) == self.C else None

    def task(self) -> ModularTask:
        """Return the task that the model was trained on."""
        return ModularTask(self.task_name() or "modular_addition", self.C, self.eqn_sign)


def find_config(checkpoint: Path) -> Path | None:
    """Return the config beside a checkpoint, if there is one; JSON without an attention rate is none."""
    candidate = checkpoint.with_name(config_name(checkpoint))
    with os_errors(candidate):
        if not candidate.is_file():
            return None
        with open(candidate, "rb") as file:
            return candidate if f'"{RATE}"'.encode() in file.read(MAX_CONFIG_BYTES) else None


def config_name(checkpoint: Path) -> str:
    """Return the name of a checkpoint's config: config_X.json for model_X.pt, X.json for X.pt."""
    return f"{checkpoint.stem.replace('model_', 'config_', 1)}.json"


def read_settings(path: Path) -> dict[str, Any]:
    """Read a JSON object of settings, whosever they are.

    Raises:
        ModelError: no such file, or no JSON object of a bounded size in it.
    """
    data = read_bytes(path, MAX_CONFIG_BYTES, error=ModelError)
    found = parse_json(data, MAX_CONFIG_VALUES, error=ModelError, title=str(path))
    if not isinstance(found, dict):
        raise ModelError(f"expected a JSON object of settings, found {shown(found)}", title=str(path))
    return found


def read_config(settings: Mapping[str, Any], *, title: str) -> MixedConfig:
    """Return the settings of a run of the pizza repository.

    Raises:
        ModelError: every setting that is not as it should be or cannot be held.
    """
    title = f"{title} (config of the pizza repository)"
    try:
        config = MixedConfig.model_validate(settings)
    except ValidationError as error:
        raise ModelError(validation_faults(error), title=title) from None
    if faults := config.faults():
        raise ModelError(faults, title=title)
    return config


def unmix(tensors: dict[str, Tensor], rate: float, n: int) -> dict[str, Tensor]:
    """Return weights of ordinary attention that compute what these do under mixed attention.

    Args:
        tensors: weights by our names; biases of the attention are zero.
        rate: attention rate alpha, from 0 to 1.
        n: number of positions.

    Returns:
        The weights, with twice the heads if 0 < alpha < 1: first the originals, then their constant parts.
    """
    if rate == 1:
        return tensors
    w_o = tensors["W_O"].to(torch.float64)
    silent = torch.zeros_like(tensors["W_Q"])
    constant = {"W_Q": silent, "W_K": silent, "W_V": tensors["W_V"], "W_O": ((1 - rate) * n * w_o).float()}
    if rate == 0:
        return {**tensors, **constant}
    scaled = {**tensors, "W_O": (rate * w_o).float()}
    both = {name: torch.cat([scaled[name], constant[name]]) for name in constant}
    biases = {name: torch.cat([tensors[name], tensors[name]]) for name in ("b_Q", "b_K", "b_V")}
    return {**tensors, **both, **biases}
