"""Disjoint faithful circuits: two halves of one network, nothing in common, and each does the whole task.

The network adds mod 59 with four clusters of neurons, one a frequency, and could do with two. Niu et al.
2026, "All circuits lead to Rome" (ICML); Meloux et al. 2025, arXiv:2502.20914.
"""

import torch
from exhibit import Claim, Exhibit, bars, show
from tools import claim, replacements

import scrubkit

NEURONS = "blocks.0.mlp.hook_post[pos=-1, neurons=cluster:{}]"
HOW = {"mean": "the rest at its mean", "resample": "the rest resampled"}


def exhibit() -> Exhibit:
    model, rows = scrubkit.load("pizza-p59"), torch.arange(59 * 59)
    figures, drawn, asked = {}, {}, []
    for kept in ((10, 14), (19, 22)):
        name = f"clusters {kept[0]} and {kept[1]}"
        graph = claim({f"n{k}": (NEURONS.format(k), "(a, b)") for k in kept})
        bound, drawn[name] = scrubkit.bind(model, graph), []
        for how, text in HOW.items():
            found = bound.figures(bound.ablated(rows, replacements(bound, rows)[how]), rows)
            figures[f"accuracy, {name}, {text}"] = float(found["accuracy"].mean())
            figures[f"loss, {name}, {text}"] = float(found["loss"].mean())
            drawn[name].append(float(found["accuracy"].mean()))
        asked.append(Claim(f"only {name}", False, model, graph))
    figures["loss of the network"] = float(bound.figures(bound.clean(rows), rows)["loss"].mean())
    return Exhibit(figures, bars("Accuracy of half a network", drawn, list(HOW.values())), asked)


if __name__ == "__main__":
    show(exhibit)
