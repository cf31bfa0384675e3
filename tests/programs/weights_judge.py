"""A judge of weights: what a scrub can make of a model, by enumeration, without a look at its source.

It knows a model's weights and rows, and a hypothesis about its sites. Values of a site are told apart by
their vectors; every joint value of a node's parents is set on every other row, and the node is read. From
these tables follow, as from the source, the share of draws that change the answer, and the edges that no
context needs. Nothing is shared with `scrubkit.families.programs.judge`.
"""

import itertools
import math

import numpy as np
import torch

from scrubkit.core.feature import class_ids, parse
from scrubkit.subjects.network import NetworkSubject
from scrubkit.subjects.subject import Edit

MAX_RUNS = 60_000
CLOSE = 1e-3
"""Values of a site that differ by less are one; codes are about 1 apart."""


class TooLarge(Exception):
    """A table would take more than MAX_RUNS runs."""


class Values:
    """The values that a site was seen to take, numbered as they come."""

    def __init__(self):
        self.vectors, self.known = [], {}

    def number(self, vectors):
        flat = np.ascontiguousarray(np.asarray(vectors, dtype=float).reshape(len(vectors), -1))
        keys = np.round(flat / (10 * CLOSE)).astype(np.int64)
        different, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        ids = [self._find(flat[i]) for i in first]
        assert len(different) == len(ids)
        return np.array(ids)[inverse.ravel()]

    def _find(self, vector):
        for i, known in enumerate(self.vectors):
            if np.abs(known - vector).max() < CLOSE * 5:
                return i
        self.vectors.append(vector)
        return len(self.vectors) - 1


class WeightsJudge:
    def __init__(self, model):
        self.subject = NetworkSubject(model, "cpu", torch.float64)
        self.model, self.n = model, model.task.n_inputs
        self.rows = torch.arange(self.n)
        self.shapes, self.values, self.tables, self.clean = {}, {}, {}, {}

    def judge(self, graph):
        """Return the share of draws that change the answer, by row, and the idle edges as paths."""
        claim = _Claim(self, graph)
        failures = claim.failures()
        return failures, ([] if failures.any() else claim.idle())

    def cleanly(self, part):
        """The number of a site's clean value on every row."""
        if part not in self.clean:
            self.clean[part] = self.number(part, self.subject.clean(part, self.rows))
        return self.clean[part]

    def number(self, part, found):
        found = found.double()
        if self.subject.is_output(part):
            return _answers(found)
        self.shapes[part] = found.shape[1:]
        return self.values.setdefault(part, Values()).number(found.numpy())

    def vectors(self, part, numbers):
        known = np.array(self.values[part].vectors)[numbers]
        return torch.from_numpy(known.reshape(len(numbers), *self.shapes[part]))

    def table(self, reader, parents, held):
        """The reader's value for each joint value of its parents seen so far, and each other row."""
        sizes = tuple(len(self.values[p].vectors) for p in parents)
        key = (reader, parents, held, sizes)
        if key not in self.tables:
            shape = (*sizes, self.n)
            if math.prod(shape) > MAX_RUNS:
                raise TooLarge
            *numbers, others = np.indices(shape).reshape(len(shape), -1)
            edits = [Edit(p, self.vectors(p, i)) for p, i in zip(parents, numbers, strict=True)]
            found = self.subject.run(torch.from_numpy(others), edits, sorted(held, key=str), reader)
            self.tables[key] = self.number(reader, found).reshape(shape)
        return self.tables[key]


class _Claim:
    def __init__(self, weights, graph):
        self.w, self.graph = weights, graph
        self.root = next(n for n in graph if graph.out_degree(n) == 0)
        bases = graph.graph.get("subspaces", {})
        self.part = {n: weights.subject.part(graph.nodes[n]["site"], bases) for n in graph}

    def drawn(self, node):
        return [m for m in self.graph.predecessors(node) if not self.graph.nodes[m].get("unimportant")]

    def table(self, node):
        drawn = self.drawn(node)
        parents = tuple(self.part[m] for m in drawn)
        others = {p for n, p in self.part.items() if n not in (node, self.root) and p not in parents}
        held = frozenset(p for p in others if self.w.subject.upstream(p, self.part[node]))
        if node == self.root:
            held = frozenset(others)
        for part in parents:
            self.w.cleanly(part)
        return self.w.table(self.part[node], parents, held)

    def spread(self, node):
        """The chance of each value of a node, for each row."""
        if self.graph.in_degree(node) == 0:
            ids = self.w.cleanly(self.part[node])
            return np.eye(max(ids.max() + 1, self._size(node)))[ids]
        drawn = self.drawn(node)
        chances = [self.classwise(m, self.spread(m)) for m in drawn]
        table = self.table(node)
        result = np.zeros((self.w.n, int(table.max()) + 1))
        one = np.eye(result.shape[1])[table].mean(axis=-2)
        for joint in itertools.product(*(range(c.shape[1]) for c in chances)):
            weight = np.prod([c[:, v] for c, v in zip(chances, joint, strict=True)], axis=0)
            if np.any(weight):
                result += np.asarray(weight).reshape(-1, 1) * one[joint]
        return result

    def _size(self, node):
        return 0 if node == self.root else len(self.w.values[self.part[node]].vectors)

    def classwise(self, node, spread):
        columns = self.w.model.task.columns
        text = self.graph.nodes[node].get("feature", "0")
        ids = class_ids(parse(text).values(columns, {}))
        mean = np.stack([spread[ids == c].mean(axis=0) for c in range(ids.max() + 1)])
        return mean[ids]

    def failures(self):
        spread = self.spread(self.root)
        right = self.w.cleanly(self.part[self.root])
        width = max(spread.shape[1], right.max() + 1)
        spread = np.pad(spread, ((0, 0), (0, width - spread.shape[1])))
        wrong = 1 - spread[np.arange(self.w.n), right]
        return np.where(wrong > 1e-9, wrong, 0.0)

    def idle(self):
        size = int(self.table(self.root).max()) + 1
        return self._idle((self.root,), {(u, v) for u in range(size) for v in range(size) if u != v})

    def _idle(self, path, telling):
        """`telling` holds the pairs of values of the path's last node whose exchange reaches the answer."""
        node, found = path[-1], []
        drawn = self.drawn(node)
        if not drawn:
            return []
        table = self.table(node)
        ranges = [np.unique(self.w.cleanly(self.part[m])) for m in drawn]
        seen = table[np.ix_(*ranges, np.arange(self.w.n))]
        size = int(table.max()) + 1
        tells = np.zeros((size, size), dtype=bool)
        for u, v in telling:
            if u < size and v < size:
                tells[u, v] = True
        for axis, parent in enumerate(drawn):
            flat = np.moveaxis(seen, axis, 0).reshape(len(ranges[axis]), -1)
            moves = {
                (int(u), int(v))
                for i, u in enumerate(ranges[axis])
                for j, v in enumerate(ranges[axis])
                if tells[flat[i], flat[j]].any()
            }
            if not moves:
                found.append((*path, parent))
            found += self._idle((*path, parent), moves)
        return found


def _answers(logits):
    """The joint answer of each row: one number, whatever the number of answer positions."""
    best = logits.argmax(dim=-1).numpy().reshape(len(logits), -1)
    return best @ (logits.shape[-1] ** np.arange(best.shape[1]))
