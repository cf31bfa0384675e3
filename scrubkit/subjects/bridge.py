"""Any TransformerBridge as a subject, read and set through its hooks: the definition in code.

Slow and obvious. It takes whatever TransformerLens wraps: native models of any depth, with LayerNorm or
RMSNorm, causal or bidirectional, and Hugging Face architectures with sequential attention and MLP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Int
from torch import Tensor

from scrubkit.core.architecture import LOGITS, Architecture, kind_of
from scrubkit.core.site import Part
from scrubkit.core.task import Task
from scrubkit.errors import ModelError, ScrubError
from scrubkit.subjects.components import Components
from scrubkit.subjects.sites import Sites, in_order
from scrubkit.subjects.subject import Edit

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

    from scrubkit.models.model import Model

BRIDGE_NAMES = {LOGITS: "unembed.hook_out"}
"""Hooks that the bridge calls otherwise than sites do."""
_OUTPUTS = {"attention": "hook_attn_out", "mlp": "hook_mlp_out"}


def bridge_architecture(bridge: Any, task: Task) -> Architecture:
    """Return the architecture of a bridge on a task.

    Raises:
        ModelError: the bridge is of a kind whose sites have no order, or the task does not fit it.
    """
    config = bridge.cfg
    faults = []
    if getattr(config, "parallel_attn_mlp", False):
        faults.append(
            "its attention and MLP run side by side; models where one follows the other can be held"
        )
    heads = getattr(config, "n_key_value_heads", None) or config.n_heads
    if heads != config.n_heads:
        faults.append(f"its {config.n_heads} heads share {heads} keys and values; each needs its own")
    if task.n_ctx > config.n_ctx:
        faults.append(f"it reads {config.n_ctx} tokens, and a row of the task {task.name!r} has {task.n_ctx}")
    if task.tokens.max() >= config.d_vocab:
        faults.append(f"it knows {config.d_vocab} tokens, and the task has a token {int(task.tokens.max())}")
    if faults:
        raise ModelError(faults, title="the bridge")
    return Architecture(
        n_layers=config.n_layers,
        n_ctx=task.n_ctx,
        d_model=config.d_model,
        n_heads=config.n_heads,
        d_head=config.d_head,
        d_mlp=0 if getattr(config, "attn_only", False) else int(config.d_mlp or 0),
        d_vocab_out=config.d_vocab_out if (config.d_vocab_out or -1) > 0 else config.d_vocab,
        normalization=config.normalization_type is not None,
        causal=getattr(config, "attention_dir", "causal") == "causal",
        answer=task.answer,
        decompositions={key: found.size for key, found in task.decompositions.items()},
    )


class BridgeSubject(Sites):
    """A TransformerBridge on a task.

    The bridge comes back unchanged: hooks live for one forward pass only.

    Args:
        bridge: the model.
        task: the inputs, as token rows that the bridge takes.
        truth: gives names in sites a meaning.
        title: what messages call it.
    """

    def __init__(
        self, bridge: TransformerBridge, task: Task, *, truth: Any = None, title: str = "the model"
    ) -> None:
        super().__init__(task, bridge_architecture(bridge, task), truth, title)
        self.bridge: Any = bridge
        parameter = next(iter(bridge.parameters()))
        self.device, self.dtype = parameter.device, parameter.dtype
        self.token_rows = torch.from_numpy(task.tokens).to(self.device)

    @classmethod
    def of(cls, model: Model, dtype: torch.dtype = torch.float32) -> BridgeSubject:
        """Return one of our models as a subject."""
        from scrubkit.models.bridge import build_bridge

        bridge = build_bridge(model.weights, model.config).to(dtype=dtype)
        return cls(bridge, model.task, truth=model.truth, title=f"model {model.name}")

    @cached_property
    def components(self) -> Components:
        """The linear components that sites may name."""
        decompositions = self.inputs.decompositions
        if not decompositions:
            return Components(torch.zeros(0, self.architecture.d_model), {})
        return Components(self.bridge.state_dict()["embed.weight"], decompositions)

    def clean(self, part: Part, rows: Int[Tensor, " item"]) -> Tensor:
        """Return the value of a part on unedited runs."""
        return self._forward(rows, [], [part])[0]

    def run(
        self, others: Int[Tensor, " item"], edits: Sequence[Edit], holds: Sequence[Part], reader: Part
    ) -> Tensor:
        """Run on the other inputs with holds clean and edits set, and read one part.

        Direct edits come last. Every attention and MLP, but for the one that the reader is inside of, then
        gives what it gives without the direct edits on its way in; a direct edit inside of it counts.
        """
        held = [Edit(part, self.clean(part, others)) for part in holds]
        whole = in_order(held, [edit for edit in edits if not edit.direct])
        direct = [edit for edit in edits if edit.direct]
        if not direct:
            return self._forward(others, whole, [reader])[0]
        hooks = self.architecture.hooks
        frozen = []
        for layer in range(self.architecture.n_layers):
            for name, output in _OUTPUTS.items():
                hook, component = f"blocks.{layer}.{output}", f"{name} {layer}"
                if hook not in hooks or component == hooks[reader.hook].component:
                    continue
                if hooks[hook].index < hooks[reader.hook].index:
                    inside = [edit for edit in direct if hooks[edit.part.hook].component == component]
                    out = Part(hook, tuple(range(self.architecture.n_ctx)))
                    frozen.append(Edit(out, self._forward(others, in_order(whole, inside), [out])[0]))
        return self._forward(others, [*frozen, *in_order(whole, direct)], [reader])[0]

    def read(
        self,
        others: Int[Tensor, " item"],
        edits: Sequence[Edit],
        holds: Sequence[Part],
        readers: Sequence[Part],
    ) -> list[Tensor]:
        """Do the same for each of some parts."""
        return [self.run(others, edits, holds, reader) for reader in readers]

    def _forward(
        self, rows: Int[Tensor, " item"], edits: Sequence[Edit], read: Sequence[Part]
    ) -> list[Tensor]:
        """Run once with edits in force and return the parts read, with gradients where edits ask for them."""
        with torch.set_grad_enabled(any(edit.value.requires_grad for edit in edits)):
            return self._fired(rows, edits, read)

    def _fired(self, rows: Int[Tensor, " item"], edits: Sequence[Edit], read: Sequence[Part]) -> list[Tensor]:
        tokens = self.token_rows[rows.to(self.device)]
        captured: dict[Any, Tensor] = {}
        carried: dict[str, Tensor] = {}
        hooks = {part.hook for part in read} | {edit.part.hook for edit in edits}
        mids = {hook for hook in hooks if kind_of(hook) == "hook_resid_mid"} if self._mid_is_split else set()
        hooks |= {hook.replace("resid_mid", "resid_post") for hook in mids}

        def at(name: str) -> Callable[..., Tensor]:
            def on_fire(tensor: Tensor, hook: Any = None) -> Tensor:
                before = tensor
                tensor = tensor + carried.pop(name, 0)
                for edit in edits:
                    if edit.part.hook == name:
                        tensor = self.written(tensor, edit, tokens)
                if name in mids:
                    carried[name.replace("resid_mid", "resid_post")] = tensor - before
                for part in read:
                    if part.hook == name:
                        captured[part.key] = self._taken(tensor, part, tokens)
                return tensor

            return on_fire

        self._fire(tokens, {hook: at(hook) for hook in hooks})
        missed = [part.text or part.hook for part in read if part.key not in captured]
        if missed:
            raise ScrubError(
                f"hook {missed[0]!r} did not fire on this bridge; "
                f"use one of {', '.join(self.architecture.hooks)}",
                title=self.title,
            )
        return [captured[part.key] for part in read]

    def _fire(self, tokens: Tensor, functions: dict[str, Callable[..., Tensor]]) -> None:
        named = [(BRIDGE_NAMES.get(hook, hook), functions[hook]) for hook in sorted(functions)]
        self.bridge.run_with_hooks(tokens, fwd_hooks=named)

    @cached_property
    def _mid_is_split(self) -> bool:
        """Whether an edit of hook_resid_mid reaches the MLP and not the stream beside it.

        It is so on native bridges, where the hook sits on what the MLP reads; the change then has to be
        carried over to hook_resid_post.
        """
        if not self.architecture.n_layers or not self.architecture.d_mlp:
            return False
        seen: dict[str, Tensor] = {}

        def keep(name: str) -> Callable[..., Tensor]:
            def on_fire(tensor: Tensor, hook: Any = None) -> Tensor:
                seen[name] = tensor.detach()
                return tensor

            return on_fire

        mid, out, post = (f"blocks.0.hook_{name}" for name in ("resid_mid", "mlp_out", "resid_post"))
        tokens = self.token_rows[:1]
        with torch.no_grad():
            self._fire(tokens, {out: keep(out), post: keep(post)})
            clean, mlp = seen[post], seen[out]
            shift = lambda tensor, hook=None: tensor + 1.0  # noqa: E731
            self._fire(tokens, {mid: shift, out: lambda tensor, hook=None: mlp, post: keep(post)})
        return bool(torch.allclose(seen[post], clean))

    def _taken(self, tensor: Tensor, part: Part, tokens: Int[Tensor, "item pos"]) -> Tensor:
        """Return a part's value from the full tensor of its hook, as TransformerLens shapes it."""
        if self.components.is_term(part):
            at = list(part.positions)
            own = self.components.embedding(part)
            return own[tokens[:, at]] + (tensor[:, at] - self.components.W_E[tokens[:, at]])
        value = tensor[_index(part)]
        projector = self.components.projector(part, value)
        return value if projector is None else value @ projector

    def written(self, tensor: Tensor, edit: Edit, tokens: Int[Tensor, "item pos"]) -> Tensor:
        """Return the full tensor of a hook with a part set to a value and the rest as it is."""
        part, value, result = edit.part, edit.value, tensor.clone()
        if self.components.is_term(part):
            at = list(part.positions)
            result[:, at] += value - self.components.embedding(part)[tokens[:, at]]
            return result
        index = _index(part)
        projector = self.components.projector(part, value)
        if projector is None:
            result[index] = value.to(result.dtype)
        else:
            result[index] += value - tensor[index] @ projector
        return result


def _index(part: Part) -> tuple[Any, ...]:
    """Return the numpy-style index of a part's positions, heads and neurons."""
    positions, everything = torch.tensor(part.positions), slice(None)
    if part.hook.endswith("hook_pattern"):
        return (everything, torch.tensor(part.heads)[:, None], positions[None, :])
    if part.inner is None:
        return (everything, positions)
    return (everything, positions[:, None], torch.tensor(part.inner)[None, :])
