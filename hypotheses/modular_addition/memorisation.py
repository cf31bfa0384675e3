"""Memorisation: the network looks each pair up, so nothing coarser than the ordered pair (a, b) will do.

False of a network that has grokked, and yet no scrub can refute it. A scrub tests what a claim lets go, and
this one lets nothing go: its classes hold one input each, and the embeddings are all that the residual
stream reads. The verdict must be "untestable". What does speak against it is that coarser claims survive,
such as "unordered_pair".

Reference: Chan et al. 2022, "Causal scrubbing", on what scrubbing cannot reject; Nanda et al. 2023,
arXiv:2301.05217, section 5, on the memorisation phase.
"""

import networkx as nx


def hypothesis():
    graph = nx.DiGraph(
        name="memorisation",
        task="modular_addition",
        expect={
            "pizza": "untestable",
            "clock-torus": "untestable",
            "clock-attention": "untestable",
            "trained": "untestable",
        },
    )
    graph.add_node("logits", site="logits")
    graph.add_node("a", site="hook_embed[pos=0]", feature="a")
    graph.add_node("b", site="hook_embed[pos=1]", feature="b")
    graph.add_node("lookup", site="blocks.0.hook_resid_post[pos=-1]", feature="(a, b)")
    graph.add_edges_from([("a", "lookup"), ("b", "lookup"), ("lookup", "logits")])
    return graph
