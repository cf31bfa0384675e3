"""Every result shows itself: a short repr, a table in a notebook, a figure, a page."""

import re

import networkx as nx
import plotly.graph_objects as go
import pytest

import scrubkit
from scrubkit.errors import ScrubError
from scrubkit.families.modular.compile import compile_model
from scrubkit.harness.run import validate
from scrubkit.hypothesis import from_graph
from scrubkit.report.pictures import draw_model, pictures
from tests.harness import toys

EVIL = "<script>alert(1)</script>\u202e"


def claim(feature: str) -> nx.DiGraph:
    graph = nx.DiGraph(name=EVIL, task="")
    graph.add_node("root", site="logits")
    graph.add_node("sum", site="blocks.0.hook_resid_post[pos=-1]", feature=feature)
    graph.add_edge("sum", "root")
    return graph


@pytest.fixture(scope="module")
def model():
    return scrubkit.with_certificate(compile_model(variant="pizza", p=13, frequencies=(2, 5), seed=0))


@pytest.fixture(scope="module")
def explanation(model):
    return scrubkit.explain(model, claim("(a + b) % p // 2"), device="cpu")


@pytest.fixture(scope="module")
def results(model, explanation):
    report = validate([toys.Oracle()], toys.tiny_suite(models=("pizza-p11",)), in_process=True)
    certificate = model.certificate
    return {
        "score": explanation.score,
        "explanation": explanation,
        "certificate": certificate,
        "report": report,
        "model": model,
        "hypothesis": from_graph(claim("(a + b) % p // 2")),
    }


def test_a_printed_report_is_a_line_for_each_method(results):
    lines = str(results["report"]).splitlines()
    assert len(lines) == 2 and lines[1].startswith("  oracle: AUROC 1.000")
    assert repr(results["report"]["oracle"]).startswith("MethodReport('oracle', 7 cases, AUROC 1.000")


def test_a_hypothesis_has_a_row_for_each_node(results):
    frame = results["hypothesis"].to_frame()
    assert list(frame["node"]) == ["sum", "root"] and frame["reads"][1] == ["sum"]
    assert frame["feature"][0] == "(a + b) % p // 2" and "pos=-1" in frame["site"][0]


def test_a_score_has_a_row_for_each_figure(results):
    score = results["score"]
    frame = score.to_frame()
    assert list(frame.columns) == ["value", "low", "high"]
    fidelity = score.fidelity
    assert list(frame.loc["fidelity"]) == [fidelity.value, fidelity.low, fidelity.high]
    assert {"faithfulness", "kl", "loss_recovered", "model_loss", "bits"} <= set(frame.index)
    assert frame.loc["bits", "value"] == score.total_bits


@pytest.mark.parametrize("name", ["score", "explanation", "certificate", "report", "model", "hypothesis"])
def test_every_result_shows_itself(results, name, tmp_path):
    found = results[name]
    assert len(repr(found)) < 300 and "\n" not in repr(found)
    assert re.search("<table>|<svg", found._repr_html_()) and not {"\u202e"} & set(found._repr_html_())
    figure = found.plot()
    assert isinstance(figure, go.Figure) and len(figure.data) >= 1
    path = found.to_html(tmp_path / "new" / f"{name}.html")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and "<script>alert" not in text and "\u202e" not in text


def test_a_score_with_its_model_and_hypothesis_has_graph_map_and_truth(results, model, tmp_path):
    path = tmp_path / "score.html"
    results["score"].to_html(path, model=model, hypothesis=claim("(a + b) % p // 2"))
    text = path.read_text(encoding="utf-8")
    assert "<canvas" in text and "<title>sum: refuted</title>" in text and "What is known of" in text


def test_the_page_of_a_score_takes_no_other_hypothesis(results, model, tmp_path):
    with pytest.raises(ScrubError, match="another hypothesis"):
        results["score"].to_html(tmp_path / "x.html", model=model, hypothesis=claim("a"))
    with pytest.raises(ScrubError, match="both model= and hypothesis="):
        results["score"].to_html(tmp_path / "x.html", model=model)


def test_a_plot_has_every_claim_in_the_colour_of_its_verdict(explanation):
    figure = explanation.plot()
    drawn = {trace.name: len(trace.x) for trace in figure.data}
    verdicts = [step.verdict for step in explanation.alone if step.fidelity is not None]
    assert drawn == {verdict: verdicts.count(verdict) for verdict in set(verdicts)}


def test_a_certificate_is_a_frame_of_its_measurements(model):
    frame = model.certificate.to_frame()
    assert list(frame["name"]) == [m.name for m in model.certificate.measurements]


def test_program_truth_and_hypothesis_are_drawn_side_by_side():
    model = scrubkit.load("max3")
    claimed = nx.DiGraph([("x0", "logits")], name="one of three")
    claimed.nodes["x0"].update(site="hook_embed[pos=0]", feature="x0")
    claimed.nodes["logits"].update(site="logits")
    hypothesis = from_graph(claimed)
    drawn = pictures(model, hypothesis)
    assert list(drawn) == ["the program", "the truth", "the hypothesis one of three"]
    together = draw_model(model, hypothesis)
    assert together.width > sum(picture.width for picture in drawn.values())
    assert together.svg.count("<svg") == 4 and model.draw(hypothesis).svg == together.svg
