"""Hypothesis files: Python and JSON, what is refused, and what never runs."""

import json
import os

import networkx as nx
import pytest

from scrubkit.errors import HypothesisError
from scrubkit.hypothesis import find_hypotheses, from_graph, from_json, load_hypothesis, to_json
from scrubkit.hypothesis.files import shipped

GRAPH = """
import networkx as nx
{head}
    graph = nx.DiGraph(name="{name}")
    graph.add_node("logits", site="logits")
    graph.add_node("m", site="blocks.0.hook_resid_mid[pos=-1]", feature={feature})
    graph.add_edge("m", "logits")
{tail}
"""


def write(path, head="def hypothesis():", name="x", feature="'a'", tail="    return graph"):
    path.write_text(GRAPH.format(head=head, name=name, feature=feature, tail=tail))
    return path


def test_a_function_of_the_truth_is_given_it(tmp_path, pizza):
    path = write(tmp_path / "x.py", head="def hypothesis(truth):", feature="f'a % {truth.p}'")
    assert load_hypothesis(path, truth=pizza.truth).nodes["m"].feature.text == "a % 17"
    with pytest.raises(HypothesisError, match="needs the truth of a model"):
        load_hypothesis(path)


def test_a_graph_at_module_level_is_taken(tmp_path):
    path = write(tmp_path / "x.py", head="if True:", tail="hypothesis = graph")
    assert set(load_hypothesis(path).nodes) == {"m", "logits"}


def test_the_docstring_and_the_file_are_kept(tmp_path):
    path = tmp_path / "x.py"
    write(path)
    path.write_text('"""What it says."""\n' + path.read_text())
    hypothesis = load_hypothesis(path)
    assert (hypothesis.doc, hypothesis.source) == ("What it says.", str(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def hypothesis(:", "failed on line 1: SyntaxError"),
        ("x = 1\n\nraise ValueError('no')", "failed on line 3: ValueError: no"),
        ("def hypothesis():\n    return 1 / 0", "failed on line 2: ZeroDivisionError"),
        ("x = 1", "defines no hypothesis"),
        ("def hypothesis():\n    graph = 3", "returned None; end it with: return graph"),
        ("def hypothesis():\n    raise SystemExit(0)", "failed on line 2: SystemExit"),
        ("hypothesis = 3", "expected a networkx.DiGraph, found int"),
    ],
)
def test_a_file_that_fails_says_where(tmp_path, text, message):
    path = tmp_path / "x.py"
    path.write_text(text)
    with pytest.raises(HypothesisError, match=message) as error:
        load_hypothesis(path)
    assert str(path) in str(error.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ["x.json", "x.py"])
def test_what_is_no_file_is_not_read(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(HypothesisError, match="is not a file"):
        load_hypothesis(tmp_path / name)


def test_without_code_python_is_refused_and_not_run(tmp_path):
    path = tmp_path / "x.py"
    path.write_text(f"open({str(tmp_path / 'made')!r}, 'w')")
    with pytest.raises(HypothesisError, match="--no-code refuses"):
        load_hypothesis(path, allow_code=False)
    assert not (tmp_path / "made").exists()


def test_python_and_its_json_are_one_hypothesis(tmp_path):
    original = load_hypothesis(write(tmp_path / "x.py"))
    target = tmp_path / "x.json"
    target.write_text(to_json(original))
    again = load_hypothesis(target, allow_code=False)
    assert again.hash == original.hash
    assert again.nodes == original.nodes


def test_networkx_reads_the_json(tmp_path):
    hypothesis = load_hypothesis(write(tmp_path / "x.py"))
    graph = nx.node_link_graph(json.loads(to_json(hypothesis)), edges="edges")
    assert from_graph(graph).hash == hypothesis.hash


def test_links_of_older_networkx_are_edges(tmp_path):
    hypothesis = load_hypothesis(write(tmp_path / "x.py"))
    data = json.loads(to_json(hypothesis))
    data["links"] = data.pop("edges")
    assert from_json(json.dumps(data)).hash == hypothesis.hash


def test_a_callable_has_no_json(tmp_path):
    hypothesis = load_hypothesis(write(tmp_path / "x.py", feature="lambda tokens: tokens[:, 0]"))
    with pytest.raises(HypothesisError, match="node 'm': its feature is the callable"):
        to_json(hypothesis)


def test_everything_that_a_node_can_say_survives_json():
    graph = nx.DiGraph(
        name="all",
        task="modular_addition",
        doc="words",
        expect={"pizza": ["refuted", "inconclusive"]},
        subspaces={"x": [[1.0, 0.0], [0.0, 0.1 + 0.2]]},
    )
    graph.add_node("logits", site="logits", feature="a", other="together:g")
    graph.add_node(
        "m",
        site="blocks.0.hook_resid_mid[pos=-1]",
        feature="(a, cos(b))",
        tolerance=(None, 1 / 3),
        period=(17, None),
        sampler=[3, 1],
        other="exact",
    )
    graph.add_node("u", site="blocks.0.hook_mlp_out[pos=-1]", unimportant=True)
    graph.add_node("a", site="hook_embed[pos=0]", feature="a")
    graph.add_edge("a", "m")
    graph.add_edge("m", "logits", paths="direct")
    graph.add_edge("u", "logits")
    original = from_graph(graph)
    again = from_json(to_json(original))
    assert again == original
    assert again.hash == original.hash


NODE = {"id": "logits", "site": "logits"}
EDGE = {"source": "m", "target": "logits"}
MID = {"id": "m", "site": "blocks.0.hook_resid_mid[pos=-1]", "feature": "a"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "file: "),
        ("{}", "nodes: Field required"),
        ('{"nodes": [], "edges": []}', "the graph is empty"),
        (json.dumps({"nodes": [NODE], "edges": [], "code": "x"}), "code: Extra inputs"),
        (json.dumps({"directed": False, "nodes": [NODE], "edges": []}), "directed"),
        (json.dumps({"nodes": [NODE, NODE], "edges": []}), "node 'logits' is given twice"),
        (json.dumps({"nodes": [NODE, {"id": "m"}], "edges": []}), "node 'm': site: Field required"),
        (json.dumps({"nodes": [NODE], "edges": [{"source": "x", "target": "logits"}]}), "no node 'x'"),
        (
            json.dumps(
                {"nodes": [NODE, MID | {"featur": "a"}], "edges": [{"source": "m", "target": "logits"}]}
            ),
            "node 'm': unknown attribute 'featur'",
        ),
        (
            json.dumps(
                {
                    "nodes": [NODE, MID | {"feature": "__import__('os')"}],
                    "edges": [{"source": "m", "target": "logits"}],
                }
            ),
            "not allowed",
        ),
    ],
)
def test_json_that_is_no_hypothesis_is_refused(text, message):
    with pytest.raises(HypothesisError, match=message):
        from_json(text)


def test_files_are_found_below_folders_and_others_are_not(tmp_path):
    (tmp_path / "deep").mkdir()
    write(tmp_path / "deep" / "b.py")
    write(tmp_path / "a.py")
    (tmp_path / "_skipped.py").write_text("")
    (tmp_path / "notes.txt").write_text("")
    assert [p.name for p in find_hypotheses([tmp_path, tmp_path / "a.py"])] == ["a.py", "b.py"]


def test_every_path_that_leads_nowhere_is_told(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(HypothesisError) as error:
        find_hypotheses([tmp_path / "empty", tmp_path / "absent.py"])
    assert len(error.value.faults) == 2


@pytest.mark.parametrize("name", ["x.txt", "absent.py"])
def test_what_is_no_hypothesis_file_is_refused(tmp_path, name):
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(HypothesisError, match=name):
        load_hypothesis(tmp_path / name)


def test_a_shipped_hypothesis_is_read_by_its_name():
    assert load_hypothesis("nothing").hash == load_hypothesis(shipped()["nothing"]).hash


def test_hidden_folders_and_links_to_folders_are_not_searched(tmp_path):
    for folder in (".venv", "_old", "kept"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.py").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    assert find_hypotheses([tmp_path]) == [tmp_path / "kept" / "x.py"]


def test_a_file_that_asks_another_familys_truth_is_told_so(tmp_path):
    class OtherTruth:
        pass

    path = tmp_path / "h.py"
    path.write_text("def hypothesis(truth):\n    return truth.frequencies\n")
    with pytest.raises(HypothesisError, match="asks the truth .* for 'frequencies' on line 2, .*OtherTruth"):
        load_hypothesis(path, truth=OtherTruth())


def test_a_file_that_skips_itself_as_a_test_is_a_fault_of_that_file(tmp_path):
    path = tmp_path / "h.py"
    path.write_text("import pytest\npytest.skip('not here', allow_module_level=True)\n")
    with pytest.raises(HypothesisError, match="failed on line 2: Skipped"):
        load_hypothesis(path)
