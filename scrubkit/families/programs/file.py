"""Program files: Python that is run, and must be trusted."""

from __future__ import annotations

from pathlib import Path

import networkx as nx

from scrubkit.core.reading import read_bytes
from scrubkit.errors import ProgramError, ScrubkitError

MAX_BYTES = 2**20


def load_graph(path: str | Path) -> nx.DiGraph:
    """Run a program file and return its graph.

    Args:
        path: a ``.py`` file that defines ``program()``, which returns a `networkx.DiGraph`.

    Raises:
        ProgramError: the file cannot be read, fails, or returns no graph.
    """
    path, title = Path(path), str(path)
    if path.suffix != ".py":
        raise ProgramError("a program is a .py file that defines program()", title=title)
    try:
        text = read_bytes(path, MAX_BYTES, error=ProgramError).decode()
    except UnicodeDecodeError as error:
        raise ProgramError(f"is no text: byte {error.start} is not UTF-8", title=title) from None
    namespace: dict[str, object] = {"__name__": "scrubkit_program", "__file__": title}
    try:
        exec(compile(text, title, "exec"), namespace)
        make = namespace.get("program")
        made = make() if callable(make) else None
    except ScrubkitError:
        raise
    except (Exception, SystemExit) as error:
        raise ProgramError(f"failed: {type(error).__name__}: {error}", title=title) from error
    if not isinstance(made, nx.DiGraph):
        found = "nothing of that name" if make is None else type(made).__name__
        raise ProgramError(f"program() must return a networkx.DiGraph; found {found}", title=title)
    return made
