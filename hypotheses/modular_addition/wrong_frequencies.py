"""Wrong frequencies: the embeddings matter at as many other frequencies, none of them key or a double.

False of every model. A partition of the inputs cannot say so: for prime p, the wave of any frequency
determines the token, so every choice of frequencies gives the same classes. What refutes the claim is where
it says the information sits, with the rest of the embedding taken from another input.

Reference: the counterpart of Nanda et al. 2023, arXiv:2301.05217, section 4.1.
"""

import networkx as nx


def hypothesis(truth):
    graph = nx.DiGraph(
        name="wrong_frequencies",
        task="modular_addition",
        expect={
            "pizza": "refuted",
            "clock-torus": "refuted",
            "clock-attention": "refuted",
            "trained": "refuted",
        },
    )
    used = {m * k % truth.p for k in truth.frequencies for m in (1, -1, 2, -2)}
    unused = [k for k in range(1, truth.p // 2 + 1) if k not in used]
    frequencies = ",".join(map(str, unused[: len(truth.frequencies)]))
    graph.add_node("logits", site="logits")
    graph.add_node("a", site=f"hook_embed[pos=0, frequencies={frequencies}]", feature="a")
    graph.add_node("b", site=f"hook_embed[pos=1, frequencies={frequencies}]", feature="b")
    graph.add_edges_from([("a", "logits"), ("b", "logits")])
    return graph
