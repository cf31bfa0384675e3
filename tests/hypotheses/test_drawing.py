"""Hypotheses and their explanations show themselves."""

from xml.etree import ElementTree

import networkx as nx
import pytest

import scrubkit
from scrubkit.families.modular.compile import compile_model
from scrubkit.hypothesis import find_hypotheses, from_graph
from scrubkit.shown import COLOURS, GREEN, RED

SVG = "{http://www.w3.org/2000/svg}"


def graph(**root: object) -> nx.DiGraph:
    made = nx.DiGraph(name="two <parts> & a pair", task="")
    made.add_node("root", site="logits", **root)
    for k in (3, 7):
        made.add_node(
            f"c{k}", site=f"blocks.0.mlp.hook_post[pos=-1, neurons=cluster:{k}]", feature="(a + b) % p"
        )
        made.add_edge(f"c{k}", "root", paths="direct")
    for i, letter in enumerate("ab"):
        made.add_node(letter, site=f"hook_embed[pos={i}]", feature=letter)
        made.add_edges_from([(letter, "c3"), (letter, "c7")])
    return made


def test_a_drawing_is_xml_with_every_node_site_and_feature():
    svg = from_graph(graph()).draw().svg
    text = [element.text for element in ElementTree.fromstring(svg).iter(SVG + "text")]
    for said in ("root", "c3", "c7", "a", "logits", "hook_embed[pos=0]", "= a", "= (a + b) % p"):
        assert said in text


def test_a_node_is_drawn_below_all_that_read_it():
    hypothesis = from_graph(graph())
    boxes = ElementTree.fromstring(hypothesis.draw().svg).iter(SVG + "g")
    height = {}
    for box in boxes:
        rect, title = box.find("{*}rect"), box.find("{*}title")
        assert rect is not None and title is not None
        height[title.text] = float(rect.attrib["y"])
    assert height["root"] < height["c3"] == height["c7"] < height["a"]


def test_names_that_look_like_markup_are_text():
    hypothesis = from_graph(nx.relabel_nodes(graph(), {"a": '<b>&"'}))
    ElementTree.fromstring(hypothesis.draw().svg)
    assert "<b>" not in hypothesis.to_mermaid()
    assert '\\"' in hypothesis.to_dot()


def test_mermaid_and_dot_tell_direct_edges_apart():
    hypothesis = from_graph(graph())
    assert hypothesis.to_mermaid().count("-.->") == 2
    assert hypothesis.to_dot().count('[style="dashed"]') == 2


def test_an_explanation_colours_what_fails():
    model = compile_model(variant="clock-torus", p=23, frequencies=(3, 7), seed=0)
    claims = graph()
    claims.nodes["c3"]["feature"] = "(a - b) % p"
    explanation = scrubkit.explain(model, from_graph(claims), device="cpu")
    colours = {}
    for box in ElementTree.fromstring(from_graph(claims).draw(explanation).svg).iter(SVG + "g"):
        rect, title = box.find("{*}rect"), box.find("{*}title")
        assert rect is not None and title is not None
        colours[title.text] = rect.attrib["stroke"]
    assert colours["c3: refuted"] == RED
    assert colours["c7: supported"] == GREEN
    assert set(COLOURS.values()) >= set(colours.values()) - {"#5b7fb5"}


def test_results_show_themselves_in_a_line_and_a_table():
    model = compile_model(variant="clock-torus", p=23, frequencies=(3, 7), seed=0)
    explanation = scrubkit.explain(model, from_graph(graph()), device="cpu")
    for shown in (explanation, explanation.score, from_graph(graph())):
        assert len(repr(shown)) < 200 and "\n" not in repr(shown)
        assert "&lt;parts&gt;" in shown._repr_html_() and "<parts>" not in shown._repr_html_()
    frame = explanation.to_frame()
    assert list(frame["where"]) == [step.where for step in explanation.alone]


def test_a_shipped_hypothesis_is_found_by_its_name():
    (found,) = find_hypotheses(["sum"])
    assert found.name == "sum.py" and found.is_file()


def test_a_name_that_is_none_is_told_what_is_near():
    with pytest.raises(scrubkit.ScrubkitError, match=r"pizzza: no such file, .*did you mean pizza"):
        find_hypotheses(["pizzza"])


def test_a_file_beside_goes_before_a_shipped_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sum").mkdir()
    (tmp_path / "sum" / "mine.json").write_text("{}")
    assert [path.name for path in find_hypotheses(["sum"])] == ["mine.json"]
