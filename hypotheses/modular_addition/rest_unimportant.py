"""Rest unimportant: neurons that belong to no cluster do not matter.

The clusters and the skip path keep their input exactly; only the remaining neurons come from another. True
of all models. In compiled ones the remaining neurons are idle, and in the clock by attention, which has no
clusters, all are. On trained models it is supported: the neurons that no frequency explains carry little.

The edge from the residual stream is direct, so that the remaining neurons do not follow it.

Reference: Nanda et al. 2023, arXiv:2301.05217, section 4.1, on neurons that one frequency does not explain.
"""

import networkx as nx


def hypothesis(truth):
    graph = nx.DiGraph(
        name="rest_unimportant",
        task="modular_addition",
        expect={
            "pizza": "supported",
            "clock-torus": "supported",
            "clock-attention": "supported",
            "trained": "supported",
        },
    )
    graph.add_node("logits", site="logits")
    graph.add_node("skip", site="blocks.0.hook_resid_mid[pos=-1]", feature="(a, b)")
    graph.add_edge("skip", "logits", paths="direct")
    for k in truth.clusters:
        site = f"blocks.0.mlp.hook_post[pos=-1, neurons=cluster:{k}]"
        graph.add_node(f"neurons_{k}", site=site, feature="(a, b)")
        graph.add_edge(f"neurons_{k}", "logits")
    return graph
