"""Make the labels of version 1 of ``fast`` anew: ``python -m scrubkit.families.modular.suites.relabel``.

Labels are about weights. Where compiled models of the same description get other weights, the labels that
come with the package have to be measured again; the claims stay.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby

from scrubkit.bench.case import Case
from scrubkit.bench.label import Judge
from scrubkit.bench.manifest import VERSION, Suite, write
from scrubkit.bench.models import build
from scrubkit.bench.suites import SHIPPED, load_suite
from scrubkit.errors import BenchError
from scrubkit.hypothesis import from_json


def relabelled(suite: Suite) -> Suite:
    """Return a suite with its labels measured on the models as they are now.

    Raises:
        BenchError: with every case that is no longer true, false or vacuous as it was: such a suite is no
            longer balanced and has to be made anew.
    """
    found = {case.id: case for case in _cases(suite)}
    changed = [
        f"case {case.id} was {case.label.label} and is {found[case.id].label.label}"
        for case in suite.cases
        if found[case.id].label.label != case.label.label
    ]
    if changed:
        raise BenchError([*changed, "make the suite anew"], title=f"suite {suite.name}")
    return with_cases(suite, (found[case.id] for case in suite.cases))


def with_cases(suite: Suite, cases: Iterable[Case]) -> Suite:
    """Return a suite with other cases."""
    fields = {name: getattr(suite, name) for name in Suite.model_fields}
    return Suite.model_validate(fields | {"cases": tuple(cases)})


def _cases(suite: Suite) -> Iterator[Case]:
    for _, cases in groupby(suite.cases, key=lambda case: case.model.key):
        group = list(cases)
        judge = Judge.of(build(group[0].model))
        for case in group:
            label = judge.label(from_json(json.dumps(case.hypothesis)))
            yield case.model_copy(update={"label": label})


if __name__ == "__main__":
    write(relabelled(load_suite("fast-1")), SHIPPED / f"fast-{VERSION}.json.gz")
