"""Functions given by their values, for programs that are made rather than written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor


class Lookup:
    """A function of named arguments, by enumeration.

    Args:
        domains: for each argument, the values it may take, ascending.
        values: the result for each combination, one axis an argument.

    Examples:
        >>> either = Lookup({"a": [0, 1], "b": [0, 1]}, [[0, 1], [1, 1]])
        >>> either(a=torch.tensor([0, 1]), b=torch.tensor([0, 0]))
        tensor([0, 1])
    """

    def __init__(
        self, domains: Mapping[str, Sequence[int]], values: Int[np.ndarray, "*args"] | Sequence
    ) -> None:
        self.domains = {name: np.asarray(domain) for name, domain in domains.items()}
        self.values = np.asarray(values)

    def __call__(self, **arguments: Tensor) -> Tensor:
        """Look rows of arguments up; they are matched by name."""
        at = tuple(
            np.searchsorted(domain, np.asarray(arguments[name])) for name, domain in self.domains.items()
        )
        return torch.from_numpy(self.values[at])
