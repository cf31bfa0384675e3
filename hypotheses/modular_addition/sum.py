"""The sum hypothesis: past the neurons, (a, b) matters only through (a + b) mod p.

Each cluster of neurons reads both embeddings and depends on their sum alone; neurons of no cluster and the
skip path do not matter. True of the clock algorithm. Of the pizza algorithm it is false, although it costs
no loss: each cluster also depends on |cos(pi k (a - b) / p)|, the height of its wave, and only fidelity
shows it.

On most trained models it is supported within the margin, as the heights differ little from input to input;
"supported" means that, and not that the clusters are free of a - b. On one whose every cluster has the
heights of a pizza ("trained-pizza") it is refuted, and "pizza" is the true statement.

Reference: Nanda et al. 2023, arXiv:2301.05217, section 4; Zhong et al. 2023, arXiv:2306.17844, section 3.
"""

import networkx as nx


def hypothesis(truth) -> nx.DiGraph:
    graph = nx.DiGraph(
        name="sum",
        task="modular_addition",
        expect={
            "clock-torus": "supported",
            "pizza": "refuted",
            "trained": "supported",
            "trained-pizza": "refuted",
        },
    )
    graph.add_node("logits", site="logits")
    graph.add_node("a", site="hook_embed[pos=0]", feature="a")
    graph.add_node("b", site="hook_embed[pos=1]", feature="b")
    for k in truth.frequencies:
        cluster = f"neurons_{k}"
        site = f"blocks.0.mlp.hook_post[pos=-1, neurons=cluster:{k}]"
        graph.add_node(cluster, site=site, feature="(a + b) % p")
        graph.add_edges_from([("a", cluster), ("b", cluster), (cluster, "logits")])
    return graph
