"""Induction: each position holds the token before it, and the last looks for its own.

About the models ``induction5``. After Olsson et al. 2022, arXiv:2209.11895.
"""

import networkx as nx


def hypothesis(truth) -> nx.DiGraph:
    graph = nx.DiGraph(name="induction", task="induction5", expect={"induction5": "supported"})
    graph.add_node("logits", site="logits")
    for position in range(1, 4):
        graph.add_node(
            f"previous{position}", site=truth.site(f"previous{position}"), feature=f"x{position - 1}"
        )
    for position in range(1, 5):
        graph.add_node(f"x{position}", site=truth.site(f"x{position}"), feature=f"x{position}")
    graph.add_edges_from((node, "logits") for node in list(graph) if node != "logits")
    return graph
