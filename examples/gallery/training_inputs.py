"""Faithful on the training inputs only: a simplification that drops what they never exercise.

The network adds numbers of two digits, with a carry. Its stream is reduced to the directions in which it
varies where nothing is carried, as many as leave every answer there. Friedman et al. 2023, "Interpretability
illusions in the generalization of simplified models", arXiv:2312.03656.
"""

import torch
from exhibit import Claim, Exhibit, lines, show
from tools import claim, only

import scrubkit


def exhibit() -> Exhibit:
    model = scrubkit.load("addition-carry-rotated")
    bound, every, carried = scrubkit.bind(model), torch.arange(81), model.tokens[:, [1, 3]].sum(1) > 2
    stream = bound.part("blocks.0.hook_resid_post[pos=4]")  # where the high digit is made
    values = bound.read(stream, every)[:, 0].double()
    mean = values[~carried].mean(0)
    directions = torch.linalg.svd(values[~carried] - mean).Vh
    kept = {"nothing is carried": [], "there is a carry": []}
    for rank in range(13):
        basis = directions[:rank].T @ directions[:rank]
        output = bound.run(every, {stream: ((values - mean) @ basis + mean)[:, None].float()})[0]
        right = bound.answers(output, every).double()
        for when, rows in zip(kept, (~carried, carried), strict=True):
            kept[when].append(float(right[rows].mean()))
    drawing = lines("Answers that the reduced network keeps", range(13), kept, "directions kept")
    digits = {x: (model.truth.site(x), x) for x in ("x0", "x2")}
    graph = claim(digits | {"low": (model.truth.site("low"), "(x1 + x3) % 3")})
    where = {"asked where there is none": model.with_(task=only(model.task, ~carried)), "of all": model}
    asked = [Claim(f"no carry, {of}", False, subject, graph) for of, subject in where.items()]
    figures = {f"answers kept, 12 directions, {when}": shares[-1] for when, shares in kept.items()}
    figures |= {f"fidelity, {c.text}": scrubkit.score(c.subject, graph).fidelity.value for c in asked}
    return Exhibit(figures, drawing, asked)


if __name__ == "__main__":
    show(exhibit)
