"""Residual sum: what the unembedding reads depends on (a + b) mod p only.

The sum claim without a word on how the sum is found, so that it applies to every model, with or without
neurons. True of both clocks. False of the pizza algorithm, whose waves have the heights |cos(pi k (a - b) /
p)|: these are drawn anew with each stand-in, and fidelity falls to about .81 while the argmax, and with it
the loss, stays.

On trained models it is supported within the margin.

Reference: Nanda et al. 2023, arXiv:2301.05217, section 4; Zhong et al. 2023, arXiv:2306.17844, section 3.
"""

import networkx as nx


def hypothesis():
    graph = nx.DiGraph(
        name="residual_sum",
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
    graph.add_node("sum", site="blocks.0.hook_resid_post[pos=-1]", feature="(a + b) % p")
    graph.add_edge("sum", "logits")
    return graph
