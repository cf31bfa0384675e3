"""Skip path ignored: the logits read the neurons, and what the attention writes past them does not matter.

All neurons keep their input exactly; the residual stream beside them comes from another input. True of the
compiled models with neurons, whose unembedding reads dimensions that only neurons write. False of the clock
by attention, which has nothing else.

On trained models it is supported, at a fidelity above .99, which is right and not the whole truth: the skip
path moves the logits little, and yet its small share multiplies a loss of 1e-6 several times. Margins on
fidelity do not see that; `scrubbed_loss` beside `model_loss` does.

Reference: Nanda et al. 2023, arXiv:2301.05217, section 4.1.
"""

import networkx as nx


def hypothesis():
    graph = nx.DiGraph(
        name="skip_path_ignored",
        task="modular_addition",
        expect={
            "pizza": "supported",
            "clock-torus": "supported",
            "clock-attention": "refuted",
            "trained": "supported",
        },
    )
    graph.add_node("logits", site="logits")
    graph.add_node("neurons", site="blocks.0.mlp.hook_post[pos=-1]", feature="(a, b)")
    graph.add_edge("neurons", "logits")
    return graph
