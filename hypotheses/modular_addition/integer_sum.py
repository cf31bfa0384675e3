"""Integer sum: what the unembedding reads depends on a + b, counted without wrapping around at p.

Finer than the sum mod p, so it is true wherever that is, and it says less: a model that wraps around has no
need to know whether a + b passed p. Scrubbing cannot tell a claim from one that is finer than need be; bits
show it, which are fewer than those of "residual_sum", since classes fall in two. False of the pizza
algorithm, as a + b leaves a - b open.

Reference: Chan et al. 2022, "Causal scrubbing", on claims that are true and not the most specific.
"""

import networkx as nx


def hypothesis():
    graph = nx.DiGraph(
        name="integer_sum",
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
    graph.add_node("sum", site="blocks.0.hook_resid_post[pos=-1]", feature="a + b")
    graph.add_edge("sum", "logits")
    return graph
