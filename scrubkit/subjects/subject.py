"""What is scrubbed: anything that can be run on an input with some of its sites set."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor


@dataclass(frozen=True)
class Edit:
    """A site set to a value.

    Attributes:
        part: the site, resolved.
        value: its value for each item.
        direct: only the direct path to the reader feels the edit.
    """

    part: Any
    value: Tensor
    direct: bool = False


class CleanEdit(Edit):
    """A site set to its clean value on some inputs, which is looked up only where it is asked for.

    Args:
        subject: what the site is of.
        part: the site, resolved.
        rows: the input of each item.
        direct: only the direct path to the reader feels the edit.
    """

    def __init__(self, subject: Subject, part: Any, rows: Int[Tensor, " item"], direct: bool = False) -> None:
        self.__dict__.update(part=part, direct=direct, rows=rows, subject=subject)

    rows: Int[Tensor, " item"]
    subject: Subject

    @cached_property
    def value(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Its value for each item."""
        return self.subject.clean(self.part, self.rows)


class Subject(Protocol):
    """A computation over a finite dataset, whose sites can be read and set.

    Attributes:
        title: what messages call it.
        task: name of its task, "" if it has none.
        constants: further names that features may use.
        weights: weight of each input, None for equal weights.
        device: where its values live.
    """

    title: str
    task: str
    constants: Mapping[str, int | float]
    weights: np.ndarray | None
    device: torch.device

    @property
    def columns(self) -> Mapping[str, np.ndarray]:
        """Value of each input variable on each input."""
        ...

    @property
    def tokens(self) -> np.ndarray:
        """Token rows."""
        ...

    @property
    def n_inputs(self) -> int:
        """Size of the dataset D."""
        ...

    @property
    def output(self) -> Any:
        """The part that is the whole output, None where there is none or more than one."""
        ...

    def part(self, site: str, subspaces: Mapping[str, Any]) -> Hashable:
        """Resolve a site; raises SiteError."""
        ...

    def overlap(self, one: Any, other: Any) -> bool:
        """Say whether two parts share something."""
        ...

    def upstream(self, source: Any, reader: Any) -> bool:
        """Say whether an edit of source can reach reader."""
        ...

    def is_output(self, part: Any) -> bool:
        """Say whether a part is the whole output."""
        ...

    def reads_other(self, closed: Sequence[Any], held: Sequence[Any], reader: Any) -> bool:
        """Say whether reader depends on the input that is run.

        Args:
            closed: parts that are set to values from elsewhere.
            held: parts that are set to their clean values on that input.
            reader: what is read.
        """
        ...

    def clean(self, part: Any, rows: Int[Tensor, " item"]) -> Tensor:
        """Return the value of a part on unedited runs."""
        ...

    def run(
        self, others: Int[Tensor, " item"], edits: Sequence[Edit], holds: Sequence[Any], reader: Any
    ) -> Tensor:
        """Run on the other inputs, holds at their clean values there, then edits set; read one part."""
        ...

    def read(
        self,
        others: Int[Tensor, " item"],
        edits: Sequence[Edit],
        holds: Sequence[Any],
        readers: Sequence[Any],
    ) -> list[Tensor]:
        """Do the same and read some parts; direct edits are direct for each of them by itself."""
        ...
