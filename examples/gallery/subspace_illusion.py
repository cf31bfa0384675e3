"""The subspace illusion: a subspace that steers the answer, made of two halves that do nothing.

The network computes v = max(x0, x1), then max(v, x2). It also stores v in six places that nobody reads, and
it has a switch, 0 on every input, that would override v. Makelov, Lange and Nanda 2023, arXiv:2311.17030.
"""

import numpy as np
import torch
from exhibit import Claim, Exhibit, show
from tools import claim, program

import scrubkit

COPIES = [f"copy{i}" for i in range(6)]
STREAM = "blocks.1.hook_resid_post[pos=2, subspace={}]"


def exhibit() -> Exhibit:
    nodes = dict.fromkeys(["v", *COPIES], "max(x0, x1)")
    nodes["switch"] = "(v != copy0) * (copy0 + 1)"  # the two are always equal
    nodes["answer"] = "max((switch == 0) * v + (switch != 0) * (switch - 1), x2)"
    graph = program("illusion", {"x0": 4, "x1": 4, "x2": 4}, **nodes)
    model = scrubkit.compile_graph(graph, codes="rotated", neurons="plain")
    basis = {name: np.array(rows) for name, rows in model.truth.subspaces.items()}
    copies, switch = sum(basis[copy] for copy in COPIES) / 6**0.5, basis["switch"][1:]
    places = {"v": basis["v"], "copies": copies, "switch": switch, "illusion": (copies + switch) / 2**0.5}
    base, donor = torch.arange(64).repeat_interleave(64), torch.arange(64).repeat(64)
    wanted = torch.maximum(model.tokens[donor, :2].amax(1), model.tokens[base, 2])
    moved, asked = {}, []
    for name, rows in places.items():
        sites = {"v": (STREAM.format("here"), "max(x0, x1)"), "x2": (STREAM.format("token"), "x2")}
        where = claim(sites, subspaces={"here": rows.tolist()})
        answers = scrubkit.bind(model, where).output(base, {"v": donor})[:, 0].argmax(-1)
        moved[name] = [float((answers == wanted)[wanted != model.labels[base]].double().mean())]
        asked.append(Claim(f"v is in {name}", name == "v", model, where))
    return Exhibit.of("Answers that follow v of another input", ["moved"], moved, asked)


if __name__ == "__main__":
    show(exhibit)
