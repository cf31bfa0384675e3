"""Clusters per frequency: each cluster of neurons reads the embedding at its own key frequency only.

Everything else that reaches a cluster, the other frequencies included, comes from another input. What the
cluster makes of its waves is left open: it may depend on the unordered pair. True of both neuron-based
compiled models by construction, and of trained models within the margin, although their heads' patterns mix
frequencies.

Reference: Nanda et al. 2023, arXiv:2301.05217, section 4.1, on neurons of one frequency.
"""

import networkx as nx


def hypothesis(truth):
    graph = nx.DiGraph(
        name="clusters_per_frequency",
        task="modular_addition",
        expect={"pizza": "supported", "clock-torus": "supported", "trained": "supported"},
    )
    graph.add_node("logits", site="logits")
    for k in truth.frequencies:
        cluster = f"neurons_{k}"
        site = f"blocks.0.mlp.hook_post[pos=-1, neurons=cluster:{k}]"
        graph.add_node(cluster, site=site, feature="(min(a, b), max(a, b))")
        graph.add_edge(cluster, "logits")
        for position, operand in enumerate(("a", "b")):
            wave = f"{operand}_{k}"
            graph.add_node(wave, site=f"hook_embed[pos={position}, frequencies={k}]", feature=operand)
            graph.add_edge(wave, cluster)
    return graph
