"""Turns a source distribution into its files, in memory: nothing of it is built, run, or written where it says.

Only regular files are taken. Links, devices and anything else are left out and counted, so nothing in an archive can
point out of it. Paths are relative, without `..` and without a folder that git would take for its own.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from pytest_cereval.errors import SourceError

MAX_FILES = 100_000
MAX_UNPACKED = 1024 * 2**20
"""Bytes, over all files and what lies between them."""
_OPENERS: dict[str, Callable[[IO[bytes]], Any]] = {
    ".gz": lambda file: gzip.GzipFile(fileobj=file),
    ".tgz": lambda file: gzip.GzipFile(fileobj=file),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}


@dataclass(frozen=True, slots=True)
class Unpacked:
    """Content and whether it is executable, by path below the archive's one folder; how many entries were left out."""

    files: dict[str, tuple[bytes, bool]]
    left_out: int


def unpack(filename: str, content: bytes) -> Unpacked:
    """Raises `SourceError` for an archive that is broken, too large, or names paths outside of it."""
    try:
        entries = [*(_zip if filename.endswith(".zip") else _tar)(filename, content)]
    except _Unfit as error:
        raise SourceError(f"{filename} is not taken: {error}", next_step="leave this release out") from error
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise SourceError(
            f"{filename} cannot be unpacked: {error}", next_step="leave this release out, or fetch it again"
        ) from error
    except (NotImplementedError, RuntimeError) as error:  # zip: an unknown method of compression, a password
        raise SourceError(f"{filename} cannot be unpacked: {error}", next_step="leave this release out") from error
    regular = [(entry.path, (entry.content, entry.executable)) for entry in entries if entry.content is not None]
    if not regular:
        raise SourceError(f"{filename} holds no file", next_step="leave this release out")
    tops = {path.partition("/")[0] for path, _ in regular}
    alone = len(tops) == 1 and all("/" in path for path, _ in regular)
    files = {path.partition("/")[2] if alone else path: held for path, held in regular}
    return Unpacked(dict(sorted(_without_clashes(files).items())), len(entries) - len(regular))


class _Unfit(Exception):
    """Why an archive is refused."""


@dataclass(frozen=True, slots=True)
class _Entry:
    path: str
    content: bytes | None
    executable: bool


class _Bounded(io.RawIOBase):
    """A stream that ends with an error instead of filling the memory."""

    def __init__(self, inner: IO[bytes]) -> None:
        self._inner = inner
        self._left = MAX_UNPACKED

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._inner.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise _Unfit(f"it unpacks to more than {MAX_UNPACKED >> 20} MiB")
        return data


def _tar(filename: str, content: bytes) -> Iterator[_Entry]:
    opener = next(opener for suffix, opener in _OPENERS.items() if filename.endswith(suffix))
    with (
        opener(io.BytesIO(content)) as plain,
        tarfile.open(fileobj=_Bounded(plain), mode="r|") as archive,
    ):
        for number, member in enumerate(archive):
            _count(number)
            if member.isdir():
                continue
            file = archive.extractfile(member) if member.isreg() else None
            path = _path(member.name)
            yield _Entry(path, file.read() if file is not None else None, bool(member.mode & 0o100))


def _zip(_: str, content: bytes) -> Iterator[_Entry]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        left = MAX_UNPACKED
        for number, member in enumerate(archive.infolist()):
            _count(number)
            if member.is_dir():
                continue
            mode = member.external_attr >> 16
            regular = stat.S_IFMT(mode) in (0, stat.S_IFREG)
            data = None
            if regular:
                with archive.open(member) as file:
                    data = file.read(left + 1)
                left -= len(data)
            if left < 0:
                raise _Unfit(f"it unpacks to more than {MAX_UNPACKED >> 20} MiB")
            yield _Entry(_path(member.filename), data, bool(mode & 0o100))


def _count(number: int) -> None:
    if number >= MAX_FILES:
        raise _Unfit(f"it holds more than {MAX_FILES} entries")


def _path(name: str) -> str:
    """The path with `/`, without `.` and empty parts."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    own = any(part.lower().rstrip(" .") in (".git", "git~1") for part in parts)
    if name.startswith(("/", "\\")) or ".." in parts or own or not parts or "\0" in name:
        raise _Unfit(f"it names the path {name!r:.200}")
    return "/".join(parts)


def _without_clashes(files: dict[str, tuple[bytes, bool]]) -> dict[str, tuple[bytes, bool]]:
    """A path cannot be a file and a folder at once."""
    folders = {path[:end] for path in files for end, sign in enumerate(path) if sign == "/"}
    clash = sorted(folders & set(files))
    if clash:
        raise SourceError(f"an archive holds {clash[0]!r:.200} as file and folder", next_step="leave this release out")
    return files
