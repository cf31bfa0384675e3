"""What can be seen of a hypothesis without a model: its graph, its sites as text, and its features.

A method that is told nothing else should not be able to say what is true; see `text_only` beside this file.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import networkx as nx
import numpy as np
from jaxtyping import Float

from scrubkit.core.feature import class_ids
from scrubkit.core.task import Task
from scrubkit.errors import ScrubError
from scrubkit.hypothesis import Hypothesis
from scrubkit.hypothesis.claim import Node
from scrubkit.subjects.function_graph import FunctionGraph

BUCKETS = 64
"""Columns into which pieces of text are hashed."""
_BASIS = re.compile(r"subspace=[\w.@]+")
_WORDS = re.compile(r"\w+|[^\w\s]+")


def inputs_of(subject: Any, task: Task | None, method: str) -> Task | FunctionGraph:
    """Return what gives features their values: the task, or a graph of functions, which has its own inputs.

    Args:
        subject: what the hypothesis is about.
        task: its task, or None where there is none.
        method: who asks for it, for the message.

    Raises:
        ScrubError: there is neither.
    """
    if isinstance(subject, FunctionGraph):
        return subject
    if task is None:
        raise ScrubError("needs a task, whose columns give features their values", title=method)
    return task


def text_features(hypothesis: Hypothesis, inputs: Task | FunctionGraph) -> Float[np.ndarray, " column"]:
    """Return a hypothesis as numbers that depend on no model, no node name and no order.

    Sizes and shape of the graph; of the features, how many classes they make and how long they are; and the
    words and pairs of words in sites and features, hashed (Weinberger et al. 2009, "Feature hashing").

    Args:
        hypothesis: the claim.
        inputs: give features their values.
    """
    return np.concatenate([_shape(hypothesis), _classes(hypothesis, inputs), _words(hypothesis)])


def _shape(hypothesis: Hypothesis) -> np.ndarray:
    nodes, graph = list(hypothesis.nodes.values()), hypothesis.graph
    ranks = [len(rows) for rows in hypothesis.subspaces.values()]
    degrees = [len(node.parents) for node in nodes]
    return np.array(
        [
            len(nodes),
            graph.number_of_edges(),
            nx.dag_longest_path_length(graph),
            len(hypothesis.nodes[hypothesis.root].parents),
            max(degrees),
            sum(degree == 0 for degree in degrees),
            sum(node.unimportant for node in nodes),
            sum(ranks),
            max(ranks, default=0),
        ],
        dtype=float,
    )


def _classes(hypothesis: Hypothesis, inputs: Task | FunctionGraph) -> np.ndarray:
    """Return figures of the features: how long they are, and the classes that they make, alone and joint."""
    counts, lengths, joint = [], [], []
    parents = {name for name, _ in hypothesis.nodes[hypothesis.root].parents}
    for name, node in hypothesis.nodes.items():
        if node.feature is None:
            continue
        lengths.append(node.feature.size[1])
        ids = class_ids(node.feature.values(inputs.columns, inputs.constants, inputs.tokens))
        counts.append(int(ids.max()) + 1)
        if name in parents and not node.unimportant:
            joint.append(ids)
    together = int(class_ids(joint).max()) + 1 if joint else 1
    figures = [(np.sum, counts), (np.max, counts), (np.min, counts), (np.sum, lengths), (np.max, lengths)]
    return np.array([*(float(f(v)) if v else 0.0 for f, v in figures), together, inputs.n_inputs])


def _words(hypothesis: Hypothesis) -> np.ndarray:
    """Return how often each bucket of words occurs, in nodes and across edges."""
    found = np.zeros(BUCKETS)
    said = {name: _said(node) for name, node in hypothesis.nodes.items()}
    for name, node in hypothesis.nodes.items():
        words = said[name]
        pieces = [*words, *(f"{a} {b}" for a, b in zip(words, words[1:], strict=False))]
        pieces += [f"{said[parent][0]} -> {words[0]}" for parent, _ in node.parents]
        for piece in pieces:
            found[int.from_bytes(hashlib.sha256(piece.encode()).digest()[:4], "big") % BUCKETS] += 1
    return found


def _said(node: Node) -> list[str]:
    site = _BASIS.sub("subspace", node.site)
    text = "" if node.feature is None else node.feature.text
    more = ["unimportant"] if node.unimportant else []
    return [site, *_WORDS.findall(site), *_WORDS.findall(text), *more]
