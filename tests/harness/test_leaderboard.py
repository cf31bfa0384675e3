"""Samples, ranks and the leaderboard made of them."""

import json
from collections import Counter

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from scrubkit.bench.suites import load_suite
from scrubkit.cli import leaderboard as command
from scrubkit.errors import BenchError
from scrubkit.harness import leaderboard as board_module
from scrubkit.harness.leaderboard import Leaderboard, Settings, leaderboards, read_draw
from scrubkit.harness.ranking import standings
from scrubkit.harness.run import validate
from scrubkit.harness.sample import sampled
from scrubkit.harness.strata import stratum_of
from scrubkit.report.leaderboard import markdown, page
from tests.harness import toys


def test_a_sample_has_the_strata_of_the_whole_and_is_the_same_every_time():
    suite = load_suite("programs-fast")
    some = sampled(suite, 74, seed=1)
    assert len(some.cases) == 74 and sampled(suite, 74, seed=1) == some
    assert sampled(suite, 74, seed=2) != some and sampled(suite, 1000) is suite
    whole, part = (Counter((c.label.label, stratum_of(c)) for c in s.cases) for s in (suite, some))
    assert all(abs(part[kind] - whole[kind] / 4) <= 1 for kind in whole)


@pytest.fixture(scope="module")
def draws():
    methods = [toys.Oracle(), toys.AlwaysAccepts(), toys.RandomScores()]
    named = (("pizza-p11", "torus-p11"), ("pizza-p13", "torus-p13"))
    return [validate(methods, toys.tiny_suite(models=models), in_process=True).methods for models in named]


def test_the_best_is_first_and_the_mean_over_draws_is_stated(draws):
    found = standings(draws)
    assert found[0].method == "oracle" and (found[0].rank, found[0].low, found[0].high) == (1, 1, 1)
    for standing in found:
        values = [m.auroc.value for draw in draws for m in draw if m.name == standing.method]
        assert standing.auroc.value == pytest.approx(np.mean(values))


def test_methods_that_answer_alike_share_their_ranks(draws):
    twins = [
        [m for m in draw if m.name == "accepts"]
        + [m.model_copy(update={"name": "twin"}) for m in draw if m.name == "accepts"]
        for draw in draws
    ]
    assert {(s.rank, s.low, s.high) for s in standings(twins)} == {(1, 1, 1)}


def test_a_method_that_lacks_in_one_draw_has_no_rank(draws):
    assert [s.method for s in standings([draws[0], draws[1][:1]])] == ["oracle"]


def test_ranks_are_as_uncertain_as_the_draws(draws):
    # One method is perfect on the first draw and useless on the second, the other the other way round.
    perfect, useless = draws[0][0], draws[0][1]
    turned = [
        [perfect.model_copy(update={"name": "a"}), useless.model_copy(update={"name": "b"})],
        [useless.model_copy(update={"name": "a"}), perfect.model_copy(update={"name": "b"})],
    ]
    assert {(s.low, s.high) for s in standings(turned)} == {(1, 2)}


@pytest.mark.parametrize("text", ["fast:0", "fast:x", "fast:-1", "fast:"])
def test_a_draw_that_no_seed_makes_is_refused(text):
    with pytest.raises(BenchError, match="NAME:SEED"):
        read_draw(text)


@pytest.fixture
def suites(monkeypatch):
    """Tiny suites in place of the published and the held-out ones."""
    made = {
        ("tiny", 0): toys.tiny_suite(models=("pizza-p11", "torus-p11")),
        ("tiny", 1): toys.tiny_suite(models=("pizza-p13", "torus-p13")),
        ("nulls", 0): toys.tiny_suite(models=("pizza-p11",), claims=("a", "b")).model_copy(
            update={"name": "nulls"}
        ),
    }
    monkeypatch.setattr(board_module, "load_suite", lambda name, **_: made[name, 0])
    monkeypatch.setattr(board_module, "held_out", lambda name, seed, **_: made[name, seed])
    return made


def settings(**changes):
    return Settings(**{"sample": 10, "slow": 60.0, **changes})


def test_every_draw_renews_the_board_and_answers_are_kept(suites, tmp_path, monkeypatch):
    methods = [toys.Oracle(), toys.AlwaysAccepts()]
    run = {"store": tmp_path / "s.sqlite"}
    boards = list(leaderboards(methods, ["tiny", "tiny:1"], settings(), **run))
    assert [board.left for board in boards] == [("tiny:1",), ()]
    board = boards[-1]
    assert [m.name for m in board.pooled] == ["oracle", "accepts"]
    assert board.pooled[1].false_accept.total == sum(d.methods[1].false_accept.total for d in board.draws)
    assert board.pooled[1].false_discovery.value == 1 and board.nulls.name == "nulls"
    monkeypatch.setattr(toys.Oracle, "judge", None)
    again = list(leaderboards(methods, ["tiny", "tiny:1"], settings(), **run))
    assert again[-1] == board


def test_slow_methods_stay_with_the_sample(suites, tmp_path):
    (board,) = leaderboards([toys.Oracle()], ["tiny"], settings(slow=0.0), store=tmp_path / "s.sqlite")
    (whole,) = leaderboards([toys.Oracle()], ["tiny"], settings(), store=tmp_path / "s.sqlite")
    counted = [b.pooled[0].decided.total + b.pooled[0].vacuous_accepted.total for b in (board, whole)]
    assert counted == [10, 14]


def test_finders_are_asked_about_models_and_not_about_nulls(suites, tmp_path):
    methods = [toys.Oracle(), toys.FindsAll(1.0, 0.0)]
    (board,) = leaderboards(methods, ["tiny"], settings(), store=tmp_path / "s.sqlite")
    assert [method.name for method in board.pooled] == ["oracle"] and board.nulls.name == "nulls"
    assert toys.FindsAll(1.0, 0.0).name in [finder.name for finder in board.draws[0].finders]
    (board,) = leaderboards(methods[1:], ["tiny"], settings(), store=tmp_path / "s.sqlite")
    assert board.pooled == () and board.nulls is None


def test_the_command_writes_markdown_html_and_json(suites, tmp_path):
    app = typer.Typer()
    app.callback()(lambda: None)
    command.register(app)
    out = tmp_path / "board"
    options = ["--suites", "tiny,tiny:1", "--methods", "random-scores,answers-only", "--sample", "20"]
    found = CliRunner().invoke(app, ["leaderboard", "--out", str(out), *options])
    assert found.exit_code == 0, found.output
    board = Leaderboard.model_validate_json((out / "leaderboard.json").read_text())
    text = (out / "leaderboard.md").read_text()
    assert text == markdown(board) and "random-scores" in text and "On tiny:1" in text
    assert (out / "leaderboard.html").read_text() == page(board)
    assert 'class="sort"' in page(board) and "Content-Security-Policy" in page(board)
    assert "<th " in page(board) and 'title="median over resamples' in page(board)
    assert json.loads((out / "leaderboard.json").read_text())["draws"][0]["methods"][0]["results"] == []
    assert "rank, method" in found.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--suites", "fast,,x"], "names with commas"),
        (["--suites", "fast:0"], "NAME:SEED"),
        (["--methods", "no-such"], "unknown method"),
    ],
)
def test_bad_options_are_refused_before_anything_is_asked(options, message, tmp_path):
    app = typer.Typer()
    app.callback()(lambda: None)
    command.register(app)
    found = CliRunner().invoke(app, ["leaderboard", "--out", str(tmp_path / "b"), *options])
    assert found.exit_code != 0 and message in str(found.exception)
