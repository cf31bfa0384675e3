"""The ``scrubkit tasks`` command."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("tasks")(tasks)


def tasks() -> None:
    """List the tasks that have a name, by family, with what each asks for."""
    from scrubkit import registry
    from scrubkit.cli.score import wide_console
    from scrubkit.cli.timeline import simple_table

    found = [registry.family(name) for name in registry.families()]
    rows = [(task, family.name, line) for family in found for task, line in family.described_tasks.items()]
    wide_console().print(simple_table(("task", "family", "what it asks for"), rows))
