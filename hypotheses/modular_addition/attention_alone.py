"""Attention alone: the attention output carries (a + b) mod p already, and the MLP does not matter.

True of the clock by attention, where the softmax does the multiplying and the MLP's weights are zero. False
of every model whose neurons do the work. There the MLP's output comes from another input while the
attention's stays right: two parts of one story are told about different inputs, which shows that the MLP is
needed.

Reference: the construction of the clock by attention; compare Nanda et al. 2023, arXiv:2301.05217, section
4.1.
"""

import networkx as nx


def hypothesis():
    graph = nx.DiGraph(
        name="attention_alone",
        task="modular_addition",
        expect={
            "clock-attention": "supported",
            "pizza": "refuted",
            "clock-torus": "refuted",
            "trained": "refuted",
        },
    )
    graph.add_node("logits", site="logits")
    graph.add_node("a", site="hook_embed[pos=0]", feature="a")
    graph.add_node("b", site="hook_embed[pos=1]", feature="b")
    graph.add_node("sum", site="blocks.0.hook_attn_out[pos=-1]", feature="(a + b) % p")
    graph.add_node("mlp", site="blocks.0.hook_mlp_out[pos=-1]", unimportant=True)
    graph.add_edges_from([("a", "sum"), ("b", "sum"), ("sum", "logits"), ("mlp", "logits")])
    return graph
