"""Which tests are meant for which module, the quickest first; the oracle comes last."""

from __future__ import annotations

Stage = tuple[str, ...]
"""Arguments for pytest."""

_FIRST: Stage = tuple(
    f"tests/scrubbing/test_{name}.py" for name in ("sampling", "reference", "cases", "scoring")
)
_ENGINE: tuple[Stage, ...] = (
    _FIRST,
    ("tests/oracle/test_oracle.py", "-k", "nine_digits and functions"),
    ("tests/oracle/test_oracle.py", "-k", "nine_digits and few-rows"),
    ("tests/oracle/test_regressions.py", "tests/scrubbing/test_engine.py", "-k", "not upstream"),
    ("tests/oracle/test_oracle.py", "-k", "nine_digits and (weighted or two-blocks-norm)"),
)
_REPORTS: tuple[Stage, ...] = (("tests/hypotheses", "tests/test_wrong_types.py"),)
_METHODS: tuple[Stage, ...] = (("tests/methods",),)
_LABELS: tuple[Stage, ...] = (
    ("tests/bench/test_label.py", "-k", "not agree and not story"),
    ("tests/bench/test_label.py", "-k", "(agree or story) and not clock"),
    ("tests/bench/test_label.py", "-k", "(agree or story) and clock-torus"),
)
_PROGRAMS: tuple[Stage, ...] = (
    ("tests/programs/test_label.py", "tests/programs/test_near_misses.py"),
    ("tests/programs",),
)

STAGES: dict[str, tuple[Stage, ...]] = {
    "scrubkit/scrubbing/bound.py": (("tests/scrubbing/test_bound.py",), *_METHODS),
    "scrubkit/scrubbing/complement.py": (("tests/scrubbing/test_bound.py",), *_METHODS),
    "scrubkit/scrubbing/runs.py": (("tests/scrubbing/test_bound.py",), *_METHODS),
    "scrubkit/scrubbing/redraw.py": (("tests/scrubbing/test_bound.py",), *_METHODS),
    "scrubkit/scrubbing/scrub_nodes.py": _METHODS,
    "scrubkit/scrubbing/match.py": (("tests/scrubbing/test_scoring.py",), *_REPORTS, *_METHODS),
    "scrubkit/scrubbing/truth_graph.py": (("tests/scrubbing/test_scoring.py",), *_REPORTS, *_METHODS),
    "scrubkit/scrubbing/explain.py": (("tests/hypotheses/test_explain.py",), *_REPORTS, *_METHODS),
    "scrubkit/scrubbing/pinned.py": (("tests/hypotheses/test_explain.py",), *_REPORTS, *_METHODS),
    "scrubkit/scrubbing/check.py": (("tests/hypotheses/test_check.py",), *_REPORTS),
    "scrubkit/scrubbing/expectation.py": (("tests/hypotheses/test_directory.py",), *_REPORTS),
    "scrubkit/scrubbing/fit.py": (("tests/hypotheses/test_check.py",), *_REPORTS, *_ENGINE),
    "scrubkit/scrubbing/options.py": (_FIRST, *_REPORTS),
    "scrubkit/scrubbing/bits.py": (_FIRST, *_REPORTS),
    "scrubkit/scrubbing/verdict.py": (_FIRST, *_REPORTS),
    "scrubkit/bench/label": _LABELS,
    "scrubkit/families/programs": _PROGRAMS,
    "scrubkit/scrubbing": _ENGINE,
}


def stages_of(path: str) -> tuple[Stage, ...]:
    """Return the tests of a module, by the longest name that its path begins with."""
    return STAGES[max((known for known in STAGES if path.startswith(known)), key=len)]
