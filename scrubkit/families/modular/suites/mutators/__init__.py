"""Mutators: operators that make a false hypothesis of a true one, and restatements that should leave it true.

An operator takes a graph, what is known of the model, and a generator; it returns a new graph, or None where
it does not apply. Which mutants are false is not for the operator to say: `scrubkit.bench.label` finds
those that are equivalent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import networkx as nx
import numpy as np

from scrubkit.families.modular.suites.known import Known
from scrubkit.families.modular.suites.mutators import (
    additions,
    features,
    frequencies,
    restate,
    sites,
    structure,
)

Mutator = Callable[[nx.DiGraph, Known, np.random.Generator], nx.DiGraph | None]

MUTATORS: Mapping[str, Mutator] = {
    "drop_frequency": frequencies.drop_frequency,
    "wrong_frequency": frequencies.wrong_frequency,
    "extra_frequency": frequencies.extra_frequency,
    "other_seed": frequencies.other_seed,
    "swap_positions": sites.swap_positions,
    "exchange_clusters": sites.exchange_clusters,
    "misassign_neurons": sites.misassign_neurons,
    "difference": features.difference,
    "one_operand": features.one_operand,
    "scaled_operand": features.scaled_operand,
    "coarser": features.coarser,
    "shifted": features.shifted,
    "clock_for_pizza": features.clock_for_pizza,
    "pizza_for_clock": features.pizza_for_clock,
    "drop_node": structure.drop_node,
    "drop_edge": structure.drop_edge,
    "needed_unimportant": structure.needed_unimportant,
    "skip_matters": structure.skip_matters,
    "everything_in_one": structure.everything_in_one,
    "decoy_neurons": additions.decoy_neurons,
    "decoy_head": additions.decoy_head,
    "one_of_cancelling": additions.one_of_cancelling,
}
"""Name to operator."""

RESTATEMENTS: Mapping[str, Mutator] = {
    "rename_classes": restate.rename_classes,
    "refine": restate.refine,
    "split_node": restate.split_node,
    "merge_nodes": restate.merge_nodes,
    "leaves": restate.leaves,
    "rest_unimportant": restate.rest_unimportant,
}
"""Name to restatement."""
