"""Turns a folder that nobody vouches for into names, digests and bytes, following no path that is written in it.

Names come from the folder itself, never from a file in it. Links and special files are never opened, each file is read
once, and what is too much is refused before it is read.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pytest_cereval.bundle import layout
from pytest_cereval.errors import BundleError

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies in a bundle's folder: `digests` of plain files by name, and what is `odd` there, in words."""

    folder: Path
    digests: dict[str, str]
    odd: tuple[str, ...]
    _whole: dict[str, bytes] = field(repr=False)

    def read(self, name: str) -> bytes:
        """The content that was digested under this name; raises `BundleError` if there is none in reach."""
        if name in self._whole:
            return self._whole[name]
        if name not in self.digests:
            raise BundleError(f"{name} is missing")
        # A second opening is only needed for reports, stores and what was too large to keep.
        data = _content(self.folder / name, name)
        if hashlib.sha256(data).hexdigest() != self.digests[name]:
            raise BundleError(f"{name} changed while it was read")
        return data


def scan(folder: Path) -> Listing:
    """Digest every file below `folder`; raises `BundleError` if it is no folder, or holds more than a bundle may."""
    if not folder.is_dir():
        raise BundleError(f"no folder {folder}", next_step="name the folder of a bundle")
    digests: dict[str, str] = {}
    whole: dict[str, bytes] = {}
    odd: list[str] = []
    total, room = 0, layout.MAX_READ_BYTES
    try:
        for name, entry in _walk(folder, "", 0, odd):
            size = entry.stat(follow_symlinks=False).st_size
            total += size
            if len(digests) >= layout.MAX_FILES or total > layout.MAX_TOTAL_BYTES:
                raise BundleError(
                    f"{folder} holds more than {layout.MAX_FILES} files or {layout.MAX_TOTAL_BYTES >> 30} GiB",
                    next_step="name the folder of one bundle",
                )
            keep = name.endswith((".json", ".jsonl", ".txt")) and not name.startswith(layout.REPORT)
            digests[name], data = _digest(Path(entry.path), keep=keep and room >= size and size <= _CHUNK)
            if data is not None:
                whole[name] = data
                room -= len(data)
    except OSError as error:
        raise BundleError(f"cannot read {error.filename or folder}: {error.strerror}") from error
    return Listing(folder, digests, tuple(odd), whole)


def _walk(folder: Path, prefix: str, depth: int, odd: list[str]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(folder) as entries:
        known = sorted(entries, key=lambda each: each.name)
    for entry in known:
        name = f"{prefix}{entry.name}"
        if entry.is_symlink() or not (entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)):
            odd.append(f"{name} is a link or a special file, which no bundle holds")
        elif entry.is_file(follow_symlinks=False):
            yield name, entry
        elif depth >= layout.MAX_DEPTH:
            odd.append(f"{name} lies deeper than a bundle goes")
        else:
            yield from _walk(Path(entry.path), f"{name}/", depth + 1, odd)


def _open(path: Path) -> int:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise BundleError(f"{path.name} is no longer a plain file")
    return handle


def _digest(path: Path, *, keep: bool) -> tuple[str, bytes | None]:
    total, kept = hashlib.sha256(), bytearray()
    with os.fdopen(_open(path), "rb") as file:
        while chunk := file.read(_CHUNK):
            total.update(chunk)
            # A file that grows while it is read must not grow what is kept.
            keep = keep and len(kept) + len(chunk) <= _CHUNK
            if keep:
                kept += chunk
    return total.hexdigest(), bytes(kept) if keep else None


def _content(path: Path, name: str) -> bytes:
    try:
        with os.fdopen(_open(path), "rb") as file:
            data = file.read(layout.MAX_READ_BYTES + 1)
    except OSError as error:
        raise BundleError(f"cannot read {name}: {error.strerror}") from error
    if len(data) > layout.MAX_READ_BYTES:
        raise BundleError(f"{name} is over {layout.MAX_READ_BYTES >> 20} MiB")
    return data
