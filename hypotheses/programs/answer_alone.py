"""Nothing but the answer itself reaches the logits, wherever it comes from.

For any model of `scrubkit compile-graph`: as coarse as a claim about variables can be. `every_variable` says
how the answer is computed as well.
"""

import networkx as nx


def hypothesis(truth) -> nx.DiGraph:
    graph = nx.DiGraph(name="answer alone", task=truth.variant, expect={truth.variant: "supported"})
    graph.add_node("logits", site="logits")
    for variable in truth.outputs:
        graph.add_node(variable, site=truth.site(variable), feature=truth.feature(variable))
        graph.add_edge(variable, "logits")
    return graph
