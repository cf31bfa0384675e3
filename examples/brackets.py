"""Do brackets balance? Two tests decide it; a claim that sees one of them is wrong on strings one can count.

A network reads six brackets. The claim says what reaches its answer: the depth at the end, the test whether
it was ever below zero, or both (Chan et al. 2022, "Causal scrubbing: results on a paren balance checker").
Each line ends with how many of the 64 strings get another answer in some draw that the claim permits.
"""

import networkx as nx
import torch

import scrubkit

DRAWS = 200
model = scrubkit.load("brackets6")  # token 1 opens, 0 closes
rows, generator = torch.arange(64).repeat(DRAWS), torch.Generator().manual_seed(0)
for seen in (["depth5", "ever_below"], ["depth5"], ["ever_below"]):
    claim = nx.DiGraph([(variable, "logits") for variable in seen])
    claim.add_node("logits", site="logits")
    for variable in seen:
        site, feature = model.truth.site(variable), model.truth.feature(variable)
        claim.add_node(variable, site=site, feature=feature)
    found, bound = scrubkit.score(model, claim, exact=True), scrubkit.bind(model, claim)
    (scrubbed,) = bound.scrubbed(rows, generator)
    changed = scrubbed[:, 0].argmax(-1) != bound.clean(rows)[:, 0].argmax(-1)
    strings = int(changed.view(DRAWS, 64).any(0).sum())
    print(f"{' and '.join(seen)}  {found.fidelity.value:.3f}  {found.verdict}  {strings}")
