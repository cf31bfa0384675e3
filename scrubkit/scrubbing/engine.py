"""The fast engine for 1-layer models: draws are indices, and most of a scrub is looking up rows.

Values are kept as rows of clean tables as long as they can be. Three facts make that go far:

- setting the whole embedding at a position is the same as changing the token there, so a run with all tokens
  set is another clean run;
- from the neurons on, the way to the logits is linear, so a part's share of the logits is a table, and
  replacing parts is adding rows of tables;
- a leaf whose stand-ins all have the same value needs no draw.

What is left is recomputed from the first changed hook on. The result equals the reference engine's on the
same draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag

from scrubkit.core.site import Part, overlap
from scrubkit.models.model import Model
from scrubkit.scrubbing.evaluate import ROOT_STREAM
from scrubkit.scrubbing.plan import Plan, Visit
from scrubkit.scrubbing.sampling import Draws, Exchange
from scrubkit.subjects.incremental import run_edited
from scrubkit.subjects.sites import Sites, anatomy_of
from scrubkit.subjects.subject import Edit
from scrubkit.subjects.tables import Tables, kind

_LINEAR = ("mlp.hook_post", "hook_mlp_out", "hook_resid_post", "logits")
_LINEAR_IF_DIRECT = ("attn.hook_z", "hook_attn_out", "hook_resid_mid")


@dataclass(frozen=True)
class Rows:
    """The clean value of a part on some rows, not looked up yet."""

    part: Part
    rows: Int[Tensor, " item"]


@dataclass(frozen=True)
class Setting:
    """A part that is set, to clean rows or to a computed value."""

    part: Part
    value: Rows | Tensor
    direct: bool = False


class EngineSubject(Sites):
    """A 1-layer model with its tables on a device; shared by all hypotheses about the model.

    Args:
        model: the model; it is not changed.
        device: where tables live and draws are made.
        dtype: dtype of the activations; losses are taken in float64 whatever it is.
    """

    def __init__(
        self, model: Model, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__(model.task, anatomy_of(model), model.truth, f"model {model.name}")
        self.model = model
        self.device = torch.device(device)
        self.tables = Tables.of(model, self.device, dtype)

    def clean(self, part: Part, rows: Int[Tensor, " item"]) -> Tensor:
        """Return the value of a part on unedited runs."""
        return self.tables.value(part, rows.to(self.device))

    def run(
        self, others: Int[Tensor, " item"], edits: Sequence[Edit], holds: Sequence[Part], reader: Part
    ) -> Tensor:
        """Run on the other inputs with holds clean and edits set, and read one part."""
        held = [Edit(part, self.clean(part, others)) for part in holds]
        return run_edited(self.tables, others.to(self.device), [*held, *edits], reader)

    def prepare(self, plan: Plan) -> Program:
        """Return the hypothesis ready to run on this model."""
        return Program(self, plan)


class Program:
    """A plan on an engine subject, with its exchanges on the device."""

    def __init__(self, subject: EngineSubject, plan: Plan) -> None:
        self.subject = subject
        self.tables = subject.tables
        self.plan = plan
        self.anyone = plan.anyone.to(subject.device)
        self.root_exchange = plan.root_exchange.to(subject.device) if plan.root_exchange else None
        moved: dict[int, Exchange] = {}
        self.exchanges: dict[int, Exchange | None] = {}
        for visit in plan.root.walk():
            exchange = visit.exchange
            if exchange is None or self._pinned(visit, exchange):
                self.exchanges[visit.index] = None
            else:
                moved.setdefault(id(exchange), exchange.to(subject.device))
                self.exchanges[visit.index] = moved[id(exchange)]

    def _pinned(self, visit: Visit, exchange: Exchange) -> bool:
        """Say whether a leaf on the embedding has one value among all stand-ins of each input."""
        if visit.children or visit.part.hook != "hook_embed":
            return False
        tokens = torch.from_numpy(self.subject.tokens)[:, list(visit.part.positions)]
        along = tokens[exchange.order]
        changes = torch.cat([torch.zeros(1, dtype=torch.long), (along[1:] != along[:-1]).any(1).cumsum(0)])
        last = exchange.start + exchange.count - 1
        constant = changes[exchange.start] == changes[last]
        own = (along[exchange.start] == tokens).all(dim=1)
        return bool((constant & own).all())

    def outputs(self, draws: Draws) -> Float[Tensor, "item class"]:
        """Return the scrubbed logits for each item of the draws."""
        rows = draws.rows
        if self.root_exchange is not None:
            rows = self.root_exchange.draw(rows, draws.numbers(ROOT_STREAM))
        value = self._value(self.plan.root, rows, draws)
        return self._computed(value)

    def _computed(self, value: Rows | Tensor) -> Tensor:
        return self.tables.value(value.part, value.rows) if isinstance(value, Rows) else value

    def _draw(self, visit: Visit, rows: Int[Tensor, " item"], draws: Draws) -> Int[Tensor, " item"]:
        exchange = self.exchanges[visit.index]
        return rows if exchange is None else exchange.draw(rows, draws.numbers(2 * visit.index))

    def _value(self, visit: Visit, rows: Int[Tensor, " item"], draws: Draws) -> Rows | Tensor:
        if not visit.children:
            return Rows(visit.part, rows)
        others = self._others(visit, rows, draws)
        settings = [Setting(part, Rows(part, others)) for part in visit.holds]
        for child in visit.children:
            if child.unimportant:
                value: Rows | Tensor = Rows(child.part, others)
            else:
                value = self._value(child, self._draw(child, rows, draws), draws)
            settings.append(Setting(child.part, value, child.direct))
        base, settings = self._substitute_tokens(others, settings)
        if not settings:
            return Rows(visit.part, base)
        if self._is_linear(settings, visit.part):
            return self._fold(base, settings, visit.part)
        edits = [Edit(s.part, self._computed(s.value), s.direct) for s in settings]
        return run_edited(self.tables, base, edits, visit.part)

    def _others(self, visit: Visit, rows: Int[Tensor, " item"], draws: Draws) -> Int[Tensor, " item"]:
        needed = visit.reads_other or visit.holds or any(child.unimportant for child in visit.children)
        if visit.other == "exact" or not (needed or any(child.direct for child in visit.children)):
            return rows
        return self.anyone.draw(rows, draws.numbers(visit.other_stream))

    def _substitute_tokens(
        self, others: Int[Tensor, " item"], settings: list[Setting]
    ) -> tuple[Int[Tensor, " item"], list[Setting]]:
        """Turn settings of whole embeddings into other base rows; return the rest of the settings."""
        columns: dict[int, Int[Tensor, " item"]] = {}
        rest = []
        for setting in settings:
            part, value = setting.part, setting.value
            whole = part.hook == "hook_embed" and part.frequencies is None and part.basis is None
            if whole and isinstance(value, Rows) and not setting.direct:
                columns |= {position: value.rows for position in part.positions}
            elif part.hook != "hook_pos_embed":
                # Positions have the same value on every input, so setting them changes nothing.
                rest.append(setting)
        if not columns:
            return others, rest
        tokens = self.tables.tokens
        first, second = (tokens[columns.get(position, others), position] for position in (0, 1))
        return self.tables.row_of[first, second], rest

    def _is_linear(self, settings: Sequence[Setting], reader: Part) -> bool:
        """Say whether the logits are a sum of what the settings and the rest add to them."""
        if reader.hook != "logits":
            return False
        whole = [s.part for s in settings if not s.direct]
        direct = [s.part for s in settings if s.direct]
        for parts, allowed in ((whole, _LINEAR), (direct, (*_LINEAR, *_LINEAR_IF_DIRECT))):
            hooks = {kind(part.hook) for part in parts}
            if len(hooks) > 1 or not hooks <= set(allowed):
                return False
        parts = whole + direct
        if whole and direct and kind(direct[0].hook) in _LINEAR:
            return False
        return not any(overlap(one, two) for i, one in enumerate(parts) for two in parts[i + 1 :])

    def _fold(
        self, base: Int[Tensor, " item"], settings: Sequence[Setting], reader: Part
    ) -> Float[Tensor, "item class"]:
        """Add up table rows: the logits without the parts on the base, and each part on its own rows."""
        looked_up = [s for s in settings if isinstance(s.value, Rows)]
        stacked = self.tables.stacked(tuple(s.part for s in settings))
        n_inputs = stacked.shape[1]
        slots = [0, *(i + 1 for i, s in enumerate(settings) if isinstance(s.value, Rows))]
        rows = [base, *(s.value.rows for s in looked_up if isinstance(s.value, Rows))]
        index = torch.stack([row + slot * n_inputs for row, slot in zip(rows, slots, strict=True)], dim=1)
        logits = embedding_bag(index, stacked.view(-1, stacked.shape[2]), mode="sum")
        for setting in settings:
            if isinstance(setting.value, Tensor):
                logits = logits + self.tables.to_logits(setting.part, setting.value)
        return self.tables.select(logits, reader)
