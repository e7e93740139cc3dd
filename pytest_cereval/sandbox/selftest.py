"""Turns a sandbox's promises into a yes or a `SandboxError`, by trying to break each of them for real.

One launch runs `probe.py` inside, against a canary file, listening sockets and a count of processes outside.
It takes a fraction of a second and belongs before the first verdict of a run.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_cereval.errors import SandboxError
from pytest_cereval.inside.framing import FrameClosed, FrameError, FrameTimeout
from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.sandbox.mounts import SHM_MB
from pytest_cereval.sandbox.sandbox import (
    DEFAULT_ENVIRONMENT,
    READ_FD_VARIABLE,
    WRITE_FD_VARIABLE,
    Launch,
    Level,
    Limits,
    Sandbox,
)

LIMITS = Limits(wall_s=20, memory_mb=512, processes=16, files=64, file_mb=2, tmp_mb=6)
_PROBE = "/cereval/probe.py"
_FOLDERS = ("/", "/usr", "/etc", "/dev", "/cereval", "/home", "/var/tmp", "/root", "/run")
# PWD is set by bubblewrap from the working directory.
_EXPECTED_NAMES = {name for name, _ in DEFAULT_ENVIRONMENT} | {READ_FD_VARIABLE, WRITE_FD_VARIABLE, "PWD"}
_CONFINED = frozenset({Level.NAMESPACES, Level.LANDLOCK})
_EVERY = _CONFINED | {Level.UNSAFE}
Seen = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Promise:
    """What a level promises; `breach` gives what was seen instead, or "" if it is kept."""

    text: str
    levels: frozenset[Level]
    breach: Callable[[Seen], str]


def _over(name: str, bound: float) -> Callable[[Seen], str]:
    return lambda seen: f"{seen[name]} where {bound:g} is the bound" if seen[name] > bound else ""


def _any(name: str) -> Callable[[Seen], str]:
    return lambda seen: f"{seen[name]}" if seen[name] else ""


PROMISES: dict[str, Promise] = {
    "network": Promise(
        "no host on the network, and no socket of this machine, can be reached", _CONFINED, _any("network")
    ),
    "host_files": Promise("files that were not bound cannot be read", _CONFINED, _any("canary")),
    "host_writes": Promise("nothing but /tmp and a small /dev/shm can be written", _CONFINED, _any("writes")),
    "process_list": Promise("other processes cannot be seen in /proc", _CONFINED, _any("foreign_processes")),
    "signals": Promise("processes outside cannot be signalled", _CONFINED, _any("signal_parent")),
    "user_namespaces": Promise("no user namespace can be made inside", _CONFINED, _any("user_namespace")),
    "survivors": Promise("no process outlives the launch", _CONFINED, _any("survivors")),
    "temporary_space": Promise(
        "the space in /tmp and /dev/shm is bounded",
        frozenset({Level.NAMESPACES}),
        _over("tmp_mb", LIMITS.tmp_mb + SHM_MB),
    ),
    # Where the kernel counts all tasks of the user, some of them may end meanwhile and leave room for more.
    "processes": Promise("the number of processes is bounded", _EVERY, _over("processes", 2 * LIMITS.processes - 1)),
    "memory": Promise("memory per process is bounded", _EVERY, _over("memory_mb", LIMITS.memory_mb)),
    "file_size": Promise("the size of a file is bounded", _EVERY, _over("file_mb", LIMITS.file_mb)),
    "open_files": Promise("the number of open files is bounded", _EVERY, _over("open_files", LIMITS.files)),
    "user": Promise("nothing inside runs as the kernel's uid 0", _EVERY, _any("run_as_root")),
    "environment": Promise("no variable of this process is inherited", _EVERY, _any("foreign_variables")),
    "descriptors": Promise("no open file of this process is inherited", _EVERY, _any("inherited")),
}


def promises(level: Level) -> dict[str, str]:
    """What `self_test` checks at this level: name and sentence."""
    return {name: promise.text for name, promise in PROMISES.items() if level in promise.levels}


def self_test(sandbox: Sandbox, python: Interpreter) -> None:
    """Raise `SandboxError` naming each promise of the sandbox's level that does not hold; else return."""
    # A socket's path holds 107 bytes (unix(7)); this one's is the folder's and 35 more at most.
    short = None if len(os.fsencode(tempfile.gettempdir())) <= _SOCKET_FOLDER else "/tmp"
    with tempfile.TemporaryDirectory(prefix="cereval-", dir=short) as folder, _bait(Path(folder)) as bait:
        seen = _observe(sandbox, python, bait)
    broken = []
    for name in promises(sandbox.level):
        seen_instead = PROMISES[name].breach(seen)
        if seen_instead:
            broken.append(f"{name} (promised: {PROMISES[name].text}; seen: {seen_instead})")
    if broken:
        raise SandboxError(
            f"the sandbox of level {sandbox.level} does not keep what it promises: " + "; ".join(broken),
            next_step="do not trust a verdict from here; update bubblewrap and the kernel, or report what "
            f"is broken together with {sandbox.describe()}",
        )


_SOCKET_FOLDER = 70


@dataclass(frozen=True, slots=True)
class _Bait:
    order: dict[str, Any]
    datagrams: socket.socket


@contextlib.contextmanager
def _bait(folder: Path) -> Iterator[_Bait]:
    """Things on this side that must stay out of reach: a readable file and four listening sockets."""
    folder.chmod(0o755)
    canary = folder / "canary"
    canary.write_text("the host's secret", "utf-8")
    abstract = f"cereval-{secrets.token_hex(8)}"
    with contextlib.ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        datagrams = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        datagrams.bind(("127.0.0.1", 0))
        for address in ("\0" + abstract, f"{canary}.socket"):
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(address)
            server.listen()
        Path(f"{canary}.socket").chmod(0o777)
        order = {
            "token": secrets.token_hex(8),
            "tcp": tcp.getsockname()[1],
            "udp": datagrams.getsockname()[1],
            "abstract": abstract,
            "canary": str(canary),
            "folders": [*_FOLDERS, str(folder)],
            "scratch": [".", "/dev/shm"],
            **{name: getattr(LIMITS, name) for name in ("processes", "memory_mb", "files", "file_mb", "tmp_mb")},
        }
        yield _Bait(order, datagrams)


def _observe(sandbox: Sandbox, python: Interpreter, bait: _Bait) -> Seen:
    launch = Launch(
        argv=(python.executable, "-I", "-S", "-B", _PROBE, json.dumps(bait.order)),
        binds=python.binds(),
        data=((_PROBE, Path(__file__).with_name("probe.py").read_bytes()),),
    )
    token = bait.order["token"]
    with sandbox.start(launch, LIMITS) as process:
        try:
            seen = process.receive(timeout_s=LIMITS.wall_s)
            process.receive(timeout_s=LIMITS.wall_s)
        except (FrameClosed, FrameError, FrameTimeout) as error:
            end = process.finish()
            raise SandboxError(
                f"the self-test of the sandbox did not come to its end ({error}): {end.status} {end.code}; "
                f"{end.output.strip()[-500:] or 'no output'}",
                next_step="check that the interpreter runs inside: its binds may miss a directory",
            ) from error
        alive = _carrying(token)
        if len(alive) < 2:
            raise SandboxError(
                f"the self-test cannot see its own processes in /proc ({len(alive)} of 2)",
                next_step="mount /proc without hidepid for this user",
            )
        seen["run_as_root"] = [pid for pid in alive if 0 in _uids(pid)]
        process.finish()
    seen["survivors"] = _carrying(token)
    with contextlib.suppress(BlockingIOError):
        bait.datagrams.setblocking(False)
        seen["network"].append(bait.datagrams.recv(64).decode() + " by udp")
    seen["foreign_variables"] = sorted(set(seen["environment"]) - _EXPECTED_NAMES)
    return seen


def _carrying(token: str) -> list[int]:
    """The host's ids of all processes with `token` on their command line, this one aside."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if token.encode() in (entry / "cmdline").read_bytes().split(b"--")[-1]:
                    found.append(int(entry.name))
    return found


def _uids(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text("utf-8", "replace").splitlines():
            if line.startswith("Uid:"):
                return [int(number) for number in line.split()[1:]]
    return []
