"""Names are shown as they are: what looks like markup is no markup, and nothing steers the terminal."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from scrubkit.cli.app import app, main
from scrubkit.errors import ModelError
from scrubkit.families.modular.compile import compile_model
from scrubkit.models.store import save

ODD = ["[red]x[/red]", "[/]", "[link=http://x]y[/link]"]


def claim(name: str) -> dict[str, Any]:
    nodes = [
        {"id": f"{name} a", "site": "hook_embed[pos=0]", "feature": "a"},
        {"id": "logits", "site": "logits"},
    ]
    edges = [{"source": f"{name} a", "target": "logits"}]
    return {"graph": {"name": name}, "nodes": nodes, "edges": edges}


@pytest.fixture(scope="module", params=ODD)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def files(name: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A hypothesis and a model of that name."""
    folder = tmp_path_factory.mktemp("odd")
    path = folder / "[bold]claim[red].json"
    path.write_text(json.dumps(claim(name)))
    model = compile_model(variant="pizza", p=7, frequencies=(2,)).with_(name=name)
    return str(path), str(save(model, folder / "model"))


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "\x1b" not in result.output
    return "".join(result.output.split())


def as_shown(name: str) -> str:
    return "".join(name.replace("\x1b", "\ufffd").split())


def test_score(name: str, files: tuple[str, str]) -> None:
    text = shown("score", files[0], "--model", files[1], "--draws", "2")
    assert text.count(as_shown(name)) >= 2


@pytest.mark.parametrize("command", ["check", "explain", "certify"])
def test_other_commands(name: str, files: tuple[str, str], command: str) -> None:
    arguments = [files[1]] if command == "certify" else [files[0], "--model", files[1]]
    text = shown(command, *arguments)
    assert command == "check" or as_shown(name) in text


@pytest.mark.parametrize("model", ["[/]\x1b", ""])
def test_errors(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = claim("[/]")
    bad["nodes"][0]["site"] = "[/red]\x1b[2J"
    path = tmp_path / "[red].json"
    path.write_text(json.dumps(bad))
    chosen = model or str(save(compile_model(variant="pizza", p=7, frequencies=(2,)), tmp_path / "model"))
    monkeypatch.setattr(sys, "argv", ["scrubkit", "score", str(path), "--model", chosen])
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code == 2
    shown = capsys.readouterr().err
    assert "[/" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("odd", ["x\x1b[2Jy", "x\u202ey"])
def test_a_name_that_steers_the_terminal_is_refused_and_not_shown(odd: str, tmp_path: Path) -> None:
    (tmp_path / "claim.json").write_text(json.dumps(claim(odd)))
    text = shown("check", str(tmp_path / "claim.json"))
    assert f"U+{ord(odd[1]):04X}" in text
    assert odd not in text
    model = compile_model(variant="pizza", p=7, frequencies=(2,)).with_(name=odd)
    with pytest.raises(ModelError, match="control character"):
        save(model, tmp_path / "model")
