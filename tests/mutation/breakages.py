"""Rules of the definition of a scrub, each with a way to break it in the engine.

The random hypotheses of `tests.oracle` alone have to notice every one. A breakage is a context manager under
which scrubkit scores wrongly; it names what it patches, so it fails loudly where that is renamed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from scrubkit.core import feature
from scrubkit.scrubbing import exact, figures, graph_figures, passes, plan, program, sampling, scoring
from scrubkit.subjects import bridge, first_block, forward, function_graph, linear, network, sites

Breakage = Callable[[], AbstractContextManager[Any]]
BREAKAGES: dict[str, Breakage] = {}
"""Every breakage by what is broken, in words."""


def breaks(rule: str) -> Callable[[Breakage], Breakage]:
    """Enter a breakage under the rule that it breaks."""

    def enter(made: Breakage) -> Breakage:
        BREAKAGES[rule] = made
        return made

    return enter


def _wrapped(owner: Any, name: str, change: Callable[..., Any]) -> AbstractContextManager[Any]:
    """Replace a function by one that gets it and its arguments."""
    was = getattr(owner, name)
    return patch.object(owner, name, lambda *args, **options: change(was, *args, **options))


def _tree_nodes(change: Callable[[Any, plan.TreeNode], plan.TreeNode]) -> AbstractContextManager[Any]:
    """Change every node of the unrolled hypothesis as it is made."""
    return _wrapped(
        plan._Unroll,
        "tree_node",
        lambda was, self, name, *, direct: change(self, was(self, name, direct=direct)),
    )


def _visit_rule(rule: str, change: Callable[[Any, plan.TreeNode], plan.TreeNode]) -> None:
    breaks(rule)(lambda: _tree_nodes(change))


def _fresh(tree_node: plan.TreeNode, other: str) -> plan.TreeNode:
    return replace(tree_node, other=other, other_stream=2 * tree_node.index + 1)


breaks("sites that are mapped and not read are held")(
    lambda: patch.object(plan._Unroll, "_holds", lambda self, node: ())
)
_visit_rule("other exact is the reference", lambda u, v: _fresh(v, "uniform") if v.other == "exact" else v)
_visit_rule("other is drawn uniformly", lambda u, v: _fresh(v, "exact") if v.other == "uniform" else v)
_visit_rule("a group shares its other draw", lambda u, v: _fresh(v, "uniform") if v.other_stream < 0 else v)
_visit_rule("groups are told apart", lambda u, v: replace(v, other_stream=-1) if v.other_stream < 0 else v)
_visit_rule("direct edges are direct", lambda u, v: replace(v, direct=False))
_visit_rule(
    "edges stand for all paths",
    lambda u, v: replace(v, direct=v.part.hook != "logits" if hasattr(v.part, "hook") else v.direct),
)
_visit_rule(
    "unimportant nodes are pinned to the reader's other draw",
    lambda u, v: (
        replace(v, unimportant=False, resampling=sampling.everything(u.subject.n_inputs, u.subject.weights))
        if v.unimportant
        else v
    ),
)
_visit_rule(
    "unimportant nodes cut what lies before them",
    lambda u, v: replace(v, children=tuple(c for c in v.children if not c.unimportant)),
)
_visit_rule(
    "what a node reads is scrubbed in turn",
    lambda u, v: v if v.node == u.hypothesis.root else replace(v, children=()),
)


@breaks("a shared node is drawn afresh for each reader")
@contextmanager
def _shared_once() -> Iterator[None]:
    def once(self: Any, tree_node: plan.TreeNode) -> plan.TreeNode:
        return self.__dict__.setdefault("_once", {}).setdefault((tree_node.node, tree_node.direct), tree_node)

    with _tree_nodes(once):
        yield


for _policy, _wrong in {"uniform": "feature", "exact": "uniform", "fixed": "uniform"}.items():

    @breaks(f"the sampler {_policy}")
    @contextmanager
    def _sampler(policy: str = _policy, wrong: str = _wrong) -> Iterator[None]:
        def other(was: Any, node: Any, *rest: Any) -> Any:
            mine = node.sampler if isinstance(node.sampler, str) else "fixed"
            return was(replace(node, sampler=wrong) if mine == policy else node, *rest)

        with _wrapped(plan, "_resampling", other):
            yield


breaks("a fixed sampler counts rows that are listed twice")(
    lambda: _wrapped(plan, "fixed", lambda was, rows, n, weights: was(np.unique(rows), n, weights))
)
breaks("draws of a fixed sampler are weighted")(
    lambda: _wrapped(plan, "fixed", lambda was, rows, n, weights: was(rows, n, None))
)
breaks("other draws are weighted")(lambda: _wrapped(plan, "everything", lambda was, n, weights: was(n, None)))
breaks("stand-ins are weighted")(
    lambda: _wrapped(
        plan, "by_feature", lambda was, values, t=(), p=(), weights=None: was(values, t, p, None)
    )
)
breaks("a feature splits the inputs")(
    lambda: _wrapped(
        plan,
        "by_feature",
        lambda was, values, t=(), p=(), weights=None: was([0 * v for v in values], t, p, weights),
    )
)
breaks("every component of a feature counts")(
    lambda: _wrapped(
        plan,
        "by_feature",
        lambda was, values, t=(), p=(), weights=None: was(values[:1], t[:1], p[:1], weights),
    )
)
breaks("a tolerance widens the classes")(
    lambda: _wrapped(
        plan, "by_feature", lambda was, values, t=(), p=(), weights=None: was(values, (), (), weights)
    )
)
breaks("a tolerance includes its bound")(
    lambda: _wrapped(
        plan,
        "by_feature",
        lambda was, values, t=(), p=(), weights=None: was(values, [x and x - 1e-6 for x in t], p, weights),
    )
)
breaks("a tolerance belongs to its component")(
    lambda: _wrapped(
        plan,
        "by_feature",
        lambda was, values, t=(), p=(), weights=None: was(values[::-1], t, p, weights),
    )
)
breaks("a period closes the circle")(
    lambda: _wrapped(
        plan, "by_feature", lambda was, values, t=(), p=(), weights=None: was(values, t, (), weights)
    )
)
breaks("the reference is redrawn")(lambda: patch.object(plan, "_redraw", lambda *args: None))
breaks("the reference is redrawn within the root's tolerance")(
    lambda: _wrapped(
        plan,
        "_redraw",
        lambda was, wanted, root, *rest: was(wanted, replace(root, tolerance=(), period=()), *rest),
    )
)
breaks("callables have all their components")(
    lambda: _wrapped(
        feature.Feature,
        "values",
        lambda was, self, *args: was(self, *args)[: 1 if self.function is not None else None],
    )
)
breaks("parts are set before what holds them")(
    lambda: _many(
        patch.object(module, "in_order", lambda held, edits: [*held, *edits]) for module in (network, bridge)
    )
)
breaks("frequency sets nest")(
    lambda: _wrapped(
        sites, "contains", lambda was, whole, part: whole.components is None and was(whole, part)
    )
)
breaks("held sites are clean on the other draw")(
    lambda: _wrapped(
        network.NetworkSubject,
        "read",
        lambda was, self, others, edits, holds, readers: (
            was(self, others.flip(0), edits, holds, readers)
            if holds
            else was(self, others, edits, holds, readers)
        ),
    )
)
breaks("a frequency set that is read is moved by what is set inside")(
    lambda: _wrapped(
        forward.Forward,
        "read",
        lambda was, self, part: (
            self.network.components.embedding(part)[self.tokens[:, list(part.positions)]]
            if self.network.components.is_term(part)
            else was(self, part)
        ),
    )
)


@breaks("setting a subspace keeps its complement")
@contextmanager
def _complement_lost() -> Iterator[None]:
    def lost(was: Any, self: Any, value: Any, edit: Any) -> Any:
        result = was(self, value, edit)
        if self.network.components.projector(edit.part, value) is not None:
            kept = [i for i, pos in enumerate(edit.part.positions) if pos in self.need[edit.part.hook]]
            index = self._index(edit.part, [edit.part.positions[i] for i in kept])
            result[index] = edit.value[:, kept]
        return result

    with _wrapped(forward.Forward, "_set", lost):
        yield


breaks("components between keep their value on direct paths")(
    lambda: _wrapped(forward.Forward, "_from", lambda was, self, name, source: self)
)
breaks("the reader's own component sees direct edges")(
    lambda: _wrapped(
        forward.Forward,
        "__init__",
        lambda was, self, *args, inside="", **options: was(self, *args, inside="", **options),
    )
)


@breaks("direct edges of different depth each take their own path")
@contextmanager
def _earliest_only() -> Iterator[None]:
    """The later of two direct edges is overwritten, as by one minimum over the depths of all."""

    def earliest(was: Any, self: Any, others: Any, edits: Any, holds: Any, readers: Any) -> Any:
        hooks = self.architecture.hooks
        depths = [hooks[e.part.hook].index for e in edits if e.direct]
        kept = [e for e in edits if not e.direct or hooks[e.part.hook].index == min(depths)]
        return was(self, others, kept, holds, readers)

    with _wrapped(network.NetworkSubject, "read", earliest):
        yield


breaks("direct edges on a graph of functions are direct")(
    lambda: _wrapped(
        function_graph.FunctionGraph,
        "read",
        lambda was, self, others, edits, holds, readers: was(
            self, others, [replace(e, direct=False) for e in edits], holds, readers
        ),
    )
)
breaks("held sites let the other draw in")(
    lambda: _wrapped(
        sites.Sites, "reads_other", lambda was, self, closed, held, reader: was(self, closed, [], reader)
    )
)
breaks("parts of a site leave it open for the other draw")(
    lambda: _wrapped(
        sites.Sites,
        "reads_other",
        lambda was, self, closed, held, reader: was(
            self, [replace(p, components=None, basis=None) for p in closed], held, reader
        ),
    )
)
breaks("the normalization's scale is read and set")(
    lambda: _wrapped(network.Network, "scale", lambda was, self, x: torch.ones_like(was(self, x)))
)

# Sampling: what only draws can show.
breaks("streams of random numbers are independent")(
    lambda: _wrapped(sampling.Draws, "_keys", lambda was, self, stream: was(self, 0))
)
breaks("every pass is drawn anew")(
    lambda: _wrapped(sampling, "_key", lambda was, seed, draw, stream: was(seed, 0, stream))
)
breaks("only whole embeddings are changes of the token")(
    lambda: _wrapped(
        program.Program,
        "_substitute_tokens",
        lambda was, self, others, settings: was(
            self, others, [replace(s, part=replace(s.part, components=None)) for s in settings]
        ),
    )
)
breaks("parts of the embedding before the first attention come from their own rows")(
    lambda: _wrapped(
        first_block.FirstBlock,
        "read",
        lambda was, self, rows, settings, reader: was(self, rows, dict.fromkeys(settings, rows), reader),
    )
)
breaks("a part is folded on its own rows")(
    lambda: _wrapped(
        program.Program,
        "_fold",
        lambda was, self, base, settings, reader: was(
            self,
            base,
            [
                replace(s, value=replace(s.value, rows=base)) if isinstance(s.value, program.Rows) else s
                for s in settings
            ],
            reader,
        ),
    )
)
breaks("direct paths past what is set further on are swallowed")(
    lambda: _wrapped(
        linear.LinearReadout,
        "covers",
        lambda was, self, settings, reader: (
            was(self, settings, reader)
            or (
                reader.hook == "logits"
                and all(p.hook in (*self.additive, *self.final, *self.direct_only) for p, _ in settings)
            )
        ),
    )
)

# Figures.
breaks("losses are weighted by input")(
    lambda: _wrapped(
        figures.Levels, "__init__", lambda was, self, *args, weights=None, **o: was(self, *args, **o)
    )
)
breaks("a graph's rows are weighted")(lambda: _wrapped(graph_figures.GraphFigures, "__init__", _unweighted))
breaks("the exact expectation weighs values by their chance")(
    lambda: _wrapped(
        exact._Enumeration,
        "_drawn",
        lambda was, self, child, x: _flat(was(self, child, x)),
    )
)
breaks("fidelity is of centred logits")(
    lambda: _wrapped(
        figures.Levels,
        "figures",
        lambda was, self, outputs, rows: (
            was(self, outputs, rows)
            | {"squared_change": (outputs.double() - self.own(rows).logits).square().sum(-1).mean(-1)}
        ),
    )
)
breaks("faithfulness is KL from the model's own output")(
    lambda: _wrapped(
        figures.Levels,
        "figures",
        lambda was, self, outputs, rows: was(self, outputs, rows) | {"kl": _reversed_kl(self, outputs, rows)},
    )
)
breaks("the change of loss does not cancel")(
    lambda: _wrapped(
        figures.Levels,
        "figures",
        lambda was, self, outputs, rows: (
            was(self, outputs, rows)
            | {"abs_loss_change": was(self, outputs, rows)["loss"] - self.losses[rows]}
        ),
    )
)
breaks("loss recovered is measured from the baseline")(
    lambda: _wrapped(scoring, "recovered", lambda was, scrubbed, model, baseline: was(scrubbed, model, 0.0))
)
breaks("the worst label is a mean over its inputs")(
    lambda: _wrapped(
        passes._Sums,
        "figures",
        lambda was, self: replace(was(self), label_losses=None if self.by_label is None else self.by_label),
    )
)


def _unweighted(was: Any, self: Any, graph: Any) -> None:
    weights, graph.weights = graph.weights, None
    was(self, graph)
    graph.weights = weights


def _flat(found: exact.Distribution) -> exact.Distribution:
    return replace(found, probabilities=torch.full_like(found.probabilities, 1 / len(found.probabilities)))


def _reversed_kl(levels: Any, outputs: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    log = outputs.double().log_softmax(-1)
    own = levels.own(rows).logits.log_softmax(-1)
    return (log.exp() * (log - own)).sum(-1).mean(-1)


@contextmanager
def _many(managers: Iterator[AbstractContextManager[Any]]) -> Iterator[None]:
    from contextlib import ExitStack

    with ExitStack() as stack:
        for manager in managers:
            stack.enter_context(manager)
        yield
