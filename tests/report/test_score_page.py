"""Pages of scores: what they hold, whatever the model is."""

import json
import re

import networkx as nx
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import scrubkit
from scrubkit.errors import ScrubkitError
from scrubkit.families.modular.compile import compile_model
from scrubkit.hypothesis import from_graph
from scrubkit.report.elements import number, table, text
from scrubkit.report.examined import Examined, examine
from scrubkit.report.maps import Maps, binned, telling_pair
from scrubkit.report.score_page import score_page, within
from scrubkit.scrubbing.scoring import Scorer

EVIL = "<script>alert(1)</script>\u202e\u2066\x1b]0;x\x07"


def claim(name: str, feature: str, **more: str) -> nx.DiGraph:
    graph = nx.DiGraph(name=name, task="", **more)
    graph.add_node("root", site="logits")
    graph.add_node("sum", site="blocks.0.hook_resid_post[pos=-1]", feature=feature)
    graph.add_edge("sum", "root")
    return graph


@pytest.fixture(scope="module")
def scorer():
    return Scorer(compile_model(variant="clock-torus", p=13, frequencies=(2, 5), seed=0), device="cpu")


@pytest.fixture(scope="module")
def half(scorer):
    claimed = from_graph(claim("half", "(a + b) % p // 2"))
    return examine(scorer, claimed, scorer.score(claimed, draws=4), draws=4)


def data(page: str) -> dict:
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1]
    )


def test_the_change_of_the_logits_of_each_input_has_the_mean_that_fidelity_says(scorer, half):
    assert half.inputs.passes == half.score.settings.draws
    assert 1 - half.inputs.logit_change @ half.inputs.mass == pytest.approx(
        half.score.fidelity.value, abs=1e-12
    )
    assert half.inputs.losses.mean() == pytest.approx(half.score.scrubbed_loss.value, rel=1e-12)
    assert half.inputs.model_losses.mean() == pytest.approx(half.score.model_loss, rel=1e-9)


def test_the_baseline_of_each_input_has_the_mean_of_the_score_about(half):
    assert half.inputs.baseline_losses.mean() == pytest.approx(half.score.baseline_loss, rel=0.15)


def test_a_page_says_everything_that_decided_it(half):
    page = score_page([half], n_inputs=169, command="scrubkit score half.py --seed 0")
    score = half.score
    for said in (score.model_hash, score.hypothesis_hash, "scrubkit score half.py --seed 0", *score.reasons):
        assert str(text(said)) in page
    for name in ("seed", "draws", "versions", "margins"):
        assert f"<dt>{name}</dt>" in page


def test_a_page_is_the_same_every_time_and_small(scorer, half):
    again = examine(scorer, half.hypothesis, half.score.model_copy(update={"seconds": 9.0}), draws=4)
    first, second = (score_page([one, one], n_inputs=169) for one in (half, again))
    assert first == second and len(first) < 300_000


def test_the_graph_on_a_page_has_the_colours_of_the_explanation(half):
    page = score_page([half], n_inputs=169)
    assert "<title>sum: refuted</title>" in page and "refuted alone" in page


def test_names_that_are_markup_or_turn_text_round_are_shown_as_text(scorer):
    claimed = from_graph(nx.relabel_nodes(claim(EVIL, "(a + b) % p", doc=EVIL), {"sum": EVIL}))
    one = examine(scorer, claimed, scorer.score(claimed, draws=2), draws=2)
    page = score_page([one, one], n_inputs=169, command=EVIL, not_scored={EVIL: [EVIL]})
    assert "<script>alert" not in page
    assert not set("\u202e\u2066\x1b\x07") & set(page)
    assert page.count("<script") == 2


def test_a_score_alone_makes_a_page_without_graph_and_map(half):
    page = score_page([Examined(half.score)])
    assert "half" in page and "<canvas" not in page and 'id="data"' not in page


def test_a_page_that_would_be_too_large_is_refused():
    with pytest.raises(ScrubkitError, match=r"6\.0 MB, and at most 5"):
        within("x" * 6_000_000)


def test_a_graph_of_functions_has_a_map_too():
    g = nx.DiGraph([("x", "y"), ("z", "y")])
    g.nodes["y"]["fn"] = lambda x, z: 2.0 * x + z
    values = {"x": torch.arange(12.0) % 4, "z": torch.arange(12.0) // 4}
    graph = scrubkit.FunctionGraph(g, values, label="2 * x")
    claimed = nx.DiGraph([("x", "y")], name="x alone")
    claimed.nodes["x"].update(site="x", feature="x")
    claimed.nodes["y"].update(site="y")
    scorer = Scorer(graph)
    one = examine(scorer, claimed, scorer.score(claimed, draws=4), draws=2)
    found = data(score_page([one], n_inputs=12))
    assert [column["name"] for column in found["columns"]] == ["x", "z"]
    assert found["columns"][0]["values"] == ["0", "1", "2", "3"]


def test_a_task_without_labels_has_a_map_of_the_logits_alone():
    base = compile_model(variant="clock-torus", p=7, frequencies=(2,), seed=0)
    task = scrubkit.Task("bare", tokens=base.task.tokens, d_vocab=8, d_vocab_out=base.task.d_vocab_out)
    scorer = Scorer(base.with_(task=task, truth=None), device="cpu")
    claimed = nx.DiGraph([("r", "l")], name="rest")
    claimed.nodes["r"].update(site="blocks.0.hook_resid_post[pos=-1]", unimportant=True)
    claimed.nodes["l"].update(site="logits")
    one = examine(scorer, claimed, scorer.score(claimed, draws=2))
    found = data(score_page([one], n_inputs=49))
    assert [column["name"] for column in found["columns"]] == ["token 0", "token 1"]
    assert list(found["maps"]["hypothesis-1"]) == ["logits"]


def test_the_two_variables_that_tell_most_are_drawn_first():
    rng = np.random.default_rng(0)
    columns = {name: rng.integers(0, 4, 500) for name in "abcd"}
    change = 1.0 * (columns["b"] == columns["d"])
    assert telling_pair(columns, change, np.full(500, 1 / 500)) == ("b", "d")


def test_many_inputs_are_thinned_and_the_page_says_so(half):
    maps = Maps(169, 1)
    maps.rows = np.arange(0, 169, 2)
    assert "Drawn from 85 of 169 inputs" in maps.add("one", half.inputs)
    assert len(Maps(4_000_000, 30).rows) * 30 * 16 / 3 < 3_000_000


def test_a_column_of_many_values_is_cut_into_bins():
    codes, names = binned(np.linspace(0, 1, 1000))
    assert len(names) == 64 and codes.min() == 0 and codes.max() == 63 and names[0] == "0 to 0.01562"


def test_cells_sort_by_numbers_with_what_is_missing_last():
    shown = table(["a"], [[0.5]], id="t")
    assert '<button type="button">a</button>' in shown
    assert number(float("nan")) == "undefined" and number(0.0) == "0"


def test_the_command_is_written_with_what_was_asked(tmp_path, half):
    import typer

    from scrubkit.cli import explain, score
    from scrubkit.hypothesis import to_json
    from scrubkit.models.store import save

    app = typer.Typer()
    app.callback()(lambda: None)
    score.register(app)
    explain.register(app)
    folder = save(compile_model(variant="clock-torus", p=7, frequencies=(2,), seed=0), tmp_path / "model")
    file = tmp_path / "a claim.json"
    file.write_text(to_json(half.hypothesis))
    for command in (["score", "--no-explain", "--draws", "2"], ["explain", "--draws", "2"]):
        page = tmp_path / f"{command[0]}.html"
        call = [*command, str(file), "--model", str(folder), "--html", str(page), "--seed", "3"]
        ran = CliRunner().invoke(app, call)
        assert ran.exit_code == 0, ran.output
        made = re.search(r'<code class="command">(.*?)</code>', page.read_text())[1]
        assert made.startswith(f"scrubkit {command[0]} &#39;{file}&#39; --model {folder}")
        assert "--seed 3" in made and f"--html {page}" in made and "--draws 2" in made
        assert ("--no-explain" in made) == (command[0] == "score") and "--json" not in made


def test_two_options_may_not_name_one_file(tmp_path):
    from scrubkit.cli.score import require_places

    with pytest.raises(ScrubkitError, match="--json and --html would write to one file"):
        require_places({"--json": tmp_path / "x", "--html": tmp_path / "x"})
