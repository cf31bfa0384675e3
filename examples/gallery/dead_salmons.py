"""Dead salmons: networks that were never trained have probes that succeed and circuits that are faithful.

Random weights, in the shape of a network that compares two numbers of two digits. Meloux et al. 2025, "The
dead salmons of AI interpretability", arXiv:2512.18792.
"""

import torch
from exhibit import Claim, Exhibit, show
from tools import claim, probe, program, pruned

import scrubkit

PARTS = {"more": "x0 > x2", "same": "x0 == x2", "next": "x1 > x3", "answer": "more or same and next"}
SERIES = ["probe, first digit larger", "probe, first digits equal", "share of parts in a circuit"]


def exhibit() -> Exhibit:
    made = program("compare", {"x0": 4, "x1": 4, "x2": 4, "x3": 4}, **PARTS)
    model = scrubkit.compile_graph(made, d_model=64, d_mlp=256)
    first, second = model.tokens[:, 0], model.tokens[:, 2]
    nets = {"the network": model} | {f"random weights {seed}": model.untrained(seed) for seed in range(6)}
    rows = {}
    for name, net in nets.items():
        bound = scrubkit.bind(net)
        stream = bound.read(bound.part("blocks.1.hook_resid_post"), torch.arange(256))
        circuit = pruned(bound, torch.arange(256), share=0.9)  # explains 90 % of the output's variance
        rows[name] = [probe(stream, first > second), probe(stream, first == second)]
        rows[name].append(len(circuit) / len(bound.components()))
    spaces = {name: model.truth.subspaces[name] for name in ("more", "same", "next")}
    graph = claim({n: (model.truth.site(n), PARTS[n]) for n in spaces}, subspaces=spaces)
    asked = [Claim(name, name == "the network", net, graph) for name, net in list(nets.items())[:2]]
    return Exhibit.of("Found in a network, and in six that were never trained", SERIES, rows, asked)


if __name__ == "__main__":
    show(exhibit)
