"""Make the suites that come with the package: ``python -m scrubkit.families.modular.suites.ship``."""

from __future__ import annotations

from scrubkit.bench.manifest import VERSION, write
from scrubkit.bench.suites import SHIPPED
from scrubkit.families.modular.suites.make import make


def ship() -> None:
    """Make ``fast`` and write it into the package."""
    write(make("fast"), SHIPPED / f"fast-{VERSION}.json.gz")


if __name__ == "__main__":
    ship()
