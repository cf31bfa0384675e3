"""Pages as programs: what a page shows is run in its order, and held against what comes out.

A block ``python title="name.py"`` is a file that the reader saves; ``console`` is a session of a shell,
``pycon`` one of Python. Sessions of one page share a folder, and those of Python their names. ``sh`` and
``text`` are not run.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).parents[2]
FENCE = re.compile(
    r"^```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE
)
WIDTH = "100"
"""Columns of the terminal that a page shows."""
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        start, end: where its body lies in the text.
    """

    language: str
    title: str | None
    body: str
    start: int
    end: int


@dataclass(frozen=True)
class Step:
    """A command or an example of a page, what the page says comes out, and what did.

    Attributes:
        asked: the command, or the lines of the example.
        shown: what the page shows; `...` stands for anything.
        got: what came out.
        start, end: where what is shown lies in the text.
    """

    asked: str
    shown: str
    got: str
    start: int
    end: int

    @property
    def same(self) -> bool:
        """Whether what came out is what the page shows."""
        return doctest.OutputChecker().check_output(self.shown, self.got, FLAGS)


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page."""
    return [
        Block(m["language"], m["title"], m["body"], m.start("body"), m.end("body"))
        for m in FENCE.finditer(text)
    ]


def runs(text: str) -> bool:
    """Say whether a page shows anything that can be run."""
    return any(block.language in ("console", "pycon") for block in blocks(text))


def run(text: str, folder: Path) -> Iterator[Step]:
    """Run a page in a folder, and yield each step as it is done."""
    names: dict[str, Any] = {}
    with contextlib.chdir(folder), mock.patch.dict("os.environ", {"COLUMNS": WIDTH}), _imports(folder):
        for block in blocks(text):
            if block.title and block.language != "text":
                Path(block.title).parent.mkdir(parents=True, exist_ok=True)
                Path(block.title).write_text(block.body)
            elif block.language == "console":
                yield from _console(block)
            elif block.language == "pycon":
                yield from _pycon(block, names)


@contextlib.contextmanager
def _imports(folder: Path) -> Iterator[None]:
    """Let sessions import the files that a page saves, and forget them afterwards."""
    before = set(sys.modules)
    with mock.patch.object(sys, "path", [str(folder), *sys.path]):
        yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


def _console(block: Block) -> Iterator[Step]:
    for command in re.finditer(
        r"^\$ (?P<asked>(?:.*\\\n)*.*)\n(?P<shown>(?:(?!\$ ).*\n)*)", block.body, re.MULTILINE
    ):
        asked = command["asked"].replace("\\\n", " ")
        yield Step(
            asked,
            command["shown"],
            shell(asked),
            block.start + command.start("shown"),
            block.start + command.end("shown"),
        )


def shell(command: str) -> str:
    """Return what a command writes; ``scrubkit`` is run in this process, which saves loading torch again."""
    words = shlex.split(command)
    if words[0] == "scrubkit":
        return _scrubkit(words[1:])
    if words[0] == "python":
        words[0] = sys.executable
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    return _clean(done.stdout or done.stderr)


def _scrubkit(arguments: list[str]) -> str:
    from scrubkit.cli.app import main

    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["scrubkit", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        contextlib.suppress(SystemExit),
    ):
        main()
    return _clean(out.getvalue() or err.getvalue())


def _clean(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.strip("\n").splitlines())


def _pycon(block: Block, names: dict[str, Any]) -> Iterator[Step]:
    lines = block.body.splitlines(keepends=True)
    ends = [sum(map(len, lines[:i])) for i in range(len(lines) + 1)]
    for example in doctest.DocTestParser().get_examples(block.body):
        first = example.lineno + example.source.count("\n")
        last = first + example.want.count("\n")
        yield Step(
            example.source,
            example.want,
            _evaluate(example.source, names),
            block.start + ends[first],
            block.start + ends[last],
        )


def _evaluate(source: str, names: dict[str, Any]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), mock.patch.object(sys, "displayhook", _display(out)):
        exec(compile(source, "<page>", "single"), names)
    return out.getvalue()


def _display(out: io.StringIO) -> Any:
    def show(value: object) -> None:
        if value is not None:
            out.write(f"{value!r}\n")

    return show
