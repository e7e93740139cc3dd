"""Turns a sealed warm interpreter into many sealed processes, each a fork of it with a world of its own.

The other end of `inside.nursery`. One sandbox, one interpreter, one hash seed; what differs between checks (the
changed file, the limits, the descriptors) comes with each fork. A nursery that does not answer as it should is
never used again, and says so by `ParentLostError`, which is no verdict on anybody.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import resource
import socket
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pytest_cereval.errors import SandboxError
from pytest_cereval.inside.nursery import FORK, MAX_MESSAGE, PRELOAD, READY, REFUSED, SOCKET_VARIABLE
from pytest_cereval.sandbox import pidfd, seccomp
from pytest_cereval.sandbox.contents import hold
from pytest_cereval.sandbox.forked import Forked, ParentLostError
from pytest_cereval.sandbox.limits import resource_limits
from pytest_cereval.sandbox.mounts import SHM_MB
from pytest_cereval.sandbox.output import printable
from pytest_cereval.sandbox.process import ChildEnds, Process
from pytest_cereval.sandbox.sandbox import Launch, Limits, Sandbox

_ANSWER_S = 20.0
_PRELOAD_S = 120.0
_LIFE_S = 7 * 86_400.0


class NestingError(SandboxError):
    """The kernel does not let a sandbox make others, so no nursery can work here."""


class Nursery:
    """A running nursery; `start` may be called from several threads at once."""

    def __init__(self, sandbox: Sandbox, launch: Launch) -> None:
        """Start `launch`, which runs `inside.nursery`; raises `SandboxError`, of which `NestingError` is final."""
        self._filter = seccomp.IN_NAMESPACES.program()
        # Outermost first; bubblewrap's binds come in this order, too.
        shown = sorted((bind.target for bind in launch.binds), key=lambda path: path.count("/"))
        self._kept = [path for path in shown if path.startswith("/tmp/")]  # noqa: S108 - inside the sandbox
        self._lock = threading.RLock()
        self._running = 0
        self._retired = self._closed = False
        self.forked = 0
        self._open = ExitStack()
        with ExitStack() as stack:
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            stack.callback(self._control.close)
            with theirs:
                environment = (*launch.env, (SOCKET_VARIABLE, str(theirs.fileno())))
                own = dataclasses.replace(
                    launch, env=environment, channel=False, descriptors=(theirs.fileno(),), nests=True
                )
                self._process: Process = sandbox.start(own, _roomy())
            stack.callback(self._process.finish)
            self._control.settimeout(_ANSWER_S)
            self._itself = self._receive_ready(self._control)
            stack.callback(os.close, self._itself)
            self._pid = pidfd.pid_of(self._itself)
            self._open = stack.pop_all()

    def preload(self, names: Sequence[str], **where: Any) -> list[str]:
        """Import installed modules there (see `inside.nursery`); return the names of those that must not be.

        After a name came back the nursery may hold what it should not, and is to be retired.
        """
        asked = PRELOAD + json.dumps({"names": list(names), **where}).encode()
        with self._lock:
            self._control.settimeout(_PRELOAD_S)
            try:
                self._control.send(asked)
                answer = self._control.recv(MAX_MESSAGE)
                failed: list[str] = json.loads(answer)["failed"]
            except (OSError, ValueError, KeyError) as error:
                raise self._gone("importing installed packages", error) from error
            finally:
                self._control.settimeout(_ANSWER_S)
        return failed

    @property
    def threads(self) -> int:
        """How many threads it has; a fork of a process with several may find locks held for ever."""
        try:
            return len(list(Path(f"/proc/{self._pid}/task").iterdir()))
        except OSError as error:
            raise self._gone("being looked at", error) from error

    def start(self, program: str, data: Sequence[tuple[str, bytes]], limits: Limits) -> Process:
        """A sealed fork that runs an inside program, in which `data` covers the files at its paths."""
        request = {
            "program": program,
            "data": [(path, base64.b64encode(content).decode()) for path, content in data],
            "kept": self._kept,
            "tmp_bytes": limits.tmp_mb << 20,
            "shm_bytes": SHM_MB << 20,
            "limits": resource_limits(limits),
            "seccomp": base64.b64encode(self._filter).decode() if self._filter else "",
        }
        return Process(lambda ends: self._fork(json.dumps(request).encode(), ends), limits, channel=True)

    def _fork(self, request: bytes, ends: ChildEnds) -> Forked:
        assert ends.channel is not None  # noqa: S101 - start asks for one
        with ExitStack() as stack:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            stack.callback(ours.close)
            with theirs, ExitStack() as held:
                handed = [hold(request, held), *ends.channel, ends.output, theirs.fileno()]
                self.begin()
                stack.callback(self.end)
                try:
                    socket.send_fds(self._control, [FORK], handed)
                except OSError as error:
                    raise self._gone("being asked for a process", error) from error
            ours.settimeout(_ANSWER_S)
            first = self._receive_ready(ours)
            stack.callback(os.close, first)
            tree = Forked(first, ours, self)
            stack.pop_all()
        return tree

    def _receive_ready(self, channel: socket.socket) -> int:
        """The process descriptor that comes with good news."""
        try:
            told, handed, _, _ = socket.recv_fds(channel, MAX_MESSAGE, 1, socket.MSG_CMSG_CLOEXEC)
        except OSError as error:
            raise self._gone("answering", error) from error
        if told == READY and len(handed) == 1:
            return handed[0]
        for fd in handed:
            os.close(fd)
        if told[:1] == REFUSED:
            raise NestingError(f"a process could not be sealed inside a sandbox: {printable(told[1:])}")
        raise self._gone("answering", None)

    def _gone(self, doing: str, error: Exception | None) -> ParentLostError:
        self.retire()
        reason = f": {error}" if error else ""
        return ParentLostError(f"the warm interpreter was lost while {doing}{reason}")

    def begin(self) -> None:
        with self._lock:
            self._running += 1
            self.forked += 1

    def end(self) -> None:
        with self._lock:
            self._running -= 1
            over = self._retired and not self._running
        if over:
            self.close()

    @property
    def alive(self) -> bool:
        """Whether its process has not ended."""
        with self._lock:
            return not self._closed and not pidfd.gone(self._itself, 0)

    @property
    def retired(self) -> bool:
        """Whether it takes no more work."""
        return self._retired

    def retire(self) -> None:
        """Take no more work, and close when what runs has ended."""
        with self._lock:
            self._retired = True
            over = not self._running
        if over:
            self.close()

    def close(self) -> None:
        """End it and whatever it has forked; harmless if that is done already."""
        with self._lock:
            self._retired = self._closed = True
            mine, self._open = self._open, ExitStack()
        mine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _roomy() -> Limits:
    """Bounds above those of any child, which can only lower what it inherits, within what this process may have."""

    def most(kind: int, wanted: int) -> int:
        hard = resource.getrlimit(kind)[1]
        return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)

    return Limits(
        wall_s=_LIFE_S,
        cpu_s=most(resource.RLIMIT_CPU, 1 << 30),
        memory_mb=most(resource.RLIMIT_AS, 1 << 44) >> 20,
        processes=most(resource.RLIMIT_NPROC, 1 << 20),
        files=most(resource.RLIMIT_NOFILE, 4096),
        file_mb=most(resource.RLIMIT_FSIZE, 1 << 40) >> 20,
        tmp_mb=1,
    )
