"""What a score says, and what decided it.

Figures with draws behind them are intervals. The verdict rests on two of them, each against its margin:
fidelity, on the logits, and faithfulness, on the behaviour. A high loss recovered alone supports nothing.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from scrubkit.scrubbing.match import Match
from scrubkit.shown import Shown, table

Verdict = Literal["supported", "refuted", "inconclusive", "untestable"]


class Frozen(BaseModel):
    """Base of the records below."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class Interval(Frozen):
    """A figure with its confidence interval; the three are equal where it is exact."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.value:.4g}"
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"

    def mapped(self, scale: float, shift: float) -> Interval:
        """Return scale * x + shift of the figure and its bounds.

        Args:
            scale: factor.
            shift: what is added.
        """
        ends = sorted((scale * self.low + shift, scale * self.high + shift))
        return Interval(value=scale * self.value + shift, low=ends[0], high=ends[1])


def exactly(value: float) -> Interval:
    """Return the interval of a figure that is known exactly."""
    return Interval(value=value, low=value, high=value)


class Margins(Frozen):
    """How far from perfect a hypothesis may be and still be supported."""

    fidelity: float = Field(default=0.1, gt=0, lt=1)
    faithfulness: float = Field(default=0.1, gt=0, lt=1)


class Settings(Frozen):
    """Everything that decides a score besides the model and the hypothesis.

    Attributes:
        method: name and version of the procedure.
        draws: passes over all inputs; 0 where the expectation is exact.
        stopping: "fixed", or "auto" with the looks that shared the error rate.
        confidence: of every interval.
        resample_root: the reference was redrawn by the root's feature.
    """

    method: str
    engine: str
    draws: int
    stopping: str
    seed: int
    margins: Margins
    confidence: float
    exact: bool
    resample_root: bool
    dtype: str
    device: str
    versions: dict[str, str]


class Score(Shown, Frozen):
    """The outcome of scrubbing one hypothesis on one model.

    Losses and KL in nats per input; fidelity, faithfulness and loss recovered are shares, never clamped. What
    needs labels is None where the task has none.

    Attributes:
        hypothesis: its name; `hypothesis_hash` tells it from others of that name.
        model: its name; `model_hash` is the hash of its weights.
        verdict: supported, refuted, inconclusive or untestable, at `settings.margins`.
        reasons: why, in words.
        model_loss: of the model itself; `scrubbed_loss` of the scrubbed model, `baseline_loss` of its outputs
            permuted over the inputs.
        kl: KL(model || scrubbed).
        agreement: how often the scrubbed model's answer is the model's; `accuracy` how often it is right.
        abs_loss_change: mean of |scrubbed loss - model loss| over inputs, which cannot cancel out.
        worst_label_loss: the largest mean scrubbed loss of a label.
        match: how the graph compares with the known algorithm; None where that is not known.
        settings: everything else that decided the figures.
        seconds: time taken.
        fidelity: 1 - E|z_scrubbed - z|^2 / E|z_permuted - z|^2 over centred logits z.
        faithfulness: 1 - KL(model || scrubbed) / KL(model || its outputs permuted).
        loss_recovered: (scrubbed - baseline) / (model - baseline), the figure of Chan et al. 2022.
        bits: for each mapped node, mean log2 of how many differing stand-ins its input has.
        self_draw_rate: how often a draw gives the reader's own input back.
    """

    hypothesis: str
    hypothesis_hash: str
    model: str
    model_hash: str
    task: str
    verdict: Verdict
    reasons: tuple[str, ...]
    model_loss: float | None = None
    scrubbed_loss: Interval | None = None
    baseline_loss: float | None = None
    loss_recovered: Interval | None = None
    kl: Interval | None = None
    faithfulness: Interval | None = None
    agreement: Interval | None = None
    accuracy: Interval | None = None
    abs_loss_change: Interval | None = None
    worst_label_loss: float | None = None
    fidelity: Interval
    bits: dict[str, float]
    self_draw_rate: float
    match: Match | None = None
    settings: Settings
    seconds: float = 0.0

    @property
    def total_bits(self) -> float:
        """Bits resampled at all nodes together."""
        return sum(self.bits.values())

    def comparable(self, other: Score) -> bool:
        """Say whether two scores differ in nothing but the hypothesis and what came out."""
        mine, theirs = self.settings.model_dump(), other.settings.model_dump()
        for record in (mine, theirs):
            record.pop("draws")
        return mine == theirs and self.model_hash == other.model_hash

    def __repr__(self) -> str:
        return f"Score({self.hypothesis!r} on {self.model!r}: {self.verdict}, fidelity {self.fidelity})"

    def _repr_html_(self) -> str:
        lines = [line.strip().split("  ", 1) for line in str(self).splitlines()[1:]]
        rows = [[line[0], line[1].strip()] if len(line) == 2 else ["", line[0]] for line in lines]
        return table(f"{self.hypothesis} on {self.model}: {self.verdict}", [], rows)

    def to_frame(self) -> Any:
        """Return the figures as a pandas DataFrame: a row each, with value and ends of the interval."""
        import pandas

        found = {name: getattr(self, name) for name in type(self).model_fields}
        rows = {n: [v.value, v.low, v.high] for n, v in found.items() if isinstance(v, Interval)}
        exact = ("model_loss", "baseline_loss", "worst_label_loss", "self_draw_rate")
        rows |= {n: [found[n]] * 3 for n in exact if found[n] is not None}
        rows["bits"] = [self.total_bits] * 3
        return pandas.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])

    def _losses(self) -> str | None:
        if self.scrubbed_loss is None or self.model_loss is None or self.baseline_loss is None:
            return None
        return f"{self.scrubbed_loss}, model {self.model_loss:.4g}, baseline {self.baseline_loss:.4g}"

    def __str__(self) -> str:
        lines = [f"{self.hypothesis} on {self.model}: {self.verdict}"]
        lines += [f"  {reason}" for reason in self.reasons]
        rows: list[tuple[str, Any]] = [
            ("fidelity", self.fidelity),
            ("faithfulness", self.faithfulness),
            ("loss recovered", self.loss_recovered),
            ("agreement", self.agreement),
            ("scrubbed loss", self._losses()),
            (
                "resampled",
                f"{self.total_bits:.1f} bits over {len(self.bits)} node{'s' * (len(self.bits) != 1)}",
            ),
        ]
        lines += [f"  {name:<15}{value}" for name, value in rows if value is not None]
        if self.match is not None:
            lines.append(f"  {'match':<15}{self.match.overall:.2f}")
        s = self.settings
        how = "exact" if s.exact else f"{s.draws} draws"
        lines.append(
            f"  {how}, seed {s.seed}, {s.engine}, {s.dtype} on {s.device}, model {self.model_hash[:12]}"
        )
        return "\n".join(lines)
