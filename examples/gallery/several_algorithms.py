"""Several true algorithms: one network, one behaviour, and many explanations that pass every interchange.

A network of 3 and 3 neurons learns xor. For every set of neurons: is there one bit u such that taking the set
from another input does what an algorithm would do that takes u from there? Meloux et al. 2025, "Is
mechanistic interpretability identifiable?", arXiv:2502.20914.
"""

from itertools import combinations

import torch
from exhibit import Claim, Exhibit, show
from tools import claim, learned_xor

import scrubkit

BITS = ["x0", "x1", "x0 and x1", "x0 or x1", "x0 and not x1", "x1 and not x0", "x0 != x1"]
SETS = [some for n in range(1, 7) for some in combinations(["h0", "h1", "h2", "k0", "k1", "k2"], n)]


def exhibit() -> Exhibit:
    network, circuits, asked, rows = learned_xor((3, 3), seed=2), 0, [], torch.arange(4)
    bound, (base, donor) = scrubkit.bind(network), torch.cartesian_prod(rows, rows).T
    bits = {u: scrubkit.bind(network, claim({"x0": ("x0", u)}, "out"))["x0"].classes for u in BITS}
    found = {u: [] for u in BITS}
    for some in SETS:
        answers = bound.run(base, {n: bound.read(n, donor) for n in some})[0].reshape(4, 4).T
        alike = (answers[:, None] == answers[None]).all(-1).numpy()  # donors that answer alike on all bases
        for u, bit in bits.items():
            found[u] += [some] * bool((alike == (bit[:, None] == bit[None])).all())
        alone = bound.run(rows, {n: 0 * bound.read(n, rows) for n in SETS[-1] if n not in some})[0]
        circuits += bool((alone == bound.clean(rows)).all())
    for u, (one,) in ((u, sets[0]) for u, sets in found.items() if sets and len(sets[0]) == 1):
        nodes = {"x0": ("x0", "x0"), "x1": ("x1", "x1"), "u": (one, u)}
        asked.append(Claim(f"{one} is {u}", True, network, claim(nodes, "out")))
    held = {u: [len(sets)] for u, sets in found.items()}
    return Exhibit.of("Sets of neurons, of 63, that hold a bit", ["sets"], held, asked, circuits=circuits)


if __name__ == "__main__":
    show(exhibit)
