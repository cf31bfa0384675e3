"""Methods are found by name, path, entry point and as objects; what cannot be one is refused in words."""

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from scrubkit.errors import BenchError
from scrubkit.methods import registry
from scrubkit.methods.registry import builtin_methods, find_method


class Mine:
    name = "mine"

    def score(self, model: Any, hypothesis: Any, **rest: Any) -> None: ...


class Needy(Mine):
    def __init__(self, size: int) -> None:
        self.size = size


class Nameless:
    def score(self) -> None: ...


class Positional(Mine):
    def score(self, model: Any, hypothesis: Any, task: Any) -> None: ...


class TextThreshold(Mine):
    threshold = "0.9"


class NanThreshold(Mine):
    threshold = float("nan")


class Idle:
    name = "idle"


mine = Mine()


def test_every_built_in_name_gives_a_method() -> None:
    assert len(builtin_methods()) == 38
    for name in builtin_methods():
        assert find_method(name).name == name


@pytest.mark.parametrize("source", [mine, Mine, f"{__name__}:mine", f"{__name__}:Mine"])
def test_an_instance_a_class_and_a_path_give_a_method(source: Any) -> None:
    assert isinstance(find_method(source), Mine)


def test_an_entry_point_gives_a_method(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("installed", f"{__name__}:Mine", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == registry.GROUP else [])
    assert isinstance(find_method("installed"), Mine)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("causal-scrubing", 'did you mean "causal-scrubbing"'),
        ("nothing-like-it", "methods are"),
        ("no_such_module:thing", "cannot import 'no_such_module'"),
        (f"{__name__}:Mien", 'did you mean "Mine"'),
        (Needy, "make every argument optional"),
        (Positional, "cannot be called: "),
        (Positional, "write it as score(self, model, hypothesis"),
        (TextThreshold, "threshold must be a finite number from which a score supports, found '0.9'"),
        (NanThreshold, "threshold must be a finite number from which a score supports, found nan"),
        (Nameless(), "needs a name"),
        (Idle(), "needs a function score, find or align"),
        (3, "int needs a name"),
    ],
)
def test_what_is_no_method_is_refused_in_words(source: Any, words: str) -> None:
    with pytest.raises(BenchError, match=words.replace("(", r"\(")):
        find_method(source)


def test_an_entry_point_that_fails_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("broken", "no_such_module:thing", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    with pytest.raises(BenchError, match="broken: entry point 'no_such_module:thing' cannot be loaded"):
        find_method("broken")
