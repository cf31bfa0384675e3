"""Labels of claims about programs, decided on the source graph by enumeration: no threshold, no weights.

A claim is a hypothesis whose nodes name variables: a DAG with one sink, the root, whose nodes carry
``variable`` (the
root: the output) and ``feature``, an expression over the inputs, or ``unimportant``. With every parent m
    of a node n drawn from its resampling class and the other draw x_o any row, the values that a scrub can
    give n are enumerated exactly, for each reference input: all joint draws at once, since draws are
    independent.

- *sufficient*: the output is that of the reference, whatever is drawn;
- *needed*: for every edge of the treeified claim some context exists, other parents at any value of their
  range and x_o any row, in which another value of the parent changes the output through it;
- *vacuous*: every node reads all inputs, each by itself: the scrub is the model, whatever its weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np
from jaxtyping import Float

from scrubkit.families.programs.graph import Program
from scrubkit.families.programs.judge import Judge

RARE = 0.05
"""A claim that fails on a smaller share of draws and inputs holds on average."""


@dataclass(frozen=True)
class Label:
    """Whether a claim is true of a program, and in which way not.

    Attributes:
        true: sufficient, and every edge needed.
        stratum: of a false claim: rare, wrong-place, left-out, too-coarse or not-needed; else empty.
        sufficient: no draw changes an answer.
        failure: share of inputs and draws on which the answer changes.
        worst_row: the row on which it changes most often, and how often.
        idle: of a sufficient claim, the edges of its tree that change nothing, as paths from the root.
        vacuous: it would hold of any weights.
    """

    true: bool
    stratum: str
    sufficient: bool
    failure: float
    worst_row: tuple[int, float]
    idle: tuple[tuple[str, ...], ...]
    vacuous: bool


OFTEN = "often"
"""Stands for the strata that are told apart at some cost: wrong-place, left-out and too-coarse."""


def quick_stratum(program: Program, claim: nx.DiGraph) -> str:
    """Return the stratum of a false claim, `OFTEN` where it fails on many draws; empty for a true one."""
    judge = Judge(program, claim)
    failures = judge.failures(exact_other=False)
    if failures.any():
        return "rare" if failures.mean() <= RARE else OFTEN
    return "not-needed" if judge.idle() else ""


def holds(program: Program, claim: nx.DiGraph) -> bool:
    """Say whether a claim is true: sufficient, and every edge needed."""
    return not quick_stratum(program, claim)


def label(program: Program, claim: nx.DiGraph) -> Label:
    """Decide a claim, and say in which way it is false.

    Args:
        program: what it is about; see `places.with_moves` for claims about heads.
        claim: a DAG with one sink, as above.

    Raises:
        ProgramError: the claim names what the program does not have, or has too many contexts to enumerate.
    """
    judge = Judge(program, claim)
    failures = judge.failures(exact_other=False)
    sufficient = not failures.any()
    idle = judge.idle() if sufficient else []
    worst = int(failures.argmax())
    stratum = "" if sufficient else _why(judge, failures)
    if sufficient and idle:
        stratum = "not-needed"
    return Label(
        not stratum,
        stratum,
        sufficient,
        float(failures.mean()),
        (worst, float(failures[worst])),
        tuple(idle),
        _vacuous(program, claim),
    )


def _why(judge: Judge, failures: Float[np.ndarray, " row"]) -> str:
    """Name what is wrong with a claim that is not sufficient."""
    if failures.mean() <= RARE:
        return "rare"
    if _repaired(judge):
        return "wrong-place"
    return "too-coarse" if judge.failures(exact_other=True).any() else "left-out"


def _repaired(judge: Judge) -> bool:
    """Say whether naming another variable at one node makes the claim sufficient."""
    program = judge.program
    for node in judge.claim:
        if node == judge.root or judge.claim.nodes[node].get("unimportant"):
            continue
        taken = set(judge.variable.values())
        for name in program.variables:
            if name in taken:
                continue
            moved = judge.moved(node, name)
            if _orderly(moved) and not moved.failures(exact_other=False).any():
                return True
    return False


def _orderly(judge: Judge) -> bool:
    """Say whether every edge points downstream."""
    ancestors, variable = judge.program.ancestors, judge.variable
    return all(r == judge.root or variable[m] in ancestors[variable[r]] for m, r in judge.claim.edges)


def _vacuous(program: Program, claim: nx.DiGraph) -> bool:
    inputs = set(program.inputs)
    for node in claim:
        parents = [claim.nodes[m] for m in claim.predecessors(node)]
        own = {m.get("variable") for m in parents if m.get("feature") == m.get("variable")}
        if parents and not inputs <= own:
            return False
    return True
