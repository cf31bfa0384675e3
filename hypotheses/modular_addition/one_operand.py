"""One operand: what the unembedding reads depends on a only. False of every model of addition.

Given a, the label takes every value as b runs. The claim is wrong about what matters, not about where: its
site holds all that the logits read.

Reference: a control; the two operands enter alike in Nanda et al. 2023, arXiv:2301.05217, section 4.
"""

import networkx as nx


def hypothesis():
    graph = nx.DiGraph(
        name="one_operand",
        task="modular_addition",
        expect={
            "pizza": "refuted",
            "clock-torus": "refuted",
            "clock-attention": "refuted",
            "trained": "refuted",
        },
    )
    graph.add_node("logits", site="logits")
    graph.add_node("first", site="blocks.0.hook_resid_post[pos=-1]", feature="a")
    graph.add_edge("first", "logits")
    return graph
