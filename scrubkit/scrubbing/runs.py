"""What can be read, set and measured of a subject, with no hypothesis yet: the ground that methods stand on.

A subject is one of our models, any TransformerBridge or a graph of functions, run on rows of its dataset,
which are numbers of inputs. A part of a transformer is a `scrubkit.Part`, of a graph a node's name.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from scrubkit.core.architecture import LOGITS, Architecture, kind_of
from scrubkit.core.site import Part
from scrubkit.core.task import Task
from scrubkit.errors import ScrubError
from scrubkit.models.model import Model
from scrubkit.scrubbing.complement import beside
from scrubkit.scrubbing.target import Target
from scrubkit.subjects.bridge import BridgeSubject
from scrubkit.subjects.by_row import ByRow
from scrubkit.subjects.network import NetworkSubject
from scrubkit.subjects.subject import Edit

Rows = Int[Tensor, " item"]
"""Rows of the dataset: numbers of inputs."""
Value = Callable[[Any], Tensor]
"""Takes a part and returns a value of it for each item."""


class Runs:
    """A subject that is run on chosen inputs.

    Args:
        target: the subject with the figures that its outputs are judged by.

    Attributes:
        evaluations: how many runs on one input, with something set, were made so far.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.subject: Any = _by_row(target.subject)
        self.evaluations = 0

    @property
    def device(self) -> torch.device:
        """Where values live; rows and generators are on the CPU."""
        return self.target.device

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return self.subject.n_inputs

    @property
    def task(self) -> Task | None:
        """The task; None for a graph of functions."""
        return getattr(self.subject, "inputs", None) if self.architecture else None

    @property
    def model(self) -> Model | None:
        """The model; None where the subject is not one of ours."""
        return self.target.model

    @property
    def architecture(self) -> Architecture | None:
        """Sizes and hooks of the transformer; None for a graph of functions."""
        return getattr(self.subject, "architecture", None)

    @property
    def whole_output(self) -> Any:
        """The part that is the whole output: the logits at the answer positions, or the graph's output."""
        return self.subject.output

    def part(self, site: str) -> Any:
        """Return the part that a site means; raises SiteError."""
        return self.subject.part(site, {})

    def sample(self, size: int, generator: torch.Generator) -> Rows:
        """Choose inputs: shuffled copies of the dataset cut to size, or drawn by the weights of its rows.

        Args:
            size: how many.
            generator: source of randomness, on the CPU.
        """
        if self.subject.weights is not None:
            return self._by_weight(size, generator)
        copies = [
            torch.randperm(self.n_inputs, generator=generator) for _ in range(-(-size // self.n_inputs))
        ]
        return torch.cat(copies)[:size]

    def others(self, rows: Rows, generator: torch.Generator) -> Rows:
        """Draw an independent input for each of some."""
        if self.subject.weights is not None:
            return self._by_weight(len(rows), generator)
        return torch.randint(self.n_inputs, rows.shape, generator=generator)

    def _by_weight(self, size: int, generator: torch.Generator) -> Rows:
        weights = torch.from_numpy(self.subject.weights)
        return torch.multinomial(weights, size, replacement=True, generator=generator)

    def reaches(self, source: Any, part: Any) -> bool:
        """Say whether setting one part can change another."""
        return self.subject.upstream(source, part)

    @torch.no_grad()
    def read(self, part: Any, rows: Rows) -> Tensor:
        """Return the clean value of a part on some inputs, (item, ...) as TransformerLens shapes it.

        Args:
            part: the part, or the site that means it.
            rows: the inputs.
        """
        return self.subject.clean(self._resolved(part), rows)

    def mean(self, part: Any) -> Tensor:
        """Return the mean clean value of a part over all inputs, by weight, without the item axis."""
        value = self.read(part, torch.arange(self.n_inputs))
        if self.subject.weights is None:
            return value.mean(dim=0)
        return torch.tensordot(self.target.measure.mass.to(value.dtype), value, dims=1)

    def clean(self, rows: Rows) -> Tensor:
        """Return the clean output on some inputs: logits, (item, answer, class), or what a graph puts out."""
        return self.read(self.whole_output, rows)

    def run(
        self,
        rows: Rows,
        values: Mapping[Any, Tensor],
        parts: Sequence[Any] | None = None,
        *,
        direct: bool = False,
    ) -> list[Tensor]:
        """Run on some inputs with parts set, and read others.

        Args:
            rows: the inputs, whose runs everything else comes from.
            values: for each part, or site, that is set, its value for each item; what is read has gradients
                with respect to those that require them.
            parts: what is read, parts or sites; by default the whole output.
            direct: each part that is read feels the settings along direct paths alone (path patching); what
                lies between keeps its clean value.

        Returns:
            The value of each part that is read, (item, ...).

        Raises:
            ScrubError: a value does not have the shape of its part.
        """
        edits = [Edit(self._resolved(part), value, direct) for part, value in values.items()]
        for edit in edits:
            self._require_shape(edit.part, edit.value, rows)
        read = [self.whole_output] if parts is None else [self._resolved(part) for part in parts]
        self.evaluations += len(rows)
        with torch.set_grad_enabled(any(value.requires_grad for value in values.values())):
            return self.subject.read(rows, edits, (), read)

    def ablated(self, rows: Rows, value: Value, parts: Sequence[Any]) -> Tensor:
        """Return the output with parts set to something else.

        Args:
            rows: the inputs.
            value: takes a part and returns its new value for each item.
            parts: which parts.
        """
        return self.run(rows, {part: value(part) for part in parts})[0]

    def beside(self, held: Sequence[Part], hooks: Sequence[str]) -> list[Part]:
        """Return the parts of some hooks that no given part holds, where the output can feel them.

        Raises:
            ScrubError: the subject is a graph of functions, whose nodes have no parts.
        """
        return beside(held, hooks, self._transformer("a complement at a hook"))

    def components(self, *, neurons: bool = False) -> list[Part]:
        """Return what writes into the residual stream: embeddings by position, then heads and MLPs by block.

        A head or MLP of the last block is one part at the positions of the answer, of an earlier block one
        part at all positions. ``str(part)`` is its site.

        Args:
            neurons: give the single neurons instead of the output of each MLP.

        Raises:
            ScrubError: the subject is a graph of functions.
        """
        a = self._transformer("components of a transformer")
        sites = [f"hook_embed[pos={i}]" for i in range(a.n_ctx)]
        last = "-1" if a.answer == (a.n_ctx - 1,) else ",".join(map(str, a.answer))
        for layer in range(a.n_layers):
            at = [f"pos={last}"] if layer == a.n_layers - 1 else []
            sites += [_site(layer, "attn.hook_z", [*at, f"head={h}"]) for h in range(a.n_heads)]
            if neurons:
                sites += [_site(layer, "mlp.hook_post", [*at, f"neurons={i}"]) for i in range(a.d_mlp)]
            elif a.d_mlp:
                sites.append(_site(layer, "hook_mlp_out", at))
        return [self.part(site) for site in sites]

    @cached_property
    def right(self) -> Int[Tensor, "input answer"]:
        """The right class of each input at each answer position: its label, or the model's own answer.

        Raises:
            ScrubError: the subject is a graph of functions, whose output is not a class.
        """
        self._transformer("classes to choose from")
        labels = self.target.measure.labels
        return self.target.measure.predictions if labels is None else labels

    def lead(self, output: Float[Tensor, "item answer class"], rows: Rows) -> Float[Tensor, " item"]:
        """Return the logit of the right class less the mean logit, mean over answer positions, in float64.

        Args:
            output: logits.
            rows: the input of each item.
        """
        z, right = output.double(), self.right[rows]
        return (z.gather(-1, right[..., None])[..., 0] - z.mean(dim=-1)).mean(dim=-1)

    def answers(self, output: Tensor, rows: Rows) -> Bool[Tensor, " item"]:
        """Say whether each output is the answer to an input: at every position, or the graph's own value.

        Args:
            output: logits, or what a graph puts out.
            rows: for each item the input whose answer is looked for.
        """
        if self.architecture is None:
            return torch.isclose(output, self.clean(rows)).reshape(len(rows), -1).all(dim=1)
        return (output.argmax(dim=-1) == self.right[rows]).all(dim=1)

    def figures(self, output: Tensor, rows: Rows) -> Mapping[str, Float[Tensor, " item"]]:
        """Return what an output says beside the clean one, for each item and in float64.

        Args:
            output: logits, (item, answer, class), or what a graph puts out.
            rows: the input of each item.

        Returns:
            ``squared_change`` of the centred logits, or of a graph's output. For logits ``kl``, of the clean
            distribution from this one, nats, and ``agreement`` of the argmax. With labels ``loss``, nats,
            ``abs_loss_change``, and for logits ``accuracy``.
        """
        return self.target.measure.figures(output, rows)

    @property
    def permuted(self) -> Mapping[str, float]:
        """What ``kl`` and ``squared_change`` are for outputs of independent inputs: the scale of both."""
        measure = self.target.measure
        return {"kl": measure.permuted_kl, "squared_change": measure.permuted_change}

    def change(
        self, part: Any, value: Tensor, rows: Rows, before: Tensor | None = None
    ) -> Float[Tensor, " item"]:
        """Return the squared distance of a part's value from another; logits are centred first.

        Args:
            part: the part.
            value: its value for each item.
            rows: the inputs.
            before: the value that it is compared with; by default the clean one on the inputs.
        """
        before = self.read(part, rows) if before is None else before
        change = (value.double() - before.double()).reshape(len(rows), -1)
        if getattr(part, "hook", None) == LOGITS:
            change = change - change.mean(dim=1, keepdim=True)
        return change.square().sum(dim=1)

    @property
    def bridge(self) -> Any:
        """The TransformerBridge, for gradients and hooks of one's own.

        Raises:
            ScrubError: the subject is a graph of functions, which has no activations to hook.
        """
        return self.hooked.bridge

    @property
    def tokens(self) -> Int[Tensor, "input pos"]:
        """Token rows, where the bridge takes them; raises ScrubError for a graph of functions."""
        return self.hooked.token_rows

    @cached_property
    def hooked(self) -> BridgeSubject:
        """The subject run through its hooks; raises ScrubError where it is a graph of functions."""
        self._transformer("hooks and no gradients")
        # Taken now: within hooks that a method places these runs would set them off.
        _ = self.target.measure
        if isinstance(self.subject, BridgeSubject):
            return self.subject
        model = self.target.model
        assert model is not None
        bridge = model.bridge
        if self.device.type != "cpu":
            from scrubkit.models.bridge import build_bridge

            bridge = build_bridge(model.weights, model.config).to(self.device)
        return BridgeSubject(bridge, model.task, truth=model.truth, title=self.subject.title)

    def _resolved(self, part: Any) -> Any:
        """Return the part that is meant where a site is given; in a graph of functions these are the same."""
        return self.part(part) if isinstance(part, str) and self.architecture is not None else part

    def _transformer(self, what: str) -> Architecture:
        if self.architecture is None:
            raise ScrubError(f"a graph of functions has no {what}", title=self.subject.title)
        return self.architecture

    def _require_shape(self, part: Any, value: Tensor, rows: Rows) -> None:
        """Refuse a value that is not one of its part for each item."""
        own = (
            self.read(part, rows[:1]).shape[1:]
            if self.architecture is None
            else _axes(part, self.architecture)
        )
        wanted = (len(rows), *own)
        if tuple(value.shape) != wanted:
            raise ScrubError(
                f"the value that {part} is set to must have shape ({', '.join(map(str, wanted))}), one for "
                f"each of the {len(rows)} rows; found {tuple(value.shape)}",
                title=self.subject.title,
            )


def _site(layer: int, kind: str, keys: Sequence[str]) -> str:
    return f"blocks.{layer}.{kind}" + (f"[{', '.join(keys)}]" if keys else "")


def _axes(part: Part, architecture: Architecture) -> tuple[Any, ...]:
    """Return the axes of a part's value after the item, as TransformerLens orders them."""
    n = len(part.positions)
    kind = architecture.hooks[part.hook].kind
    if kind_of(part.hook) == "attn.hook_pattern":
        return (len(part.heads or ()), n, architecture.n_ctx)
    if kind.axis == "neurons":
        return (n, len(part.neurons or ()))
    width = architecture.width(part.hook) if kind.width else 1
    return (n, *(() if kind.axis is None else (len(part.heads or ()),)), width)


def _by_row(subject: Hashable) -> Any:
    return ByRow.sharing(subject) if isinstance(subject, NetworkSubject) else subject
