"""Options far out of range and Ctrl-C: one message and the right exit code."""

import os
import subprocess
import sys

import pytest

from scrubkit.cli import app as command

DIGITS = "9" * 5000


@pytest.fixture
def scrubkit(monkeypatch, capsys):
    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["scrubkit", *arguments])
        with pytest.raises(SystemExit) as end:
            command.main()
        captured = capsys.readouterr()
        assert isinstance(end.value.code, int)
        return end.value.code, captured.err

    return run


@pytest.mark.parametrize(
    "options",
    [
        ["--timeout", "inf"],
        ["--timeout", "nan"],
        ["--timeout", "1e300"],
        ["--timeout", "-1"],
        ["--jobs", str(10**20)],
        ["--jobs", DIGITS],
        ["--jobs", "0"],
        ["--draws", str(10**20)],
        ["--seed", DIGITS],
        ["--memory", "inf"],
    ],
    ids=lambda options: f"{options[0]} {options[1][:12]}",
)
def test_an_option_out_of_range_is_one_message(scrubkit, options):
    code, err = scrubkit("validate", "random-scores", "--suite", "fast", *options)
    assert code == 2
    assert "Traceback" not in err and len(err) < 2000
    assert options[0].removeprefix("--") in err


@pytest.mark.parametrize(
    "seeds", [DIGITS, f"0-{DIGITS}", f"{DIGITS}-{DIGITS}", "0-99999999999", "3,3", "-1", ","]
)
def test_seeds_out_of_range_are_one_message(scrubkit, tmp_path, seeds):
    code, err = scrubkit("train", "--p", "59", "--seeds", seeds, "--out", str(tmp_path / "m"))
    assert code == 2
    assert "seed" in err and "Traceback" not in err and len(err) < 2000
    assert not (tmp_path / "m").exists()


def test_an_interruption_while_arguments_are_read_exits_with_130(scrubkit, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "app", interrupted)
    code, err = scrubkit("validate", "random-scores")
    assert code == 130
    assert err == "interrupted\n"


def test_an_interruption_while_the_command_is_loaded_is_one_word(tmp_path):
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt")
    done = subprocess.run(
        [sys.executable, "-c", "from scrubkit.__main__ import main; main()"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, "interrupted\n")
