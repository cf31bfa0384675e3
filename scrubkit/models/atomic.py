"""Writing files so that a reader sees the old content or the new, and nothing between.

The bytes go to a new file in the same folder, are flushed to the disk, and take the name in one rename.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from scrubkit.errors import ModelError


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Args:
        path: the file.
        data: all of its bytes.

    Raises:
        ModelError: the folder cannot be written or the disk is full; the old file, if any, is untouched.
    """
    temporary = beside(path)
    with os_errors(path):
        try:
            write_synced(temporary, data)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


def beside(path: Path) -> Path:
    """Return a new hidden name in the same folder, so that a rename stays within one file system."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def remove_temporaries(folder: Path, names: Iterable[str]) -> None:
    """Remove files and folders that `beside` named and whose writer was killed.

    Args:
        folder: where to look; it need not exist.
        names: names of the files that were to be written, as glob patterns.
    """
    for name in names:
        for path in folder.glob(f".{name}.{'[0-9a-f]' * 8}.tmp"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def write_synced(path: Path, data: bytes) -> None:
    """Write a new file and wait until its bytes are on the disk.

    Args:
        path: a file that is not there yet.
        data: all of its bytes.
    """
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Wait until a folder's renames are on the disk, where the system can do so."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        # Some network file systems refuse to sync a folder; the rename itself is still atomic there.
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def os_errors(path: Path) -> Iterator[None]:
    """Turn an OSError met while reading or writing ``path`` into a ModelError that says what to do.

    A NUL in a path is a ValueError, and a loop of links may be a RuntimeError; both are turned too.
    """
    advice = {
        errno.ENOSPC: "free some space and try again; what was there before is unchanged",
        errno.EACCES: "choose a path that you may read and write",
        errno.EROFS: "choose a path on a file system that can be written",
    }
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        hint = advice.get(error.errno or 0, "")
        raise ModelError(f"{reason}; {hint}" if hint else reason, title=str(path)) from None
    except (ValueError, RuntimeError) as error:
        if not any(sign in str(error) for sign in ("null", "surrogates", "Symlink loop")):
            raise
        raise ModelError(f"is no path that can be used: {error}", title=str(path)) from None
