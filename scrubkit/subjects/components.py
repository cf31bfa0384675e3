"""Linear components of a hook's tensor: subspaces, and what a task's decompositions number.

Setting a component leaves its complement as it is. The components of the logits and of subspaces are
projections. Those of the embedding are terms of a sum over tokens, looked up by token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from scrubkit.core.architecture import EMBED
from scrubkit.core.decomposition import Decomposition
from scrubkit.core.site import Part


@dataclass(frozen=True)
class Components:
    """The linear components that parts of one model may name.

    Attributes:
        W_E: token embedding.
        decompositions: the task's decompositions by key.
    """

    W_E: Float[Tensor, "vocab d_model"]
    decompositions: Mapping[str, Decomposition]

    @cached_property
    def _made(self) -> dict[Any, Tensor]:
        return {}

    def is_term(self, part: Part) -> bool:
        """Say whether a part is a component of the embedding over the tokens."""
        return part.hook == EMBED and part.components is not None

    def embedding(self, part: Part) -> Float[Tensor, "vocab d_model"]:
        """Return a part of the embedding over the tokens, for every token."""
        key = ("embedding", part.decomposition, part.components)
        if key not in self._made:
            rows = self._decomposition(part).over_tokens(part.components or ())
            self._made[key] = (torch.from_numpy(rows).to(self.W_E.device) @ self.W_E.double()).to(self.W_E)
        return self._made[key]

    def projector(self, part: Part, like: Tensor) -> Float[Tensor, "width width"] | None:
        """Return the projection onto a part of a hook, None if the part is no projection of it."""
        if part.whole or self.is_term(part):
            return None
        key = (part.decomposition, part.components, part.basis, like.dtype, like.device)
        if key not in self._made:
            if part.basis is not None:
                rows = np.asarray(part.basis)
                projection = rows.T @ rows
            else:
                projection = self._decomposition(part).over_classes(part.components or ())
            self._made[key] = torch.from_numpy(projection).to(like)
        return self._made[key]

    def _decomposition(self, part: Part) -> Decomposition:
        assert part.decomposition is not None
        return self.decompositions[part.decomposition]
