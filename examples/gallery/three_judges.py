"""Three methods, each accepting what the other two reject.

Causal scrubbing asks for the mean loss, causal abstraction for the right answer after every interchange of
one variable, local consistency for the right abstracted answer, whatever the values that are read. Jenner,
Garriga-Alonso and Zverev 2023, "A comparison of causal scrubbing, causal abstractions, and related methods".
"""

import torch
from exhibit import Claim, Exhibit, bars, show
from tools import claim, consistent, functions

import scrubkit

METHODS = ["causal scrubbing", "interchange accuracy", "local consistency"]


def exhibit() -> Exhibit:
    noise = functions({"a": 2, "b": 2, "c": 2}, "a", n=lambda b, c: b * c, out=lambda a, n: (a + n) % 2)
    pair = {"plus": lambda t: t, "minus": lambda t: -t, "out": lambda s, plus, minus: s + plus + minus}
    pair = functions({"s": 5, "t": 5}, "s", **pair)
    size = {"m": lambda s, z: (2 * s - 1) * (z + 1), "out": lambda m: 2 * m}
    size = functions({"s": 2, "z": 3}, "2 * (2 * s - 1) * (z + 1)", **size)
    constant = {"s": ("s", "s"), "plus": ("plus", "0"), "minus": ("minus", "0")}
    stories = {
        "all but the noise": (noise, claim({"a": ("a", "a")}, "out"), torch.clone),
        "both of a pair are constant": (pair, claim(constant, "out"), torch.clone),
        "the sign is all": (size, claim({"m": ("m", "s")}, "out"), torch.sign),
    }
    rows = {}
    for name, (subject, graph, seen) in stories.items():
        scrubbed = scrubkit.score(subject, graph, exact=True).loss_recovered.value
        swapped = scrubkit.ask(subject, graph, "interchange-accuracy")["interchange-accuracy"].score
        rows[name] = [scrubbed, swapped, consistent(subject, graph, seen)]
    figures = {f"{n}: {m}": v for n, row in rows.items() for m, v in zip(METHODS, row, strict=True)}
    asked = [Claim(name, False, subject, graph) for name, (subject, graph, _) in stories.items()]
    return Exhibit(figures, bars("What three methods say of three claims", rows, METHODS), asked)


if __name__ == "__main__":
    show(exhibit)
