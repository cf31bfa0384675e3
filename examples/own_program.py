"""A program of your own: compiled into a transformer, and asked what its answer reads.

The answer is half the sum of two dice, rounded down. What the sum's place is said to hold may be finer than
what the answer needs, or as coarse as that; it must not be something else.
"""

import networkx as nx

import scrubkit

STORIES = ("(a, b)", "a + b", "(a + b) // 2", "abs(a - b)")

program = nx.DiGraph([("a", "total"), ("b", "total"), ("total", "half")], name="halves")
program.add_nodes_from("ab", values=range(6))
program.nodes["total"]["feature"] = "a + b"
program.nodes["half"]["feature"] = "total // 2"
model = scrubkit.compile_graph(program, codes="rotated")

for story in STORIES:
    claim = nx.DiGraph([("total", "logits")])
    claim.add_node("logits", site="logits")
    claim.add_node("total", site=model.truth.site("total"), feature=story)
    found = scrubkit.score(model, claim, exact=True)
    print(f"{story}  {found.fidelity.value:.3f}  {found.verdict}")
