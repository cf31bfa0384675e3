"""Key frequencies: of the embeddings, only the Fourier components at the key frequencies matter.

The embedding of a token is a sum of waves over the tokens; all waves but those of the key frequencies are
taken from another input. True of pizza and of the clock on a torus by construction, and of trained models
within the margin.

False of the clock by attention: its products leave terms in sin(2 w x), which a head that carries the
doubled frequencies cancels. See "key_and_double_frequencies".

Reference: Nanda et al. 2023, arXiv:2301.05217, section 4.1.
"""

import networkx as nx


def hypothesis():
    graph = nx.DiGraph(
        name="key_frequencies",
        task="modular_addition",
        expect={
            "pizza": "supported",
            "clock-torus": "supported",
            "clock-attention": "refuted",
            "trained": "supported",
        },
    )
    graph.add_node("logits", site="logits")
    graph.add_node("a", site="hook_embed[pos=0, frequencies=key]", feature="a")
    graph.add_node("b", site="hook_embed[pos=1, frequencies=key]", feature="b")
    graph.add_edges_from([("a", "logits"), ("b", "logits")])
    return graph
