"""Products in S3: reflections and rotations are multiplied apart, and joined at the end.

About the models ``s3-cosets``. After Stander et al. 2023, arXiv:2312.06581.
"""

import networkx as nx


def hypothesis(truth) -> nx.DiGraph:
    graph = nx.DiGraph(name="s3 by cosets", task="s3-cosets", expect={"s3-cosets": "supported"})
    graph.add_node("logits", site="logits")
    for variable in ("all_sides", "all_turns"):
        graph.add_node(variable, site=truth.site(variable), feature=truth.feature(variable))
        graph.add_edge(variable, "logits")
    return graph
