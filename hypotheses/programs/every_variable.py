"""Every variable of a compiled program stands where its truth says, and is computed from what it says.

For any model of `scrubkit compile-graph`: as fine as a claim about variables can be.
"""

import networkx as nx


def hypothesis(truth) -> nx.DiGraph:
    graph = nx.DiGraph(name="every variable", task=truth.variant, expect={truth.variant: "supported"})
    graph.add_node("logits", site="logits")
    for variable in truth.features:
        graph.add_node(variable, site=truth.site(variable), feature=truth.feature(variable))
    graph.add_edges_from(truth.edges)
    for variable in truth.features:
        if variable in truth.outputs:
            graph.add_edge(variable, "logits")
    # What nothing reads is no part of how the model answers.
    used = nx.ancestors(graph, "logits") | {"logits"}
    return nx.DiGraph(graph.subgraph(used))
