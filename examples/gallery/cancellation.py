"""Cancellation: the scrubbed network errs as often as the network, on other inputs; a mean sees nothing.

The right answer is a. The network answers a xor (b > 7 and c > 7), and is wrong on a quarter of the inputs.
"Only a matters" recovers all of the loss; so does a claim that forbids nothing. Scheurer et al. 2023,
"Practical pitfalls of causal scrubbing", Alignment Forum.
"""

from exhibit import Claim, Exhibit, bars, show
from tools import claim, program

import scrubkit

NOISE = "(b > 7) * (c > 7)"


def exhibit() -> Exhibit:
    made = program("xor", {"a": 2, "b": 16, "c": 16}, noise=NOISE, answer="(a + noise) % 2")
    model = scrubkit.compile_graph(made)
    tokens = model.task.tokens
    variables = dict(zip("abc", tokens.T, strict=True))
    task = scrubkit.Task("first", tokens=tokens, labels=tokens[:, 0], variables=variables, d_vocab_out=16)
    model = model.with_(task=task)
    a, noise = ("hook_embed[pos=0]", "a"), (model.truth.site("noise"), NOISE)
    graphs = {
        "a and the noise": claim({"a": a, "noise": noise}),
        "only a": claim({"a": a}),
        "anything at all": claim({"stream": ("blocks.1.hook_resid_post[pos=2]", "(a, b, c)")}),
    }
    scores = {name: scrubkit.score(model, graph, draws=64) for name, graph in graphs.items()}
    rows = {n: [s.loss_recovered.value, s.agreement.value] for n, s in scores.items()}
    figures = {f"loss recovered, {n}": row[0] for n, row in rows.items()}
    figures |= {f"answers as the network's, {n}": row[1] for n, row in rows.items()}
    drawing = bars("A mean cannot see who errs", rows, ["loss recovered", "answers as the network's"])
    true = {"a and the noise": True, "only a": False, "anything at all": None}
    return Exhibit(figures, drawing, [Claim(n, true[n], model, graph) for n, graph in graphs.items()])


if __name__ == "__main__":
    show(exhibit)
