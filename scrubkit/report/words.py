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
