"""The sum hypothesis: past the neurons, (a, b) matters only through (a + b) mod p.

Each cluster of neurons reads both operands, and what the logits take from it depends on their sum alone.
Neurons outside the clusters, and the path around the MLP, do not matter. True of the clock algorithm;
of the pizza algorithm each cluster also depends on |cos(pi k (a - b) / p)|, which costs fidelity and no loss.

Reference: Nanda et al. 2023, arXiv:2301.05217, section 4.
"""

import networkx as nx


def hypothesis(truth) -> nx.DiGraph:
    graph = nx.DiGraph(name="sum", task="modular_addition")
    graph.add_node("logits", site="logits")
    graph.add_node("a", site="hook_embed[pos=0]", feature="a")
    graph.add_node("b", site="hook_embed[pos=1]", feature="b")
    for k in truth.frequencies:
        cluster = f"neurons_{k}"
        graph.add_node(
            cluster, site=f"blocks.0.mlp.hook_post[pos=-1, neurons=cluster:{k}]", feature="(a + b) % p"
        )
        graph.add_edges_from([("a", cluster), ("b", cluster), (cluster, "logits")])
    return graph
