"""What a compilation can be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from scrubkit.errors import ProgramError, nearest

_ALLOWED: Mapping[str, tuple[Any, ...]] = {
    "placement": ("last", "inputs", "random"),
    "codes": ("onehot", "rotated", "superposed"),
    "normalization": (None, "LN", "RMS"),
    "act_fn": ("relu", "gelu"),
    "neurons": (None, "plain", "sharp"),
    "attention": ("causal", "bidirectional"),
}
_SIZES = ("n_layers", "d_model", "n_heads", "d_head", "d_mlp", "d_vocab", "d_vocab_out")


@dataclass(frozen=True, slots=True)
class Options:
    """How a program becomes weights.

    Attributes:
        placement: where variables are computed: at the last position, at the position of the latest of
            their inputs, or drawn.
        codes: ``onehot``, a dimension a value; ``rotated``, the same turned at random; ``superposed``, more
            values than dimensions.
        ratio: values a dimension, for superposed codes.
        normalization: as TransformerLens's ``normalization_type``.
        act_fn: the activation; GELU is as exact as ReLU here, since neurons see no small numbers.
        neurons: ``plain``, one for each combination, or ``sharp``, two, which remove errors at each layer; by
            default plain for one-hot codes without noise.
        attention: whether a position sees later ones.
        slack: further blocks over the least; variables are computed at random in between.
        room: least dimensions a block has; models whose variables differ can have one shape.
        permute: whether heads and neurons are shuffled.
        noise: standard deviation of Gaussian noise, relative to each tensor's root mean square.
        seed: decides all that is random.
        n_layers: size to pad to, None for the least; so the other sizes.
    """

    placement: str = "last"
    codes: str = "onehot"
    ratio: float = 1.25
    normalization: str | None = None
    act_fn: str = "relu"
    neurons: str | None = None
    attention: str = "causal"
    slack: int = 0
    room: int = 0
    permute: bool = False
    noise: float = 0.0
    seed: int = 0
    n_layers: int | None = None
    d_model: int | None = None
    n_heads: int | None = None
    d_head: int | None = None
    d_mlp: int | None = None
    d_vocab: int | None = None
    d_vocab_out: int | None = None

    @property
    def causal(self) -> bool:
        """Whether a position sees only itself and earlier ones."""
        return self.attention == "causal"

    @property
    def sharp(self) -> bool:
        """Whether neurons come in pairs."""
        exact = self.codes == "onehot" and not self.noise
        return self.neurons == "sharp" or (self.neurons is None and not exact)

    @property
    def sizes(self) -> Mapping[str, int]:
        """The sizes that were asked for."""
        return {name: getattr(self, name) for name in _SIZES if getattr(self, name) is not None}


def read_options(given: Mapping[str, Any]) -> Options:
    """Check and return options; raises ProgramError with every fault."""
    known = [field.name for field in fields(Options)]
    faults = [f"option {k!r} is unknown{nearest(k, known)}" for k in given if k not in known]
    if faults:
        raise ProgramError(faults, title="compile")
    options = Options(**given)
    faults += [
        f"{name} is {getattr(options, name)!r}; allowed are {', '.join(map(str, allowed))}"
        for name, allowed in _ALLOWED.items()
        if getattr(options, name) not in allowed
    ]
    faults += [
        f"{name} is {value!r}; it must be a whole number above 0"
        for name, value in options.sizes.items()
        if not isinstance(value, int) or value < 1
    ]
    faults += [
        f"{name} is {getattr(options, name)}; it must be at least 0"
        for name in ("slack", "room")
        if getattr(options, name) < 0
    ]
    if options.noise < 0:
        faults.append(f"noise is {options.noise}; it must be at least 0")
    if not options.ratio >= 1:
        faults.append(f"ratio is {options.ratio}; values a dimension are at least 1")
    if options.codes == "superposed" and options.normalization is not None:
        faults.append(
            "superposed codes have no constant norm, so normalization cannot be made exact; "
            "take normalization=None, or codes='rotated'"
        )
    if faults:
        raise ProgramError(faults, title="compile")
    return options
