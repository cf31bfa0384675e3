"""One word for one thing: what the pages of a run call things, and what each means."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial

from scrubkit import registry

WORDS: Mapping[str, str] = {
    "case": "one question put to a method: a model and a hypothesis; whether it is true is not shown",
    "label": "what is known of a hypothesis: true, false, or vacuous",
    "accepted": "a false or vacuous hypothesis that the method calls supported",
    "refuted": "a hypothesis that the method calls refuted",
    "false accept": "share of the false hypotheses that are accepted; n is how many there are",
    "false reject": "share of the true hypotheses that are refuted",
    "vacuous": "a hypothesis that would hold of any weights; nothing should support it",
    "nulls": "share of claims about models without the mechanism, such as untrained ones, that are accepted",
    "operator": "the way in which a false hypothesis was made: of a true one, or by a change of the model",
    "stratum": "the way in which a hypothesis is false",
    "fault": "no valid answer; neither accept nor reject, and limits count it as both",
    "threshold": "the score from which on a method says supported",
    "AUROC": "how often a true hypothesis is scored above a false one; .5 is chance",
}
"""Every word that a page of a run uses in a sense of its own."""

COLUMNS: Mapping[str, str] = {
    "decided": "share of the true and false hypotheses that the method calls supported or refuted",
    "inconclusive": "share of them that it leaves open",
    "untestable": "share of them of which it says that nothing can be resampled, so that they test nothing",
    "faults": "share of all cases without a valid answer",
    "crashed": "share of them on which it raised, or ended its process",
    "timeouts": "share of them on which it took too long",
    "seconds": "mean wall-clock time of a case",
    "runs": "model runs on one input, mean of a case; where the method counts them",
}
"""What the columns of decisions, faults and cost mean."""

FINDER_WORDS: Mapping[str, str] = {
    "sites AUROC": "how often a site of the known circuit is ranked above another; .5 is chance",
    "sites AP": "average precision of the same ranking of sites",
    "edges AUROC": "how often an edge of the known circuit is ranked above another",
    "edges AP": "average precision of the same ranking of edges",
    "CPR": "area under the share of the metric that the best share of sites recovers; more is better",
    "CMD": "area between that share and 1; less is better",
    "attainable": "share of the sites of the known circuit that the finder could have named",
    "faults": "share of the models about which there is no valid answer",
    "s/model": "mean seconds a model",
}
"""What the columns of finders mean."""

MORE = "How to read the tables: docs/table.md, in the source and on the site."
"""Where columns are explained at length."""

STRATA: Mapping[str, str] = {
    "left-out": "what matters is not named, or is called unimportant",
    "too-coarse": "the feature does not determine the value",
    "wrong-place": "the site does not carry the feature",
    "not-needed": "true as far as it goes, but something that it names is idle",
    "rare": "holds on average, and fails on a few inputs where an answer changes",
}
"""What each way to be false means."""


def operator_meaning(name: str) -> str:
    """Return what an operator does, in a sentence; empty where nothing says so."""
    if name in STRATA:
        return f"the model is changed so that the claim is false: {STRATA[name]}"
    from scrubkit.bench.graphs import MEANINGS

    return _operators().get(name) or MEANINGS.get(name, "")


@cache
def _operators() -> Mapping[str, str]:
    """Return the first line of what each operator of each family says of itself."""
    from scrubkit.families.modular.suites.mutators import MUTATORS

    found = dict(MUTATORS)
    for name in registry.families():
        own = registry.family(name).mutators
        found |= {key: made for key, made in own.items() if not isinstance(made, partial)}
    return {name: (made.__doc__ or "").strip().partition("\n")[0] for name, made in found.items()}
