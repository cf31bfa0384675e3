"""Which tests are meant for which module, the quickest first; the oracle comes last."""

from __future__ import annotations

Stage = tuple[str, ...]
"""Arguments for pytest."""


def _unit(*names: str) -> Stage:
    """The tests of one or a few modules."""
    return tuple(f"tests/scrubbing/test_{name}.py" for name in names)


_ENGINE: tuple[Stage, ...] = (
    _unit("sampling", "reference", "cases", "verdict"),
    _unit("scoring", "passes", "figures"),
    ("tests/oracle/test_oracle.py", "-k", "nine_digits and functions"),
    ("tests/oracle/test_oracle.py", "-k", "nine_digits and few-rows"),
    ("tests/oracle/test_regressions.py", "tests/scrubbing/test_engine.py", "-k", "not upstream"),
    ("tests/oracle/test_oracle.py", "-k", "nine_digits and weighted"),
)
_REPORTS: tuple[Stage, ...] = (("tests/hypotheses", "tests/test_wrong_types.py"),)
_METHODS: tuple[Stage, ...] = (("tests/methods",),)
_LABELS: tuple[Stage, ...] = (
    ("tests/bench/test_label.py", "-k", "together or rounded or replayed or draws"),
    ("tests/bench/test_label.py",),
)
_PROGRAMS: tuple[Stage, ...] = (("tests/programs/test_near_misses.py", "tests/programs/test_label.py"),)

STAGES: dict[str, tuple[Stage, ...]] = {
    "scrubkit/scrubbing/bound.py": (_unit("bound"), *_METHODS),
    "scrubkit/scrubbing/complement.py": (_unit("match"), *_METHODS),
    "scrubkit/scrubbing/runs.py": (_unit("bound"), *_METHODS),
    "scrubkit/scrubbing/redraw.py": (_unit("bound"), *_METHODS),
    "scrubkit/scrubbing/match.py": (_unit("match"), _unit("scoring"), *_REPORTS),
    "scrubkit/scrubbing/truth_graph.py": (_unit("match"), _unit("scoring"), *_REPORTS),
    "scrubkit/scrubbing/per_input.py": (_unit("per_input"), ("tests/report/test_score_page.py",)),
    "scrubkit/scrubbing/target.py": (_unit("bridges", "scoring", "bound"), *_ENGINE),
    "scrubkit/scrubbing/explain.py": (("tests/hypotheses/test_explain.py",), *_REPORTS),
    "scrubkit/scrubbing/pinned.py": (("tests/hypotheses/test_explain.py",), *_REPORTS),
    "scrubkit/scrubbing/check.py": (("tests/hypotheses/test_check.py",), *_REPORTS),
    "scrubkit/scrubbing/expectation.py": (("tests/hypotheses/test_directory.py",), *_REPORTS),
    "scrubkit/scrubbing/fit.py": (("tests/hypotheses/test_check.py",), _unit("verdict", "cases"), *_REPORTS),
    "scrubkit/scrubbing/options.py": (_unit("verdict", "passes"), _unit("scoring"), *_REPORTS),
    "scrubkit/scrubbing/bits.py": (_unit("verdict"), _unit("scoring"), *_REPORTS),
    "scrubkit/scrubbing/verdict.py": (_unit("verdict"), _unit("scoring"), *_REPORTS),
    "scrubkit/scrubbing/score.py": (_unit("verdict", "passes", "figures"), _unit("scoring"), *_REPORTS),
    "scrubkit/scrubbing/figures.py": (_unit("figures", "passes"), ("tests/kernels",), *_ENGINE[:3]),
    "scrubkit/scrubbing/graph_figures.py": (_unit("passes"), *_ENGINE[2:3], _unit("bound", "cases")),
    "scrubkit/scrubbing/passes.py": (_unit("passes"), *_ENGINE[1:3]),
    "scrubkit/scrubbing/sampling.py": (_unit("sampling"), ("tests/kernels",), *_ENGINE),
    "scrubkit/scrubbing/scoring.py": (_unit("passes"), *_ENGINE[:3], *_REPORTS),
    "scrubkit/bench/label": _LABELS,
    "scrubkit/families/programs": _PROGRAMS,
    "scrubkit/scrubbing": _ENGINE,
}


def stages_of(path: str) -> tuple[Stage, ...]:
    """Return the tests of a module, by the longest name that its path begins with."""
    return STAGES[max((known for known in STAGES if path.startswith(known)), key=len)]
