"""Products in S3: the first two elements are multiplied as a whole, then the third.

About the models ``s3-permutations``, compiled or trained. After Chughtai et al. 2023, arXiv:2302.03025.
"""

import networkx as nx


def hypothesis(truth) -> nx.DiGraph:
    graph = nx.DiGraph(
        name="s3 by permutations", task="s3-permutations", expect={"s3-permutations": "supported"}
    )
    graph.add_node("logits", site="logits")
    for variable in ("pair", "x2"):
        graph.add_node(variable, site=truth.site(variable), feature=truth.feature(variable))
        graph.add_edge(variable, "logits")
    return graph
