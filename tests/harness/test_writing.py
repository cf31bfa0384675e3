"""What writers are asked, what their answers are worth, and the same as a task of inspect_ai."""

import json
from pathlib import Path

import networkx as nx
import pytest

import scrubkit
from scrubkit.harness.writing import EXAMPLE, grade, question
from scrubkit.hypothesis import from_graph, to_json
from scrubkit.subjects.sites import Sites


@pytest.fixture(scope="module")
def model():
    return scrubkit.load("max3")


def written(model, **features):
    """A claim about max3 by places alone, as a writer has to give it."""
    graph = nx.DiGraph([("first", "logits"), ("x2", "logits")])
    graph.nodes["logits"]["site"] = "logits"
    for name, feature in ({"first": "max(x0, x1)", "x2": "x2"} | features).items():
        graph.add_node(name, site=model.truth.site(name), feature=feature)
    sites = Sites.of(model)
    return to_json(from_graph(graph).stripped(lambda site: sites.part(site, {})))


def test_the_question_tells_what_may_be_known_and_no_more(model):
    asked = question(model)
    assert "x0 in [0, 1, 2, 3, 4]" in asked and f"{len(model.tokens)} inputs" in asked
    assert "max" not in asked.lower().replace("maximum", "")
    assert model.truth.site("first") not in asked


def test_a_true_hypothesis_is_true_and_its_match_counts(model):
    found = grade(model, f"It is this.\n```json\n{written(model)}\n```\n")
    assert found.true and found.match > 0.4


def test_a_false_one_is_false_and_says_where(model):
    found = grade(model, written(model, first="x0"))
    assert found.label == "false" and found.match == 0 and found.reasons


def test_what_says_nothing_of_what_a_site_carries_matches_nothing(model):
    found = grade(model, written(model, first="(x0, x1, x2)", x2="(x0, x1, x2)"))
    assert found.match == 0


def test_what_is_no_hypothesis_is_invalid_with_the_reason(model):
    assert grade(model, "I do not know.").label == "invalid"
    named = EXAMPLE | {
        "nodes": [EXAMPLE["nodes"][0], EXAMPLE["nodes"][1] | {"site": model.truth.site("first")}]
    }
    found = grade(model, json.dumps(named))
    assert found.label == "invalid" and "subspace" in " ".join(found.reasons)


def test_a_mock_model_of_inspect_is_asked_and_graded(model, tmp_path):
    inspect_ai = pytest.importorskip(
        "inspect_ai", reason="inspect_ai is not installed: pip install -e .[inspect]"
    )
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    from scrubkit.harness.inspect_writer import writer

    looks = [
        ModelOutput.for_tool_call("mockllm/model", "weights", {"name": "which?"}),
        ModelOutput.for_tool_call("mockllm/model", "activations", {"hook": "hook_embed", "rows": [0, 1]}),
    ]
    outputs = [*looks, ModelOutput.from_content("mockllm/model", f"```json\n{written(model)}\n```")]
    for output in outputs:
        output.usage = ModelUsage()  # without it inspect fetches a table to count tokens with
    mock = get_model("mockllm/model", custom_outputs=outputs)
    (log,) = inspect_ai.eval(writer("max3"), model=mock, log_dir=str(tmp_path), display="none")
    assert log.status == "success", log.error
    (sample,) = log.samples
    assert sample.scores["written"].value["true"] == 1
    tools = [message.text for message in sample.messages if message.role == "tool"]
    assert "embed.W_E" in tools[0] and '"tokens"' in tools[1]
    assert not any(variable in text for text in tools for variable in ("first", "truth"))


def test_inspect_finds_the_task_of_the_page(tmp_path):
    """It reads a file for functions marked as tasks, and imports none that comes from elsewhere."""
    inspect_ai = pytest.importorskip(
        "inspect_ai", reason="inspect_ai is not installed: pip install -e .[inspect]"
    )
    page = (Path(__file__).parents[2] / "docs/writers.md").read_text()
    block = page.split('```python title="task.py"\n')[1].split("```")[0]
    (tmp_path / "task.py").write_text(block)
    assert [task.name for task in inspect_ai.list_tasks(root_dir=tmp_path)] == ["writer"]
