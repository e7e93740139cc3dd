"""Says from the inside what a sealed fork of a nursery can still do, for the judge to hold against what it may.

Standard library only.
"""

from __future__ import annotations

import ctypes
import os
import resource
from collections.abc import Callable
from typing import Any

from .framing import read_frame, write_frame

_PR_GET_DUMPABLE, _PR_GET_SECCOMP, _PR_CAPBSET_READ, _PR_GET_NO_NEW_PRIVS = 3, 21, 23, 39
_CAPABILITY_VERSION_3 = 0x20080522
_NEWNS, _NEWUSER, _MNT_DETACH = 0x20000, 0x10000000, 2
_DESCRIPTORS = 256
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Answer one frame, `{"kinds", "masked"}`, with what was `found`."""
    source, sink = int(os.environ["CEREVAL_READ_FD"]), int(os.environ["CEREVAL_WRITE_FD"])
    request = read_frame(source)
    write_frame(sink, {"id": request["id"], "found": _found(request["kinds"], request["masked"])})


def _found(kinds: list[int], masked: str) -> dict[str, Any]:
    tried: dict[str, Callable[[], int]] = {
        "mount": lambda: _libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, None),
        "uncover /tmp": lambda: _libc.umount2(b"/tmp", _MNT_DETACH),
        "uncover the changed file": lambda: _libc.umount2(os.fsencode(masked), _MNT_DETACH),
        "make a user namespace": lambda: _libc.unshare(_NEWUSER),
        "make a mount namespace": lambda: _libc.unshare(_NEWNS),
    }
    return {
        "descriptors": [fd for fd in range(3, _DESCRIPTORS) if _is_open(fd)],
        "pids": [os.getpid(), os.getppid()],
        "limits": [list(resource.getrlimit(kind)) for kind in kinds],
        "capabilities": _capabilities(),
        "no_new_privs": _libc.prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
        "seccomp": _libc.prctl(_PR_GET_SECCOMP, 0, 0, 0, 0),
        "dumpable": _libc.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0),
        "succeeded": [name for name, attempt in tried.items() if attempt() == 0],
    }


def _capabilities() -> int:
    """How many are left, bounding set included."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)()
    _libc.capget(header, data)
    bounding: int = sum(_libc.prctl(_PR_CAPBSET_READ, number, 0, 0, 0) == 1 for number in range(64))
    return bounding + sum(bin(part).count("1") for part in data)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
