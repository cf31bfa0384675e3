"""Order: maximum, minimum, sorting, comparison."""

from __future__ import annotations

import networkx as nx

from scrubkit.families.programs.library.parts import add, tokens


def max3() -> nx.DiGraph:
    """Return the largest of three tokens, pair by pair.

    The task of Gross et al. 2024, "Compact proofs of model performance", arXiv:2406.11779.
    """
    g = tokens(3, 5, "max3")
    add(g, "first", ["x0", "x1"], feature="max(x0, x1)")
    add(g, "largest", ["first", "x2"], feature="max(first, x2)")
    return g


def min4() -> nx.DiGraph:
    """Return the smallest of four tokens, as a tree of pairs (a reduction as in Tracr, arXiv:2301.05062)."""
    g = tokens(4, 4, "min4")
    add(g, "left", ["x0", "x1"], feature="min(x0, x1)")
    add(g, "right", ["x2", "x3"], feature="min(x2, x3)")
    add(g, "smallest", ["left", "right"], feature="min(left, right)")
    return g


def sort3() -> nx.DiGraph:
    """Sort three tokens by a network of three comparators (Knuth, TAOCP 3, section 5.3.4).

    The task of RASP's ``sort`` (Weiss et al. 2021, arXiv:2106.06981). The answers stand after the inputs.
    """
    g = tokens(3, 4, "sort3", n_ctx=6, output={3: "y0", 4: "y1", 5: "y2"})
    add(g, "low", ["x0", "x1"], feature="min(x0, x1)")
    add(g, "high", ["x0", "x1"], feature="max(x0, x1)")
    add(g, "middle", ["high", "x2"], feature="min(high, x2)")
    for pos, (name, function, pair) in enumerate(
        [("y0", "min", ["low", "middle"]), ("y1", "max", ["low", "middle"]), ("y2", "max", ["high", "x2"])]
    ):
        add(g, name, pair, feature=f"{function}({', '.join(pair)})", pos=3 + pos, family="y")
    return g


def greater_than() -> nx.DiGraph:
    """Compare two numbers of two digits: by the first digit, and where that is equal by the second.

    After Hanna et al. 2023, "How does GPT-2 compute greater-than?", arXiv:2305.00586.
    """
    g = tokens(4, 4, "greater-than")
    add(g, "first_greater", ["x0", "x2"], feature="x0 > x2")
    add(g, "first_equal", ["x0", "x2"], feature="x0 == x2")
    add(g, "second_greater", ["x1", "x3"], feature="x1 > x3")
    add(
        g,
        "greater",
        ["first_greater", "first_equal", "second_greater"],
        feature="first_greater or first_equal and second_greater",
    )
    return g
