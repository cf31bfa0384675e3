"""Suites: balanced, repeatable, versioned, and what is shipped is current."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from scrubkit.bench import graphs, manifest, models
from scrubkit.bench.case import ModelSpec
from scrubkit.bench.label import Judge, label
from scrubkit.bench.suites import held_out, load_suite, make
from scrubkit.errors import BenchError
from scrubkit.families.modular.suites import hypotheses, model_list
from scrubkit.families.modular.suites import make as making
from scrubkit.families.modular.suites.building import trainings
from scrubkit.families.modular.suites.make import Definition
from scrubkit.families.modular.suites.mutators import MUTATORS
from scrubkit.families.modular.suites.relabel import relabelled, with_cases
from scrubkit.hypothesis import from_graph, from_json
from scrubkit.scrubbing.functions import scrub


def tiny(seed: int) -> Iterator[model_list.Entry]:
    yield next(model_list.compiled(13, np.random.default_rng([seed, 9])))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    definitions = {**making.DEFINITIONS, "tiny": Definition(tiny, share=1)}
    monkeypatch.setattr(making, "DEFINITIONS", definitions)
    told = {family: hypotheses.FAMILIES[family] for family in ("clusters", "skip")}
    monkeypatch.setattr(hypotheses, "FAMILIES", told)


def test_fast_has_enough_cases_with_ids_of_their_own() -> None:
    suite = load_suite("fast")
    assert len(suite.cases) >= 150
    assert len({case.id for case in suite.cases}) == len(suite.cases)


def test_a_suite_without_cases_is_refused(tmp_path: Path) -> None:
    empty = load_suite("function-graphs").model_copy(update={"cases": ()})
    manifest.write(empty, tmp_path / "empty.json.gz")
    with pytest.raises(BenchError, match="has no cases"):
        manifest.read(tmp_path / "empty.json.gz")


def test_the_older_version_of_fast_is_read_by_name_and_listed_as_superseded() -> None:
    assert [(s.name, s.version) for s in map(load_suite, ("fast", "fast-1"))] == [
        ("fast", "2"),
        ("fast", "1"),
    ]
    with pytest.raises(BenchError, match=r"fast-1 \(superseded by fast\)"):
        load_suite("fats")


def test_true_and_false_are_balanced_in_every_family() -> None:
    counts = Counter((case.family, case.label.label) for case in load_suite("fast").cases)
    for family in {family for family, _ in counts}:
        assert counts[family, "true"] == counts[family, "false"] > 0


def test_every_operator_that_gives_false_cases_is_in_version_1_of_fast() -> None:
    """Those that are missing say why."""
    reasons = {
        "shifted": "equivalent by design",
        "everything_in_one": "vacuous by design",
    }
    there = {case.operator for case in load_suite("fast-1").cases if case.label.label == "false"}
    assert set(MUTATORS) - there == set(reasons)


def test_fast_as_shipped_is_current_for_a_few_cases() -> None:
    cases = load_suite("fast").cases
    chosen = [case for case in cases if case.model.options["p"] < 12][:: len(cases) // 25]
    assert len(chosen) >= 4
    for case in chosen:
        found = label(models.build(case.model), from_json(json.dumps(case.hypothesis)))
        assert found.label == case.label.label, case.id


def test_labels_made_anew_are_those_of_the_weights_and_a_changed_one_is_refused(small: None) -> None:
    suite = make("tiny", 1)
    first = suite.cases[0]
    stale = first.label.model_copy(update={"evidence": ()})
    old = with_cases(suite, (first.model_copy(update={"label": stale}), *suite.cases[1:]))
    assert relabelled(old) == suite and relabelled(old).hash == suite.hash != old.hash
    wrong = first.label.model_copy(update={"label": "false" if first.label.label != "false" else "true"})
    old = with_cases(suite, (first.model_copy(update={"label": wrong}), *suite.cases[1:]))
    with pytest.raises(BenchError, match=rf"case {first.id} was {wrong.label} and is {first.label.label}"):
        relabelled(old)


def test_the_same_seed_makes_the_same_suite_and_another_seed_another(small: None) -> None:
    first, again, other = make("tiny", 1), make("tiny", 1), make("tiny", 2)
    assert first.hash == again.hash != other.hash
    assert {case.model.key for case in first.cases}.isdisjoint(case.model.key for case in other.cases)


def test_a_suite_is_kept_and_read_back_the_same(small: None, tmp_path: Path) -> None:
    made = held_out("tiny", 3, cache_dir=tmp_path)
    files = list((tmp_path / "suites").iterdir())
    assert len(files) == 1
    assert manifest.read(files[0]).hash == made.hash == held_out("tiny", 3, cache_dir=tmp_path).hash


def test_a_broken_file_is_made_again(small: None, tmp_path: Path) -> None:
    made = held_out("tiny", 3, cache_dir=tmp_path)
    file = next((tmp_path / "suites").iterdir())
    file.write_bytes(file.read_bytes()[:100])
    assert held_out("tiny", 3, cache_dir=tmp_path).hash == made.hash


def several(seed: int) -> Iterator[model_list.Entry]:
    yield from model_list.compiled(11, np.random.default_rng([seed, 9]))


def test_a_suite_whose_making_was_broken_off_goes_on_with_the_next_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(making, "DEFINITIONS", {"tiny": Definition(several, share=1)})
    whole, asked = make("tiny", 3), []

    def tell(done: int, total: int) -> None:
        asked.append((done, total))
        if asked.count((2, total)) == 1 and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        held_out("tiny", 3, cache_dir=tmp_path, progress=tell)
    labelled = []
    find = making.find
    monkeypatch.setattr(making, "find", lambda entry, *rest: labelled.append(entry) or find(entry, *rest))
    resumed = held_out("tiny", 3, cache_dir=tmp_path, progress=tell)
    total = len(list(several(3)))
    assert len(labelled) == total - 2
    assert resumed.hash == whole.hash
    assert asked[-1] == (total, total)
    assert [path.suffix for path in (tmp_path / "suites").iterdir()] == [".gz"]


def test_what_is_to_be_trained_is_listed_once() -> None:
    specs = list(trainings(model_list.standard(0)))
    assert len(specs) == len({spec.key for spec in specs})
    assert Counter(spec.kind for spec in specs) == {"train": 10, "checkpoint": 1}


def test_the_hash_depends_on_the_evidence() -> None:
    suite = load_suite("function-graphs")
    case = suite.cases[0]
    changed = case.model_copy(update={"label": case.label.model_copy(update={"failed": ("otherwise",)})})
    assert suite.model_copy(update={"cases": (changed, *suite.cases[1:])}).hash != suite.hash


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: load_suite("fats"), "fast"),
        (lambda: held_out("fast", 0), "0 is published"),
        (lambda: held_out("function-graphs", 1), "no held-out"),
        (lambda: graphs.find("seperate"), "separate"),
        (lambda: models.build(ModelSpec(kind="functions", options={"name": "xor"})), "function graph"),
    ],
)
def test_what_cannot_be_had_is_refused_with_a_hint(call: object, words: str) -> None:
    with pytest.raises(BenchError, match=words):
        call()  # pyright: ignore


def test_compiled_models_are_the_same_every_time() -> None:
    spec = next(iter(tiny(0))).spec
    first = models.build(spec).weights_hash
    models._build.cache_clear()
    assert models.build(spec).weights_hash == first


def test_plain_scrubbing_is_fooled_by_graphs_that_the_label_calls_false() -> None:
    """Large deviation, cancellation, interference and neglected inhibition recover all of the loss."""
    fooled = set()
    for case in load_suite("function-graphs").cases:
        task = graphs.find(case.model.options["name"])
        hypothesis = from_json(json.dumps(case.hypothesis))
        score = scrub(task.graph, hypothesis, label=task.label, loss=task.loss)
        if case.label.label == "false" and score.loss_recovered.value >= 1:
            fooled.add(case.model.options["name"])
        if case.label.label == "true":
            assert score.loss_recovered.value == pytest.approx(1)
    assert fooled >= {"deviation", "xor", "interference", "inhibition"}


def test_right_hypotheses_about_graphs_are_not_called_false() -> None:
    right = {
        "right_classes",
        "renamed_classes",
        "refined_classes",
        "idle_left_out",
        "cancelling_pair",
        "leaves",
    }
    for name, about, claim in graphs.claims():
        found = Judge(graphs.find(about).graph).label(from_graph(claim))
        if name in right:
            assert found.label != "false", name


def test_names_in_a_stored_hypothesis_do_not_tell_its_label() -> None:
    """What a method is given is stripped of names; here, no two cases of one model differ in names alone."""
    for case in load_suite("fast").cases[:20]:
        assert case.label.label not in json.dumps(case.hypothesis["graph"])
