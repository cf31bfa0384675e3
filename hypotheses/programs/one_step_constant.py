"""Near miss of `every_variable`: one variable that the answer is computed from is said to hold nothing.

For any model of `scrubkit compile-graph` whose answer needs that variable; false of all in the library.
"""

import networkx as nx


def hypothesis(truth) -> nx.DiGraph:
    graph = nx.DiGraph(name="one step constant", task=truth.variant, expect={truth.variant: "refuted"})
    graph.add_node("logits", site="logits")
    for variable in truth.features:
        graph.add_node(variable, site=truth.site(variable), feature=truth.feature(variable))
    graph.add_edges_from(truth.edges)
    graph.add_edges_from((variable, "logits") for variable in truth.outputs)
    answer = truth.outputs[0]
    nothing = next((parent for parent, reader in truth.edges if reader == answer), answer)
    graph.nodes[nothing]["feature"] = "0"
    graph.remove_edges_from(list(graph.in_edges(nothing)))
    used = nx.ancestors(graph, "logits") | {"logits"}
    return nx.DiGraph(graph.subgraph(used))
