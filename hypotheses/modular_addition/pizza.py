"""Pizza: each cluster depends on (a + b) mod p and on the height of its wave, |cos(pi k (a - b) / p)|.

Adding two points of a circle gives a point in the direction of half the sum, at a distance of twice that
cosine. True of the pizza algorithm. Taken exactly the two together are the unordered pair, classes of two
that test next to nothing; so heights count as equal within .05, and about 3.5 bits a cluster are resampled
at p = 113.

Also supported on the clock and on trained models, where it may be finer than need be. "sum" lets the height
go: where it is refuted and this one is not, the heights are used. Where both are supported they matter less
than the margin, which does not make a clock of the model: a trained one mixes the two within each cluster,
and whether they are two algorithms there is contested (arXiv:2512.25060). Shares per cluster are in its
certificate.

Reference: Zhong et al. 2023, arXiv:2306.17844, section 3.
"""

import networkx as nx


def hypothesis(truth):
    graph = nx.DiGraph(
        name="pizza",
        task="modular_addition",
        expect={"pizza": "supported", "clock-torus": "supported", "trained": "supported"},
    )
    graph.add_node("logits", site="logits")
    graph.add_node("a", site="hook_embed[pos=0]", feature="a")
    graph.add_node("b", site="hook_embed[pos=1]", feature="b")
    for k in truth.frequencies:
        cluster = f"neurons_{k}"
        graph.add_node(
            cluster,
            site=f"blocks.0.mlp.hook_post[pos=-1, neurons=cluster:{k}]",
            feature=f"((a + b) % p, abs(cos(pi * {k} * (a - b) / p)))",
            tolerance=(None, 0.05),
        )
        graph.add_edges_from([("a", cluster), ("b", cluster), (cluster, "logits")])
    return graph
