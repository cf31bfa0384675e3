"""The truth of a certified model, as far as measurement can tell it: every statement is approximate.

For a compiled model truth comes from its construction. A trained model is never exactly the textbook
algorithm, so what is written down here is what its certificate found: frequencies, clusters, what heads
attend to, and where a + b can be read.
"""

from __future__ import annotations

from collections.abc import Iterator

from scrubkit.families.modular.certify.findings import Findings
from scrubkit.families.modular.certify.measures.attention import Head
from scrubkit.families.modular.certify.measures.planes import PlaneFit
from scrubkit.families.modular.compile.circles import Circles
from scrubkit.families.modular.task import ModularTask
from scrubkit.families.modular.truth import HeadRole, ModularTruth
from scrubkit.models.record import Statement

BY_SUM = 0.9
"""Least share of a plane's variance that a + b alone must explain for the plane to be said to carry it."""

SPREAD = 0.05
"""Standard deviation of a pattern under which a head is said to have one pattern for all inputs."""

ONE_FREQUENCY = 0.9
"""Least share of a pattern that one frequency must explain for the head to be said to serve it."""


def measured_truth(task: ModularTask, found: Findings) -> ModularTruth:
    """Return what the findings say of a certified model."""
    return ModularTruth(
        source="certificate",
        variant="measured",
        p=task.p,
        frequencies=found.key,
        clusters=found.members,
        heads=tuple(head_role(head) for head in found.heads),
        statements=tuple(carried(task, found)),
        n_neurons=found.layout.post.shape[-1],
    )


def carried(task: ModularTask, found: Findings) -> Iterator[Statement]:
    """Yield what each site carries; a plane that a + b does not explain is said to carry both operands."""
    circles = Circles.of(task)
    # An embedding is a function of its token whatever the weights are.
    for position, variable in enumerate(task.variables):
        yield Statement(site=f"hook_embed[pos={position}]", feature=variable, exact=True)

    def feature(fit: PlaneFit) -> str:
        return circles.sum if fit.by_sum >= BY_SUM else circles.both

    for k, fit in found.cluster_fits.items():
        yield Statement(site=f"blocks.0.mlp.hook_post[pos=-1, neurons=cluster:{k}]", feature=feature(fit))
    for k, fit in found.logit_fits.items():
        yield Statement(site=f"logits[frequencies={k}]", feature=feature(fit))


def head_role(head: Head) -> HeadRole:
    """Say in words what a head attends to."""
    on = f'{head.on_a:.0%} on a, {head.on_b:.0%} on b, {head.on_equals:.0%} on "="'
    if head.spread < SPREAD:
        return HeadRole(head=head.head, role=f"the same pattern for all inputs: {on}")
    role = f"attends by content: {on} on average"
    if head.explained is None or head.explained < ONE_FREQUENCY:
        return HeadRole(head=head.head, role=role)
    role = f"{role}, {head.explained:.0%} of the pattern at one frequency"
    return HeadRole(head=head.head, role=role, frequency=head.frequency)
