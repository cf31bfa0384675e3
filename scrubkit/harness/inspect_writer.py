"""The ``writer`` question as a task of inspect_ai (extra ``inspect``), for language models and agents.

    inspect eval task.py --model mockllm/model

where task.py has a task of its own that returns `writer(models)`, since inspect looks for ``@task`` in the
text of the file.

Each sample is one model. Two tools look at it, weights and activations; neither shows what is known of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from inspect_ai import Task, task  # pyright: ignore[reportMissingImports]
from inspect_ai.dataset import Sample  # pyright: ignore[reportMissingImports]
from inspect_ai.scorer import Score, Target, mean, scorer, stderr  # pyright: ignore[reportMissingImports]
from inspect_ai.solver import Generate, TaskState, generate, solver  # pyright: ignore[reportMissingImports]
from inspect_ai.tool import tool  # pyright: ignore[reportMissingImports]

from scrubkit.harness.questions import bare
from scrubkit.harness.writing import grade, question
from scrubkit.models.load import load
from scrubkit.models.model import Model

MODELS = ("max3", "max3-rotated", "induction5", "s3-cosets")
"""Models that are asked about, by name."""
MOST = 4096
"""Numbers that one look may show."""


@task
def writer(models: str | Sequence[str] = MODELS) -> Task:
    """Ask which algorithm a model runs, and grade the hypothesis that is handed in.

    Args:
        models: names, folders or files that `scrubkit.load` takes, or one string of them with commas.
    """
    names = models.split(",") if isinstance(models, str) else list(models)
    samples = [
        Sample(id=f"model {i}", input=question(load(name)), metadata={"model": name}, target="true")
        for i, name in enumerate(names)
    ]
    return Task(dataset=samples, solver=[look(), generate()], scorer=written())


@solver
def look() -> Any:
    """Give each sample tools to look at its model, which is without its truth there."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        del generate
        model = bare(load(state.metadata["model"]))
        state.tools.extend([weights(model), activations(model)])
        return state

    return solve


@tool
def weights(model: Model) -> Any:
    """Show weights of one model."""
    named = model.weights.named()

    async def execute(name: str, start: int = 0) -> str:
        """Show a tensor of weights, with its shape, from one number on.

        Args:
            name: such as embed.W_E or blocks.0.attn.W_Q; any other name lists what there is.
            start: number, of the flattened tensor, to begin with.
        """
        if name not in named:
            return json.dumps({key: list(value.shape) for key, value in named.items()})
        numbers = [round(x, 5) for x in named[name].flatten()[start : start + MOST].tolist()]
        return json.dumps({"shape": list(named[name].shape), "start": start, "numbers": numbers})

    return execute


@tool
def activations(model: Model) -> Any:
    """Show activations of one model."""

    async def execute(hook: str, rows: list[int], position: int = -1) -> str:
        """Show the tokens of some inputs, and what is at a hook on them at one position.

        Args:
            hook: a TransformerLens hook name, such as blocks.0.mlp.hook_post.
            rows: numbers of the inputs, from 0 on.
            position: which token's.
        """
        tokens = model.tokens[[row % len(model.tokens) for row in rows[:64]]]
        _, cache = model.bridge.run_with_cache(tokens)
        if hook not in cache:
            return f"no hook {hook!r}; there are {', '.join(str(name) for name in cache)}"
        found = cache[hook][:, position].flatten(1)[:, : MOST // max(len(tokens), 1)]
        return json.dumps(
            {"tokens": tokens.tolist(), "values": [[round(x, 5) for x in r] for r in found.tolist()]}
        )

    return execute


@scorer(metrics={"true": [mean(), stderr()], "match": [mean(), stderr()]})
def written() -> Any:
    """Score a hypothesis by its label and its match."""

    async def judge(state: TaskState, target: Target) -> Score:
        found = grade(load(state.metadata["model"]), state.output.completion)
        return Score(
            value={"true": float(found.true), "match": found.match},
            answer=found.label,
            explanation="\n".join(found.reasons),
        )

    return judge
