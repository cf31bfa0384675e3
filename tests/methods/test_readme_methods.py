"""The scorer and the finder that the site shows are methods that work."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import scrubkit
from scrubkit.bench import models
from scrubkit.bench.suites import load_suite
from scrubkit.harness.questions import bare, question_of
from scrubkit.methods.registry import find_method
from tests.methods.conftest import Z, compiled, idle

SECTION = (Path(__file__).parents[2] / "docs" / "own-method.md").read_text()
SCORER, FINDER = re.findall(r"```python\n(.*?)```", SECTION, flags=re.DOTALL)


def shown(source: str, name: str) -> Any:
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    return find_method(namespace[name])


@pytest.mark.parametrize("every", [20, pytest.param(1, marks=pytest.mark.benchmark)])
def test_the_scorer_answers_every_case_and_is_mostly_right(every: int) -> None:
    method = shown(SCORER, "DonorTest")
    assert len(SCORER.splitlines()) <= 30
    asked: dict[str, list[bool]] = {"true": [], "false": [], "vacuous": []}
    for case in load_suite("fast-1").cases[::every]:
        model = models.build(case.model)
        answer = method.score(
            bare(model),
            question_of(case, model).hypothesis,
            task=model.task,
            generator=torch.Generator().manual_seed(0),
            budget=scrubkit.Budget(),
        )
        asked[case.label.label].append((answer.score >= method.threshold) is (case.label.label == "true"))
    assert sum(map(len, asked.values())) == -(-370 // every)
    assert np.mean(asked["true"]) > 0.9
    assert np.mean(asked["false"]) > 0.5


@pytest.mark.parametrize("variant", ["pizza", "clock-attention"])
def test_the_finder_puts_heads_in_use_above_those_that_do_nothing(variant: str) -> None:
    model = compiled(variant)
    found = shown(FINDER, "PatchEach").find(
        model, task=model.task, generator=torch.Generator().manual_seed(0), budget=scrubkit.Budget()
    )
    heads = {h: found.sites[f"{Z}[pos=-1, head={h}]"] for h in range(model.config.n_heads)}
    used = [heads[h] for h in heads if h not in idle(model)]
    assert min(used) > max(heads[h] for h in idle(model))
