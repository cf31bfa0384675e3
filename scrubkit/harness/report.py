"""What a run of the bench says: figures of every method, and every answer behind them.

The JSON form is public; its schema is `scrubkit/schemas/report.schema.json`.
"""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, Field

from scrubkit.bench.case import LabelName
from scrubkit.bench.manifest import Suite
from scrubkit.bench.shards import ShardedSuite
from scrubkit.harness.outcome import Finding, Outcome, Record
from scrubkit.harness.strata import NOT_NEEDED
from scrubkit.shown import Shown, table

SCHEMA_VERSION = 4

_REFUTED = Field(validation_alias=AliasChoices("refuted", "killed"))
"""The share that is refuted; it was called killed before layout 4."""


class Estimate(Record):
    """A figure with its 95 % interval; None where the cases cannot tell."""

    value: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        if self.value is None:
            return "-"
        bounds = "" if self.low is None else f" [{self.low:.3f}, {self.high:.3f}]"
        return f"{self.value:.3f}{bounds}"


class Proportion(Record):
    """A share with its 95 % interval, which allows for clusters; None of nothing.

    See `scrubkit.harness.intervals`.

    Attributes:
        count: how many.
        total: of how many.
        value: count / total.
        low: lower end of the interval.
        high: upper end.
        effective: number of independent cases that would tell as much; None where it was not kept.
    """

    count: int
    total: int
    value: float | None
    low: float | None
    high: float | None
    effective: float | None = None

    def __str__(self) -> str:
        if self.value is None or self.low is None or self.high is None:
            return "-"
        return f"{100 * self.value:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}]"


class OperatorFigures(Record):
    """How a method fares against the false hypotheses of one operator.

    Attributes:
        operator: name of the mutation.
        refuted: share that it refutes; called "killed" before layout 4, which is still read.
        accepted: share that it calls supported.
    """

    operator: str
    refuted: Proportion = _REFUTED
    accepted: Proportion


class StratumFigures(Record):
    """How a method fares against hypotheses that are false in one way.

    Attributes:
        stratum: the way.
        accepted: share that it calls supported.
        refuted: share that it refutes.
    """

    stratum: str
    accepted: Proportion
    refuted: Proportion = _REFUTED


class NullFigures(Record):
    """How a method fares on one kind of null models, of which every claim asked is false.

    Attributes:
        kind: "untrained", "shuffled" or "other-seed", see `scrubkit.bench.nulls`.
        accepted: share that it calls supported.
    """

    kind: str
    accepted: Proportion


class VariantFigures(Record):
    """How a method fares on the models of one variant."""

    variant: str
    refuted: Proportion = _REFUTED
    accepted: Proportion
    false_reject: Proportion


class CaseResult(Record):
    """One case and what a method made of it.

    Attributes:
        case: the case's id.
        outcome: the answer.
        stratum: of a false hypothesis, in which way it is false; "" where that is not known.
        unit: what was drawn to make the model, see `scrubkit.harness.clusters`.
        exact: the value that the score estimates, where it was enumerated.
        wrong: "accepted" a false or vacuous hypothesis, "rejected" a true one, "faulty" where there is no
            valid answer, "" otherwise.
    """

    case: str
    variant: str
    family: str
    operator: str
    label: LabelName
    failed: tuple[str, ...] = ()
    stratum: str = ""
    unit: str = ""
    outcome: Outcome
    exact: float | None = None
    wrong: str = ""


class MethodReport(Record):
    """Figures of one scorer.

    Attributes:
        claims_minimality: whether it says that everything named is needed, see `scrubkit.methods.protocol`.
        auroc: of its score, true against false hypotheses; the interval resamples models.
        false_accept: share of false hypotheses that it calls supported, of those that it is charged with:
            all, or all but those of the stratum `not-needed` if it claims no minimality.
        false_reject: share of true hypotheses that it calls refuted.
        false_discovery: share of claims about null models that it calls supported; None if none were asked.
        nulls: the same for each kind of null model.
        null_results: its answers about null models.
        decided: share of true and false hypotheses that it calls supported or refuted.
        inconclusive: share of true and false hypotheses that it calls inconclusive.
        untestable: share of true and false hypotheses that it calls untestable.
        vacuous_accepted: share of vacuous hypotheses that it calls supported.
        calibration: share of its stated 95 % intervals that hold the value which they are about, where
            that could be enumerated.
        crashed: share of cases on which it raised or ended its process.
        timeouts: share of cases on which it ran out of time.
        faults: share of cases without a valid answer, those that crashed or ran out of time among them; a
            fault is neither an accept nor a reject, and limits on these count it in.
        fault_kinds: number of faults of each kind.
        strata: figures for each way to be false.
        seconds: mean wall-clock time a case.
        evaluations: mean number of model runs on one input a case, over the cases where it counts them.
    """

    name: str
    version: str
    config: str
    claims_minimality: bool = True
    auroc: Estimate
    false_accept: Proportion
    false_reject: Proportion
    false_discovery: Proportion | None = None
    nulls: tuple[NullFigures, ...] = ()
    decided: Proportion
    inconclusive: Proportion
    untestable: Proportion
    vacuous_accepted: Proportion
    calibration: Proportion
    crashed: Proportion
    timeouts: Proportion
    faults: Proportion
    fault_kinds: dict[str, int]
    strata: tuple[StratumFigures, ...]
    operators: tuple[OperatorFigures, ...]
    variants: tuple[VariantFigures, ...]
    seconds: float
    evaluations: float | None
    results: tuple[CaseResult, ...]
    null_results: tuple[CaseResult, ...] = ()

    def __repr__(self) -> str:
        return f"MethodReport({self.name!r}, {len(self.results)} cases, AUROC {self.auroc})"

    def __str__(self) -> str:
        errors = f"false accept {self.false_accept}, false reject {self.false_reject}, faults {self.faults}"
        return f"{self.name}: AUROC {'-' if self.never_answered else self.auroc}, {errors}"

    @property
    def never_decided(self) -> bool:
        """Whether it called no true or false hypothesis supported or refuted: it could not be wrong."""
        return self.decided.total > 0 and not self.decided.count

    @property
    def never_answered(self) -> bool:
        """Whether no case has a valid answer, so that its AUROC ranks nothing but faults."""
        return bool(self.results) and self.faults.count == self.faults.total

    @property
    def first_fault(self) -> str:
        """The first case without a valid answer and what went wrong there; empty if there is none."""
        found = next((r for r in self.results if r.outcome.fault is not None), None)
        return "" if found is None or found.outcome.fault is None else f"{found.case}: {found.outcome.fault}"

    def charged_with(self, result: CaseResult) -> bool:
        """Say whether an answer to a false hypothesis counts for or against it in `false_accept`."""
        return result.label == "false" and (self.claims_minimality or result.stratum != NOT_NEEDED)

    @property
    def fooled_by(self) -> tuple[OperatorFigures, ...]:
        """The operators of which it accepts a mutant, the worst first."""
        fooled = [figures for figures in self.operators if figures.accepted.count]
        return tuple(sorted(fooled, key=lambda f: (-(f.accepted.value or 0), f.operator)))


class CircuitFigures(Record):
    """How well a finder's ranking serves one model.

    Attributes:
        model: name of the model.
        sites_auroc: AUROC of its importances over sites of the truth against others; a site of the
            truth that it does not name ranks last.
        sites_ap: average precision of the same.
        edges_auroc: the same over edges.
        edges_ap: the same over edges.
        cpr: area under f(k), the share of the model's metric that the best share k of the sites recovers.
        cmd: area of |1 - f(k)|.
        missed: sites of the truth that it could have named and does not.
        true_sites: sites of the truth; where there are several minimal circuits, of the one that it comes
            nearest to.
        attainable: how many of these it could have named, at the granularity of components or its own.
        circuits: number of minimal circuits.
        finding: its answer.
    """

    model: str
    sites_auroc: float | None = None
    sites_ap: float | None = None
    edges_auroc: float | None = None
    edges_ap: float | None = None
    cpr: float | None = None
    cmd: float | None = None
    missed: int = 0
    true_sites: int = 0
    attainable: int = 0
    circuits: int = 1
    finding: Finding


class FinderReport(Record):
    """Figures of one finder: means over models, with intervals that resample models.

    Attributes:
        attainable: share of the sites of the truth that can be named, over the models that it answered about;
            recall among all of them cannot be larger.
    """

    name: str
    version: str
    config: str
    sites_auroc: Estimate
    sites_ap: Estimate
    edges_auroc: Estimate
    edges_ap: Estimate
    cpr: Estimate
    cmd: Estimate
    attainable: Proportion
    faults: Proportion
    seconds: float
    models: tuple[CircuitFigures, ...]

    @property
    def never_answered(self) -> bool:
        """Whether there is no valid answer about any model."""
        return bool(self.models) and self.faults.count == self.faults.total

    @property
    def first_fault(self) -> str:
        """The first model without a valid answer and what went wrong there; empty if there is none."""
        found = next((m for m in self.models if m.finding.fault is not None), None)
        return "" if found is None else f"{found.model}: {found.finding.fault}"

    def __repr__(self) -> str:
        return f"FinderReport({self.name!r}, {len(self.models)} models, sites AUROC {self.sites_auroc})"

    def __str__(self) -> str:
        edges = f"edges AUROC {self.edges_auroc}, faults {self.faults}"
        return f"{self.name}: sites AUROC {self.sites_auroc}, {edges}"


class SuiteRef(Record):
    """The suite that a report is about; figures of two suites, or two versions of one, are not compared."""

    name: str
    version: str
    hash: str
    cases: int

    @classmethod
    def of(cls, suite: Suite | ShardedSuite) -> SuiteRef:
        """Return the reference to a suite."""
        cases = len(suite.cases) if isinstance(suite, Suite) else suite.n_cases
        return cls(name=suite.name, version=suite.version, hash=suite.hash, cases=cases)


class Report(Shown, Record):
    """Everything that a run of the bench found.

    Attributes:
        scrubkit: version of scrubkit.
        suite: which cases were asked.
        seed: seed of the run.
        draws: draws that methods were allowed.
        timeout: seconds that one question might take.
        devices: kinds of devices that answered.
        methods: figures of the scorers.
        finders: figures of the finders.
        nulls: the suite of null models, where it was asked too.
        asked: how many answers were taken in this run; the others came from the store.
        seconds: wall-clock time of the run.
    """

    schema_version: int = SCHEMA_VERSION
    scrubkit: str
    suite: SuiteRef
    seed: int
    draws: int
    timeout: float
    devices: tuple[str, ...]
    methods: tuple[MethodReport, ...]
    finders: tuple[FinderReport, ...] = ()
    nulls: SuiteRef | None = None
    asked: int
    seconds: float
    versions: dict[str, Any] = {}

    def __repr__(self) -> str:
        names = [found.name for found in (*self.methods, *self.finders)]
        return f"Report({self.suite.name!r}, {self.suite.cases} cases, methods {names})"

    def __str__(self) -> str:
        return "\n".join([repr(self), *(f"  {found}" for found in (*self.methods, *self.finders))])

    def _repr_html_(self) -> str:
        heads = ["method", "AUROC", "false accept", "false reject", "faults"]
        rows = [[m.name, m.auroc, m.false_accept, m.false_reject, m.faults] for m in self.methods]
        return table(f"{self.suite.name} {self.suite.version}, {self.suite.cases} cases", heads, rows)

    def to_frame(self) -> Any:
        """Return every answer of every scorer as a pandas DataFrame, one row each."""
        import pandas

        rows = [
            {
                "method": method.name,
                **result.model_dump(include={"case", "variant", "family", "operator", "label", "wrong"}),
                **result.outcome.model_dump(include={"score", "verdict", "seconds"}),
                "fault": result.outcome.fault and result.outcome.fault.kind,
            }
            for method in self.methods
            for result in method.results
        ]
        return pandas.DataFrame(rows)

    def __getitem__(self, name: str) -> MethodReport:
        """Return the figures of the scorer of that name; raises KeyError naming those there are."""
        for method in self.methods:
            if method.name == name:
                return method
        raise KeyError(
            f"no scorer {name!r} in this report; there are: {', '.join(m.name for m in self.methods)}"
        )
