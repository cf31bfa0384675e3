import os

import pytest
from typer.testing import CliRunner

import scrubkit
from scrubkit.cli.app import app
from scrubkit.errors import ProgramError
from scrubkit.families.programs.file import load_graph
from scrubkit.families.programs.library import LIBRARY

FILE = """
import networkx as nx

def program():
    g = nx.DiGraph([("a", "s"), ("b", "s")], name="sum")
    g.add_nodes_from("ab", values=range(3))
    g.nodes["s"]["feature"] = "(a + b) % 3"
    return g
"""


def run(*args):
    return CliRunner().invoke(app, [str(arg) for arg in args], terminal_width=200)


def test_a_file_becomes_a_model(tmp_path):
    (tmp_path / "sum.py").write_text(FILE)
    shown = run("compile-graph", tmp_path / "sum.py", "--out", tmp_path / "m", "--normalization", "LN")
    assert shown.exit_code == 0, shown.output
    model = scrubkit.load(tmp_path / "m")
    assert model.config.normalization == "LN" and model.task.n_inputs == 9
    assert (model.logits().argmax(dim=-1).numpy().ravel() == model.task.labels).all()


def test_programs_are_listed():
    shown = run("programs")
    assert shown.exit_code == 0 and all(name in shown.output for name in ("max3", "s3-cosets"))
    assert len(LIBRARY) >= 12


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "nothing of that name"),
        ("def program(): return 3", "found int"),
        ("1 / 0", "ZeroDivisionError"),
        ("def program(", "SyntaxError"),
    ],
)
def test_a_file_that_makes_no_graph_is_refused(tmp_path, text, words):
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(ProgramError, match=words):
        load_graph(tmp_path / "bad.py")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ProgramError, match="no such file"):
        load_graph(tmp_path / "none.py")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    with pytest.raises(ProgramError, match="a pipe"):
        load_graph(tmp_path / "pipe.py")
