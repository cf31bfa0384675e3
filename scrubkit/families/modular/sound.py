"""What a record says of a model's algorithm must fit the model: sizes, frequencies and indices in range.

A record may come from a stranger, and what is known of the algorithm gives names in sites their meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scrubkit.families.modular.task import ModularTask
from scrubkit.families.modular.truth import ModularCertificate, ModularTruth
from scrubkit.models.config import ModelConfig


def task_faults(config: ModelConfig, task: ModularTask) -> list[str]:
    """Return where the sizes of a model are not those of its task."""
    return [
        f"config.{field} is {getattr(config, field)}, but {task.name} mod {task.p} has {getattr(task, field)}"
        for field in ("d_vocab", "d_vocab_out", "n_ctx")
        if getattr(config, field) != getattr(task, field)
    ]


def truth_faults(truth: ModularTruth, config: ModelConfig, task: ModularTask) -> list[str]:
    """Return what a truth says that a model of this shape on this task cannot have."""
    faults = [f"truth.p is {truth.p}, but the task has p = {task.p}"] if truth.p != task.p else []
    faults += _frequency_faults("truth", truth.frequencies, truth.clusters, config, task)
    faults += _outside("truth.heads", (role.head for role in truth.heads), config.n_heads)
    for role, neurons in truth.neuron_roles.items():
        faults += _outside(f"truth.neuron_roles[{role[:80]!r}]", neurons, config.d_mlp)
    if truth.n_neurons not in (0, config.d_mlp):
        faults.append(f"truth.n_neurons is {truth.n_neurons}, but the model has {config.d_mlp}")
    return faults


def certificate_faults(certificate: ModularCertificate, config: ModelConfig, task: ModularTask) -> list[str]:
    """Return what a certificate says that a model of this shape on this task cannot have."""
    return _frequency_faults("certificate", certificate.frequencies, certificate.clusters, config, task)


def _frequency_faults(
    where: str,
    frequencies: Iterable[int],
    clusters: Mapping[int, Iterable[int]],
    config: ModelConfig,
    task: ModularTask,
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
