"""Nothing matters: the logits do not depend on the operands. False of every model that solves the task.

All inputs are in one class, so the residual stream before the unembedding is taken from any other input.
The scrubbed model is the model on permuted inputs: fidelity, faithfulness and loss recovered are 0 but for
noise. This is the lower end of the scale, as "identity" is the upper.

Reference: Chan et al. 2022, "Causal scrubbing", on the baseline of loss recovered.
"""

import networkx as nx


def hypothesis():
    graph = nx.DiGraph(
        name="nothing",
        task="modular_addition",
        expect={
            "pizza": "refuted",
            "clock-torus": "refuted",
            "clock-attention": "refuted",
            "trained": "refuted",
        },
    )
    graph.add_node("logits", site="logits")
    graph.add_node("everything", site="blocks.0.hook_resid_post[pos=-1]", feature="0")
    graph.add_edge("everything", "logits")
    return graph
