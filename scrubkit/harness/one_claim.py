"""One claim, asked of several methods: `scrubkit.ask`, the table of judges for a single question."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Any

import torch

from scrubkit.core.task import Task
from scrubkit.errors import BenchError
from scrubkit.harness.ask import device_class
from scrubkit.harness.outcome import Fault, Outcome
from scrubkit.harness.questions import bare, seed_of, task_of
from scrubkit.harness.reading import FaultFound, read_answer
from scrubkit.hypothesis import Hypothesis
from scrubkit.methods.protocol import Budget
from scrubkit.methods.registry import builtin_methods, find_method, roles_of
from scrubkit.models.model import Model
from scrubkit.scrubbing.bound import bind
from scrubkit.subjects.function_graph import FunctionGraph

CONTROLS = ("random-scores", "answers-only", "text-only", "text-and-spectra")
"""Built-in scorers that are no judges of a claim: they do not run the model that it is about."""


def ask(
    subject: Any,
    hypothesis: Any,
    methods: str | Sequence[Any] | None = None,
    *,
    task: Task | None = None,
    seed: int = 0,
    budget: Budget | None = None,
) -> dict[str, Outcome]:
    """Ask methods about one claim, in this process.

    A method is given what the bench gives it: the model without its truth, and the claim without names.
    `validate` asks about whole suites, in processes of their own.

    Args:
        subject: what the claim is about, as `score` takes it.
        hypothesis: the claim, as `score` takes it.
        methods: built-in names, entry points, ``module:attribute`` or instances; by default every built-in
            scorer that runs the model.
        task: the inputs, needed for a bridge.
        seed: decides all randomness that methods are given.
        budget: what one question may cost; ``seconds`` is not enforced here.

    Returns:
        For each method its answer, or the fault of one that cannot answer.

    Raises:
        HypothesisError: the hypothesis is not valid on the subject.
        BenchError: there is no such method, or it is a finder, which judges no claims.

    Examples:
        >>> import networkx as nx, scrubkit
        >>> claim = nx.DiGraph([("x2", "logits")])
        >>> claim.add_node("logits", site="logits")
        >>> claim.add_node("x2", site="hook_embed[pos=2]", feature="x2")
        >>> found = scrubkit.ask(scrubkit.load("max3"), claim, ["interchange-accuracy"])
        >>> found["interchange-accuracy"].verdict
        'refuted'
    """
    if methods is None:
        judges = [find_method(name) for name in builtin_methods() if name not in CONTROLS]
        judges = [method for method in judges if "score" in roles_of(method)]
    else:
        judges = [_scorer(source) for source in ([methods] if isinstance(methods, str) else methods)]
    bound = bind(subject, hypothesis, task=task)
    claim, part = bound.plan.hypothesis, bound.target.subject.part
    named = bound.architecture is not None
    claim = claim.stripped((lambda site: part(site, bound.plan.hypothesis.subspaces)) if named else None)
    key = hashlib.sha256(f"{bound.target.hash} {claim.hash}".encode()).hexdigest()
    return {
        method.name: _answer(method, subject, claim, task, seed_of(seed, key, method.name), key, budget)
        for method in judges
    }


def _scorer(source: Any) -> Any:
    method = find_method(source)
    if "score" not in roles_of(method):
        raise BenchError(f"{method.name} is a finder, which judges no claims; ask a scorer", title="ask")
    return method


def _answer(
    method: Any,
    subject: Any,
    claim: Hypothesis,
    task: Task | None,
    seed: int,
    key: str,
    budget: Budget | None,
) -> Outcome:
    """Return what one method says, or its fault."""
    given = bare(subject) if isinstance(subject, Model | FunctionGraph) else subject
    began = time.perf_counter()
    kept: dict[str, Any] = {"key": key, "device": device_class()}
    try:
        answer = read_answer(
            method.score(
                given,
                claim,
                task=task_of(given) if task is None else task,
                generator=torch.Generator().manual_seed(seed),
                budget=budget or Budget(),
            ),
            method,
        )
    except FaultFound as found:
        kept["fault"] = Fault(kind=found.kind, detail=found.detail)
    except Exception as raised:
        kept["fault"] = Fault(kind="raised", detail=f"{type(raised).__name__}: {raised}"[:2000])
    else:
        low, high = answer.interval or (None, None)
        kept |= {"score": answer.score, "low": low, "high": high, "verdict": answer.verdict}
        kept |= {"evaluations": answer.evaluations, "notes": answer.notes, "control": answer.control}
    return Outcome(**kept, seconds=time.perf_counter() - began)
