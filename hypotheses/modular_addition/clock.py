"""Clock: each cluster of neurons knows its sum angle, and writes it into its own plane of the logits.

From the neurons on, a cluster is (a + b) mod p and nothing else, the plane of frequency k is read from
cluster k alone, and all other directions of the logits do not matter. True of the clock on a torus. False
of the pizza algorithm, whose loss is recovered in full all the same: the heights |cos(pi k (a - b) / p)|
change which logits are large, not which is the largest. Fidelity says so, at about .81.

On trained models it is supported within the margin, as "sum" is.

Reference: Nanda et al. 2023, arXiv:2301.05217, section 4; Zhong et al. 2023, arXiv:2306.17844, section 3.
"""

import networkx as nx


def hypothesis(truth):
    graph = nx.DiGraph(
        name="clock",
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
        cluster, plane = f"neurons_{k}", f"logits_{k}"
        site = f"blocks.0.mlp.hook_post[pos=-1, neurons=cluster:{k}]"
        graph.add_node(cluster, site=site, feature="(a + b) % p")
        graph.add_node(plane, site=f"logits[frequencies={k}]", feature="(a + b) % p")
        graph.add_edges_from([("a", cluster), ("b", cluster), (cluster, plane), (plane, "logits")])
    return graph
