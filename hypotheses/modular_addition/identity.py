"""Identity: what the logits read depends on both operands.

Nothing false is said, and nothing is said at all: every input is alone in its class, so that a draw can
only give the input itself. Fidelity is 1 on every model, and the verdict must be "untestable". A method
that calls this claim supported rewards explanations for saying nothing.

Reference: Chan et al. 2022, "Causal scrubbing", on the trivial interpretation.
"""

import networkx as nx


def hypothesis():
    graph = nx.DiGraph(
        name="identity",
        task="modular_addition",
        expect={
            "pizza": "untestable",
            "clock-torus": "untestable",
            "clock-attention": "untestable",
            "trained": "untestable",
        },
    )
    graph.add_node("logits", site="logits")
    graph.add_node("everything", site="blocks.0.hook_resid_post[pos=-1]", feature="(a, b)")
    graph.add_edge("everything", "logits")
    return graph
