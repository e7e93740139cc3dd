"""Turns lists of readable and writable paths into Landlock rights, and says if this kernel can keep them.

Numbers: include/uapi/linux/landlock.h, ABI 6 (Linux 6.12), the first that also keeps signals and abstract
sockets inside. An older ABI would silently protect less, so it is refused and never used as far as it goes.
"""

from __future__ import annotations

import ctypes
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any

from pytest_cereval.errors import SandboxError

OLDEST_ABI = 6
_CREATE_RULESET, _VERSION_FLAG = 444, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _DEVICE_IOCTL = 1 << 14, 1 << 15
_MAKE_CHARACTER_DEVICE, _MAKE_BLOCK_DEVICE = 1 << 6, 1 << 11
_EVERYTHING = (1 << 16) - 1
_TCP, _SCOPES = 0b11, 0b11  # bind and connect; abstract sockets and signals
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _DEVICE_IOCTL
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_WRITE = _EVERYTHING & ~(_MAKE_CHARACTER_DEVICE | _MAKE_BLOCK_DEVICE | _DEVICE_IOCTL)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def abi() -> int:
    """The kernel's Landlock ABI version; 0 if Landlock is missing or switched off."""
    version: int = ctypes.CDLL(None, use_errno=True).syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)
    return max(version, 0)


def require() -> int:
    """The ABI version; raises `SandboxError` if it is too old to keep what this level promises."""
    found = abi()
    if found < OLDEST_ABI:
        raise SandboxError(
            f"this kernel offers Landlock ABI {found}, and at least {OLDEST_ABI} is needed",
            next_step="use Linux 6.12 or newer with landlock in the lsm= list, or install bubblewrap",
        )
    return found


def ruleset(read: Iterable[Path], write: Iterable[Path], unread: Iterable[Path]) -> dict[str, Any]:
    """The launcher's configuration: what is handled (files, TCP, scopes) and the rights below each path.

    Rights cannot be taken away below a path that has them, so where `unread` lies below a readable path the
    right to read files is given to everything around it instead. Names in there can still be listed.
    """
    hidden = sorted({path.resolve() for path in unread})
    rules = [(str(path), _fit(path, _WRITE)) for path in write]
    rules += [(device, _READ_FILE | _WRITE_FILE) for device in _DEVICES]
    for path in read:
        rules += [(str(part), _fit(part, rights)) for part, rights in _around(path.resolve(), hidden)]
    return {"handled": (_EVERYTHING, _TCP, _SCOPES), "rules": [rule for rule in rules if rule[1]]}


def _around(path: Path, hidden: list[Path]) -> Iterator[tuple[Path, int]]:
    if path in hidden:
        return
    if not any(PurePath(inner).is_relative_to(path) for inner in hidden):
        yield path, _READ
        return
    yield path, _READ_DIR
    for entry in path.iterdir():
        if not entry.is_symlink():
            yield from _around(entry, hidden)


def _fit(path: Path, rights: int) -> int:
    """A rule on a file may only name rights that files have, and none can be put on sockets or pipes."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return rights
    return rights & _ON_FILES if stat.S_ISREG(mode) else 0
