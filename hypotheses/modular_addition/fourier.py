"""The Fourier story from tokens to logits: waves of the embedding, clusters, planes of the logits.

For each key frequency k and for no other: the embeddings' waves of frequency k reach cluster k; from them
the cluster computes the angle of (a + b) mod p; the plane of frequency k of the logits reads that cluster
and no other; the logits are these planes. Everything that the story leaves out comes from other inputs, at
every step anew.

True of the clock on a torus. False of the pizza algorithm, by its heights. On trained models it is
supported within the margin, with the lowest fidelity of the supported claims, since each step adds its own
small error.

Reference: Nanda et al. 2023, arXiv:2301.05217, section 4.
"""

import networkx as nx


def hypothesis(truth):
    graph = nx.DiGraph(
        name="fourier",
        task="modular_addition",
        expect={
            "clock-torus": "supported",
            "pizza": "refuted",
            "trained": "supported",
            "trained-pizza": "refuted",
        },
    )
    graph.add_node("logits", site="logits")
    for k in truth.frequencies:
        cluster, plane = f"neurons_{k}", f"logits_{k}"
        site = f"blocks.0.mlp.hook_post[pos=-1, neurons=cluster:{k}]"
        graph.add_node(cluster, site=site, feature="(a + b) % p")
        graph.add_node(plane, site=f"logits[frequencies={k}]", feature="(a + b) % p")
        graph.add_edges_from([(cluster, plane), (plane, "logits")])
        for position, operand in enumerate(("a", "b")):
            wave = f"{operand}_{k}"
            graph.add_node(wave, site=f"hook_embed[pos={position}, frequencies={k}]", feature=operand)
            graph.add_edge(wave, cluster)
    return graph
