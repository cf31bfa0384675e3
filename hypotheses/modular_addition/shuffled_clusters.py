"""Shuffled clusters: each cluster of neurons reads the embedding at the next key frequency, not its own.

False of every model with two key frequencies or more. Same sites, same features, same number of edges as
"clusters_per_frequency", and only the wiring differs: what a method must see to tell the two apart.

Reference: the counterpart of Nanda et al. 2023, arXiv:2301.05217, section 4.1.
"""

import networkx as nx


def hypothesis(truth):
    graph = nx.DiGraph(
        name="shuffled_clusters",
        task="modular_addition",
        expect={"pizza": "refuted", "clock-torus": "refuted", "trained": "refuted"},
    )
    graph.add_node("logits", site="logits")
    shifted = (*truth.frequencies[1:], truth.frequencies[0])
    for k, wrong in zip(truth.frequencies, shifted, strict=True):
        cluster = f"neurons_{k}"
        site = f"blocks.0.mlp.hook_post[pos=-1, neurons=cluster:{k}]"
        graph.add_node(cluster, site=site, feature="(min(a, b), max(a, b))")
        graph.add_edge(cluster, "logits")
        for position, operand in enumerate(("a", "b")):
            wave = f"{operand}_{wrong}"
            graph.add_node(wave, site=f"hook_embed[pos={position}, frequencies={wrong}]", feature=operand)
            graph.add_edge(wave, cluster)
    return graph
