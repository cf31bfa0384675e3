"""A suite of four cases that takes moments, labelled by hand."""

import json

from scrubkit.bench.case import Case, Evidence, Label, ModelSpec
from scrubkit.bench.manifest import Suite
from scrubkit.bench.models import build
from scrubkit.hypothesis import to_json
from scrubkit.testing import subjects

TRUE = Label(
    label="true",
    evidence=(
        Evidence(claim="carries", where="cluster_1", value=0.001, holds_below=0.05, fails_above=0.2),
        Evidence(claim="irrelevant", where="all other sites", value=0.04, holds_below=0.05, fails_above=0.2),
        Evidence(claim="matters", where="a -> cluster_1", value=0.9, holds_above=0.05, fails_below=0.01),
    ),
)
FALSE = Label(label="false", failed=("cluster_1 -> logits: 0.51 of what is read varies within a class",))


def small_suite() -> Suite:
    """Return a true, a false, a vacuous and an ambiguous case of one model, and a true one of another."""
    clock = ModelSpec(kind="compile", options={"variant": "clock-torus", "p": 5, "frequencies": [1]})
    pizza = ModelSpec(kind="compile", options={"variant": "pizza", "p": 7, "frequencies": [1, 2]})
    return Suite(
        name="small",
        version="1",
        cases=(
            case("clock-p5-none-1", clock, subjects.sum_claim, TRUE),
            case("clock-p5-one_operand-1", clock, subjects.operand_claim, FALSE),
            case("clock-p5-all_of_it-1", clock, subjects.identity_claim, Label(label="vacuous")),
            case("clock-p5-ambiguous-1", clock, subjects.operand_claim, Label(label="ambiguous")),
            case("pizza-p7-none-1", pizza, subjects.sum_claim, TRUE),
        ),
    )


def case(name, spec, claim, label) -> Case:
    model = build(spec)
    variant, _, operator, _ = name.split("-")
    return Case(
        id=name,
        model=spec,
        variant=variant,
        family="clusters",
        operator=operator,
        hypothesis=json.loads(to_json(claim(model))),
        label=label,
    )
