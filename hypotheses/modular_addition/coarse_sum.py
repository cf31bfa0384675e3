"""Coarse sum: what the unembedding reads depends on the sum to the nearest two, (a + b) mod p // 2.

False: the label is lost within a pair of neighbours. How false depends on the frequencies. A wave of
frequency k turns by 2 pi k / p from one sum to the next, so low frequencies hardly tell neighbours apart,
and a model that used nothing else would pass. Each bundled model has a frequency that is high enough.

Reference: a control; compare the sum in Nanda et al. 2023, arXiv:2301.05217, section 4.
"""

import networkx as nx


def hypothesis():
    graph = nx.DiGraph(
        name="coarse_sum",
        task="modular_addition",
        expect={
            "pizza": "refuted",
            "clock-torus": "refuted",
            "clock-attention": "refuted",
            "trained": "refuted",
        },
    )
    graph.add_node("logits", site="logits")
    graph.add_node("coarse", site="blocks.0.hook_resid_post[pos=-1]", feature="(a + b) % p // 2")
    graph.add_edge("coarse", "logits")
    return graph
