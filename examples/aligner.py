"""An aligner: where in the residual stream a variable is held, found without being told.

The network computes max((a + b) % 4, c). The aligner takes the directions in which the stream's mean differs
between values of a variable. It is judged on pairs of inputs: set there to its value on one, the answer on
the other has to follow. Last in a line: what the same search reaches on random weights, where it passed.
"""

import networkx as nx
import torch

import scrubkit


class MeanDirections:
    name = "mean-directions"

    def align(self, model, hypothesis, variable, *, task, generator, budget):
        bound = scrubkit.bind(model, hypothesis, task=task)
        nodes, rows = [bound.nodes[name] for name in variable], torch.arange(bound.n_inputs)
        stream = torch.cat([node.read(rows).flatten(1) for node in nodes], 1)
        classes = torch.tensor(nodes[0].classes)
        means = torch.stack([stream[classes == value].mean(0) for value in classes.unique()])
        _, size, axes = torch.linalg.svd(means - means.mean(0), full_matrices=False)
        axes = axes[size > 1e-3 * size[0]]
        return scrubkit.Alignment(lambda base, source: base + (source - base) @ axes.T @ axes, rank=len(axes))


program = nx.DiGraph([("a", "ab"), ("b", "ab"), ("ab", "answer"), ("c", "answer")], name="adder")
program.add_nodes_from("abc", values=range(4))
nx.set_node_attributes(program, {"ab": "(a + b) % 4", "answer": "max(ab, c)"}, "feature")
model = scrubkit.compile_graph(program, codes="rotated")
for feature in ("(a + b) % 4", "max(a, b)"):
    claim = nx.DiGraph([("ab", "logits"), ("c", "logits")])
    claim.add_node("logits", site="logits")
    claim.add_node("ab", site="blocks.0.hook_resid_post[pos=2]", feature=feature)
    claim.add_node("c", site="hook_embed[pos=2]", feature="c")
    (answer,) = scrubkit.ask(model, claim, [MeanDirections()]).values()
    control = "not asked" if answer.control is None else f"{answer.control:.3f}"
    print(f"{feature}  {answer.score:.3f}  {answer.verdict}  {control}")
