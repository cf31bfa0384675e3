"""Coarse operands: the embeddings matter only to the nearest two, a // 2 and b // 2.

False: half of the draws move an operand by one, and the label with it. The claim is about the first layer,
and the fault shows at the last: a scrub feels an error wherever it is made. Low frequencies forgive more,
as in "coarse_sum".

Reference: a control; embeddings are one-to-one in Nanda et al. 2023, arXiv:2301.05217, section 4.
"""

import networkx as nx


def hypothesis():
    graph = nx.DiGraph(
        name="coarse_operands",
        task="modular_addition",
        expect={
            "pizza": "refuted",
            "clock-torus": "refuted",
            "clock-attention": "refuted",
            "trained": "refuted",
        },
    )
    graph.add_node("logits", site="logits")
    graph.add_node("a", site="hook_embed[pos=0]", feature="a // 2")
    graph.add_node("b", site="hook_embed[pos=1]", feature="b // 2")
    graph.add_edges_from([("a", "logits"), ("b", "logits")])
    return graph
