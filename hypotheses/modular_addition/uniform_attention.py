"""Uniform attention: the heads weigh positions without regard to the operands, and only add values up.

The pattern is taken from any other input, while the attention output keeps its unordered pair. True of
pizza, whose pattern is 1/3 everywhere, and of the clock on a torus, whose heads each look at one fixed
position. False of the clock by attention, which multiplies by means of its pattern.

On trained models it is refuted, because their heads do attend by content: in the bundled model most of what
varies in each head's pattern is a wave of one key frequency, and fidelity falls to about .72 without it.

Reference: Zhong et al. 2023, arXiv:2306.17844, section 3; Nanda et al. 2023, arXiv:2301.05217, section 4.1.
"""

import networkx as nx


def hypothesis():
    graph = nx.DiGraph(
        name="uniform_attention",
        task="modular_addition",
        expect={
            "pizza": "supported",
            "clock-torus": "supported",
            "clock-attention": "refuted",
            "trained": "refuted",
            "trained-pizza": ["supported", "refuted"],
        },
    )
    graph.add_node("logits", site="logits")
    graph.add_node("a", site="hook_embed[pos=0]", feature="a")
    graph.add_node("b", site="hook_embed[pos=1]", feature="b")
    graph.add_node("pattern", site="blocks.0.attn.hook_pattern[pos=-1]", feature="0")
    graph.add_node("attention", site="blocks.0.hook_attn_out[pos=-1]", feature="(min(a, b), max(a, b))")
    graph.add_edges_from([(node, "attention") for node in ("a", "b", "pattern")])
    graph.add_edge("attention", "logits")
    return graph
