"""Sites: the parts of a model's activations that hypotheses speak of.

A site is written ``hook[key=value, ...]`` with a TransformerLens hook name, and keys

- ``pos``: sequence positions and ranges (for a pattern: of the query), negative from the end;
- ``head``: attention heads;
- ``neurons``: indices and ranges (``0-9``);
- ``subspace``: a named orthonormal basis;
- of the embedding and of the logits, any key under which the task decomposes tokens and classes into numbered
  components, such as ``digits`` where tokens are numerals.

Where something is known of the model, its parts have names (``neurons=compare``), ``rest`` stands for
what no name covers, and ``~...`` for all others. A key that is left out stands for all. ``logits`` is short
for ``unembed.hook_out`` at the positions at which the answer of the task is read.

>>> str(parse("blocks.0.mlp.hook_post[pos=-1, neurons=0-3,7]"))
'blocks.0.mlp.hook_post[pos=-1, neurons=0-3,7]'
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scrubkit.core.architecture import ALIASES, EMBED, LOGITS, Architecture, Mask
from scrubkit.errors import SiteError, nearest

KEYS = ("pos", "head", "neurons", "subspace")
"""Keys that any model may have; those of a task's decompositions come on top."""
_SYNTAX = re.compile(r"(?P<hook>[\w.]+)(?:\s*\[(?P<parts>[^\[\]]*)\])?")
_KEY = re.compile(r"[A-Za-z_]\w*")
MAX_LENGTH = 100_000
"""Characters of the longest site that is read."""
_SHOWN = 200
"""Characters of a site that a message repeats."""
_MOST_FAULTS = 20
"""Faults of one site that are reported; a list of neurons may hold thousands."""

Names = Mapping[str, Mapping[str, tuple[int, ...]]]
"""For each key, the named sets of indices: what is known of a model gives them."""


@dataclass(frozen=True)
class Site:
    """A site as written; it means a part of a model's activations once it is resolved.

    Attributes:
        hook: hook name, with the aliases of ``logits`` resolved.
        parts: the keys given, with their values as text.
    """

    hook: str
    parts: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        inner = ", ".join(f"{key}={value}" for key, value in self.parts)
        return f"{self.hook}[{inner}]" if inner else self.hook


@dataclass(frozen=True)
class Part:
    """A site resolved on a model: which numbers of which hook. Two spellings of one part are equal.

    Attributes:
        hook: canonical hook name.
        positions: positions, ascending (those of the query for a pattern).
        heads: heads, or None where the hook has none.
        neurons: neurons, or None for hooks without.
        decomposition: key of the decomposition that `components` are numbered in, or None for the whole.
        components: numbered components, or None for the whole.
        basis: orthonormal rows (rank, width) as hashable tuples, or None for the whole.
        text: the site as the user wrote it.
    """

    hook: str
    positions: tuple[int, ...]
    heads: tuple[int, ...] | None = None
    neurons: tuple[int, ...] | None = None
    decomposition: str | None = None
    components: tuple[int, ...] | None = None
    basis: tuple[tuple[float, ...], ...] | None = None
    text: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.text

    @property
    def key(self) -> tuple[Any, ...]:
        """Everything but the text: equal for two spellings of one part."""
        return (
            self.hook,
            self.positions,
            self.heads,
            self.neurons,
            self.decomposition,
            self.components,
            self.basis,
        )

    @property
    def inner(self) -> tuple[int, ...] | None:
        """The heads or neurons, whichever the hook has."""
        return self.heads if self.heads is not None else self.neurons

    @property
    def whole(self) -> bool:
        """Whether it takes its positions, heads and neurons entire, and no linear component of them."""
        return self.basis is None and self.components is None

    def mask(self, architecture: Architecture) -> Mask:
        """Return which numbers of the hook it holds or has a share in."""
        mask = architecture.nothing(self.hook)
        if self.inner is None:
            mask[list(self.positions)] = True
        else:
            mask[np.ix_(self.positions, self.inner)] = True
        return mask

    def spelled_out(self, subspace: str = "basis") -> str:
        """Return the part as a site that needs no truth to be resolved: indices instead of names.

        Args:
            subspace: name to give to the basis, if the part has one.
        """
        # Logits are read where the answer is, unless the site says at which of several positions.
        named = self.hook != LOGITS or "pos=" in self.text
        keys = [("pos", self.positions if named else None), ("head", self.heads), ("neurons", self.neurons)]
        keys += [(self.decomposition or "", self.components)]
        inner = [f"{key}={_ranges(chosen)}" for key, chosen in keys if chosen is not None]
        inner += [f"subspace={subspace}"] if self.basis is not None else []
        return f"{self.hook}[{', '.join(inner)}]" if inner else self.hook


def _ranges(indices: Iterable[int]) -> str:
    """Write ascending indices with ranges for runs: 0-3,7."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def parse(text: str) -> Site:
    """Read a site.

    Raises:
        SiteError: the text is not a site, or has a repeated key or a key without a value.
    """
    match = _SYNTAX.fullmatch(text.strip()) if isinstance(text, str) and len(text) < MAX_LENGTH else None
    if match is None:
        raise SiteError(
            f"cannot read site {str(text)[:_SHOWN]!r}; write hook[key=value, ...], e.g. hook_embed[pos=0]"
        )
    shown = text[:_SHOWN]
    parts: list[list[str]] = []
    for item in filter(None, (piece.strip() for piece in (match["parts"] or "").split(","))):
        if "=" in item:
            key, value = (side.strip() for side in item.split("=", 1))
            parts.append([key, value])
        elif parts:
            parts[-1][1] += f",{item}"
        else:
            raise SiteError(f"site {shown!r}: {item[:_SHOWN]!r} needs a key; keys are {', '.join(KEYS)}")
    names = Counter(key for key, _ in parts)
    faults = [
        f"site {shown!r}: {key[:_SHOWN]!r} is not a key; keys are {', '.join(KEYS)}"
        for key in names
        if not _KEY.fullmatch(key)
    ]
    faults += [f"site {shown!r}: key {key[:_SHOWN]!r} is given twice" for key, n in names.items() if n > 1]
    faults += [f"site {shown!r}: key {key[:_SHOWN]!r} has no value" for key, value in parts if not value]
    if faults:
        raise SiteError(faults[:_MOST_FAULTS])
    parts.sort(key=lambda part: (_place(part[0]), part[0]))
    hook = ALIASES.get(match["hook"], match["hook"])
    return Site(hook, tuple((key, value) for key, value in parts))


def _place(key: str) -> int:
    """Return a key's place in the canonical order; those of decompositions come before the subspace."""
    return {"pos": 0, "head": 1, "neurons": 2, "subspace": 4}.get(key, 3)


def resolve(
    site: Site,
    architecture: Architecture,
    *,
    names: Names | None = None,
    bases: Mapping[str, Any] | None = None,
) -> Part:
    """Find the part of the model that a site means.

    Args:
        site: the site as written.
        architecture: sizes and hooks of the model.
        names: named sets of indices for each key.
        bases: orthonormal bases by name, each (rank, width).

    Raises:
        SiteError: with every key that does not fit the model.
    """
    keys = _keys_of(site, architecture)
    given = dict(site.parts)
    faults = [
        f"site {_short(site)}: {site.hook} has no {key[:_SHOWN]}{nearest(key[:_SHOWN], keys)}; "
        f"it takes {', '.join(keys)}"
        for key in given
        if key not in keys
    ]
    resolver = _Resolver(site, architecture, names, bases or {}, faults)
    decomposed = [key for key in given if key in architecture.decompositions and key in keys]
    part = Part(
        hook=site.hook,
        positions=resolver.positions(given.get("pos")),
        heads=resolver.indices("head", given.get("head"), architecture.n_heads) if "head" in keys else None,
        neurons=resolver.indices("neurons", given.get("neurons"), architecture.d_mlp)
        if "neurons" in keys
        else None,
        decomposition=decomposed[0] if decomposed else None,
        components=resolver.indices(key := decomposed[0], given[key], architecture.decompositions[key])
        if decomposed
        else None,
        basis=resolver.basis(given["subspace"]) if "subspace" in given and "subspace" in keys else None,
        text=str(site),
    )
    if site.hook == LOGITS and not set(part.positions) <= set(architecture.answer):
        where = ", ".join(map(str, architecture.answer))
        faults.append(f"site {_short(site)}: logits are read where the answer is, at position {where}")
    if len(decomposed) + (part.basis is not None) > 1:
        faults.append(f"site {_short(site)}: give one of {', '.join(decomposed)} or subspace, not several")
    if part.basis is not None and part.heads and len(part.heads) > 1:
        faults.append(f"site {_short(site)}: a subspace of {site.hook} needs one head; add head=0, say")
    if faults:
        raise SiteError(faults)
    return part


def _short(site: Site) -> str:
    text = str(site)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _keys_of(site: Site, architecture: Architecture) -> tuple[str, ...]:
    if site.hook not in architecture.hooks:
        known = list(architecture.hooks)
        raise SiteError(
            f"site {_short(site)}: the model has no hook {site.hook[:_SHOWN]!r} that sites may name"
            f"{nearest(site.hook[:_SHOWN], known)}; it has {', '.join(known)}"
        )
    extra = tuple(architecture.decompositions) if site.hook in (EMBED, LOGITS) else ()
    return (*architecture.hooks[site.hook].kind.keys, *extra)


@dataclass
class _Resolver:
    """Turns the text of each key into indices and gathers the faults."""

    site: Site
    architecture: Architecture
    names: Names | None
    bases: Mapping[str, Any]
    faults: list[str]

    def fault(self, text: str) -> None:
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(f"site {_short(self.site)}: {text}")

    def positions(self, text: str | None) -> tuple[int, ...]:
        n = self.architecture.n_ctx
        if text is None:
            return self.architecture.answer if self.site.hook == LOGITS else tuple(range(n))
        chosen = []
        for item in text.split(","):
            run = re.fullmatch(r"([0-9]{1,6})-([0-9]{1,6})", item)
            if re.fullmatch(r"-?[0-9]{1,6}", item) and -n <= int(item) < n:
                chosen.append(int(item) % n)
            elif run and int(run[1]) <= int(run[2]) < n:
                chosen += range(int(run[1]), int(run[2]) + 1)
            else:
                self.fault(
                    f"no position {item[:_SHOWN]!r}; positions are 0 to {n - 1}, or -{n} to -1 from the end"
                )
        return tuple(sorted(set(chosen)))

    def indices(self, key: str, text: str | None, size: int) -> tuple[int, ...]:
        """Read indices, ranges and names below size; ``~`` turns to all others."""
        if text is None:
            return tuple(range(size))
        negated = len(text) - len(text.lstrip("~"))
        chosen: set[int] = set()
        for item in text[negated:].split(","):
            found = self._item(key, item, size)
            if found is None:
                return ()
            chosen |= found
        if negated % 2:
            chosen = set(range(size)) - chosen
        if not chosen:
            self.fault(f"no {key} are left to choose")
        return tuple(sorted(chosen))

    def _item(self, key: str, item: str, size: int) -> set[int] | None:
        """Read one index, range or name; None, and a fault, where it is none of them."""
        named = (self.names or {}).get(key, {})
        match = re.fullmatch(r"([0-9]{1,7})(?:-([0-9]{1,7}))?", item)
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if low <= high < size:
            return set(range(low, high + 1))
        if item in named:
            inside = {i for i in named[item] if 0 <= i < size}
            if not inside:
                self.fault(f"{key}={item} holds nothing here")
            return inside or None
        if item == "rest":
            return set(range(size)) - {i for members in named.values() for i in members}
        self.fault(
            f"no {key} {item[:_SHOWN]!r}{nearest(item[:_SHOWN], named)}; allowed are 0 to {size - 1}"
            f"{self._known(named, numbered=match is not None)}"
        )
        return None

    def _known(self, named: Mapping[str, tuple[int, ...]], *, numbered: bool) -> str:
        """Say which names there are, or why there are none."""
        listed = [name for name in named if name != "rest"]
        if listed:
            return f", or by name {', '.join([*listed, 'rest'])}"
        if numbered:
            return ""
        if self.names is None:
            return "; nothing is known of the model that would give it a name: certify it"
        return "; what is known of the model's algorithm names none"

    def basis(self, name: str) -> tuple[tuple[float, ...], ...] | None:
        if name not in self.bases:
            known = ", ".join(self.bases) or "none"
            self.fault(
                f"no subspace {name[:_SHOWN]!r}{nearest(name[:_SHOWN], self.bases)}; there are: {known}"
            )
            return None
        rows = np.asarray(self.bases[name], dtype=float)
        width = self.architecture.width(self.site.hook)
        if rows.ndim != 2 or rows.shape[1] != width or not 0 < rows.shape[0] <= width:
            self.fault(f"subspace {name!r} has shape {rows.shape}; expected (rank, {width})")
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            products = rows @ rows.T
        if not np.allclose(products, np.eye(len(rows)), atol=1e-4):
            self.fault(f"the rows of subspace {name!r} are not orthonormal; take a QR decomposition")
            return None
        return tuple(map(tuple, rows.tolist()))


def overlap(one: Part, other: Part) -> bool:
    """Say whether two parts share a number of the same hook (subspaces: are not orthogonal)."""
    if one.hook != other.hook or not set(one.positions) & set(other.positions):
        return False
    if one.inner is not None and other.inner is not None and not set(one.inner) & set(other.inner):
        return False
    if one.components is not None and one.decomposition == other.decomposition:
        return bool(set(one.components) & set(other.components or ()))
    if one.basis is not None and other.basis is not None:
        return not np.allclose(np.asarray(one.basis) @ np.asarray(other.basis).T, 0, atol=1e-4)
    return True


def contains(whole: Part, part: Part) -> bool:
    """Say whether part lies within whole and is smaller."""
    if whole.hook != part.hook or whole.key == part.key:
        return False
    for big, small in ((whole.positions, part.positions), (whole.inner, part.inner)):
        if big is not None and (small is None or not set(small) <= set(big)):
            return False
    if whole.components is not None:
        same = whole.decomposition == part.decomposition
        return same and set(part.components or ()) <= set(whole.components)
    if whole.basis is None:
        return True
    if part.basis is None:
        return False
    big_rows, rows = np.asarray(whole.basis), np.asarray(part.basis)
    return bool(np.allclose(rows @ big_rows.T @ big_rows, rows, atol=1e-4))
