"""Null models: claims that are true of one model, asked of weights that do not hold what they say.

A method that supports a claim because it sounds right, or because anything passes, finds it in noise as well:
in a network that was never trained, in one whose weights were shuffled, in a model of another seed (Meloux et
al. 2025, "The Dead Salmons of AI Interpretability", arXiv:2512.18792). The suite ``nulls`` is made of true
claims of the shipped suites, each asked of

- *untrained*: random weights of the same shape, as training would begin with;
- *shuffled*: the model's own weights, the entries of every tensor in random order;
- *other-seed*: a model of the same family, inputs and shape, as another seed would have made it.

Whether a claim is false of the null model is measured like every label; claims that hold there are left out.
A model that gives one output for every input, as some shuffled ones do, is none: nothing can be found there.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from scrubkit import registry
from scrubkit.bench.case import Case, Label, ModelSpec
from scrubkit.bench.label import Judge
from scrubkit.bench.manifest import Progress, Suite
from scrubkit.bench.models import build, family_of
from scrubkit.errors import ScrubkitError
from scrubkit.hypothesis import Hypothesis, from_json, to_json
from scrubkit.models.family import Family
from scrubkit.models.model import Model
from scrubkit.models.record import Provenance
from scrubkit.models.weights import Weights, random_weights
from scrubkit.subjects.sites import Sites

NULLS = "nulls"
"""Name of the suite."""
KIND = "null"
"""Kind of description of a model that is made of another."""
SOURCES = ("fast", "programs-fast")
"""Suites whose true claims are asked."""
MODELS = 12
"""Models of each source whose claims are asked, at most one of each base or variant until all have one."""
CLAIMS = 3
"""Claims of each model that are asked, of different kinds."""
TRIES = 4
"""How many models of a kind are tried: some cannot be made, some give one output for every input."""


class NullOptions(BaseModel):
    """How a null model is made.

    Attributes:
        of: description of the model that it is made of.
        how: what becomes of the weights.
        seed: decides the new ones.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    of: ModelSpec
    how: Literal["untrained", "shuffled"]
    seed: int = Field(ge=0, lt=2**31)


def build_null(options: Mapping[str, Any], folder: Path) -> Model:
    """Return the null model of a description.

    It keeps the truth of the model that it is made of, which is not true of it: names that a truth gives to
    parts of a site mean there what they mean here.

    Args:
        options: as in `NullOptions`.
        folder: the cache folder.
    """
    asked = NullOptions.model_validate(dict(options))
    model = build(asked.of, cache_dir=folder)
    generator = torch.Generator().manual_seed(asked.seed)
    make = {"untrained": lambda: random_weights(model.config, generator), "shuffled": None}[asked.how]
    weights = shuffled(model.weights, generator) if make is None else make()
    provenance = Provenance(kind="imported", seed=asked.seed)
    return Model(
        f"{model.name}-{asked.how}", model.task, model.config, weights, provenance, truth=model.truth
    )


def shuffled(weights: Weights, generator: torch.Generator) -> Weights:
    """Return weights with the entries of every tensor in random order.

    Args:
        weights: of a model.
        generator: decides the orders.
    """

    def permuted(tensor: torch.Tensor) -> torch.Tensor:
        order = torch.randperm(tensor.numel(), generator=generator)
        return tensor.flatten()[order].reshape(tensor.shape).clone()

    return Weights({name: permuted(tensor) for name, tensor in weights.tensors.items()})


def null_suite(
    sources: Sequence[Suite], *, version: str, seed: int = 0, progress: Progress | None = None
) -> Suite:
    """Make the suite of null models.

    Args:
        sources: suites whose true claims are asked.
        version: of how suites are made.
        seed: of the sources; decides the null models and which claims are asked.
        progress: told how far the making is.

    Returns:
        Cases that are all false; ``variant`` says what kind of null model each is about.
    """
    rng = np.random.default_rng([seed, 41])
    asked = [group for source in sources for group in chosen(source.cases, rng)]
    cases: list[Case] = []
    held: Counter[str] = Counter()
    for number, group in enumerate(asked):
        for how, spec in null_specs(group[0].model, rng):
            found = list(_cases(group, how, spec))
            cases += [case for case in found if case.label.label == "false"]
            held.update(how for case in found if case.label.label in ("true", "vacuous"))
        if progress is not None:
            progress(number + 1, len(asked))
    return Suite(
        name=NULLS, version=version, seed=seed, cases=tuple(cases), equivalent=dict(sorted(held.items()))
    )


def chosen(cases: Sequence[Case], rng: np.random.Generator) -> Iterator[list[Case]]:
    """Yield true claims, model by model: models spread over what there is, claims of different kinds.

    Args:
        cases: of a suite.
        rng: decides the choice.
    """
    groups: dict[str, list[Case]] = {}
    for case in cases:
        if case.label.label == "true" and case.operator == "none":
            groups.setdefault(case.model.key, []).append(case)
    listed = [groups[key] for key in sorted(groups)]
    order = [listed[i] for i in rng.permutation(len(listed))]
    seen: Counter[str] = Counter()
    ranked = []
    for group in order:
        kind = str(group[0].model.options.get("base", group[0].variant))
        ranked.append((seen[kind], group))
        seen[kind] += 1
    for _, group in sorted(ranked, key=lambda pair: pair[0])[:MODELS]:
        by_kind: dict[str, Case] = {}
        for i in rng.permutation(len(group)):
            by_kind.setdefault(group[i].family, group[i])
        yield list(by_kind.values())[:CLAIMS]


def null_specs(spec: ModelSpec, rng: np.random.Generator) -> Iterator[tuple[str, ModelSpec]]:
    """Yield the null models of a model, each with its kind.

    Args:
        spec: the model.
        rng: decides their seeds.
    """
    for how in ("untrained", "shuffled"):
        for _ in range(TRIES):
            options = {"of": spec.model_dump(), "how": how, "seed": int(rng.integers(2**31))}
            found = ModelSpec(kind=KIND, options=options)
            if not Judge.of(build(found)).scrubber.outputs.constant:
                yield how, found
                break
    family = _family_of(spec)
    for _ in range(TRIES if family else 0):
        assert family is not None
        other = family.another(spec.kind, spec.options, rng)
        if other is None:
            return
        found = ModelSpec(kind=other[0], options=dict(other[1]))
        try:
            same = _same_shape(build(spec), build(found))
        except ScrubkitError:
            continue
        if same:
            yield "other-seed", found
            return


def _family_of(spec: ModelSpec) -> Family | None:
    if spec.kind != "load":
        return family_of(spec.kind)
    name = build(spec).task.family
    return registry.family(name) if name else None


def _same_shape(model: Model, other: Model) -> bool:
    """Say whether a claim about one model can be read as one about the other: same inputs, same places."""
    same = model.config == other.config and torch.equal(model.tokens, other.tokens)
    return same and model.task.variables == other.task.variables


def _cases(group: Sequence[Case], how: str, spec: ModelSpec) -> Iterator[Case]:
    """Yield the claims about one model as cases about another, labelled there."""
    model, null = build(group[0].model), build(spec)
    judge = Judge.of(null)
    for case in group:
        claim = from_json(json.dumps(case.hypothesis), title=case.id)
        asked, label = claim, None
        if how == "other-seed":
            asked, label = _of_another(claim, model, judge)
        yield case.model_copy(
            update={
                "id": f"{how}-{case.id}",
                "model": spec,
                "variant": how,
                "operator": how,
                "hypothesis": json.loads(to_json(asked)),
                "label": label or judge.label(asked),
            }
        )


def _of_another(claim: Hypothesis, model: Model, judge: Judge) -> tuple[Hypothesis, Label]:
    """Return a claim about another model, and its label there.

    Names that only the first model knows become indices. A basis stays a name where the other model has it,
    the same variable wherever that keeps it, and is written out where it does not.
    """
    sites = Sites.of(model)
    plain = claim.stripped(lambda site: sites.part(site, claim.subspaces))
    if plain.subspaces:
        with contextlib.suppress(ScrubkitError):
            return claim, judge.label(claim)
    return plain, judge.label(plain)
