"""The Fourier story of a pizza, from tokens to logits: as "fourier", with the heights of the waves kept.

The cluster of frequency k and the plane of the logits that reads it carry (a + b) mod p together with
|cos(pi k (a - b) / p)|, the latter to within .05. True of the pizza algorithm, and of the clock, which has
no use for the heights. On trained models it is supported within the margin.

Reference: Zhong et al. 2023, arXiv:2306.17844, section 3.
"""

import networkx as nx


def hypothesis(truth):
    graph = nx.DiGraph(
        name="fourier_pizza",
        task="modular_addition",
        expect={"pizza": "supported", "clock-torus": "supported", "trained": "supported"},
    )
    graph.add_node("logits", site="logits")
    for k in truth.frequencies:
        cluster, plane = f"neurons_{k}", f"logits_{k}"
        claim = {
            "feature": f"((a + b) % p, abs(cos(pi * {k} * (a - b) / p)))",
            "tolerance": (None, 0.05),
        }
        graph.add_node(cluster, site=f"blocks.0.mlp.hook_post[pos=-1, neurons=cluster:{k}]", **claim)
        graph.add_node(plane, site=f"logits[frequencies={k}]", **claim)
        graph.add_edges_from([(cluster, plane), (plane, "logits")])
        for position, operand in enumerate(("a", "b")):
            wave = f"{operand}_{k}"
            graph.add_node(wave, site=f"hook_embed[pos={position}, frequencies={k}]", feature=operand)
            graph.add_edge(wave, cluster)
    return graph
