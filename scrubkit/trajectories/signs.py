"""The signs of each phase as rows of a table: figures of one run, counts of several."""

from __future__ import annotations

from collections import defaultdict

from scrubkit.trajectories.timeline import Timeline


def sign_rows(timeline: Timeline) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return heads and rows; no rows where the family knows of no phases."""
    if len(timeline.runs) == 1:
        return ("phase", "steps", "sign", "first", "last", "seen"), [
            (
                phase.name,
                f"{phase.first:,}-{phase.last:,}",
                sign.says,
                f"{sign.first:.3g}",
                f"{sign.last:.3g}",
                "yes" if sign.holds else "no",
            )
            for phase in timeline.runs[0].phases
            for sign in phase.signs
        ]
    seen: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for run in timeline.runs:
        for phase in run.phases:
            for sign in phase.signs:
                seen[phase.name, sign.says].append(sign.holds)
    return ("phase", "sign", "seen in"), [
        (phase, says, f"{sum(held)} of {len(held)} runs") for (phase, says), held in seen.items()
    ]
