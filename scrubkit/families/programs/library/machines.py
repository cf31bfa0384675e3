"""Machines: arithmetic, brackets, automata, groups."""

from __future__ import annotations

import networkx as nx

from scrubkit.families.programs.library.parts import add, tokens, xs


def parity5() -> nx.DiGraph:
    """Return the parity of five bits from their count (Chiang and Cholak 2022, arXiv:2202.12172)."""
    g = tokens(5, 2, "parity5")
    add(g, "parity", xs(5), via="sum", feature="sum % 2")
    return g


def parity5_chain() -> nx.DiGraph:
    """Return the parity of five bits, one after the other: `parity5` by another mechanism."""
    g = tokens(5, 2, "parity5-chain")
    last = "x0"
    for i in range(1, 5):
        last = add(g, f"parity{i}", [last, f"x{i}"], feature=f"({last} + x{i}) % 2")
    return g


def addition_lookup() -> nx.DiGraph:
    """Add mod 9 by looking the pair up, as a network does that memorises.

    The first of the phases that Nanda et al. 2023, arXiv:2301.05217, section 5, find in training.
    """
    g = tokens(2, 9, "addition-lookup")
    add(g, "sum_", ["x0", "x1"], feature="(x0 + x1) % 9")
    return g


def addition_carry() -> nx.DiGraph:
    """Add two numbers of two digits mod 9, base 3, with a carry (Quirke and Barez 2023, arXiv:2310.13121)."""
    g = tokens(4, 3, "addition-carry", n_ctx=6, output={4: "high", 5: "low"})
    add(g, "carry", ["x1", "x3"], feature="(x1 + x3) // 3")
    add(g, "high", ["x0", "x2", "carry"], feature="(x0 + x2 + carry) % 3", pos=4, family="digit")
    add(g, "low", ["x1", "x3"], feature="(x1 + x3) % 3", pos=5, family="digit")
    return g


def brackets6() -> nx.DiGraph:
    """Say whether six brackets balance: equal numbers, and never more closed than open before.

    The subject of the first causal scrubbing study (Chan et al. 2022, "Causal scrubbing: results on a
    paren balance checker"). Token 1 opens, 0 closes; each position averages what came before it.
    """
    g = tokens(6, 2, "brackets6")
    depths, below = [], []
    for i in range(6):
        depths.append(
            add(g, f"depth{i}", xs(i + 1), via="sum", feature=f"2 * sum - {i + 1}", pos=i, family="depth")
        )
        below.append(add(g, f"below{i}", [depths[i]], feature=f"depth{i} < 0", pos=i, family="below"))
    add(g, "ever_below", below, via="sum", feature="sum > 0")
    add(g, "balanced", ["ever_below", "depth5"], feature="not ever_below and depth5 == 0")
    return g


def automaton5() -> nx.DiGraph:
    """Run an automaton of three states over five letters: a binary number mod 3.

    One state after another, as in Liu et al. 2022, "Transformers learn shortcuts to automata",
    arXiv:2210.10749, without the shortcut.
    """
    g = tokens(5, 2, "automaton5")
    last = "x0"
    for i in range(1, 5):
        last = add(g, f"state{i}", [last, f"x{i}"], feature=f"(2 * {last} + x{i}) % 3")
    return g


def s3_permutations() -> nx.DiGraph:
    """Multiply three elements of S3, one after the other, each product as a whole.

    Elements are r + 3 s: the rotation r after s reflections; (r, s)(r', s') = (r + (-1)^s r', s + s'). After
    Chughtai et al. 2023, "A toy model of universality", arXiv:2302.03025.
    """
    g = tokens(3, 6, "s3-permutations")
    for name, left, right in (("pair", "x0", "x1"), ("product", "pair", "x2")):
        turned = f"(({left} % 3) + (1 - 2 * ({left} // 3)) * ({right} % 3)) % 3"
        add(g, name, [left, right], feature=f"{turned} + 3 * (({left} // 3 + {right} // 3) % 2)")
    return g


def s3_cosets() -> nx.DiGraph:
    """Multiply three elements of S3 by cosets: reflections and rotations apart, joined at the end.

    The same function as `s3_permutations` by the mechanism that Stander et al. 2023, "Grokking group
    multiplication with cosets", arXiv:2312.06581, find.
    """
    g = tokens(3, 6, "s3-cosets")
    add(g, "side", ["x0", "x1"], feature="(x0 // 3 + x1 // 3) % 2")
    add(g, "turn", ["x0", "x1"], feature="(x0 % 3 + (1 - 2 * (x0 // 3)) * (x1 % 3)) % 3")
    add(g, "all_sides", ["side", "x2"], feature="(side + x2 // 3) % 2")
    add(g, "all_turns", ["turn", "side", "x2"], feature="(turn + (1 - 2 * side) * (x2 % 3)) % 3")
    add(g, "product", ["all_turns", "all_sides"], feature="all_turns + 3 * all_sides")
    return g
