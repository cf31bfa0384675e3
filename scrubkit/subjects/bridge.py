"""The reference engine: any TransformerBridge, run with hooks, one forward pass a visit.

Slow and obvious: this is what the fast engine is held to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Int
from torch import Tensor

from scrubkit.core.site import Anatomy, Part
from scrubkit.core.task import Task
from scrubkit.errors import ScrubError
from scrubkit.subjects.parts import Components, read_part, write_part
from scrubkit.subjects.sites import Sites
from scrubkit.subjects.subject import Edit

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

    from scrubkit.models.model import Model

BRIDGE_NAMES = {"logits": "unembed.hook_out"}
"""Hooks that the bridge calls otherwise than sites do."""


class BridgeSubject(Sites):
    """A TransformerBridge on a task, read and set through its hooks.

    The bridge comes back unchanged: hooks live for one forward pass only.

    Args:
        bridge: a native model of any number of layers, with or without LayerNorm.
        task: enumerates the inputs, as token rows that the bridge takes.
        truth: gives names in sites a meaning.
        title: what messages call it.
    """

    def __init__(
        self, bridge: TransformerBridge, task: Task, *, truth: Any = None, title: str = "the model"
    ) -> None:
        super().__init__(task, _anatomy(bridge, task), truth, title)
        self.bridge = bridge
        embedding = bridge.state_dict()["embed.weight"]
        index = torch.full((embedding.shape[0],), -1).numpy()
        index[: task.p] = task.group.a
        self.components = Components(embedding, index, task.group.c, task.group.order)
        self.token_rows = torch.from_numpy(task.tokens)

    @classmethod
    def of(cls, model: Model, dtype: torch.dtype = torch.float32) -> BridgeSubject:
        """Return one of our models as a subject."""
        from scrubkit.models.bridge import build_bridge

        bridge = build_bridge(model.weights, model.config).to(dtype=dtype)
        return cls(bridge, model.task, truth=model.truth, title=f"model {model.name}")

    def clean(self, part: Part, rows: Int[Tensor, " item"]) -> Tensor:
        """Return the value of a part on unedited runs."""
        return self._forward(rows, [], [part])[0]

    def run(
        self, others: Int[Tensor, " item"], edits: Sequence[Edit], holds: Sequence[Part], reader: Part
    ) -> Tensor:
        """Run on the other inputs with holds clean and edits set, and read one part.

        Direct edits come second: the attention and MLP outputs between them and the reader keep the values
        that they have without them.
        """
        held = [Edit(part, self.clean(part, others)) for part in holds]
        whole = held + [edit for edit in edits if not edit.direct]
        direct = [edit for edit in edits if edit.direct]
        if not direct:
            return self._forward(others, whole, [reader])[0]
        between = _between([edit.part for edit in direct], reader, self.anatomy)
        frozen = self._forward(others, whole, between)
        components = [Edit(part, value) for part, value in zip(between, frozen, strict=True)]
        return self._forward(others, [*whole, *direct, *components], [reader])[0]

    @torch.no_grad()
    def _forward(
        self, rows: Int[Tensor, " item"], edits: Sequence[Edit], read: Sequence[Part]
    ) -> list[Tensor]:
        """Run once with edits in force and return the parts read."""
        tokens = self.token_rows[rows]
        captured: dict[Any, Tensor] = {}
        hooks = {part.hook for part in read} | {edit.part.hook for edit in edits}
        # On a native bridge an edit of hook_resid_mid reaches the MLP and not the stream beside it, so the
        # change is carried over to hook_resid_post.
        mids = {hook for hook in hooks if hook.endswith("hook_resid_mid")}
        hooks |= {hook.replace("resid_mid", "resid_post") for hook in mids}
        carried: dict[str, Tensor] = {}

        def at(hook: str) -> Callable[..., Tensor]:
            def on_fire(tensor: Tensor, hook: Any = None, _name: str = hook) -> Tensor:
                before = tensor
                tensor = tensor + carried.pop(_name, 0)
                for edit in edits:
                    if edit.part.hook == _name:
                        tensor = write_part(tensor, edit.part, edit.value, self.components, tokens)
                if _name in mids:
                    carried[_name.replace("resid_mid", "resid_post")] = tensor - before
                for part in read:
                    if part.hook == _name:
                        captured[part.key] = read_part(tensor, part, self.components, tokens)
                return tensor

            return on_fire

        self.bridge.run_with_hooks(
            tokens, fwd_hooks=[(BRIDGE_NAMES.get(hook, hook), at(hook)) for hook in sorted(hooks)]
        )
        missed = [part.text for part in read if part.key not in captured]
        if missed:
            raise ScrubError(
                f"hook {missed[0]!r} did not fire on this bridge; "
                f"use one of {', '.join(self.anatomy.hooks())}",
                title=self.title,
            )
        return [captured[part.key] for part in read]


def _between(sources: Sequence[Part], reader: Part, anatomy: Anatomy) -> list[Part]:
    """Return the attention and MLP outputs that lie strictly between a source and the reader."""
    order = {hook: depth for depth, hook in enumerate(anatomy.hooks())}
    first = min(order[part.hook] for part in sources)
    everywhere = tuple(range(anatomy.n_ctx))
    between = []
    for layer in range(anatomy.n_layers):
        for enters, leaves in (("hook_resid_pre", "hook_attn_out"), ("hook_resid_mid", "hook_mlp_out")):
            out = f"blocks.{layer}.{leaves}"
            if first <= order[f"blocks.{layer}.{enters}"] and order[reader.hook] > order[out]:
                between.append(Part(out, everywhere, None, None, None, None, out))
    return between


def _anatomy(bridge: TransformerBridge, task: Task) -> Anatomy:
    config = bridge.cfg
    return Anatomy(
        n_layers=config.n_layers,
        n_ctx=task.n_ctx,
        d_model=config.d_model,
        n_heads=config.n_heads,
        d_head=config.d_head,
        d_mlp=int(config.d_mlp or 0),
        d_vocab_out=config.d_vocab_out,
        n_frequencies=task.group.order // 2,
    )
