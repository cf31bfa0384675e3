"""Scrubbing as a user would write it with TransformerLens alone: one `run_with_hooks` for each node.

Shares plan and draws with the engine, so that both compute the same, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from scrubkit.core.site import Part
from scrubkit.scrubbing.evaluate import other_rows, own_rows
from scrubkit.scrubbing.plan import Plan, TreeNode
from scrubkit.scrubbing.sampling import Draws
from scrubkit.subjects.bridge import BRIDGE_NAMES


class PlainHooks:
    """Scrubs by hooks; sites are whole hooks, neurons or heads at some positions, read by all paths.

    Args:
        bridge: the model.
        tokens: token rows of the dataset.
        cached: read what nobody edits from activations that were run once, over all inputs.
    """

    def __init__(self, bridge: Any, tokens: Tensor, *, cached: bool = False) -> None:
        self.bridge, self.tokens, self.cached = bridge, tokens, cached
        self.cache: dict[str, Tensor] = {}

    def outputs(self, plan: Plan, draws: Draws) -> Tensor:
        """Return the scrubbed logits, (item, answer, class)."""
        with torch.no_grad():
            return self._value(plan, plan.root, draws.rows, draws)

    def _value(self, plan: Plan, tree_node: TreeNode, rows: Tensor, draws: Draws) -> Tensor:
        if not tree_node.children:
            return self._clean(tree_node.part, rows)
        values = [
            (child.part, self._value(plan, child, own_rows(child, rows, draws), draws))
            for child in tree_node.children
        ]
        others = other_rows(plan, tree_node, rows, draws)
        hooks = [(_name(part.hook), _patch(part, value)) for part, value in values]
        return self._run(others, hooks, tree_node.part)

    def _clean(self, part: Part, rows: Tensor) -> Tensor:
        if not self.cached:
            return self._run(rows, [], part)
        if part.hook not in self.cache:
            caught: list[Tensor] = []
            self.bridge.run_with_hooks(self.tokens, fwd_hooks=[(_name(part.hook), _catch(caught))])
            self.cache[part.hook] = caught[0]
        return _read(self.cache[part.hook][rows], part)

    def _run(self, rows: Tensor, hooks: list[tuple[str, Callable[..., Any]]], part: Part) -> Tensor:
        caught: list[Tensor] = []
        hooks = [*hooks, (_name(part.hook), _catch(caught))]
        self.bridge.run_with_hooks(self.tokens[rows], fwd_hooks=hooks)
        return _read(caught[0], part)


def _name(hook: str) -> str:
    return BRIDGE_NAMES.get(hook, hook)


def _index(part: Part) -> tuple[Any, ...]:
    positions = torch.tensor(part.positions)
    if part.inner is None:
        return (slice(None), positions)
    return (slice(None), positions[:, None], torch.tensor(part.inner))


def _read(value: Tensor, part: Part) -> Tensor:
    return value[_index(part)]


def _catch(into: list[Tensor]) -> Callable[..., None]:
    def catch(value: Tensor, hook: object = None) -> None:
        into.append(value)

    return catch


def _patch(part: Part, new: Tensor) -> Callable[..., Tensor]:
    def patch(value: Tensor, hook: object = None) -> Tensor:
        value[_index(part)] = new
        return value

    return patch
