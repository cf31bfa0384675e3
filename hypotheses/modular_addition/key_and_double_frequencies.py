"""Key and double frequencies: of the embeddings, only waves at the key frequencies and twice these matter.

A product of two waves of frequency k has frequency 2 k, so a network that multiplies leaves traces there,
and may carry the doubled waves to cancel them. The clock by attention does so by construction; trained
models do so a little. True of every model: where doubled waves are not used, the claim is wider than need
be and still true.

Reference: Nanda et al. 2023, arXiv:2301.05217, section 4.1, on second harmonics.
"""

import networkx as nx


def folded(k: int, p: int) -> int:
    """Return k as one of the frequencies 0 to p // 2; k and p - k are the same wave."""
    return min(k % p, -k % p)


def hypothesis(truth):
    graph = nx.DiGraph(
        name="key_and_double_frequencies",
        task="modular_addition",
        expect={
            "pizza": "supported",
            "clock-torus": "supported",
            "clock-attention": "supported",
            "trained": "supported",
        },
    )
    chosen = sorted({folded(m * k, truth.p) for k in truth.frequencies for m in (1, 2)})
    frequencies = ",".join(map(str, chosen))
    graph.add_node("logits", site="logits")
    graph.add_node("a", site=f"hook_embed[pos=0, frequencies={frequencies}]", feature="a")
    graph.add_node("b", site=f"hook_embed[pos=1, frequencies={frequencies}]", feature="b")
    graph.add_edges_from([("a", "logits"), ("b", "logits")])
    return graph
