"""One call to a method: what it is called with, what it said, and what it did besides.

A call is made in a worker process, or in this one for debugging; what decides over its answer stands in
`scrubkit.harness.ask` and is the same for both.
"""

from __future__ import annotations

import copy
import json
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import networkx as nx
import torch
from pydantic import Field

from scrubkit.harness import global_random
from scrubkit.harness.outcome import Fault, FaultKind, Record
from scrubkit.harness.questions import Given, task_of
from scrubkit.harness.reading import FaultFound, finite, read_answer, read_importances
from scrubkit.harness.specimen import Specimen
from scrubkit.hypothesis import Hypothesis
from scrubkit.methods.protocol import AnswerVerdict, Budget

MAX_DETAIL = 2000
"""Longest text of a fault, in characters."""


@dataclass(frozen=True)
class Call:
    """One call to a method.

    Attributes:
        role: the function that is called.
        hypothesis: what "score" is asked about, None for "find".
        seed: of the generator that the method is given.
        world: seed of the global random state in which it is called.
        budget: what the call may cost.
    """

    role: Literal["score", "find"]
    hypothesis: Hypothesis | None
    seed: int
    world: int
    budget: Budget


class Said(Record):
    """What came of one call: an answer or a fault, in plain numbers and text.

    Attributes:
        fault: why there is no valid answer; a score, sites or edges are there otherwise.
        decides: whether the method gave a verdict or has a threshold.
        drew: whether it drew from the global random state.
        changes: what of the model is no longer as it was handed out, in words.
        hypothesis_changed: whether the hypothesis is.
        seconds: wall-clock time of the method's function.
    """

    fault: Fault | None = None
    score: float | None = Field(default=None, allow_inf_nan=False)
    low: float | None = Field(default=None, allow_inf_nan=False)
    high: float | None = Field(default=None, allow_inf_nan=False)
    verdict: AnswerVerdict | None = None
    decides: bool = False
    evaluations: int | None = Field(default=None, ge=0)
    notes: tuple[str, ...] = Field(default=(), max_length=10)
    control: float | None = Field(default=None, allow_inf_nan=False)
    sites: dict[str, float] = {}
    edges: tuple[tuple[str, str, float], ...] = ()
    drew: bool = False
    changes: tuple[str, ...] = ()
    hypothesis_changed: bool = False
    seconds: float = Field(default=0.0, ge=0, allow_inf_nan=False)


class Caller(Protocol):
    """Somewhere to call a method."""

    @property
    def name(self) -> str:
        """Name of the method."""
        ...

    def call(self, model: Given, call: Call) -> Said:
        """Call the method on a copy of a bare model, or of a graph of functions."""
        ...


class InProcess:
    """Calls a method in this process, for debugging: nothing ends it, and it may touch everything here.

    Args:
        method: a scorer or a finder.
    """

    def __init__(self, method: Any) -> None:
        self.method = method
        self._specimen: Specimen | None = None

    @property
    def name(self) -> str:
        """Name of the method."""
        return self.method.name

    def call(self, model: Given, call: Call) -> Said:
        """Call the method; too long a call is a fault once it has ended by itself."""
        if self._specimen is None or self._specimen.pristine is not model:
            self._specimen = Specimen(model)
        said = perform(self.method, self._specimen, call, through=(KeyboardInterrupt,))
        return said if said.seconds <= call.budget.seconds else timed_out(call, said.seconds)


def timed_out(call: Call, seconds: float) -> Said:
    """Return what a call came to that took too long."""
    fault = Fault(kind="timeout", detail=f"no answer within {call.budget.seconds:g} s")
    return Said(fault=fault, seconds=seconds)


def perform(
    method: Any,
    specimen: Specimen,
    call: Call,
    *,
    returned: Callable[[], None] = lambda: None,
    through: tuple[type[BaseException], ...] = (),
) -> Said:
    """Call a method, read what it returned, and look at what it left behind.

    Args:
        method: a scorer or a finder.
        specimen: the model; it is clean again afterwards.
        call: what to call it with.
        returned: called when the method's function has ended.
        through: exceptions of the method that are no fault of it.
    """
    hypothesis = copy.deepcopy(call.hypothesis)
    before = None if hypothesis is None else fingerprint(hypothesis)
    value, error, drew, seconds = _call(method, specimen.model, hypothesis, call, through)
    returned()
    try:
        found = _read(value, method, call) if error is None else _fault("raised", _spelled(error))
        changed = hypothesis is not None and fingerprint(hypothesis) != before
        changes = tuple(clean(change, MAX_DETAIL) for change in specimen.changes())
    except through:
        raise
    # What a method returned, or left in the model, may raise anything when it is looked at.
    except BaseException as raised:
        found, changed, changes = _fault("invalid", f"it cannot be read: {_spelled(raised)}"), False, ()
        specimen.renew()
    if changes or found.get("fault"):
        specimen.renew()
    return Said(**found, drew=drew, seconds=seconds, changes=changes, hypothesis_changed=changed)


def _call(
    method: Any,
    model: Given,
    hypothesis: Hypothesis | None,
    call: Call,
    through: tuple[type[BaseException], ...],
) -> tuple[Any, BaseException | None, bool, float]:
    """Return what a method returned or raised, whether it drew from the global state, and the seconds."""
    given = (model,) if hypothesis is None else (model, hypothesis)
    generator = torch.Generator().manual_seed(call.seed)
    value, error = None, None
    with global_random.seeded(call.world):
        state = global_random.snapshot()
        began = time.perf_counter()
        try:
            function = method.score if call.role == "score" else method.find
            value = function(*given, task=task_of(model), generator=generator, budget=call.budget)
        except through:
            raise
        except BaseException as raised:  # sys.exit in a method must not end the run either
            error = raised
        seconds = time.perf_counter() - began
        drew = not global_random.same(state, global_random.snapshot())
    return value, error, drew, seconds


def _read(value: Any, method: Any, call: Call) -> dict[str, Any]:
    """Return the fields of an answer, or of the fault that it is."""
    try:
        if call.role == "find":
            found = read_importances(value)
            edges = [(clean(s), clean(t), weight) for (s, t), weight in found.edges.items()]
            sites = {clean(site): weight for site, weight in found.sites.items()}
            return {"sites": sites, "edges": tuple(edges), "evaluations": found.evaluations}
        answer = read_answer(value, method)
    except FaultFound as fault:
        return _fault(fault.kind, fault.detail)
    low, high = answer.interval or (None, None)
    return {
        "score": finite(answer.score, "score"),
        "low": low,
        "high": high,
        "verdict": answer.verdict,
        "decides": value.verdict is not None or getattr(method, "threshold", None) is not None,
        "evaluations": answer.evaluations,
        "notes": tuple(clean(note) for note in answer.notes),
        "control": answer.control,
    }


def _fault(kind: FaultKind, detail: str) -> dict[str, Any]:
    return {"fault": Fault(kind=kind, detail=clean(detail, MAX_DETAIL))}


def clean(text: str, length: int = 500) -> str:
    """Return text as plain characters that any encoding can hold, cut to a length."""
    return str(text)[:length].encode("utf-8", "replace").decode()


def _spelled(error: BaseException) -> str:
    """Return what was raised and where, in the code nearest to it that is not installed."""
    try:
        text = f"{type(error).__name__}: {error}"[:500]
    except BaseException:  # its own __str__ may fail
        text = f"{type(error).__name__}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "site-packages" not in f.filename]
    if not frames or Path(frames[-1].filename) == Path(__file__):
        return text
    return f"{text} ({Path(frames[-1].filename).name}:{frames[-1].lineno})"


def fingerprint(hypothesis: Hypothesis) -> str:
    """Return everything that a hypothesis holds, as text."""
    nodes = [
        [key, node.name, node.site, node.feature and node.feature.text, node.tolerance, node.period]
        + [node.sampler, node.other, node.unimportant, node.parents]
        for key, node in hypothesis.nodes.items()
    ]
    graph = nx.node_link_data(hypothesis.graph, edges="edges")
    whole = [hypothesis.name, hypothesis.task, hypothesis.root, nodes, hypothesis.subspaces, graph]
    return json.dumps(whole, default=repr)
