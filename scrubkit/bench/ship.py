"""Make the suites that come with the package: ``python -m scrubkit.bench.ship``."""

from __future__ import annotations

from scrubkit.bench.manifest import write
from scrubkit.bench.suites import SHIPPED, VERSION, make


def ship() -> None:
    """Make ``fast`` and write it into the package."""
    write(make("fast"), SHIPPED / f"fast-{VERSION}.json.gz")


if __name__ == "__main__":
    ship()
