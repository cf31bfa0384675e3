"""The command that is running, as it could be typed again."""

from __future__ import annotations

import shlex
from typing import Any

import typer


def command_line(context: typer.Context) -> str:
    """Return the command that is running, as a shell takes it; options that say nothing are left out."""
    arguments: list[str] = []
    options: list[str] = []
    # By their names: typer brings classes of its own for them from some version on.
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if parameter.param_type_name == "argument":
            arguments += _texts(value)
        elif value is not None and value != parameter.get_default(context):
            options += _option(parameter, value)
    return shlex.join(["scrubkit", str(context.info_name), *arguments, *options])


def _option(parameter: Any, value: Any) -> list[str]:
    name = max(parameter.opts, key=len)
    if parameter.is_flag:
        return [name if value else max(parameter.secondary_opts or [name], key=len)]
    return [piece for text in _texts(value) for piece in (name, text)]


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]
