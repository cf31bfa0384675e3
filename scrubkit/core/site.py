"""Sites: the parts of a model's activations that hypotheses speak of.

A site is written ``hook[key=value, ...]`` with a TransformerLens hook name, and keys

- ``pos``: sequence positions and ranges (for a pattern: of the query), negative from the end;
- ``head``: attention heads;
- ``neurons``: indices and ranges (``0-9``), ``cluster:14`` (the truth's neurons of frequency 14), ``rest``
  (neurons of no cluster), ``~...`` for all others;
- ``frequencies``: of the embedding, Fourier components over the token axis; of the logits, over the
  classes: ``14,35``, ``key`` (the truth's), ``~key``; component 0 is the constant, with what lies outside
  the group;
- ``subspace``: a named orthonormal basis.

A key that is left out stands for all. ``logits`` is short for ``unembed.hook_out[pos=-1]``.

>>> str(parse("blocks.0.mlp.hook_post[pos=-1, neurons=0-3,7]"))
'blocks.0.mlp.hook_post[pos=-1, neurons=0-3,7]'
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scrubkit.errors import SiteError, nearest

KEYS = ("pos", "head", "neurons", "frequencies", "subspace")
_SYNTAX = re.compile(r"^\s*(?P<hook>[\w.]+)\s*(?:\[(?P<parts>[^\[\]]*)\])?\s*$")

# Stage of each kind of hook within a block, in the order of computation, and the keys it takes.
_BLOCK_HOOKS: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "hook_resid_pre": (0, ("pos", "subspace")),
    "attn.hook_q": (1, ("pos", "head", "subspace")),
    "attn.hook_k": (1, ("pos", "head", "subspace")),
    "attn.hook_v": (1, ("pos", "head", "subspace")),
    "attn.hook_pattern": (2, ("pos", "head")),
    "attn.hook_z": (3, ("pos", "head", "subspace")),
    "hook_attn_out": (4, ("pos", "subspace")),
    "hook_resid_mid": (5, ("pos", "subspace")),
    "mlp.hook_pre": (6, ("pos", "neurons")),
    "mlp.hook_post": (7, ("pos", "neurons")),
    "hook_mlp_out": (8, ("pos", "subspace")),
    "hook_resid_post": (9, ("pos", "subspace")),
}
_STAGES = 10
_OUTER_HOOKS: Mapping[str, tuple[str, ...]] = {
    "hook_embed": ("pos", "frequencies", "subspace"),
    "hook_pos_embed": ("pos", "subspace"),
    "logits": ("pos", "frequencies", "subspace"),
}
_SHOWN = 200
"""Characters of a site that a message repeats."""
_MOST_FAULTS = 20
"""Faults of one site that are reported; a list of neurons may hold thousands."""
_ALIASES = {"unembed.hook_out": "logits", "hook_unembed": "logits"}


@dataclass(frozen=True)
class Anatomy:
    """The sizes that decide which sites a model has.

    Attributes:
        n_frequencies: highest frequency of the task's group, 0 where there is none.
    """

    n_layers: int
    n_ctx: int
    d_model: int
    n_heads: int
    d_head: int
    d_mlp: int
    d_vocab_out: int
    n_frequencies: int

    def hooks(self) -> list[str]:
        """Return the hooks that sites may name, in the order of computation."""
        blocks = [f"blocks.{layer}.{name}" for layer in range(self.n_layers) for name in _BLOCK_HOOKS]
        return ["hook_embed", "hook_pos_embed", *blocks, "logits"]

    def width(self, hook: str) -> int:
        """Return the size of the axis that a subspace of this hook lives on."""
        if hook == "logits":
            return self.d_vocab_out
        return self.d_head if ".attn.hook_" in hook else self.d_model


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
    """A site resolved on a model: which numbers of which hook.

    Attributes:
        hook: canonical hook name.
        positions: positions, ascending (those of the query for a pattern).
        heads: heads, or None where the hook has none.
        neurons: neurons, or None for hooks without.
        frequencies: Fourier components, or None for the whole.
        basis: orthonormal rows (rank, width) as bytes-hashable tuples, or None for the whole.
        text: the site as the user wrote it.
    """

    hook: str
    positions: tuple[int, ...]
    heads: tuple[int, ...] | None
    neurons: tuple[int, ...] | None
    frequencies: tuple[int, ...] | None
    basis: tuple[tuple[float, ...], ...] | None
    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def key(self) -> tuple[Any, ...]:
        """Everything but the text: equal for two spellings of one part."""
        return (self.hook, self.positions, self.heads, self.neurons, self.frequencies, self.basis)

    def spelled_out(self, subspace: str = "basis") -> str:
        """Return the part as a site that needs no truth to be resolved: indices instead of names.

        Args:
            subspace: name to give to the basis, if the part has one.
        """
        keys = [("pos", self.positions)] if self.hook != "logits" else []
        keys += [("head", self.heads), ("neurons", self.neurons), ("frequencies", self.frequencies)]
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
        SiteError: the text is not a site, or has an unknown or repeated key.
    """
    match = _SYNTAX.match(text) if isinstance(text, str) and len(text) < 100_000 else None
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
    names = Counter(key[:_SHOWN] for key, _ in parts)
    unknown = [key for key in names if key not in KEYS][:_MOST_FAULTS]
    faults = [
        f"site {shown!r}: unknown key {key!r}{nearest(key, KEYS)}; keys are {', '.join(KEYS)}"
        for key in unknown
    ]
    faults += [f"site {shown!r}: key {key!r} is given twice" for key in KEYS if names[key] > 1]
    empty = {key for key, value in parts if not value and key in KEYS}
    faults += [f"site {shown!r}: key {key!r} has no value" for key in KEYS if key in empty]
    if faults:
        raise SiteError(faults)
    parts.sort(key=lambda part: KEYS.index(part[0]))
    hook = _ALIASES.get(match["hook"], match["hook"])
    return Site(hook, tuple((key, value) for key, value in parts))


def resolve(
    site: Site,
    anatomy: Anatomy,
    *,
    truth: Any = None,
    subspaces: Mapping[str, Any] | None = None,
) -> Part:
    """Find the part of the model that a site means.

    Args:
        site: the site as written.
        anatomy: sizes of the model.
        truth: gives ``cluster:k``, ``rest``, ``key`` and named subspaces a meaning.
        subspaces: further bases by name, each (rank, width) with orthonormal rows.

    Raises:
        SiteError: with every key that does not fit the model.
    """
    keys = _keys_of(site, anatomy)
    given = dict(site.parts)
    faults = [
        f"site {_short(site)}: {site.hook} has no {key}; it takes {', '.join(keys)}"
        for key in given
        if key not in keys
    ]
    resolver = _Resolver(site, anatomy, truth, subspaces or {}, faults)
    part = Part(
        hook=site.hook,
        positions=resolver.positions(given.get("pos", "-1" if site.hook == "logits" else None)),
        heads=resolver.indices("head", given.get("head"), anatomy.n_heads) if "head" in keys else None,
        neurons=resolver.neurons(given.get("neurons")) if "neurons" in keys else None,
        frequencies=resolver.frequencies(given["frequencies"]) if "frequencies" in given else None,
        basis=resolver.basis(given["subspace"]) if "subspace" in given else None,
        text=str(site),
    )
    if site.hook == "logits" and part.positions != (anatomy.n_ctx - 1,):
        faults.append(f"site {_short(site)}: logits are read at the last position; leave pos out")
    if part.frequencies is not None and part.basis is not None:
        faults.append(f"site {_short(site)}: give frequencies or subspace, not both")
    if part.basis is not None and ".attn.hook_" in site.hook and part.heads and len(part.heads) > 1:
        faults.append(f"site {_short(site)}: a subspace of {site.hook} needs one head; add head=0, say")
    if faults:
        raise SiteError(faults)
    return part


def _short(site: Site) -> str:
    text = str(site)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _keys_of(site: Site, anatomy: Anatomy) -> tuple[str, ...]:
    if site.hook in _OUTER_HOOKS:
        return _OUTER_HOOKS[site.hook]
    if site.hook in anatomy.hooks():
        return _BLOCK_HOOKS[site.hook.split(".", 2)[2]][1]
    raise SiteError(
        f"site {_short(site)}: the model has no hook {site.hook[:_SHOWN]!r} that fires and takes edits"
        f"{nearest(site.hook[:_SHOWN], anatomy.hooks())}; it has {', '.join(anatomy.hooks())}"
    )


@dataclass
class _Resolver:
    """Turns the text of each key into indices and gathers the faults."""

    site: Site
    anatomy: Anatomy
    truth: Any
    subspaces: Mapping[str, Any]
    faults: list[str]

    def fault(self, text: str) -> None:
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(f"site {_short(self.site)}: {text}")

    def positions(self, text: str | None) -> tuple[int, ...]:
        n = self.anatomy.n_ctx
        if text is None:
            return tuple(range(n))
        chosen = []
        for item in text.split(","):
            run = re.fullmatch(r"(\d{1,6})-(\d{1,6})", item)
            if re.fullmatch(r"-?\d{1,6}", item) and -n <= int(item) < n:
                chosen.append(int(item) % n)
            elif run and int(run[1]) <= int(run[2]) < n:
                chosen += range(int(run[1]), int(run[2]) + 1)
            else:
                self.fault(
                    f"no position {item[:_SHOWN]!r}; positions are 0 to {n - 1}, or -{n} to -1 from the end"
                )
        return tuple(sorted(set(chosen)))

    def indices(self, what: str, text: str | None, size: int) -> tuple[int, ...]:
        """Read indices and ranges below size."""
        if text is None:
            return tuple(range(size))
        chosen: set[int] = set()
        for item in text.split(","):
            match = re.fullmatch(r"(\d{1,7})(?:-(\d{1,7}))?", item)
            low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
            if low <= high < size:
                chosen.update(range(low, high + 1))
            else:
                self.fault(f"no {what} {item[:_SHOWN]!r}; allowed are 0 to {size - 1}")
        return tuple(sorted(chosen))

    def neurons(self, text: str | None) -> tuple[int, ...]:
        everything = range(self.anatomy.d_mlp)
        if text is None:
            return tuple(everything)
        if text.startswith("~"):
            excluded = set(self.neurons(text[1:]))
            if not excluded:
                return ()
            return self.nonempty("neurons", (i for i in everything if i not in excluded))
        clusters: Mapping[int, Iterable[int]] = getattr(self.truth, "clusters", None) or {}
        chosen: set[int] = set()
        for item in text.split(","):
            if item == "rest":
                chosen.update(set(everything) - {i for members in clusters.values() for i in members})
            elif item.startswith("cluster:"):
                name = item.removeprefix("cluster:")
                if name.isdecimal() and int(name) in clusters:
                    chosen.update(clusters[int(name)])
                else:
                    self.fault(f"no {item[:_SHOWN]!r}; {self.known_clusters(clusters)}")
                    return ()
            else:
                known = self.indices("neuron", item, self.anatomy.d_mlp)
                if not known:
                    return ()
                chosen.update(known)
        return self.nonempty("neurons", chosen)

    def known_clusters(self, clusters: Mapping[int, Iterable[int]]) -> str:
        if clusters:
            return f"the model's clusters are {', '.join(f'cluster:{k}' for k in clusters)}"
        if self.truth is None:
            return "nothing is known of the model's algorithm; certify it, or give neurons by number"
        return "the model's algorithm has no neuron clusters"

    def frequencies(self, text: str) -> tuple[int, ...]:
        highest = self.anatomy.n_frequencies
        if highest == 0:
            self.fault("the task has no frequencies")
            return ()
        if text.startswith("~"):
            excluded = set(self.frequencies(text[1:]))
            return self.nonempty("frequencies", (k for k in range(highest + 1) if k not in excluded))
        chosen: set[int] = set()
        for item in text.split(","):
            if item == "key":
                key = getattr(self.truth, "frequencies", None) or ()
                if not key:
                    self.fault("the model's key frequencies are unknown; certify it, or give numbers")
                chosen.update(key)
            else:
                chosen.update(self.indices("frequency", item, highest + 1))
        return tuple(sorted(chosen))

    def basis(self, name: str) -> tuple[tuple[float, ...], ...] | None:
        named = {**(getattr(self.truth, "subspaces", None) or {}), **self.subspaces}
        if name not in named:
            known = ", ".join(named) or "none"
            self.fault(f"no subspace {name[:_SHOWN]!r}{nearest(name[:_SHOWN], named)}; there are: {known}")
            return None
        rows = np.asarray(named[name], dtype=float)
        width = self.anatomy.width(self.site.hook)
        if rows.ndim != 2 or rows.shape[1] != width or not 0 < rows.shape[0] <= width:
            self.fault(f"subspace {name!r} has shape {rows.shape}; expected (rank, {width})")
            return None
        if not np.allclose(rows @ rows.T, np.eye(len(rows)), atol=1e-4):
            self.fault(f"the rows of subspace {name!r} are not orthonormal; take a QR decomposition")
            return None
        return tuple(map(tuple, rows.tolist()))

    def nonempty(self, what: str, chosen: Iterable[int]) -> tuple[int, ...]:
        result = tuple(sorted(set(chosen)))
        if not result:
            self.fault(f"no {what} are left to choose")
        return result


def overlap(one: Part, other: Part) -> bool:
    """Say whether two parts share a number of the same hook (subspaces: are not orthogonal)."""
    if one.hook != other.hook or not set(one.positions) & set(other.positions):
        return False
    for mine, theirs in (
        (one.heads, other.heads),
        (one.neurons, other.neurons),
        (one.frequencies, other.frequencies),
    ):
        if mine is not None and theirs is not None and not set(mine) & set(theirs):
            return False
    if one.basis is not None and other.basis is not None:
        return not np.allclose(np.asarray(one.basis) @ np.asarray(other.basis).T, 0, atol=1e-4)
    return True


def contains(whole: Part, part: Part) -> bool:
    """Say whether part lies within whole and is smaller."""
    if whole.hook != part.hook or whole.key == part.key:
        return False
    for big, small in (
        (whole.positions, part.positions),
        (whole.heads, part.heads),
        (whole.neurons, part.neurons),
        (whole.frequencies, part.frequencies),
    ):
        if big is not None and (small is None or not set(small) <= set(big)):
            return False
    if whole.basis is None:
        return True
    if part.basis is None:
        return False
    big_rows, rows = np.asarray(whole.basis), np.asarray(part.basis)
    return bool(np.allclose(rows @ big_rows.T @ big_rows, rows, atol=1e-4))


def upstream(source: Part, reader: Part, n_layers: int) -> bool:
    """Say whether an edit of source can reach reader in a causal transformer of that many blocks."""
    if source.hook == reader.hook:
        return contains(reader, source)
    (start, kind), (end, goal) = _depth(source.hook, n_layers), _depth(reader.hook, n_layers)
    if start >= end or {kind, goal} == {"attn.hook_v", "attn.hook_pattern"}:
        return False
    if start // _STAGES == end // _STAGES:
        for mine, theirs in ((source.heads, reader.heads), (source.neurons, reader.neurons)):
            if mine is not None and theirs is not None and not set(mine) & set(theirs):
                return False
    if _next_pattern(start, kind) <= end:
        return any(i <= j for i in source.positions for j in reader.positions)
    return bool(set(source.positions) & set(reader.positions))


def _depth(hook: str, n_layers: int) -> tuple[int, str]:
    """Return a number that grows along the computation, and the hook's name within its block."""
    if hook in ("hook_embed", "hook_pos_embed"):
        return -1, hook
    if hook == "logits":
        return n_layers * _STAGES, hook
    _, layer, name = hook.split(".", 2)
    return int(layer) * _STAGES + _BLOCK_HOOKS[name][0], name


def _next_pattern(depth: int, kind: str) -> int:
    """Return the depth of the first pattern through which a value here can change position."""
    pattern = _BLOCK_HOOKS["attn.hook_pattern"][0]
    block, stage = divmod(max(depth, 0), _STAGES)
    enters_here = stage == 0 or kind in ("attn.hook_k", "attn.hook_v")
    return (block if enters_here else block + 1) * _STAGES + pattern
