"""The choice of ablation: one circuit of one network, faithful or not as you please.

A trained network adds mod 59 with four clusters of neurons, one a frequency. Keep two of them and replace the
others by zero, by their mean, or by their value on another input. Miller, Chughtai and Saunders 2024,
"Transformer circuit faithfulness metrics are not robust", arXiv:2407.08734.
"""

import torch
from exhibit import Claim, Exhibit, bars, show
from tools import claim, replacements

import scrubkit

NEURONS = "blocks.0.mlp.hook_post[pos=-1, neurons={}]"


def exhibit() -> Exhibit:
    model = scrubkit.load("modadd-p59-b")
    bound, rows = scrubkit.bind(model), torch.arange(59 * 59)
    parts = {k: bound.part(NEURONS.format(f"cluster:{k}")) for k in model.truth.frequencies}
    parts["rest"] = bound.part(NEURONS.format("rest"))
    figures, drawn, asked = {}, {}, []
    for kept in ((13, 18), (18, 21), (21, 22)):
        name = f"clusters {kept[0]} and {kept[1]}"
        removed = [part for k, part in parts.items() if k not in kept]
        for how, value in replacements(bound, rows).items():
            output = bound.ablated(rows, value, removed)
            figures[f"accuracy, {name}, {how}"] = float(bound.figures(output, rows)["accuracy"].mean())
        drawn[name] = list(figures.values())[-3:]
        graph = claim({f"n{k}": (NEURONS.format(f"cluster:{k}"), "(a, b)") for k in kept})
        asked.append(Claim(name, False, model, graph))
    drawing = bars("Accuracy of a circuit, by what replaces the rest", drawn, ["zero", "mean", "resample"])
    return Exhibit(figures, drawing, asked)


if __name__ == "__main__":
    show(exhibit)
