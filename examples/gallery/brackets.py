"""Partial recovery: "73 %" does not say what is missing, and is 73 % on one set of inputs only.

A network says whether six brackets balance: never more closed than open, and as many of each. Claims see the
first test at some of the places where it can fail. Redwood Research 2022, "Causal scrubbing: results on a
paren balance checker": 88 to 93 % recovered by its claims, 72 % by a finer one.
"""

from exhibit import Claim, Exhibit, show
from tools import claim, weighted

import scrubkit

SEEN = {"everywhere": (1, 3, 5), "but at place 5": (1, 3), "at place 1 alone": (1,), "nowhere": ()}


def below(places) -> str:
    """Say, in an expression, that more are closed than open at one of some places."""
    depths = [f"2 * ({' + '.join(f'x{i}' for i in range(place))}) < {place}" for place in places]
    return " or ".join(f"({depth})" for depth in depths) or "0"


def exhibit() -> Exhibit:
    model = scrubkit.load("brackets6")  # five of its 64 strings balance
    even = model.with_(task=weighted(model.task, [1 / 5 if right else 1 / 59 for right in model.labels]))
    depth = (model.truth.site("depth5"), "x0 + x1 + x2 + x3 + x4 + x5")
    rows, asked = {}, []
    for name, places in SEEN.items():
        graph = claim({"below": (model.truth.site("ever_below"), below(places)), "depth": depth})
        once, again = (scrubkit.score(m, graph, exact=True) for m in (model, even))
        rows[name] = [once.loss_recovered.value, again.loss_recovered.value, once.agreement.value]
        asked.append(Claim(f"seen {name}", name == "everywhere", model, graph))
    series = ["loss recovered", "the same, half of the inputs balanced", "answers kept"]
    return Exhibit.of("Claims that see the first test", series, rows, asked[:2])


if __name__ == "__main__":
    show(exhibit)
