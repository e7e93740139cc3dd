"""Turns an order given as JSON in argv[1] into facts about how far a program gets inside a sandbox.

Run by `selftest` inside the sandbox under test. Standard library only, free of imports from this package. It
tries what must fail and reports what it saw; the judgement is made outside. Messages are a 4-byte length and
JSON.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import mmap
import os
import socket
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CLONE_NEWUSER = 0x10000000
_MB = 1 << 20


def _network(order: dict[str, Any]) -> list[str]:
    reached = []
    for name, family, kind, address in (
        ("tcp", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", order["tcp"])),
        ("udp", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", order["udp"])),
        ("abstract", socket.AF_UNIX, socket.SOCK_STREAM, "\0" + order["abstract"]),
        ("path", socket.AF_UNIX, socket.SOCK_STREAM, order["canary"] + ".socket"),
    ):
        with contextlib.suppress(OSError), socket.socket(family, kind) as client:
            client.settimeout(0.5)
            client.connect(address)
            client.send(b"reached")
            # A datagram leaves without error whether or not somebody is there; the other side tells.
            reached += [name] if kind == socket.SOCK_STREAM else []
    return reached


def _canary(order: dict[str, Any]) -> str:
    with contextlib.suppress(OSError):
        return Path(order["canary"]).read_text("utf-8")
    return ""


def _writes(order: dict[str, Any]) -> list[str]:
    written = []
    for folder in order["folders"]:
        path = Path(folder, "cereval-selftest")
        with contextlib.suppress(OSError):
            path.touch()
            written.append(folder)
            path.unlink()
    return written


def _processes(order: dict[str, Any]) -> int:
    """How many children can live at once."""
    release, hold = os.pipe()
    children: list[int] = []
    with contextlib.suppress(OSError):
        while len(children) < 2 * order["processes"]:
            child = os.fork()
            if child == 0:
                os.close(hold)
                os.read(release, 1)
                os._exit(0)
            children.append(child)
    os.close(hold)
    os.close(release)
    for child in children:
        os.waitpid(child, 0)
    return len(children)


def _memory_mb(order: dict[str, Any]) -> int:
    taken: list[mmap.mmap] = []  # maps and not bytearrays: address space is what is limited, and pages cost time
    with contextlib.suppress(OSError):
        while len(taken) * 32 < 2 * order["memory_mb"]:
            taken.append(mmap.mmap(-1, 32 * _MB))
    return len(taken) * 32


def _fill(path: str, cap_mb: int) -> int:
    """Megabytes that can be written to one file."""
    written = 0
    block = b"x" * _MB
    with contextlib.suppress(OSError), Path(path).open("wb", buffering=0) as file:
        while written < cap_mb * _MB:
            written += file.write(block)
    return written // _MB


def _file_mb(order: dict[str, Any]) -> int:
    written = _fill("cereval-file", 2 * order["file_mb"])
    _remove("cereval-file")
    return written


def _tmp_mb(order: dict[str, Any]) -> int:
    """Megabytes in all that fit where something can be written."""
    count = 2 * order["tmp_mb"] // order["file_mb"]
    names = [f"{folder}/cereval-{number}" for number in range(count) for folder in order["scratch"]]
    written = 0
    for name in names:
        written += _fill(name, order["file_mb"])
    for name in names:
        _remove(name)
    return written


def _remove(name: str) -> None:
    with contextlib.suppress(OSError):
        Path(name).unlink()


def _open_files(order: dict[str, Any]) -> int:
    opened: list[int] = []
    with contextlib.suppress(OSError):
        while len(opened) < 2 * order["files"]:
            opened.append(os.open("/dev/null", os.O_RDONLY))
    for fd in opened:
        os.close(fd)
    return len(opened)


def _inherited(_: dict[str, Any]) -> list[int]:
    expected = {0, 1, 2, int(os.environ["CEREVAL_READ_FD"]), int(os.environ["CEREVAL_WRITE_FD"])}
    found = []
    for fd in range(1024):
        with contextlib.suppress(OSError):
            os.fstat(fd)
            found.append(fd)
    return [fd for fd in found if fd not in expected]


def _foreign_processes(_: dict[str, Any]) -> int:
    with contextlib.suppress(OSError):
        return sum(entry.name.isdigit() for entry in Path("/proc").iterdir())
    return 0


def _user_namespace(_: dict[str, Any]) -> bool:
    child = os.fork()
    if child == 0:
        os._exit(ctypes.CDLL(None).unshare(_CLONE_NEWUSER) & 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _signal_parent(_: dict[str, Any]) -> bool:
    """Whether the process that started this one can be signalled; 1 is the sandbox's own first process."""
    with contextlib.suppress(OSError):
        if os.getppid() != 1:
            os.kill(os.getppid(), 0)
            return True
    return False


PROBES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "environment": lambda _: sorted(os.environ),
    "inherited": _inherited,
    "network": _network,
    "canary": _canary,
    "writes": _writes,
    "processes": _processes,
    "memory_mb": _memory_mb,
    "file_mb": _file_mb,
    "tmp_mb": _tmp_mb,
    "open_files": _open_files,
    "foreign_processes": _foreign_processes,
    "user_namespace": _user_namespace,
    "signal_parent": _signal_parent,
}


def leave_daemon() -> None:
    """Start a process that tries to outlive this one: own session where allowed, orphaned, output closed."""
    release, ready = os.pipe()
    if os.fork() == 0:
        with contextlib.suppress(OSError):
            os.setsid()
        if os.fork() == 0:
            os.close(release)
            for fd in (0, 1, 2, int(os.environ["CEREVAL_READ_FD"]), int(os.environ["CEREVAL_WRITE_FD"])):
                os.close(fd)
            os.write(ready, b"r")
            time.sleep(60)
        os._exit(0)
    os.wait()
    os.read(release, 1)


def send(message: dict[str, Any]) -> None:
    body = json.dumps(message).encode()
    os.write(int(os.environ["CEREVAL_WRITE_FD"]), struct.pack(">I", len(body)) + body)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    send({name: probe(given) for name, probe in PROBES.items()})
    leave_daemon()
    send({"daemon": True})
    time.sleep(60)
