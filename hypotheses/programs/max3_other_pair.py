"""Near miss of `max3_by_pairs`: the last two tokens are compared first. False of the models ``max3``."""

import networkx as nx


def hypothesis(truth) -> nx.DiGraph:
    graph = nx.DiGraph(name="max3 other pair", task="max3", expect={"max3": "refuted"})
    graph.add_node("logits", site="logits")
    graph.add_node("x0", site=truth.site("x0"), feature="x0")
    graph.add_node("first", site=truth.site("first"), feature="max(x1, x2)")
    graph.add_edges_from([("first", "logits"), ("x0", "logits")])
    return graph
