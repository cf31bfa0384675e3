"""Sealed questions: models without their truth, for people and agents that do interpretability to explain.

The fourth protocol beside scorer, finder and aligner is the *writer*: given a model, it writes a hypothesis
file. `pose` lays the models of a suite out in a folder, without truth, name or provenance, in random order;
what each of them is goes into a key file *beside* the folder, which is not handed over. `grade` reads the
hypothesis files that were written in answer, labels each by the judge of the bench, and compares it with
what is known.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydantic import Field, ValidationError

from scrubkit.bench.case import LabelName, ModelSpec
from scrubkit.bench.label import Judge
from scrubkit.bench.manifest import Suite
from scrubkit.bench.models import build, family_of
from scrubkit.core.reading import parse_json, read_bytes, validation_faults
from scrubkit.errors import BenchError, ScrubkitError
from scrubkit.harness.clusters import unit_of_spec
from scrubkit.harness.intervals import proportion
from scrubkit.harness.outcome import Record
from scrubkit.harness.questions import bare
from scrubkit.harness.report import Proportion
from scrubkit.hypothesis import Hypothesis, load_hypothesis
from scrubkit.models.atomic import write_atomically
from scrubkit.models.model import Model
from scrubkit.models.store import read_record, save
from scrubkit.scrubbing.match import Match, match
from scrubkit.scrubbing.plan import bind
from scrubkit.scrubbing.truth_graph import truth_graph
from scrubkit.subjects.sites import Sites

ANSWERS = ("answer.json", "answer.py")
"""Names of the file that is written in answer to a question; the first that is there is read."""
MODEL = "model"
README = "README.md"
MAX_KEY_BYTES, MAX_KEY_VALUES = 10_000_000, 500_000


class Sealed(Record):
    """What a question is about.

    Attributes:
        model: description of the model.
        weights: hash of its weights, by which a model that was exchanged is noticed.
    """

    model: ModelSpec
    weights: str


class Key(Record):
    """The key of a folder of questions.

    Attributes:
        suite: name of the suite that the models are from.
        version: its version.
        seed: its seed; 0 is the published one.
        questions: what each question is about, by the name of its folder.
    """

    suite: str
    version: str
    seed: int
    questions: dict[str, Sealed] = Field(max_length=100_000)


class Grade(Record):
    """What became of one question.

    Attributes:
        question: name of its folder.
        state: "answered", "unanswered", or "invalid" where the file is no hypothesis about the model.
        file: name of the file that was read.
        label: what the judge says of the hypothesis.
        stratum: of a false one, in which way.
        source: of a program, what the source graph says, where it says something.
        failed: why it is false, or what is wrong with the file.
        match: how well it agrees with the truth graph.
        overall: the one figure of that, F1 of the sites times the agreement of features.
        unit: what was drawn to make the model.
    """

    question: str
    state: str
    file: str = ""
    label: LabelName | None = None
    stratum: str = ""
    source: LabelName | None = None
    failed: tuple[str, ...] = ()
    match: Match | None = None
    overall: float | None = None
    unit: str = ""


class Grades(Record):
    """All grades of a folder.

    Attributes:
        suite: name of the suite that the models are from.
        true: share of all questions that were answered by a hypothesis that is true.
        overall: mean over all questions of the match, where a hypothesis that is not true, and a question
            without a valid answer, counts as 0.
        grades: question by question.
    """

    suite: str
    version: str
    seed: int
    true: Proportion
    overall: float
    grades: tuple[Grade, ...]


def key_path(folder: Path) -> Path:
    """Return where the key of a folder of questions lies: beside it."""
    return folder.resolve().with_name(folder.resolve().name + ".key.json")


def pose(
    suite: Suite,
    folder: Path,
    *,
    models: int | None = None,
    seed: int = 0,
    tell: Callable[[int, int], None] | None = None,
) -> Key:
    """Lay the models of a suite out as questions.

    Args:
        suite: the suite.
        folder: is made, and must not be there; its key is written beside it.
        models: how many are asked, chosen at random; all by default.
        seed: decides the choice and the order.
        tell: told how far it is.

    Raises:
        BenchError: the folder or its key is there already, or cannot be written.
    """
    there = [str(path) for path in (folder, key_path(folder)) if path.exists()]
    if there:
        raise BenchError([f"{path} is there already; name another folder" for path in there], title="pose")
    specs = list({case.model.key: case.model for case in suite.cases}.values())
    specs = [spec for spec in specs if spec.kind != "functions"]
    if not specs:
        raise BenchError(f"the suite {suite.name} has no transformers to explain", title="pose")
    order = np.random.default_rng([seed, 83]).permutation(len(specs)).tolist()[:models]
    questions: dict[str, Sealed] = {}
    for number, index in enumerate(order):
        name = f"question-{number + 1:03}"
        model = build(specs[index])
        save(bare(model), folder / name / MODEL)
        questions[name] = Sealed(model=specs[index], weights=model.weights_hash)
        if tell is not None:
            tell(number + 1, len(order))
    key = Key(suite=suite.name, version=suite.version, seed=suite.seed, questions=questions)
    write_atomically(folder / README, _INSTRUCTIONS.format(count=len(questions)).encode())
    write_atomically(key_path(folder), (key.model_dump_json(indent=1) + "\n").encode())
    return key


def read_key(path: Path) -> Key:
    """Read a key; raises BenchError where it is missing or no key."""
    missing = "the key of these questions is not here; pose wrote it beside the folder; name it with --key"
    data = read_bytes(path, MAX_KEY_BYTES, error=BenchError, missing=missing)
    parse_json(data, MAX_KEY_VALUES, error=BenchError, title=f"{path} is no key")
    try:
        return Key.model_validate_json(data)
    except ValidationError as error:
        raise BenchError(validation_faults(error), title=f"{path} is no key") from None


def grade(
    folder: Path,
    key: Key,
    *,
    allow_code: bool = True,
    tell: Callable[[int, int], None] | None = None,
) -> Grades:
    """Grade the hypotheses that were written in answer to a folder of questions.

    Args:
        folder: the questions, each with an answer.json or an answer.py beside its model.
        key: what they are about.
        allow_code: False refuses answers in Python, which are run.
        tell: told how far it is.

    Raises:
        BenchError: the folder is not that of the key.
    """
    missing = [name for name in key.questions if not (folder / name).is_dir()]
    if missing:
        raise BenchError([f"there is no {name} in it" for name in missing[:10]], title=str(folder))
    grades = []
    for number, (name, sealed) in enumerate(key.questions.items()):
        grades.append(_grade(folder / name, name, sealed, allow_code=allow_code))
        if tell is not None:
            tell(number + 1, len(key.questions))
    true = [one.label == "true" for one in grades]
    matched = [(one.overall or 0.0) if one.label == "true" else 0.0 for one in grades]
    return Grades(
        suite=key.suite,
        version=key.version,
        seed=key.seed,
        true=proportion(true, [one.unit for one in grades]),
        overall=float(np.mean(matched)) if matched else 0.0,
        grades=tuple(grades),
    )


def _grade(place: Path, name: str, sealed: Sealed, *, allow_code: bool) -> Grade:
    """Grade one answer; whatever is wrong with it is said and costs no other answer."""
    unit = unit_of_spec(sealed.model)
    found = [place / file for file in ANSWERS if (place / file).exists()]
    if not found:
        return Grade(question=name, state="unanswered", unit=unit)
    file = found[0].name
    try:
        if read_record(place / MODEL).weights_hash != sealed.weights:
            raise BenchError("the model in the folder is not the one that was asked about", title=name)
        model = build(sealed.model)
        hypothesis = load_hypothesis(found[0], allow_code=allow_code)
        label = Judge.of(bare(model)).label(hypothesis)
        source = _source(sealed.model, model, hypothesis)
        matched = agreement(hypothesis, model)
    except ScrubkitError as error:
        return Grade(question=name, state="invalid", file=file, failed=tuple(error.faults), unit=unit)
    return Grade(
        question=name,
        state="answered",
        file=file,
        label=label.label,
        stratum=label.stratum or "",
        source=source,
        failed=label.failed,
        match=matched,
        overall=None if matched is None else matched.overall,
        unit=unit,
    )


def _source(spec: ModelSpec, model: Model, hypothesis: Hypothesis) -> LabelName | None:
    """Return what the source of a model says of a hypothesis, if it has one and that says something."""
    if spec.kind in ("load", "null"):
        return None
    found = family_of(spec.kind).source_label(spec.kind, spec.options, model, hypothesis)
    return None if found is None else found.label


def agreement(hypothesis: Hypothesis, model: Model) -> Match | None:
    """Return how well a hypothesis agrees with what is known of a model, if anything is."""
    from scrubkit.scrubbing.target import target_of

    subject = Sites.of(model)
    truth = truth_graph(subject)
    return None if truth is None else match(bind(hypothesis, target_of(model).subject), subject, truth)


_INSTRUCTIONS = """# {count} models to explain

Each folder `question-NNN/model` holds a transformer that computes something: weights, shape, every input with
its named variables, and labels. Nothing says how it does it.

    import scrubkit
    model = scrubkit.load("question-001/model")
    model.task, model.tokens, model.labels, model.bridge  # a TransformerLens TransformerBridge to hook

For each model, write down how it computes its answers as a hypothesis, in `question-NNN/answer.json` (or
`answer.py`): a networkx graph whose nodes name a site of the model and the feature of the inputs that it
carries, and whose edges say what reads what, down to the logits.

    import json
    import networkx as nx
    graph = nx.DiGraph(name="my-answer", task=model.task.name)
    graph.add_node("logits", site="logits")
    graph.add_node("n", site="blocks.0.mlp.hook_post[pos=-1, neurons=0-17]", feature="(a + b) % p")
    graph.add_edge("n", "logits")
    json.dump(nx.node_link_data(graph, edges="edges"), open("question-001/answer.json", "w"))

A direction or subspace of a hook gets a name under the graph attribute `subspaces`, with its orthonormal
basis as a list of vectors, and is used as `blocks.0.hook_resid_post[pos=-1, subspace=NAME]`.
`scrubkit check FILE --model MODEL` says what is wrong with a file, `scrubkit score FILE --model MODEL` how
well it survives a scrub.

An answer is graded by whether it is true of the weights, and by how much of the known mechanism it names: a
claim that is true and says little matches little, and a claim that is false counts as nothing.
"""
