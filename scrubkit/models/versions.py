"""Older versions of model.json, brought up to date one version at a time."""

from __future__ import annotations

from typing import Any

MODULAR = "modular"
"""The family of every model of version 1, which named none."""


def upgrade(document: dict[str, Any], version: int) -> dict[str, Any]:
    """Return a document of an older version as one of this version; what is wrong with it stays wrong.

    Args:
        document: an older model.json.
        version: which version it is of.
    """
    return _from_1(document) if version == 1 else document


def _from_1(document: dict[str, Any]) -> dict[str, Any]:
    """Name the family, put the task's options in one place, and call `carries` statements."""
    found = {**document, "schema_version": 2}
    task, truth, certificate = (document.get(key) for key in ("task", "truth", "certificate"))
    if isinstance(task, dict):
        named = {"name": task["name"]} if "name" in task else {}
        options = {key: value for key, value in task.items() if key != "name"}
        found["task"] = {"family": MODULAR, **named, "options": options}
    if isinstance(truth, dict):
        renamed = {("statements" if key == "carries" else key): value for key, value in truth.items()}
        config = document.get("config")
        neurons = config.get("d_mlp") if isinstance(config, dict) else None
        found["truth"] = {"family": MODULAR, **({"n_neurons": neurons} if neurons else {}), **renamed}
    if isinstance(certificate, dict):
        found["certificate"] = {"family": MODULAR, **certificate}
    return found
