"""A program as a function graph, so that it can be scored, explained and labelled like any subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import networkx as nx
import numpy as np
import torch
from torch import Tensor

from scrubkit.families.programs.graph import Program, Variable
from scrubkit.subjects.function_graph import FunctionGraph


def function_graph(program: Program) -> FunctionGraph:
    """Return the program over its dataset; nodes are its variables, values as in their domains."""
    graph = nx.DiGraph()
    graph.add_nodes_from(program.variables)
    for name in program.computed:
        variable = program.variables[name]
        graph.add_edges_from((parent, name) for parent in variable.parents)
        graph.nodes[name]["fn"] = _function(variable, program.variables)
    return FunctionGraph(graph, {name: torch.from_numpy(program.values[name]) for name in program.inputs})


def _function(variable: Variable, variables: Mapping[str, Variable]) -> Callable[..., Tensor]:
    assert variable.rule is not None
    rule, domain = variable.rule, np.array(variable.domain)
    domains = [np.array(variables[parent].domain) for parent in variable.parents]

    def fn(**values: Tensor) -> Tensor:
        columns = [np.asarray(values[parent]) for parent in variable.parents]
        indices = [np.searchsorted(d, c) for d, c in zip(domains, columns, strict=True)]
        return torch.from_numpy(domain[rule.apply(indices)])

    return fn
