"""Attribution patching misses what matters: where attention is saturated, and where two effects cancel.

The network names who is mentioned once. A head finds where the repeated name stood, a second brings that to
the end, a third looks at the other name; to first order the first two do nothing. Kramar et al. 2024, "AtP*",
arXiv:2403.00745.
"""

import torch
from exhibit import Claim, Exhibit, show
from tools import attributed, claim

import scrubkit

SITES = {"third name": "hook_embed[pos=2]"}
SITES |= {f"{nth} head": f"blocks.{i}.attn.hook_z[head=0]" for i, nth in enumerate(["1st", "2nd", "3rd"])}


def exhibit() -> Exhibit:
    model = scrubkit.load("indirect-object")
    bound, rows = scrubkit.bind(model), {}
    clean, corrupt = torch.cartesian_prod(torch.arange(24), torch.arange(24)).T
    before = bound.lead(bound.clean(corrupt), clean)
    for name, site in SITES.items():
        part = bound.part(site)
        (output,) = bound.run(corrupt, {part: bound.read(part, clean)})
        effect = bound.lead(output, clean) - before
        rows[name] = [float(e.abs().mean()) for e in (effect, attributed(bound, part, corrupt, clean))]
    x = torch.zeros(1, requires_grad=True)  # in x - min(x, 1) the direct and the indirect effect cancel
    (x - x.clamp(max=1)).backward()
    rows["x in x - min(x, 1), from 0 to 3"] = [3.0 - 1.0, 3.0 * abs(float(x.grad))]
    names = {n: (model.truth.site(n), n) for n in ("x0", "x1")}
    place = (model.truth.site("inhibited"), model.truth.feature("inhibited"))
    asked = [Claim("the third name matters", True, model, claim(names | {"place": place}))]
    asked.append(Claim("it does not", False, model, claim(names | {"place": (place[0], None)})))
    return Exhibit.of("Effect of a patch", ["patched", "attributed"], rows, asked)


if __name__ == "__main__":
    show(exhibit)
