"""The largest of three tokens: the first two are compared first.

About the models ``max3``. The task of Gross et al. 2024, arXiv:2406.11779.
"""

import networkx as nx


def hypothesis(truth) -> nx.DiGraph:
    graph = nx.DiGraph(name="max3 by pairs", task="max3", expect={"max3": "supported"})
    graph.add_node("logits", site="logits")
    graph.add_node("x2", site=truth.site("x2"), feature="x2")
    graph.add_node("first", site=truth.site("first"), feature="max(x0, x1)")
    graph.add_edges_from([("first", "logits"), ("x2", "logits")])
    return graph
