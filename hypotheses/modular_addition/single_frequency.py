"""Single frequency: one key frequency carries the logits, and the rest of the logits does not matter.

False of every model with more than one key frequency: the waves add up, and no one of them holds most of
the logits. The site is a component of the logits, so the claim is about what is written and not about how.
Accuracy alone would be a poor judge here, as a single wave already has its top at the right class.

Reference: Nanda et al. 2023, arXiv:2301.05217, section 4.2, on ablating frequencies.
"""

import networkx as nx


def hypothesis(truth):
    graph = nx.DiGraph(
        name="single_frequency",
        task="modular_addition",
        expect={
            "pizza": "refuted",
            "clock-torus": "refuted",
            "clock-attention": "refuted",
            "trained": "refuted",
        },
    )
    graph.add_node("logits", site="logits")
    graph.add_node("wave", site=f"logits[frequencies={truth.frequencies[0]}]", feature="(a, b)")
    graph.add_edge("wave", "logits")
    return graph
