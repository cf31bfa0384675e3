"""Make the suites that come with the package: ``python -m scrubkit.families.modular.suites.ship [FOLDER]``.

With a folder, the cases of each base are kept there, to go on from after a kill.
"""

from __future__ import annotations

import sys
from pathlib import Path

from scrubkit.bench.manifest import write
from scrubkit.bench.suites import SHIPPED
from scrubkit.families.modular.suites.twinned import FAST, VERSION, make


def ship(folder: Path | None = None) -> None:
    """Make ``fast`` and write it into the package.

    Args:
        folder: where the cases of each base are kept; None keeps none.
    """
    write(make(FAST, folder=folder, jobs=2), SHIPPED / f"{FAST}-{VERSION}.json.gz")


if __name__ == "__main__":
    ship(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
