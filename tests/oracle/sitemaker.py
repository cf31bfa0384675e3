"""Random sites of one transformer, and what reaches what, found by trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.oracle.adapter import bases
from tests.oracle.machine import NetMachine, Set
from tests.oracle.net import hooks
from tests.oracle.parts import within

SUBSPACE_FREE = ("mlp.hook_pre", "mlp.hook_post", "attn.hook_pattern")


class SiteMaker:
    """Draws sites of one subject, and knows by trial what reaches what."""

    def __init__(self, machine: NetMachine) -> None:
        self.machine, self.sizes = machine, machine.sizes
        self.hooks = hooks(machine.net)
        s = self.sizes
        self.named = {**bases("d", s.d_model), **bases("h", s.d_head), **bases("c", s.n_classes)}
        self._reach: dict[tuple[str, str], bool] = {}
        self._noise = np.random.default_rng(0)

    def draw(self, rng: np.random.Generator, hook: str | None = None) -> str:
        """Draw a site, of one hook if that is given."""
        hook = hook or str(rng.choice(self.hooks))
        kind = hook.split(".", 2)[2] if hook.startswith("blocks.") else hook
        keys = {}
        n = self.sizes.n_ctx
        if hook != "logits" and rng.random() < 0.8:
            keys["pos"] = str(rng.choice(["-1", "-1", "-1", "0", "1", "0,1", f"0-{n - 1}", "-2"]))
        if ".attn." in hook and rng.random() < 0.7:
            keys["head"] = str(rng.choice(["0", "1", "0,1", f"0-{self.sizes.n_heads - 1}"]))
        if kind.startswith("mlp.") and rng.random() < 0.85:
            choices = ["0-3", "2-5", "0", "~0-3", "1,4-6", "~2-5"]
            if getattr(self.machine.truth, "clusters", None):
                choices += ["cluster:1", "cluster:1", "rest", "~cluster:1", "cluster:1,rest"]
            keys["neurons"] = str(rng.choice(choices))
        if kind in ("hook_embed", "logits") and rng.random() < 0.7:
            high = self.machine.domain.order // 2
            choices = ["0", "1", "2", "1,2", "~1", "key", "key", "key", "key", "~key", "0-1", f"0-{high}"]
            keys["frequencies"] = str(rng.choice(choices))
        elif kind not in SUBSPACE_FREE and not kind.endswith("hook_scale") and rng.random() < 0.4:
            keys |= self._subspace(rng, hook)
        inner = ", ".join(f"{key}={value}" for key, value in keys.items())
        return f"{hook}[{inner}]" if inner else hook

    def _subspace(self, rng: np.random.Generator, hook: str) -> dict[str, str]:
        prefix = "c" if hook == "logits" else "h" if ".attn." in hook else "d"
        name = str(rng.choice([n for n in self.named if n.startswith(f"{prefix}_")]))
        if prefix == "d" and rng.random() < 0.1 and "plane" in (self.machine.truth.subspaces or {}):
            name = "plane"
        head = {"head": str(rng.choice(["0", "1"]))} if prefix == "h" else {}
        return {**head, "subspace": name}

    def part(self, site: str) -> Any:
        """Read a site."""
        return self.machine.part(site, self.named)

    def before(self, hook: str) -> list[str]:
        """Return the hooks that are computed before another one, and itself."""
        return self.hooks[: self.hooks.index(hook) + 1]

    def reaches(self, source: str, reader: str) -> bool:
        """Say whether noise at a site is felt at another one; of one hook, whether it lies inside."""
        one, two = self.part(source), self.part(reader)
        if one.hook == two.hook:
            if two.rows is not None and (one.frequencies is None) != (two.frequencies is None):
                return False  # A subspace inside of all frequencies is the user's to write otherwise.
            return within(one, two) and not within(two, one)
        if (source, reader) not in self._reach:
            self._reach[source, reader] = bool(np.abs(self.moved([source], [], reader)).max() > 1e-7)
        return self._reach[source, reader]

    def moved(self, noisy: Sequence[str], held: Sequence[str], reader: str) -> np.ndarray:
        """Return how far a reader moves with noise at some sites and others held at their clean values."""
        rows = np.arange(self.machine.domain.n)
        sets = []
        for site in noisy:
            clean = self.machine.clean(self.part(site))
            sets.append(Set(self.part(site), np.abs(clean) + self._noise.standard_normal(clean.shape)))
        two = self.part(reader)
        run = self.machine.run(rows, sets, [self.part(site) for site in held], two)
        return run - self.machine.clean(two)
