"""Represented is not computed: a probe reads a quotient that the network never uses.

The task is digit extraction, (n // b ** d) % b. One network looks the answer up and writes the quotient down
for nobody; its twin divides first and goes on from the quotient. Darade and Thorat 2026, arXiv:2605.22488.
"""

import torch
from exhibit import Claim, Exhibit, show
from tools import claim, probe, program

import scrubkit

QUOTIENT = "n // (1 + d * (b + 1))"  # tokens 0 to 3 of b stand for the bases 2 to 5
ANSWERS = {"written down": f"({QUOTIENT}) % (b + 2)", "divided first": "quotient % (b + 2)"}


def exhibit() -> Exhibit:
    rows, asked = {}, []
    for name, answer in ANSWERS.items():
        graph = program("digits", {"n": 9, "b": 4, "d": 2}, quotient=QUOTIENT, answer=answer)
        model = scrubkit.compile_graph(graph, codes="rotated")
        reads = {"quotient": (model.truth.site("quotient"), QUOTIENT), "b": ("hook_embed[pos=1]", "b")}
        node = scrubkit.bind(model, claim(reads))["quotient"]
        quotient, base_of = torch.tensor(node.values[0]), model.tokens[:, 1] + 2
        every = torch.arange(72)
        own, donor = torch.cartesian_prod(every, every).T
        wanted = quotient[donor] % base_of[own]
        follows = node.patch(own, donor)[:, 0].argmax(-1) == wanted
        used = float(follows[wanted != model.labels[own]].double().mean())
        rows[name] = [probe(node.read(every), quotient), used]
        asked.append(Claim(f"the quotient is read: {name}", name == "divided first", model, claim(reads)))
    return Exhibit.of("A quotient, found and used", ["probe accuracy", "answers that follow it"], rows, asked)


if __name__ == "__main__":
    show(exhibit)
