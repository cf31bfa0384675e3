"""Training a program from scratch: right answers, on inputs and under interchange interventions.

The task alone leaves open where a network computes what. Each step therefore sets some variables' places to
what they hold on other inputs and asks for the answer that the program then gives, so that the network comes
to compute by these variables, at these places (Geiger et al. 2022, arXiv:2112.00826; Gupta et al. 2024,
"InterpBench", arXiv:2407.14494). Whether it does is for the certificate to say.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import networkx as nx
import numpy as np
import torch
from torch.nn import functional

from scrubkit.errors import TrainingError
from scrubkit.families.programs.graph import Program
from scrubkit.families.programs.model import program_task
from scrubkit.families.programs.reading import read_program
from scrubkit.families.programs.train.align import align, n_layers
from scrubkit.families.programs.train.certify import with_certificate
from scrubkit.families.programs.train.interchange import answers, draw, interchanged
from scrubkit.models.config import ModelConfig
from scrubkit.models.model import Model
from scrubkit.models.record import Provenance
from scrubkit.models.weights import Weights, random_weights

STEPS = 24
"""Stream of the random generator."""


@dataclass(frozen=True)
class Recipe:
    """How a program is trained: Adam with a cosine decay, batches of drawn inputs.

    Attributes:
        steps: number of steps.
        batch: inputs of one step, and as many interchanges.
        learning_rate: at the start.
        smoothing: label smoothing; it gives the logits a finite aim, so that they agree under interchanges.
        d_model: width of the residual stream.
        d_mlp: neurons of a block.
    """

    steps: int = 800
    batch: int = 256
    learning_rate: float = 5e-3
    smoothing: float = 0.01
    d_model: int = 48
    d_mlp: int = 96


def train_program(
    graph: nx.DiGraph | Program,
    *,
    seed: int = 0,
    recipe: Recipe | None = None,
    name: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Model:
    """Train a program and certify it.

    Args:
        graph: a program with one output, at the last position.
        seed: of weights and batches.
        recipe: how.
        name: what reports call the model.
        progress: told of steps done, of all.

    Returns:
        The model with its certificate and, where it is certified, its truth.

    Raises:
        TrainingError: the program has several outputs or one elsewhere.
        ProgramError: the graph is no program.
    """
    program, recipe = read_program(graph), recipe or Recipe()
    if list(program.outputs) != [program.n_ctx - 1]:
        raise TrainingError(
            "programs with one answer, at the last position, are trained; compile it instead",
            title=program.name,
        )
    task = program_task(program)
    config = ModelConfig.for_task(
        task, d_model=recipe.d_model, n_heads=4, d_head=12, d_mlp=recipe.d_mlp, n_layers=n_layers(program)
    )
    weights = _run(program, config, seed, recipe, progress)
    made = {"program": program.name, **{k: getattr(recipe, k) for k in recipe.__dataclass_fields__}}
    provenance = Provenance(kind="trained", seed=seed, recipe=made)
    model = Model(name or f"{program.name}-trained-{seed}", task, config, weights, provenance)
    return with_certificate(model, program)


def _run(
    program: Program,
    config: ModelConfig,
    seed: int,
    recipe: Recipe,
    progress: Callable[[int, int], None] | None,
) -> Weights:
    rng = np.random.default_rng([seed, STEPS])
    start = random_weights(config, torch.Generator().manual_seed(seed))
    w = Weights({k: v.clone().requires_grad_() for k, v in start.named().items()})
    optimizer = torch.optim.Adam(w.named().values(), lr=recipe.learning_rate, betas=(0.9, 0.98))
    tokens, labels = torch.from_numpy(program.tokens), torch.from_numpy(program.labels)
    places = align(program)
    for step in range(recipe.steps):
        base, sources = draw(rng, len(program.rows), places, recipe.batch)
        kept = {place: rows for place, rows in sources.items() if rng.random() < 0.6}
        clean = interchanged(w, config, tokens, torch.from_numpy(base), {})
        loss = functional.cross_entropy(clean, labels[base], label_smoothing=recipe.smoothing)
        if kept:
            rows = {place: torch.from_numpy(value) for place, value in kept.items()}
            found = interchanged(w, config, tokens, torch.from_numpy(base), rows)
            right = torch.from_numpy(answers(program, base, kept))
            loss = loss + functional.cross_entropy(found, right, label_smoothing=recipe.smoothing)
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * (1 + math.cos(math.pi * step / recipe.steps)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if progress is not None:
            progress(step + 1, recipe.steps)
    return Weights({k: v.detach() for k, v in w.named().items()})
