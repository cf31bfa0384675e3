"""The truth of a compiled program, as it is stored with a model and as hypothesis files ask it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from scrubkit.errors import ModelError, nearest
from scrubkit.families.programs.circuits import minimal_circuits
from scrubkit.families.programs.compile.compile import Compiled
from scrubkit.families.programs.express import express
from scrubkit.models.record import Statement, Truth

KINDS = ("subspace", "neurons", "head")


class ProgramTruth(Truth):
    """Where each variable of a program is.

    Attributes:
        sites: for each variable, and each copy ``v@pos`` of one, its site by kind: ``subspace`` (for an
            input at home the embedding) and, if any, ``neurons`` that compute it and ``head`` that moves
            it.
        features: for each variable, an expression over the inputs of what it tells.
        edges: which variable is computed from which.
        circuits: the minimal circuits, each as edges, see `scrubkit.families.programs.circuits`; none where
            they are not known.
        outputs: the variables that are answered, in order of position; of a trained program, those that the
            answer is computed from.
    """

    sites: dict[str, dict[str, str]] = Field(default_factory=dict)
    features: dict[str, str] = Field(default_factory=dict)
    edges: tuple[tuple[str, str], ...] = ()
    circuits: tuple[tuple[tuple[str, str], ...], ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def minimal(self) -> Sequence[Sequence[tuple[str, str]]]:
        """The minimal circuits, each as edges between variables."""
        return self.circuits

    @property
    def task(self) -> str:
        """Name of the task, that of the program."""
        return self.variant

    @property
    def reads(self) -> Mapping[str, frozenset[str]]:
        """Which variables each is computed from."""
        found: dict[str, set[str]] = {}
        for parent, name in self.edges:
            found.setdefault(name, set()).add(parent)
        return {name: frozenset(parents) for name, parents in found.items()}

    def site(self, name: str, kind: str = "subspace") -> str:
        """Return where a variable or copy is; raises ModelError naming what there is."""
        if name not in self.sites:
            known = ", ".join(self.sites)
            raise ModelError(f"no variable {name!r}{nearest(name, self.sites)}; there are {known}")
        if kind not in self.sites[name]:
            known = ", ".join(self.sites[name])
            raise ModelError(f"{name!r} has no site of kind {kind!r}; it has {known}")
        return self.sites[name][kind]

    def feature(self, name: str) -> str:
        """Return what a variable, or a copy of one, tells; raises ModelError naming the variables."""
        variable = name.partition("@")[0]
        if variable not in self.features:
            known = ", ".join(self.features)
            raise ModelError(f"no variable {name!r}{nearest(variable, self.features)}; there are {known}")
        return self.features[variable]


def stored_truth(made: Compiled) -> ProgramTruth:
    """Return what is known of a compiled program."""
    program, truth = made.program, made.truth
    names = [
        coded.variable if coded is truth.where(coded.variable)[0] else f"{coded.variable}@{coded.pos}"
        for coded in truth.coded
    ]
    sites = {name: {kind: site for kind in KINDS if (site := truth.find(name, kind))} for name in names}
    features = {name: express(program, name) for name in program.variables}
    answers = set(program.outputs.values())
    used = answers.union(*(program.ancestors[name] for name in answers))
    return ProgramTruth(
        family="programs",
        source="construction",
        variant=program.name,
        statements=tuple(
            Statement(
                site=site,
                feature=features[variable],
                exact=not made.options.noise,
                causal=variable in used,
                of=variable,
            )
            for name, kinds in sites.items()
            for variable in [name.partition("@")[0]]
            for site in kinds.values()
        ),
        subspaces={name: basis.T.tolist() for name, basis in truth.spaces.items() if basis.size},
        sites=sites,
        features=features,
        circuits=minimal_circuits(program),
        outputs=tuple(program.outputs[pos] for pos in sorted(program.outputs)),
        edges=tuple((p, name) for name in program.computed for p in program.variables[name].parents),
    )
