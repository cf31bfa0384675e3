"""Unordered pair: attention hands on which two operands there are, and not which came first.

True of the pizza algorithm to the letter: uniform attention adds E_a + E_b. True in effect of the clocks
and of trained models: what is read from the attention is symmetric in a and b, even where the attention
itself copies them to different places. A weak claim all the same, as a class has two members at most: 1
bit.

Reference: Zhong et al. 2023, arXiv:2306.17844, section 3.
"""

import networkx as nx


def hypothesis():
    graph = nx.DiGraph(
        name="unordered_pair",
        task="modular_addition",
        expect={
            "pizza": "supported",
            "clock-torus": "supported",
            "clock-attention": "supported",
            "trained": "supported",
        },
    )
    graph.add_node("logits", site="logits")
    graph.add_node("a", site="hook_embed[pos=0]", feature="a")
    graph.add_node("b", site="hook_embed[pos=1]", feature="b")
    graph.add_node("pair", site="blocks.0.hook_attn_out[pos=-1]", feature="(min(a, b), max(a, b))")
    graph.add_edges_from([("a", "pair"), ("b", "pair"), ("pair", "logits")])
    return graph
