"""A method that runs nothing but the bridge, as code that exists already does; scrubkit hands it the hooks.

It asks how many answers stay as they are when a node's site takes its value on another input that the node's
feature cannot tell from this one. The network answers with the largest of three digits.
"""

import networkx as nx
import torch

import scrubkit


class BridgeOnly:
    name = "bridge-only"
    threshold = 0.99

    def score(self, model, hypothesis, *, task, generator, budget):
        bound, kept = scrubkit.bind(model, hypothesis), []
        rows = torch.arange(bound.n_inputs)
        clean = model.bridge(model.tokens)[:, -1].argmax(-1)
        for node in bound.mapped:
            hooks = node.hooks(rows, node.donors(rows, generator))
            patched = model.bridge.run_with_hooks(model.tokens, fwd_hooks=hooks)[:, -1].argmax(-1)
            kept.append(float((patched == clean).double().mean()))
        return scrubkit.Answer(min(kept))


model = scrubkit.load("max3")
for feature in ("max(x0, x1)", "min(x0, x1)"):
    claim = nx.DiGraph([("first", "logits"), ("x2", "logits")])
    claim.add_node("logits", site="logits")
    claim.add_node("first", site=model.truth.site("first"), feature=feature)
    claim.add_node("x2", site=model.truth.site("x2"), feature="x2")
    (answer,) = scrubkit.ask(model, claim, [BridgeOnly()]).values()
    print(f"{feature}  {answer.score:.3f}  {answer.verdict}")
