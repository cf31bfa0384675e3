"""Non-linear alignment maps: a network with random weights "computes" whatever is asked of it.

Claimed: a stream holds v = max(x0, x1), the answer is max(v, x2). A learned invertible map sends the stream
to 28 coordinates, eight of them v. Sutter et al. 2025, "The non-linear representation dilemma",
arXiv:2507.08802.
"""

import torch
from exhibit import Claim, Exhibit, show
from tools import RevNet, claim, fit_alignment

import scrubkit

SITE = "blocks.1.hook_resid_mid[pos=2]"


def exhibit() -> Exhibit:
    model = scrubkit.load("max3")
    random, rows = model.untrained(seed=0), {}
    maps = {
        "the network, a rotation": (model, RevNet(28, layers=0), 100, 0.03),
        "random weights, a rotation": (random, RevNet(28, layers=0), 100, 0.03),
        "random weights, a non-linear map": (random, RevNet(28, layers=4), 400, 0.003),
    }
    v, x2 = model.tokens[:, :2].amax(1), model.tokens[:, 2]
    seen, unseen = torch.randperm(125, generator=torch.Generator().manual_seed(0)).split([100, 25])
    for name, (net, phi, *how) in maps.items():
        exchange = fit_alignment(net, SITE, phi, 8, seen, lambda b, d: torch.maximum(v[d], x2[b]), *how)
        pairs = [torch.cartesian_prod(pool, pool).T for pool in (seen, unseen)]
        follows = [exchange(b, d).argmax(1) == torch.maximum(v[d], x2[b]) for b, d in pairs]
        rows[name] = [float(f.double().mean()) for f in follows]
    right = float((random.logits().argmax(1) == model.labels).double().mean())
    graph = claim({"v": (SITE, "max(x0, x1)"), "x2": ("hook_embed[pos=2]", "x2")})
    asked = [Claim("random weights hold v", False, random, graph)]
    series = ["inputs of the fit", "inputs never seen"]
    return Exhibit.of("Answers that follow v", series, rows, asked, right_answers_of_random_weights=right)


if __name__ == "__main__":
    show(exhibit)
