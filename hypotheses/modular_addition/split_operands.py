"""Split operands: each head serves one operand, some heads a and the others b.

True of the clock on a torus: one head copies E_a, another E_b, and neurons see the two apart. False
wherever a head mixes the operands: the pizza's only head adds them, the clock by attention weighs one
against the other, and so do trained heads. Where the truth names no copying heads, the first half is
claimed for a and the rest for b.

Reference: the construction of the clock by phases; compare Zhong et al. 2023, arXiv:2306.17844, section 3.
"""

import networkx as nx


def hypothesis(truth):
    graph = nx.DiGraph(
        name="split_operands",
        task="modular_addition",
        expect={
            "clock-torus": "supported",
            "pizza": "refuted",
            "clock-attention": "refuted",
            "trained": "refuted",
        },
    )
    heads = [h.head for h in truth.heads]
    half = len(heads) // 2
    graph.add_node("logits", site="logits")
    for operand, default in (("a", heads[:half]), ("b", heads[half:])):
        copying = [h.head for h in truth.heads if h.role == f"copy-{operand}"]
        chosen = ",".join(map(str, copying or default))
        graph.add_node(operand, site=f"blocks.0.attn.hook_z[pos=-1, head={chosen}]", feature=operand)
        graph.add_edge(operand, "logits")
    return graph
