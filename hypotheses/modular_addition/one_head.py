"""One head: the first head that does anything carries both operands, and the other heads do not matter.

True of the pizza network, where a single head adds the two embeddings. False of the clock on a torus, which
needs a head for each operand, of the clock by attention, which needs two for each frequency, and of trained
models, which spread the work over all four.

Reference: compare the heads in Nanda et al. 2023, arXiv:2301.05217, section 4.1.
"""

import networkx as nx


def hypothesis(truth):
    graph = nx.DiGraph(
        name="one_head",
        task="modular_addition",
        expect={
            "pizza": "supported",
            "clock-torus": "refuted",
            "clock-attention": "refuted",
            "trained": "refuted",
            "trained-pizza": ["supported", "refuted"],
        },
    )
    head = next((h.head for h in truth.heads if h.role != "idle"), 0)
    graph.add_node("logits", site="logits")
    graph.add_node("a", site="hook_embed[pos=0]", feature="a")
    graph.add_node("b", site="hook_embed[pos=1]", feature="b")
    site = f"blocks.0.attn.hook_z[pos=-1, head={head}]"
    graph.add_node("head", site=site, feature="(min(a, b), max(a, b))")
    graph.add_edges_from([("a", "head"), ("b", "head"), ("head", "logits")])
    return graph
