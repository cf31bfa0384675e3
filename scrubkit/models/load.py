"""One way to get a model: by name, from a folder, from a hub, or from another project's file."""

from __future__ import annotations

import importlib
import os
import re
from pathlib import Path

import platformdirs

from scrubkit import registry
from scrubkit.errors import ModelError, nearest
from scrubkit.models.atomic import os_errors
from scrubkit.models.family import NamedModel
from scrubkit.models.model import Model
from scrubkit.models.store import RECORD, WEIGHTS, read, save
from scrubkit.models.task_file import TASK

BUNDLED = Path(__file__).parent / "bundled"
"""Folder of the models that come with the package."""

HUB = "hf://"
_SHOWN = 12
"""Names of models that a message lists."""


def load(name_or_path: str | Path, *, cache_dir: str | Path | None = None) -> Model:
    """Load a model.

    A name goes before a path: write ``./modadd-p113`` for a folder of that name.

    Args:
        name_or_path: one of

            - the name of a model in the package, see `bundled_names`;
            - the name of a model that a family makes, see `made_names`; it is made at first use and kept;
            - a folder that `save` wrote;
            - ``hf://owner/name[@revision]``, a model on the Hugging Face hub (extra ``hub``);
            - a checkpoint file of another project that a family reads.
        cache_dir: where compiled and downloaded models are kept; by default ``$SCRUBKIT_CACHE``, or else the
            user's cache folder.

    Returns:
        The model, with whatever truth and certificate are stored with it.

    Raises:
        ModelError: no such model, or what was found is not a whole, valid model.
    """
    if not isinstance(name_or_path, str | Path) or not str(name_or_path):
        raise ModelError(f"expected the name of a model or a path, found {name_or_path!r:.100}")
    name = str(name_or_path)
    if isinstance(name_or_path, str):
        if name.startswith(HUB):
            return load_hub(name, cache_dir=cache_dir)
        if name in bundled_names():
            return read(BUNDLED / name)
        made = _made()
        if name in made:
            return load_made(name, made[name], cache_dir=cache_dir)
    path = Path(name_or_path)
    with os_errors(path):
        is_folder, is_file = path.is_dir(), path.is_file()
    if is_folder:
        return read(path)
    if is_file:
        return _read_file(path)
    known = [*bundled_names(), *made_names()]
    more = len(known) - _SHOWN
    hint = nearest(name, [*known, *_folders_beside(path)])
    raise ModelError(
        f"no model {name!r}{hint}: there is no such file or folder, and the names are "
        f"{', '.join(known[:_SHOWN])}{f' and {more} more' if more > 0 else ''} (scrubkit models lists them); "
        "a model on the Hugging Face hub is written hf://owner/name"
    )


_MOST = 10_000
"""Folders beside a wrong path that are looked at."""


def _folders_beside(path: Path) -> list[str]:
    """Return the folders of models where one was looked for in vain, as they could be written instead."""
    try:
        there = [folder for folder, _ in zip(path.parent.iterdir(), range(_MOST), strict=False)]
        found = [folder for folder in there if (folder / RECORD).is_file()]
    except OSError:
        return []
    return [str(path.parent / folder.name) for folder in found]


def bundled_names() -> tuple[str, ...]:
    """Return the names of the models in the package."""
    return tuple(sorted(path.parent.name for path in BUNDLED.glob(f"*/{RECORD}")))


def cache_folder(cache_dir: str | Path | None = None) -> Path:
    """Return where models are kept: as given, ``$SCRUBKIT_CACHE``, or the user's cache folder."""
    chosen = cache_dir or os.environ.get("SCRUBKIT_CACHE") or platformdirs.user_cache_dir("scrubkit")
    return Path(chosen)


def made_names() -> tuple[str, ...]:
    """Return the names of the models that families make on demand."""
    return tuple(_made())


def _made() -> dict[str, NamedModel]:
    found: dict[str, NamedModel] = {}
    for name in registry.families():
        found = {**registry.family(name).models, **found}
    return found


def load_made(name: str, made: NamedModel, *, cache_dir: str | Path | None = None) -> Model:
    """Return a model that a family makes, from the cache or else made now.

    A cache that cannot be read or written costs time and is no error.

    Args:
        name: of the model.
        made: how it is made.
        cache_dir: where it is kept; by default ``$SCRUBKIT_CACHE``, or else the user's cache folder.
    """
    folder = cache_folder(cache_dir) / "compiled" / f"{name}-{made.key()[:16]}"
    try:
        return read(folder)
    except ModelError:
        pass
    model = made.build()
    try:
        return read(save(model, folder, overwrite=True))
    except ModelError:
        return model


def _read_file(path: Path) -> Model:
    """Return the model in another project's file, by the first family that reads it."""
    faults: list[str] = []
    for name in registry.families():
        try:
            found = registry.family(name).read_file(path)
        except ModelError as error:
            faults += error.faults
        else:
            if found is not None:
                return found
    raise ModelError(faults or ["no family reads files of this kind"], title=str(path))


def load_hub(address: str, *, cache_dir: str | Path | None = None) -> Model:
    """Download a model's files from the Hugging Face hub, and no others, and read it.

    Args:
        address: ``hf://owner/name[@revision]``.
        cache_dir: where it is kept; by default ``$SCRUBKIT_CACHE``, or else the user's cache folder.

    Returns:
        The model.

    Raises:
        ModelError: the address is wrong, the extra is not installed, or the download failed.
    """
    match = re.fullmatch(r"hf://([\w.-]+/[\w.-]+?)(?:@([\w./-]+))?", address)
    if not match:
        raise ModelError("write hf://owner/name or hf://owner/name@revision", title=address)
    try:
        hub = importlib.import_module("huggingface_hub")
    except ImportError:
        raise ModelError(
            "the extra hub is not installed: pip install 'scrubkit-interp[hub]'", title=address
        ) from None
    try:
        folder = hub.snapshot_download(
            match[1],
            revision=match[2],
            allow_patterns=[RECORD, WEIGHTS, TASK],
            cache_dir=None if cache_dir is None else Path(cache_dir) / "hub",
        )
    # The hub's client has changed its exceptions from version to version, and each of them ends here alike.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"could not be downloaded: {reason[:300]}", title=address) from None
    snapshot = Path(folder)
    # The client keeps a repository's files in blobs/, beside snapshots/, and links to them.
    repository = snapshot.parent.parent if snapshot.parent.name == "snapshots" else None
    return read(snapshot, links_within=repository)
