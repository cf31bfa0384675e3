"""A hypothesis file about addition, told of another modular task.

Subtraction is addition of -b, so sum and difference change places. Multiplication is addition of discrete
logarithms: the sum is the product, but a difference of logarithms is no expression in a and b, and a file
that speaks of one cannot be retold.
"""

from __future__ import annotations

import re

from scrubkit.errors import HypothesisError

ADDITION = "modular_addition"
_SUM, _DIFFERENCE = r"\ba \+ b\b", r"\ba - b\b"
_PAIR = re.compile(r"\(min\(a, b\), max\(a, b\)\)")
_OF_ADDITION = re.compile(rf"{_SUM}|{_DIFFERENCE}")

PAIRS = {
    "modular_subtraction": "(min(a, (p - b) % p), max(a, (p - b) % p))",
    "modular_multiplication": "(min(a, b), max(a, b))",
}
"""The unordered pair of each task, as a feature."""


def retell(text: str, task: str) -> str:
    """Return a hypothesis file about modular addition as one about another modular task.

    Args:
        text: the file, Python code.
        task: name of the task.

    Raises:
        HypothesisError: the file is about another task than addition, or speaks of what the task has no
            expression for.
    """
    if f'"{task}"' in text:
        return text
    if f'"{ADDITION}"' not in text:
        raise HypothesisError(f"it is not about {ADDITION}, the one task that files are retold from")
    if task not in PAIRS and task != ADDITION:
        raise HypothesisError(f"it cannot be told of {task}; it can be of {', '.join(PAIRS)}")
    code = text.split('"""', 2)[2] if text.startswith('"""') else text
    if task == "modular_multiplication" and re.search(_DIFFERENCE, code):
        raise HypothesisError(
            f"it speaks of a - b, and in {task} that is a difference of discrete logarithms, for which there "
            "is no expression; write the claim with the unordered pair, (min(a, b), max(a, b))"
        )
    told = text.replace(ADDITION, task)
    told = _PAIR.sub(PAIRS[task].replace("\\", r"\\"), told)
    other = {"modular_subtraction": {"a + b": "a - b", "a - b": "a + b"}}.get(task, {"a + b": "a * b"})
    return _OF_ADDITION.sub(lambda found: other.get(found[0], found[0]), told)
