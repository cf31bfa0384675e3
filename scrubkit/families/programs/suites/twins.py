"""Twins: claims that are true of one variant of a base and false of another, word for word.

The claims that are true of one variant are asked of all. For each text as many variants of which it is true
are kept as variants of which it is false, so that nothing can be told from the text. As all variants answer
alike, nothing can be told from the answers, and as their weights hold the same parts, nothing from spectra.
Claims that are false in a rare way are taken first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np

from scrubkit.bench.twins import choose, even
from scrubkit.errors import ProgramError
from scrubkit.families.programs.claims import ROOT
from scrubkit.families.programs.graph import Program
from scrubkit.families.programs.label import OFTEN, Label, holds, label, quick_stratum
from scrubkit.families.programs.suites.relatives import own, relatives

TWINS = 23
"""Stream of the random generator."""
CHOICE = 2
"""Texts that are decided for each false case that is kept, to choose from."""
VACUOUS = 20
"""There is one vacuous case for so many others."""


@dataclass(frozen=True)
class Twin:
    """One case: a claim about one variant.

    Attributes:
        variant: number of the variant.
        grain: at which granularity the claim speaks: parts, joins, both, or these from the inputs on.
        change: what made it of a true one, ``none`` if it is one of some variant.
        claim: what is claimed, of slots.
        label: what the source graph says.
    """

    variant: int
    grain: str
    change: str
    claim: nx.DiGraph
    label: Label


@dataclass(frozen=True)
class _Text:
    """A claim, the variants of which it is true, and those of which it is false, with its stratum there."""

    grain: str
    change: str
    claim: nx.DiGraph
    true: tuple[int, ...]
    false: Mapping[int, str]


def twins(programs: Sequence[Program], cases: int, seed: int) -> list[Twin]:
    """Return cases about the variants of a base in which every text is as often true as false.

    Args:
        programs: the variants; they have the same slots and answers.
        cases: how many are wanted, vacuous ones included; there are fewer where the claims run out.
        seed: decides which texts are asked, and of which variants.

    Returns:
        Cases, variant by variant; each variant has about as many true as false ones.
    """
    rng = np.random.default_rng([seed, TWINS])
    vacuous = max(1, cases // VACUOUS)
    pairs = (cases - vacuous) // 2
    texts = _asked(programs, CHOICE * pairs, rng)
    chosen = choose(texts, pairs, rng)
    found = [
        Twin(variant, text.grain, text.change, text.claim, label(programs[variant], text.claim))
        for text, variants in even(texts, chosen)
        for variant in variants
    ]
    found += _vacuous(programs, vacuous, rng)
    return sorted(found, key=lambda twin: twin.variant)


def _asked(programs: Sequence[Program], count: int, rng: np.random.Generator) -> list[_Text]:
    """Draw texts that are true of some variants and false of others."""
    every = list(pool(programs, rng))
    found: list[_Text] = []
    seen: set[str] = set()
    for i in rng.permutation(len(every)):
        variant, grain, change, claim = every[i]
        if said(claim) in seen or not holds(programs[variant], claim):
            continue
        seen.add(said(claim))
        strata = dict(enumerate(quick_stratum(program, claim) for program in programs))
        true = tuple(v for v, stratum in strata.items() if not stratum)
        false = {v: stratum for v, stratum in strata.items() if stratum}
        if true and false:
            found.append(_Text(grain, change, claim, true, _told_apart(programs, claim, false)))
        if len(found) == count:
            break
    return found


def pool(programs: Sequence[Program], rng: np.random.Generator) -> Iterator[tuple[int, str, str, nx.DiGraph]]:
    """Yield claims that are true of a variant, or may be: variant, grain, what was changed, and claim."""
    for variant, program in enumerate(programs):
        for claim in own(program):
            yield variant, str(claim.name), "none", claim
            for change, other in relatives(program, claim, rng):
                yield variant, str(claim.name), change, other


def said(claim: nx.DiGraph) -> str:
    """Return what a claim says, node by node and edge by edge."""
    nodes = sorted((node, sorted(attributes.items())) for node, attributes in claim.nodes(data=True))
    return repr((nodes, sorted(claim.edges)))


def _told_apart(programs: Sequence[Program], claim: nx.DiGraph, false: Mapping[int, str]) -> dict[int, str]:
    """Return the strata of a text, of which those that are costly are found on one variant for all."""
    often = [v for v, stratum in false.items() if stratum == OFTEN]
    known = label(programs[often[0]], claim).stratum if often else ""
    return {v: known if stratum == OFTEN else stratum for v, stratum in false.items()}


def _vacuous(programs: Sequence[Program], count: int, rng: np.random.Generator) -> Iterator[Twin]:
    """Yield claims that hold of any weights: every node reads all inputs, each by itself."""
    for variant in rng.permutation(len(programs))[:count].tolist():
        program = programs[variant]
        claim = nx.DiGraph(name="inputs")
        claim.add_node(ROOT)
        slots = [name for name in program.computed if name != "out"]
        added = rng.choice(slots, size=int(rng.integers(3)), replace=False).tolist()
        for name in (*program.inputs, *sorted(added)):
            claim.add_node(name, variable=name, feature=_whole(program, name))
            claim.add_edge(name, ROOT)
            claim.add_edges_from((x, name) for x in program.inputs if name in added)
        found = label(program, claim)
        if not found.vacuous:
            raise ProgramError("a claim that reads all inputs everywhere is not vacuous", title=program.name)
        yield Twin(variant, "inputs", "vacuous", claim, found)


def _whole(program: Program, name: str) -> str:
    return name if name in program.inputs else f"({', '.join(program.inputs)})"
