"""The cases of one base: its twins, as hypotheses about compiled weights."""

from __future__ import annotations

import json
from collections import Counter

from scrubkit.bench.case import Case, Evidence, ModelSpec
from scrubkit.bench.case import Label as BenchLabel
from scrubkit.families.programs.claims import ROOT, to_hypothesis
from scrubkit.families.programs.compile.compile import Compiled
from scrubkit.families.programs.graph import Program
from scrubkit.families.programs.label import Label
from scrubkit.families.programs.suites.base import draw_base
from scrubkit.families.programs.suites.models import KIND, TASK, ProgramSpec, compile_all
from scrubkit.families.programs.suites.twins import Twin, twins
from scrubkit.hypothesis import from_graph, to_json


def base_cases(
    seed: int, style: str, cases: int, *, small: bool = False
) -> tuple[list[Case], dict[str, Compiled]]:
    """Make the cases of a base.

    Args:
        seed: number of the base.
        style: how it is compiled.
        cases: how many are wanted.
        small: whether all models have the one small shape.

    Returns:
        The cases, variant by variant, and the models that they are about, by key of their description.

    Raises:
        ProgramError: the base cannot be compiled.
    """
    codes, models = compile_all(draw_base(seed, style, small=small), small=small)
    specs = [
        ModelSpec(
            kind=KIND,
            options=ProgramSpec(base=seed, style=style, small=small, variant=v, codes=codes).model_dump(),  # pyright: ignore[reportArgumentType]
        )
        for v in range(len(models))
    ]
    numbers: Counter[int] = Counter()
    found = []
    for twin in twins([model.program for model in models], cases, seed):
        numbers[twin.variant] += 1
        name = f"{style}-{seed}-{twin.variant}-{numbers[twin.variant]}"
        found.append(_case(name, twin, models[twin.variant], specs[twin.variant], style))
    return found, {spec.key: model for spec, model in zip(specs, models, strict=True)}


def _case(name: str, twin: Twin, model: Compiled, spec: ModelSpec, style: str) -> Case:
    graph = to_hypothesis(twin.claim, model)
    graph.graph["task"] = TASK
    label = to_bench(model.program, twin.label)
    return Case(
        id=name,
        model=spec,
        variant=style,
        family=twin.grain,
        operator={"false": twin.label.stratum, "vacuous": "vacuous"}.get(label.label, "none"),
        hypothesis=json.loads(to_json(from_graph(graph))),
        label=label,
    )


def to_bench(program: Program, label: Label) -> BenchLabel:
    """Return a label of the source graph as one of the bench, with its figures in words."""
    kind = "vacuous" if label.vacuous else "true" if label.true else "false"
    sufficient = Evidence(claim="sufficient", where=ROOT, value=label.failure)
    failed = () if kind != "false" else (f"{label.stratum}: {_why(program, label)}",)
    return BenchLabel(label=kind, failed=failed, evidence=(sufficient,))


def _why(program: Program, label: Label) -> str:
    if label.idle:
        paths = ", ".join(" <- ".join(path) for path in label.idle)
        return f"no context needs {paths}"
    row, share = label.worst_row
    at = ", ".join(f"{name}={program.values[name][row]}" for name in program.inputs)
    return f"{label.failure:.3g} of the draws change the answer, most ({share:.3g}) at {at}"
