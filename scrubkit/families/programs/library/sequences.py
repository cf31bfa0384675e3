"""Sequences: reversal, counting, induction."""

from __future__ import annotations

import itertools

import networkx as nx

from scrubkit.families.programs.library.parts import add, tokens, xs


def reverse4() -> nx.DiGraph:
    """Reverse four tokens by heads alone (RASP's first example: Weiss et al. 2021, arXiv:2106.06981)."""
    g = tokens(4, 3, "reverse4", n_ctx=8, output={4 + i: f"y{i}" for i in range(4)})
    for i in range(4):
        add(g, f"y{i}", [f"x{3 - i}"], via="copy", pos=4 + i, family="y")
    return g


def histogram3() -> nx.DiGraph:
    """Say for each of three tokens how often it occurs (RASP's ``hist``: arXiv:2106.06981, section 3)."""
    g = tokens(3, 3, "histogram3", n_ctx=6, output={3 + i: f"count{i}" for i in range(3)})
    for i, j in itertools.combinations(range(3), 2):
        add(g, f"same{i}{j}", [f"x{i}", f"x{j}"], feature=f"x{i} == x{j}")
    for i in range(3):
        pairs = [f"same{min(i, j)}{max(i, j)}" for j in range(3) if j != i]
        add(g, f"count{i}", pairs, via="sum", feature="sum + 1", pos=3 + i, family="count")
    return g


def most_frequent() -> nx.DiGraph:
    """Return the most frequent of four tokens, the smallest of equals (RASP's ``most-freq``).

    Each position marks its token, a head averages the marks of each kind, neurons look counts up.
    """
    g = tokens(4, 3, "most-frequent")
    for value in range(3):
        marks = [
            add(g, f"is{value}_{i}", [f"x{i}"], feature=f"x{i} == {value}", pos=i, family=f"is{value}")
            for i in range(4)
        ]
        add(g, f"count{value}", marks, via="sum")
    add(
        g,
        "winner",
        ["count0", "count1", "count2"],
        feature="(count0 < max(count1, count2)) * (1 + (count1 < count2))",
    )
    return g


def induction5() -> nx.DiGraph:
    """Return what followed the last token when it last occurred (Olsson et al. 2022, arXiv:2209.11895).

    A previous-token head, then an induction head; where the token is new, the one before it.
    """
    g = tokens(5, 3, "induction5")
    for i in range(1, 4):
        add(g, f"previous{i}", [f"x{i - 1}"], via="copy", family="previous", pos=i)
    keys, values = [f"previous{i}" for i in range(1, 4)], xs(4)[1:]
    add(g, "next", ["x4", *keys, *values], via="select", query="x4", keys=keys, values=values)
    return g


def indirect_object() -> nx.DiGraph:
    """Return the name that occurs once: a toy of indirect-object identification.

    After Wang et al. 2022, arXiv:2211.00593: a duplicate-token head finds where the repeated name stood, an
    inhibition head brings that to the end, a name mover attends to the other name.
    """
    names = range(4)
    rows = [(a, b, c) for a, b in itertools.permutations(names, 2) for c in (a, b)]
    g = tokens(3, 4, "indirect-object", n_ctx=4, rows=rows)
    places = {"positions": [0, 1]}
    duplicate = {"query": "x2", "keys": ["x0", "x1"], "values": "positions"}
    add(g, "duplicate", ["x2", "x0", "x1"], via="select", pos=2, **duplicate, **places)
    add(g, "inhibited", ["duplicate"], via="copy", pos=3)
    mover = {"query": "inhibited", "keys": "positions", "values": ["x0", "x1"], "where": "key != query"}
    add(g, "name", ["inhibited", "x0", "x1"], via="select", **mover, **places)
    return g
