"""Write into pages what their commands say now: ``python -m tests.docs.refresh docs/tours/score.md ...``.

What a page shows with ``...`` for the rest stays as it is where it still fits.
"""

import sys
import tempfile
from pathlib import Path

from tests.docs.pages import run


def refreshed(text: str) -> tuple[str, int]:
    """Return a page with what comes out now, and how many outputs have changed."""
    with tempfile.TemporaryDirectory() as folder:
        stale = [step for step in run(text, Path(folder)) if not step.same]
    for step in reversed(stale):
        text = text[: step.start] + step.got + text[step.end :]
    return text, len(stale)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        text, changed = refreshed(path.read_text())
        path.write_text(text)
        print(f"{name}: {changed} outputs changed")
