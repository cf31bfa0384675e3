"""What the two engines share: the sites of a transformer on a task, and what reaches what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from scrubkit.core.site import Anatomy, Part, overlap, parse, resolve, upstream
from scrubkit.core.task import Task
from scrubkit.models.model import Model


def anatomy_of(model: Model) -> Anatomy:
    """Return the sizes of one of our models."""
    config = model.config
    return Anatomy(
        n_layers=1,
        n_ctx=config.n_ctx,
        d_model=config.d_model,
        n_heads=config.n_heads,
        d_head=config.d_head,
        d_mlp=config.d_mlp,
        d_vocab_out=config.d_vocab_out,
        n_frequencies=model.task.group.order // 2,
    )


class Sites:
    """The sites of a transformer over all inputs of a task; the parts of `Subject` that run nothing."""

    def __init__(self, task_record: Task, anatomy: Anatomy, truth: Any, title: str) -> None:
        self.title = title
        self.task = task_record.name
        self.anatomy = anatomy
        self.truth = truth
        self.task_record = task_record
        self.constants: Mapping[str, int | float] = task_record.constants
        self.weights: np.ndarray | None = None

    @property
    def columns(self) -> Mapping[str, np.ndarray]:
        """Value of each variable on each input."""
        return self.task_record.columns

    @property
    def tokens(self) -> np.ndarray:
        """Token rows."""
        return self.task_record.tokens

    @property
    def n_inputs(self) -> int:
        """Number of inputs of the task."""
        return self.task_record.n_inputs

    def part(self, site: str, subspaces: Mapping[str, Any]) -> Part:
        """Resolve a site; raises SiteError."""
        return resolve(parse(site), self.anatomy, truth=self.truth, subspaces=subspaces)

    def overlap(self, one: Part, other: Part) -> bool:
        """Say whether two parts share something."""
        return overlap(one, other)

    def upstream(self, source: Part, reader: Part) -> bool:
        """Say whether an edit of source can reach reader."""
        return upstream(source, reader, self.anatomy.n_layers)

    def is_output(self, part: Part) -> bool:
        """Say whether a part is all of the logits."""
        return part.hook == "logits" and part.frequencies is None and part.basis is None

    @cached_property
    def _varying(self) -> np.ndarray:
        return (self.tokens != self.tokens[:1]).any(axis=0)

    def reads_other(self, sites: Sequence[Part], reader: Part) -> bool:
        """Say whether the other input reaches reader once the sites are set.

        A linear component leaves its complement open; a selection of positions, heads and neurons is closed.
        """
        closed = [part for part in sites if part.basis is None and part.frequencies is None]
        if reader in closed:
            return False
        live = _Live(self.anatomy, closed, self._varying)
        return bool(live.at(reader))


class _Live:
    """Which numbers of each hook depend on the other input, by position and head or neuron."""

    def __init__(self, anatomy: Anatomy, closed: Sequence[Part], varying: np.ndarray) -> None:
        self.closed = closed
        self.hooks: dict[str, np.ndarray] = {}
        resid = self._mark("hook_embed", varying.copy())
        for layer in range(anatomy.n_layers):
            resid = self._block(f"blocks.{layer}.", resid, anatomy)
        self._mark("logits", resid)

    def at(self, reader: Part) -> np.bool_:
        """Say whether any number of a part is live."""
        live = self.hooks[reader.hook]
        inner = reader.heads if reader.heads is not None else reader.neurons
        chosen = live[list(reader.positions)]
        return (chosen if inner is None else chosen[:, list(inner)]).any()

    def _mark(self, hook: str, live: np.ndarray) -> np.ndarray:
        for part in self.closed:
            if part.hook == hook:
                inner = part.heads if part.heads is not None else part.neurons
                rows = list(part.positions)
                if inner is None:
                    live[rows] = False
                else:
                    live[np.ix_(rows, list(inner))] = False
        self.hooks[hook] = live
        return live

    def _block(self, prefix: str, resid: np.ndarray, anatomy: Anatomy) -> np.ndarray:
        resid = self._mark(f"{prefix}hook_resid_pre", resid.copy())
        heads = np.repeat(resid[:, None], anatomy.n_heads, axis=1)
        q, k, v = (self._mark(f"{prefix}attn.hook_{name}", heads.copy()) for name in "qkv")
        seen_k, seen_v = (np.logical_or.accumulate(x, axis=0) for x in (k, v))
        pattern = self._mark(f"{prefix}attn.hook_pattern", q | seen_k)
        z = self._mark(f"{prefix}attn.hook_z", pattern | seen_v)
        attn_out = self._mark(f"{prefix}hook_attn_out", np.asarray(z.any(axis=1)))
        mid = self._mark(f"{prefix}hook_resid_mid", resid | attn_out)
        neurons = np.repeat(mid[:, None], max(anatomy.d_mlp, 1), axis=1)
        pre = self._mark(f"{prefix}mlp.hook_pre", neurons)
        post = self._mark(f"{prefix}mlp.hook_post", pre.copy())
        mlp_out = self._mark(f"{prefix}hook_mlp_out", np.asarray(post.any(axis=1)))
        return self._mark(f"{prefix}hook_resid_post", mid | mlp_out)
