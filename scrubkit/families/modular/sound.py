"""What a record says of a model's algorithm must fit the model: indices in range, bases rectangular.

A record may come from a stranger, and what is known of the algorithm gives names in sites their meaning.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from scrubkit.core.task import Task
from scrubkit.models.record import Certificate, ModelConfig, Truth


def truth_faults(truth: Truth, config: ModelConfig, task: Task) -> list[str]:
    """Return what a truth says that a model of this shape on this task cannot have."""
    faults = [f"truth.p is {truth.p}, but the task has p = {task.p}"] if truth.p != task.p else []
    faults += _frequency_faults("truth", truth.frequencies, truth.clusters, config, task)
    faults += _outside("truth.heads", (role.head for role in truth.heads), config.n_heads)
    for role, neurons in truth.neuron_roles.items():
        faults += _outside(f"truth.neuron_roles[{role[:80]!r}]", neurons, config.d_mlp)
    for name, rows in truth.subspaces.items():
        widths = {len(row) for row in rows}
        if len(widths) != 1 or 0 in widths or not all(math.isfinite(x) for row in rows for x in row):
            faults.append(f"truth.subspaces[{name[:80]!r}] is no rectangular array of finite numbers")
        elif not widths <= (sizes := {config.d_model, config.d_mlp, config.d_head, task.p}):
            faults.append(
                f"truth.subspaces[{name[:80]!r}] has rows of {widths.pop()} numbers, but this model's sites "
                f"have {', '.join(map(str, sorted(sizes)))}"
            )
    return faults


def certificate_faults(certificate: Certificate, config: ModelConfig, task: Task) -> list[str]:
    """Return what a certificate says that a model of this shape on this task cannot have."""
    return _frequency_faults("certificate", certificate.frequencies, certificate.clusters, config, task)


def _frequency_faults(
    where: str,
    frequencies: Iterable[int],
    clusters: Mapping[int, Iterable[int]],
    config: ModelConfig,
    task: Task,
) -> list[str]:
    known = task.group.frequencies
    faults = [
        f"{where} names the frequency {k}, but {task.name} mod {task.p} has 1 to {known[-1]}"
        for k in sorted({*frequencies, *clusters})
        if k not in known
    ]
    if where == "truth" and set(clusters) - set(frequencies):
        faults.append(
            f"{where} has clusters of {sorted(set(clusters) - set(frequencies))}, which are none of its "
            f"frequencies {sorted(frequencies)}"
        )
    for k, neurons in clusters.items():
        faults += _outside(f"{where}.clusters[{k}]", neurons, config.d_mlp)
    return faults


def _outside(where: str, indices: Iterable[int], size: int) -> list[str]:
    wrong = [i for i in indices if not 0 <= i < size]
    return [f"{where} holds {wrong[0]}, but indices are 0 to {size - 1}"] if wrong else []
