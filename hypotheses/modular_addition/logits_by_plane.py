"""Logits by plane: the logits are one wave in a + b - c for each key frequency, and nothing else.

Each plane of the logits is given its own stand-in with the same sum, and what lies outside the planes comes
from any input. True of the clocks. False of the pizza algorithm: the height of each wave varies with a - b.
A share of the variance that waves of this shape explain does not tell the two apart, as it is over 99 % for
both.

On trained models it is supported within the margin.

Reference: Nanda et al. 2023, arXiv:2301.05217, section 4.2; Zhong et al. 2023, arXiv:2306.17844, section 4.
"""

import networkx as nx


def hypothesis(truth):
    graph = nx.DiGraph(
        name="logits_by_plane",
        task="modular_addition",
        expect={
            "clock-torus": "supported",
            "clock-attention": "supported",
            "pizza": "refuted",
            "trained": "supported",
            "trained-pizza": "refuted",
        },
    )
    graph.add_node("logits", site="logits")
    for k in truth.frequencies:
        graph.add_node(f"plane_{k}", site=f"logits[frequencies={k}]", feature="(a + b) % p")
        graph.add_edge(f"plane_{k}", "logits")
    return graph
