"""Random programs: as many algorithms as wanted, none of them degenerate.

Every input and every parent matters, nothing is constant, and no two variables tell the same of the input.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import networkx as nx
import numpy as np

from scrubkit.errors import ProgramError
from scrubkit.families.programs.graph import Program
from scrubkit.families.programs.lookup import Lookup
from scrubkit.families.programs.reading import read_program

FAN_IN = 3
"""Most parents of a node."""
TRIES = 300
FUNCTIONS = 20


def random_program(
    seed: int,
    *,
    inputs: int = 3,
    values: int = 3,
    nodes: int = 4,
    depth: int | None = None,
    kind: str = "shared",
) -> Program:
    """Draw a program.

    Args:
        seed: decides everything.
        inputs: number of input tokens.
        values: most values of a variable; each has 2 to this many, inputs all of them.
        nodes: number of computed variables, the output among them.
        depth: longest path from an input to the output, None for any.
        kind: ``tree``, every variable read once, or ``shared``, some read more often.

    Raises:
        ProgramError: no such program was found; says what to change.
    """
    if kind not in ("tree", "shared"):
        raise ProgramError(f"kind is {kind!r}; allowed are tree, shared", title="random program")
    if inputs < 1 or values < 2 or nodes < 1 or inputs - 1 > (FAN_IN - 1) * nodes:
        raise ProgramError(
            f"{nodes} nodes of at most {FAN_IN} parents cannot join {inputs} inputs of {values} values; at "
            f"least 1 input, 2 values and {max(1, math.ceil((inputs - 1) / (FAN_IN - 1)))} nodes are needed",
            title="random program",
        )
    rng = np.random.default_rng([seed, inputs, values, nodes])
    for _ in range(TRIES):
        wiring = _wire(rng, inputs, nodes, kind)
        if depth is not None and nx.dag_longest_path_length(wiring) != depth:
            continue
        graph = _fill(rng, wiring, values)
        if graph is None:
            continue
        graph.graph["name"] = f"random-{seed}"
        return read_program(graph)
    wanted = "" if depth is None else f" of depth {depth}"
    raise ProgramError(
        f"no {kind} of {inputs} inputs and {nodes} nodes{wanted} was found in {TRIES} draws; ask for fewer "
        "nodes, more inputs or values, or another depth",
        title="random program",
    )


def _wire(rng: np.random.Generator, inputs: int, nodes: int, kind: str) -> nx.DiGraph:
    """Draw which variable reads which; the last node reads all that is unread."""
    graph = nx.DiGraph()
    unread = [f"x{i}" for i in range(inputs)]
    graph.add_nodes_from(unread)
    for index in range(nodes):
        left = nodes - index - 1
        # After this node the rest must be able to join what is unread, FAN_IN - 1 at a time.
        fewest = max(1, len(unread) - (FAN_IN - 1) * left)
        most = min(FAN_IN, len(unread))
        count = len(unread) if left == 0 else int(rng.integers(min(fewest, most), most + 1))
        parents = list(rng.permutation(unread)[:count])
        others = [name for name in graph if name not in parents and name not in unread]
        if kind == "shared" and len(parents) < FAN_IN and others and rng.random() < 0.5:
            parents.append(str(rng.choice(others)))
        unread = [name for name in unread if name not in parents]
        name = f"v{index}"
        graph.add_edges_from((str(parent), name) for parent in sorted(parents, key=list(graph).index))
        unread.append(name)
    return graph


def _fill(rng: np.random.Generator, wiring: nx.DiGraph, values: int) -> nx.DiGraph | None:
    """Draw functions, several times a node; None where some node stays degenerate."""
    graph = nx.DiGraph(wiring)
    inputs = [name for name in graph if graph.in_degree(name) == 0]
    grid = np.indices([values] * len(inputs)).reshape(len(inputs), -1)
    found = dict(zip(inputs, grid, strict=True))
    graph.add_nodes_from(inputs, values=range(values))
    seen = {_partition(column) for column in grid}
    for name in nx.topological_sort(wiring):
        if name in found:
            continue
        parents = list(graph.predecessors(name))
        sizes = [int(found[parent].max()) + 1 for parent in parents]
        for _ in range(FUNCTIONS):
            table = _draw(rng, sizes, values)
            column = table[tuple(found[parent] for parent in parents)]
            full = len(np.unique(column)) == table.max() + 1 > 1
            alone = full and _partition(column) not in seen
            last = graph.out_degree(name) == 0
            if alone and (not last or _all_matter(column.reshape([values] * len(inputs)))):
                break
        else:
            return None
        seen.add(_partition(column))
        found[name] = column
        graph.nodes[name]["fn"] = Lookup(
            {p: range(size) for p, size in zip(parents, sizes, strict=True)}, table
        )
    return graph


def _draw(rng: np.random.Generator, sizes: Sequence[int], values: int) -> np.ndarray:
    """Draw a table in which every argument matters and every value up to the largest occurs."""
    while True:
        table = rng.integers(0, int(rng.integers(2, values + 1)), size=sizes)
        if _all_matter(table):
            return np.unique(table, return_inverse=True)[1].reshape(sizes)


def _all_matter(table: np.ndarray) -> bool:
    """Say whether a function depends on each of its arguments."""
    return all((np.diff(table, axis=axis) != 0).any() for axis in range(table.ndim))


def _partition(values: Sequence[int] | np.ndarray) -> bytes:
    """Return what a variable tells of the input, whatever its values are called."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    return order[inverse].astype(np.int32).tobytes()
