"""Serves forks of one warm interpreter: each request becomes a sealed process that runs one inside program.

The trusted parent of candidates' processes. It imports the standard library, our inside programs and installed
packages, never the repository's modules, and it neither reads requests nor hears from its children: whatever it
knows, each child would know. What it is asked is one word on a socket; the rest comes in descriptors that only the
child opens. Standard library only.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import json
import os
import random
import signal
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

from . import inspection, survey, walls, worker

SOCKET_VARIABLE = "CEREVAL_SOCKET_FD"
FORK, PRELOAD = b"fork", b"load"
READY, REFUSED, ENDED = b"r", b"x", b"e"
STATUS = struct.Struct("=id")
MAX_MESSAGE = 1 << 16
_HANDED = 5
_FIRST_SPARE = 64  # descriptors are moved from here on, clear of the numbers that the program gets
_PROGRAMS: dict[str, Callable[[], None]] = {
    "worker": worker.main,
    "survey": survey.main,
    "inspection": inspection.main,
}


def main() -> None:
    """Say that all is ready, then serve until the socket closes; in a child, become its program and return."""
    walls.hide_memory()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps; nobody here waits
    control = socket.socket(fileno=int(os.environ.pop(SOCKET_VARIABLE)))
    _settle()
    _announce(control)
    program = _serve(control)
    if program is not None:
        program()


def _serve(control: socket.socket) -> Callable[[], None] | None:
    itself = os.pidfd_open(os.getpid())
    while True:
        word, handed, _, _ = socket.recv_fds(control, MAX_MESSAGE, _HANDED, socket.MSG_CMSG_CLOEXEC)
        if not word:
            return None
        if word[:4] == PRELOAD:
            control.send(json.dumps(_preload(**json.loads(word[4:]))).encode())
            continue
        if _fork(itself, handed[-1]) == 0:
            control.detach()  # its number will be somebody else's
            return _child(handed)
        for fd in handed:
            os.close(fd)


def _preload(names: list[str], path: list[str], site: list[str], repository: str) -> dict[str, Any]:
    """Import modules as a worker's imports would find them; `failed` are those that raise or reach into the repository.

    Some packages look at `sys.path` while they are imported, so it is as in a worker.
    """
    failed = []
    before = list(sys.path)
    worker.set_path(path, site)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # some packages start a program while they are imported
    try:
        for name in names:
            known = set(sys.modules)
            try:
                importlib.import_module(name)
            except BaseException:  # noqa: BLE001 - a package may raise anything, and is then not for us
                failed.append(name)
            if any(_is_below(module, repository) for module in set(sys.modules) - known):
                failed.append(name)
    finally:
        sys.path[:] = before
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _settle()
    return {"failed": failed}


def _is_below(module: str, folder: str) -> bool:
    origin = getattr(getattr(sys.modules.get(module), "__spec__", None), "origin", None)
    return isinstance(origin, str) and origin.startswith(f"{folder}/")


def _settle() -> None:
    """Take what lives here out of the collector's sight, so that children do not copy it by looking at it.

    And leave no text in buffers, which every child would write once more.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    gc.collect()
    gc.freeze()


def _fork(itself: int, report_fd: int) -> int:
    """Fork into a pid namespace, or tell the judge why that cannot be; then as if there had been a child."""
    try:
        return walls.fork_into_pid_namespace(itself)
    except OSError as error:
        os.write(report_fd, REFUSED + str(error).encode("utf-8", "replace"))
        return -1


def _announce(channel: socket.socket) -> None:
    """Say that this process is ready, with a descriptor of it."""
    itself = os.pidfd_open(os.getpid())
    socket.send_fds(channel, [READY], [itself])
    os.close(itself)


def _child(handed: list[int]) -> Callable[[], None]:
    """Seal this fork, the first process of a pid namespace, and become in a second fork its program."""
    request_fd, source, sink, output, report_fd = _moved(handed)
    report = socket.socket(fileno=report_fd)
    try:
        with os.fdopen(request_fd, "rb") as file:
            request = json.load(file)
        walls.enter(request)
        os.setsid()
        walls.renounce(request)
        walls.fresh_signals()
        program = os.fork()
        if program:
            _announce(report)
    except BaseException as error:  # noqa: BLE001 - ours, before any candidate's code; the judge must hear of it
        report.send(REFUSED + f"{type(error).__name__}: {error}".encode("utf-8", "replace")[:1000])
        os._exit(1)
    if program:
        for fd in (source, sink, output, 1, 2):
            os.close(fd)
        _attend(program, report)
    report.close()
    _dress(source, sink, output)
    return _PROGRAMS[request["program"]]


def _moved(handed: list[int]) -> list[int]:
    """The descriptors under high numbers, and nothing else open but the standard three."""
    kept = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FIRST_SPARE) for fd in handed]
    for low, high in zip([2, *kept], [*kept, os.sysconf("SC_OPEN_MAX")], strict=True):
        os.closerange(low + 1, high)
    return kept


def _attend(program: int, report: socket.socket) -> None:
    """As a pid namespace's first process: collect the dead until the program is one of them, and say how it ended.

    The kernel kills what is left when this process ends. No signal from inside reaches it, since it handles none.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    while True:
        pid, status = os.wait()
        if pid == program:
            used = os.times()
            report.send(ENDED + STATUS.pack(status, sum(used[:4])))
            os._exit(0)


def _dress(source: int, sink: int, output: int) -> None:
    """Give the program the descriptors, the session and the chance that it would have if it had been started."""
    os.setsid()
    for fd, number in ((output, 1), (output, 2), (source, 3), (sink, 4)):
        os.dup2(fd, number)
    for fd in (source, sink, output):
        os.close(fd)
    os.environ["CEREVAL_READ_FD"], os.environ["CEREVAL_WRITE_FD"] = "3", "4"
    random.seed()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
