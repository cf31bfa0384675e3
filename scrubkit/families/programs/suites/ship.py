"""Make the suite that comes with the package: ``python -m scrubkit.families.programs.suites.ship``."""

from __future__ import annotations

from scrubkit.bench.manifest import VERSION, write
from scrubkit.bench.suites import SHIPPED
from scrubkit.families.programs.suites.make import make


def ship() -> None:
    """Make ``programs-fast`` and write it into the package."""
    write(make("programs-fast"), SHIPPED / f"programs-fast-{VERSION}.json.gz")


if __name__ == "__main__":
    ship()
