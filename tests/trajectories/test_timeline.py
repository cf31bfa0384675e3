"""Timelines: what is seen along a run, when things happen, and what is refused."""

import json
import re
import shutil

import pytest

import scrubkit
from scrubkit.errors import HypothesisError, ModelError, ScrubError
from scrubkit.families.modular.certify.certificate import certify
from scrubkit.models.store import read, save
from scrubkit.models.trajectory import FOLDER, LOSSES, read_trajectory
from scrubkit.trajectories.timeline import Timeline


def step_of(timeline, index):
    return timeline.runs[0].steps[index]


def test_every_model_along_the_run_is_there(run, watched):
    kept = [step.step for step in read_trajectory(run).steps]
    assert [step.step for step in watched.runs[0].steps] == kept
    assert len(kept) == 10 and kept[0] == 0


def test_the_losses_are_those_of_the_models(run, watched):
    for kept, seen in zip(read_trajectory(run).steps, watched.runs[0].steps, strict=True):
        assert (seen.train_loss, seen.test_loss) == pytest.approx((kept.train, kept.test), rel=1e-3)


def test_the_last_models_measures_are_those_of_its_certificate(run, watched):
    certificate, measures = certify(read(run)), step_of(watched, -1).measures
    for name in ("restricted_loss", "excluded_loss", "gini_embedding", "gini_map", "trig_share"):
        assert measures[name] == pytest.approx(certificate[name].value, rel=1e-6)


def test_the_last_models_score_is_the_score_of_the_run(run, watched):
    alone = scrubkit.score(read(run), "sum", draws=2)
    seen = step_of(watched, -1).scores["sum"]
    assert (seen.verdict, seen.fidelity) == (alone.verdict, alone.fidelity)


def test_hypotheses_are_about_the_last_models_parts_at_every_step(run, watched):
    first = read(run / FOLDER / "step-000000").with_(truth=read(run).truth)
    alone = scrubkit.score(first, "sum", draws=2)
    assert step_of(watched, 0).scores["sum"].fidelity == alone.fidelity
    assert alone.verdict == "refuted"


def test_it_says_from_when_a_hypothesis_is_supported(watched):
    run = watched.runs[0]
    begins = run.supported_from("sum")
    verdicts = {step.step: step.scores["sum"].verdict for step in run.steps}
    assert {verdict for step, verdict in verdicts.items() if step >= begins} == {"supported"}
    assert verdicts[max(step for step in verdicts if step < begins)] != "supported"
    assert run.supported_from("one_operand") is None and run.when("one_operand") == "never"


def with_losses(watched, losses, verdicts):
    """Return a run with given test losses and verdicts of "sum", at steps 0, 1, 2 and so on."""
    model = step_of(watched, 0)
    steps = []
    for number, (loss, verdict) in enumerate(zip(losses, verdicts, strict=True)):
        score = model.scores["sum"].model_copy(update={"verdict": verdict})
        changes = {"step": number, "test_loss": loss, "scores": {"sum": score}}
        steps.append(model.model_copy(update=changes))
    return watched.runs[0].model_copy(update={"steps": tuple(steps)})


NO, YES = "refuted", "supported"


@pytest.mark.parametrize(
    ("verdicts", "when"),
    [
        ([NO, YES, YES, YES, YES], "before"),
        ([NO, NO, NO, YES, YES], "while"),
        ([NO, NO, NO, NO, YES], "after"),
        ([NO, YES, YES, NO, YES], "after"),
        ([YES, YES, YES, YES, NO], "never"),
    ],
)
def test_when_is_told_against_the_fall_of_the_test_loss(watched, verdicts, when):
    run = with_losses(watched, [3.0, 5.0, 4.0, 1.0, 0.1], verdicts)
    assert run.fall == (2, 4)
    assert run.when("sum") == when


def test_a_test_loss_that_rises_again_has_not_fallen(watched):
    run = with_losses(watched, [3.0, 4.0, 0.1, 2.0], [NO] * 4)
    assert run.fall is None


def test_the_frame_has_a_row_for_each_step(watched):
    frame = watched.to_frame()
    assert len(frame) == 10
    assert {"seed", "step", "test_loss", "excluded_loss", "sum_fidelity", "sum_verdict"} <= set(frame.columns)


def test_a_timeline_is_the_same_after_json(watched):
    assert Timeline.model_validate_json(watched.model_dump_json()) == watched


def test_its_repr_is_short_and_names_the_hypotheses(watched):
    assert repr(watched) == "Timeline(1 run of modular_addition, 10 steps, sum, one_operand)"
    assert "test loss falls" in str(watched) and "sum from" in str(watched)


def test_the_page_asks_for_nothing_and_holds_every_figure(watched, tmp_path):
    page = watched.to_html(tmp_path / "timeline.html").read_text()
    own = page.replace(page[page.index("<script>") : page.index("</script>")], "", 1)
    assert not re.search(r'(src|href)="(?!data:)', own)
    for text in ("measured-clock", "excluded loss", "circuit formation", "memorisation"):
        assert text in own
    assert len(page) < 5_100_000


def test_names_that_are_markup_are_shown_as_they_stand(run, tmp_path):
    graph = scrubkit.load_hypothesis("one_operand", truth=read(run).truth).graph.copy()
    graph.graph["name"] = "<b>bold</b></script>"
    found = scrubkit.timeline(run, graph, draws=2)
    page = found.to_html(tmp_path / "page.html").read_text()
    assert "<b>bold" not in page
    assert "&lt;b&gt;bold" in page


def test_the_figure_has_a_line_for_each_quantity(watched):
    names = {trace.name for trace in watched.plot().data if trace.name}
    assert {"training loss", "test loss", "restricted loss", "excluded loss", "sum", "one_operand"} <= names


def test_runs_of_several_seeds_are_found_below_their_folder(run, tmp_path):
    for seed in (1, 4):
        shutil.copytree(run, tmp_path / f"seed-{seed}")
    assert len(scrubkit.timeline(tmp_path).runs) == 2
    assert [r.run for r in scrubkit.timeline(tmp_path, seeds=[4]).runs] == [str(tmp_path / "seed-4")]


def without_trajectory(run, tmp_path):
    return shutil.copytree(run, tmp_path / "bare", ignore=shutil.ignore_patterns(FOLDER))


def uncertified(run, tmp_path):
    folder = shutil.copytree(run, tmp_path / "uncertified")
    save(read(folder).with_(truth=None, certificate=None), folder, overwrite=True)
    return folder


def damaged(run, tmp_path):
    folder = shutil.copytree(run, tmp_path / "damaged")
    path = folder / FOLDER / LOSSES
    document = json.loads(path.read_text())
    document["steps"][0]["folder"] = "../../elsewhere"
    path.write_text(json.dumps(document))
    return folder


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (without_trajectory, "scrubkit train keeps one with --trajectory"),
        (uncertified, "scrubkit certify .* --save"),
        (damaged, "steps.0.folder"),
        (lambda run, tmp_path: tmp_path, "no run is here"),
    ],
)
def test_a_run_that_cannot_be_watched_says_why(run, tmp_path, make, says):
    with pytest.raises(ModelError, match=says) as caught:
        scrubkit.timeline(make(run, tmp_path), ["sum"])
    assert len(caught.value.faults) == 1


def test_a_run_that_was_not_certified_says_for_which_reason(memoriser):
    with pytest.raises(ModelError, match="not certified, so no circuit is known.*memorised"):
        scrubkit.timeline(memoriser)


def test_all_faults_are_told_at_once(run, tmp_path):
    runs = [without_trajectory(run, tmp_path), uncertified(run, tmp_path)]
    with pytest.raises(ModelError) as caught:
        scrubkit.timeline(runs)
    assert len(caught.value.faults) == 2


def test_two_hypotheses_of_one_name_are_refused(run):
    with pytest.raises(ScrubError, match="two hypotheses are called 'sum'"):
        scrubkit.timeline(run, ["sum", "sum"])


def test_a_hypothesis_of_another_task_is_refused(run):
    with pytest.raises(HypothesisError, match="induction"):
        scrubkit.timeline(run, ["induction"])


def test_another_models_trajectory_is_refused(run, memoriser, tmp_path):
    folder = shutil.copytree(run, tmp_path / "mixed")
    other = scrubkit.load("modadd-p59")
    save(other, folder / FOLDER / "step-000000", overwrite=True)
    with pytest.raises(ModelError, match="another task or shape"):
        scrubkit.timeline(folder)


def test_a_seed_that_is_not_there_is_named(run):
    with pytest.raises(ModelError, match="with seed 7"):
        scrubkit.timeline(run.parent, seeds=[7])
