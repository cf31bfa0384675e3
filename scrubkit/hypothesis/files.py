"""Hypothesis files: Python, which is run and must be trusted, or JSON, which is not."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from scrubkit.core.reading import read_bytes
from scrubkit.errors import HypothesisError, ScrubkitError, nearest
from scrubkit.hypothesis.checks import from_graph
from scrubkit.hypothesis.claim import Hypothesis
from scrubkit.hypothesis.json_file import MAX_FILE_BYTES, from_json


def load_hypothesis(path: str | Path, *, truth: Any = None, allow_code: bool = True) -> Hypothesis:
    """Read a hypothesis file.

    A ``.py`` file is code and is run; take it from people you trust. It defines ``hypothesis(truth)``, or
    ``hypothesis()``, or a graph of that name.

    Args:
        path: a ``.py`` or ``.json`` file, or the name of a hypothesis that comes with scrubkit.
        truth: what is known of the model that the hypothesis is asked about; given to ``hypothesis(truth)``.
        allow_code: False refuses ``.py`` files.

    Raises:
        HypothesisError: the file cannot be read, fails, or is not a valid hypothesis.
    """
    path = Path(path)
    if not path.suffix and str(path) in shipped() and not path.exists():
        path = shipped()[str(path)]
    title = str(path)
    if path.suffix not in (".py", ".json"):
        raise HypothesisError("a hypothesis is a .py or .json file", title=title)
    data = read_bytes(path, MAX_FILE_BYTES, error=HypothesisError)
    if path.suffix == ".json":
        return from_json(data, title=title, source=title)
    if not allow_code:
        raise HypothesisError(
            "the file is Python code, which --no-code refuses; ask for its JSON form", title=title
        )
    graph, doc = _run_file(data, title, truth)
    return from_graph(graph, title=title, source=title, doc=doc)


def _run_file(source: bytes, title: str, truth: Any) -> tuple[Any, str]:
    """Run a hypothesis file and return its graph and docstring."""
    namespace: dict[str, Any] = {"__name__": "scrubkit_hypothesis", "__file__": title}
    try:
        exec(compile(source, title.replace("\0", ""), "exec"), namespace)
        made = namespace.get("hypothesis")
        if callable(made):
            takes_truth = bool(inspect.signature(made).parameters)
            if takes_truth and truth is None:
                raise HypothesisError(
                    "hypothesis(truth) needs the truth of a model, and none was given: pass "
                    "truth=model.truth; a model without one has to be certified first",
                    title=title,
                )
            made = made(truth) if takes_truth else made()
    except HypothesisError:
        raise
    except ScrubkitError as error:
        # Asked of another task's model, a truth lacks what the file wants of it; the reason comes first.
        raise type(error)([*_task_faults(source, truth), *error.faults], title=error.title or title) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # such as SystemExit, or a test's way to skip itself
        line = _line_in(error, title)
        if isinstance(error, AttributeError) and truth is not None and error.obj is truth:
            raise HypothesisError(
                f"asks the truth of the model for {error.name!r}{line}, and what is known of this one "
                f"({type(truth).__name__}) has none; is it about another family of models?",
                title=title,
            ) from error
        raise HypothesisError(f"failed{line}: {type(error).__name__}: {error}", title=title) from error
    if made is None and callable(namespace.get("hypothesis")):
        raise HypothesisError("hypothesis() returned None; end it with: return graph", title=title)
    if made is None:
        raise HypothesisError("defines no hypothesis(truth) and no graph named hypothesis", title=title)
    return made, (namespace.get("__doc__") or "").strip()


def _task_faults(source: bytes, truth: Any) -> list[str]:
    """Return that a file says a task, as ``task="..."``, which is not that of the model it is asked about."""
    mine = getattr(truth, "task", "")
    said = {
        word.value.value
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call)
        for word in call.keywords
        if word.arg == "task" and isinstance(word.value, ast.Constant) and isinstance(word.value.value, str)
    }
    if not mine or not said or mine in said:
        return []
    return [f"is about the task {' or '.join(map(repr, sorted(said)))}, and the model is of {mine!r}"]


def _line_in(error: BaseException, title: str) -> str:
    if isinstance(error, SyntaxError):
        return f" on line {error.lineno}"
    step, line = error.__traceback__, ""
    while step is not None:
        if step.tb_frame.f_code.co_filename == title:
            line = f" on line {step.tb_lineno}"
        step = step.tb_next
    return line


def find_hypotheses(paths: Sequence[str | Path]) -> list[Path]:
    """List the hypothesis files at and below the paths, sorted; files and folders _x and .x are left out.

    Args:
        paths: files and folders; a name alone, such as ``sum``, that is neither is a shipped hypothesis.

    Raises:
        HypothesisError: a path does not exist, or holds no hypothesis file.
    """
    found: list[Path] = []
    faults = []
    for path in map(Path, paths):
        try:
            below = _hypotheses_below(path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            faults.append(f"{str(path)[:200]}: cannot be read: {reason}")
            continue
        below = below or ([shipped()[str(path)]] if str(path) in shipped() else [])
        found += below
        if not below:
            faults.append(f"{str(path)[:200]}: {_missing(path)}")
    if faults:
        raise HypothesisError(faults)
    return list(dict.fromkeys(found))


@cache
def shipped() -> dict[str, Path]:
    """Return the hypotheses that come with scrubkit, by name."""
    package = Path(__file__).parents[1]
    places = (package / "hypotheses", package.parent / "hypotheses")
    folder = next((place for place in places if place.is_dir()), None)
    return {} if folder is None else {path.stem: path for path in _hypotheses_below(folder)}


def _missing(path: Path) -> str:
    if path.is_dir():
        return "holds no .py or .json hypothesis"
    if path.suffix or len(path.parts) > 1:
        return f"no such file or directory{_beside(path)}"
    near = get_close_matches(str(path), shipped(), n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"shipped are {', '.join(sorted(shipped()))}"
    return f"no such file, and no shipped hypothesis; {hint}"


def _beside(path: Path) -> str:
    """Return a hint naming a hypothesis file, or a folder, beside the path that is not there."""
    try:
        found = [p.name for p in path.parent.iterdir() if p.is_dir() or p.suffix in (".py", ".json")]
    except OSError:
        return ""
    return nearest(str(path), [str(path.parent / name) for name in found])


def _hypotheses_below(path: Path) -> list[Path]:
    """Return the hypothesis files of a folder, or the file itself if it exists."""
    if not path.is_dir():
        return [path] if path.exists() else []
    found: list[Path] = []
    for place in sorted(path.iterdir()):
        if place.name[0] in "_.":
            continue
        if place.is_dir():
            found += [] if place.is_symlink() else _hypotheses_below(place)
        elif place.suffix in (".py", ".json"):
            found.append(place)
    return found
