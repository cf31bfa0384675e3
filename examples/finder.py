"""A finder: how much the answers change when one part of the network takes its value on another input.

The network holds the sum of a and b, which its answer never reads: a probe finds it, and this must not.
"""

import networkx as nx
import torch

import scrubkit


class PatchEach:
    name = "patch-each"

    def find(self, model, *, task, generator, budget):
        bound = scrubkit.bind(model, task=task)
        rows = bound.sample(256, generator)
        others = bound.others(rows, generator)
        found = {}
        for part in bound.components():
            (output,) = bound.run(rows, {part: bound.read(part, others)})
            found[str(part)] = float(bound.figures(output, rows)["kl"].mean())  # nats per input
        return scrubkit.Importances(found, evaluations=bound.evaluations)


program = nx.DiGraph([("a", "ab"), ("b", "ab"), ("a", "answer"), ("c", "answer")], output="answer")
program.add_nodes_from("abc", values=range(4))
program.nodes["ab"]["feature"] = "(a + b) % 4"
program.nodes["answer"]["feature"] = "max(a, c)"
model = scrubkit.compile_graph(program)
generator = torch.Generator().manual_seed(0)
found = PatchEach().find(model, task=model.task, generator=generator, budget=scrubkit.Budget())
for site, importance in found.sites.items():
    print(f"{site}  {importance:.3f}")
