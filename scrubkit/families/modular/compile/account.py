"""Account: the truth of a compiled model, told in the places where its parts ended up."""

from __future__ import annotations

from collections.abc import Set

import numpy as np

from scrubkit.families.modular.compile.assemble import EQUALS
from scrubkit.families.modular.compile.circles import Circles
from scrubkit.families.modular.compile.circuit import Circuit, Head
from scrubkit.families.modular.compile.disguise import Disguise
from scrubkit.families.modular.compile.distractors import Distractors
from scrubkit.families.modular.truth import HeadRole, ModularTruth
from scrubkit.models.record import Statement


def account(
    variant: str,
    frequencies: tuple[int, ...],
    circuit: Circuit,
    circles: Circles,
    options: Distractors,
    disguise: Disguise,
    noisy: bool,
) -> ModularTruth:
    """Return the truth of a model whose layout was disguised.

    Args:
        variant: variant that was built.
        frequencies: key frequencies.
        circuit: the circuit with its distractors.
        circles: the task's circles.
        options: the distractors.
        disguise: where everything went.
        noisy: noise was added, so that little is exact any more.
    """
    head_at, neuron_at = np.argsort(disguise.head_order), np.argsort(disguise.neuron_order)
    clusters, roles, groups = _place_neurons(circuit, neuron_at)
    heads = {int(head_at[i]): head for i, head in enumerate(circuit.heads)}
    carries = [
        *_embedding(circuit, frequencies, options),
        *(statement for h in sorted(heads) for statement in _head(h, heads[h])),
        *groups,
        *_whole(circuit, circles),
        *_planes(circuit, circles),
    ]
    if noisy:
        structural = {f"blocks.0.attn.hook_pattern[head={h}]" for h in heads if heads[h].structural}
        carries = [c if _kept(c, structural) else c.model_copy(update={"exact": False}) for c in carries]
    return ModularTruth(
        source="construction",
        variant=variant,
        p=circles.task.p,
        frequencies=tuple(sorted(frequencies)),
        clusters=clusters,
        heads=tuple(
            HeadRole(head=h, role=heads[h].role, frequency=heads[h].frequency)
            if h in heads
            else HeadRole(head=h, role="idle")
            for h in range(len(disguise.head_order))
        ),
        neuron_roles=roles,
        distractors=_planted(options, circuit),
        n_neurons=len(disguise.neuron_order),
        statements=tuple(carries),
        subspaces={name: disguise.rotation[here].tolist() for name, here in circuit.dims().items()},
    )


def _embedding(circuit: Circuit, frequencies: tuple[int, ...], options: Distractors) -> list[Statement]:
    """Say what the embedding carries, whole and by frequency."""
    found = [
        Statement(site="hook_embed[pos=0]", feature="a", exact=True),
        Statement(site="hook_embed[pos=1]", feature="b", exact=True),
        Statement(site="hook_embed[pos=-1]", feature="0", exact=True, causal=EQUALS in circuit.spaces),
    ]
    for k in (*sorted(frequencies), *sorted(options.dead_frequencies)):
        alive = k in frequencies
        found += [
            Statement(site=f"hook_embed[pos={i}, frequencies={k}]", feature=name, exact=True, causal=alive)
            for i, name in enumerate("ab")
        ]
    return found


def _head(h: int, head: Head) -> list[Statement]:
    """Say what one head's pattern and value carry."""
    pattern, z = f"blocks.0.attn.hook_pattern[head={h}]", f"blocks.0.attn.hook_z[pos=-1, head={h}]"
    return [
        Statement(site=pattern, feature=head.pattern, exact=True, causal=head.causal),
        Statement(site=z, feature=head.z, exact=True, causal=head.causal),
    ]


def _place_neurons(
    circuit: Circuit, neuron_at: np.ndarray
) -> tuple[dict[int, tuple[int, ...]], dict[str, tuple[int, ...]], list[Statement]]:
    """Return clusters, roles and what each group of neurons carries."""
    clusters: dict[int, tuple[int, ...]] = {}
    roles: dict[str, tuple[int, ...]] = {}
    carries, start = [], 0
    for group in circuit.neurons:
        own = tuple(sorted(int(i) for i in neuron_at[start : start + group.count]))
        start += group.count
        if group.role == "cluster" and group.frequency is not None:
            clusters[group.frequency] = own
            part = f"cluster:{group.frequency}"
        else:
            roles[group.role] = tuple(sorted(roles.get(group.role, ()) + own))
            part = ",".join(map(str, own))
        site = f"blocks.0.mlp.hook_post[pos=-1, neurons={part}]"
        carries.append(Statement(site=site, feature=group.feature, exact=group.exact, causal=group.causal))
    return dict(sorted(clusters.items())), dict(sorted(roles.items())), carries


def _whole(circuit: Circuit, circles: Circles) -> list[Statement]:
    """Return the variant's statements about whole hooks; memorised pairs make them carry both operands."""
    return [
        c.model_copy(update={"feature": circles.both}) if circuit.bonuses and "subspace" not in c.site else c
        for c in circuit.carries
    ]


def _planes(circuit: Circuit, circles: Circles) -> list[Statement]:
    """Say what arrives in each plane that W_U reads: s, and |cos(w_k d / 2)| where a term has that factor."""
    factors: dict[int, bool] = {}
    for term in circuit.terms:
        factors[term.frequency] = factors.get(term.frequency, False) or term.pizza
    return [
        Statement(site=site, feature=circles.pizza(k) if pizza else circles.sum)
        for k, pizza in factors.items()
        for site in (f"blocks.0.hook_resid_post[pos=-1, subspace=plane:{k}]", f"logits[frequencies={k}]")
    ]


def _kept(c: Statement, structural: Set[str]) -> bool:
    """Say whether a statement is exact by architecture, whatever the weights are."""
    return c.feature == "(a, b)" or c.site.startswith("hook_embed") or c.site in structural


def _planted(options: Distractors, circuit: Circuit) -> dict[str, object]:
    """Return the distractors that were planted, by name; memorised pairs as the pairs themselves."""
    planted: dict[str, object] = {
        name: value for name, value in options.model_dump(mode="json").items() if value
    }
    if circuit.bonuses:
        planted["memorised_pairs"] = [[bonus.a, bonus.b] for bonus in circuit.bonuses]
    return planted
