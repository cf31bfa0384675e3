"""Difference: what the unembedding reads depends on (a - b) mod p only. False of every model of addition.

Given a - b, the sum a + b takes every value, since 2 has an inverse mod an odd p. So the scrubbed logits
say nothing of the label: fidelity and faithfulness are 0, as for "nothing". A false claim with as many bits
as the true one.

Reference: the sign-flipped counterpart of Nanda et al. 2023, arXiv:2301.05217, section 4.
"""

import networkx as nx


def hypothesis():
    graph = nx.DiGraph(
        name="difference",
        task="modular_addition",
        expect={
            "pizza": "refuted",
            "clock-torus": "refuted",
            "clock-attention": "refuted",
            "trained": "refuted",
        },
    )
    graph.add_node("logits", site="logits")
    graph.add_node("difference", site="blocks.0.hook_resid_post[pos=-1]", feature="(a - b) % p")
    graph.add_edge("difference", "logits")
    return graph
