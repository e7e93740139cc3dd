"""Turns bubblewrap's status messages into hold over what runs inside: limits before, a sure kill after."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import select
import struct
import subprocess
import termios
import time
from pathlib import Path

from pytest_cereval.errors import SandboxError
from pytest_cereval.sandbox import pidfd
from pytest_cereval.sandbox.accounting import tree_seconds
from pytest_cereval.sandbox.limits import resource_limits
from pytest_cereval.sandbox.process import reap_child
from pytest_cereval.sandbox.sandbox import EndStatus, Limits

_SET_UP_S = 10.0


class NotSetUpError(Exception):
    """Bubblewrap ended before the program could start; its reason is in the output."""


class Namespace:
    """The processes inside one set of namespaces, ruled through the pid namespace's first process.

    When that one is killed the kernel kills all others, however they forked, before it counts as ended.
    """

    def __init__(self, child: subprocess.Popen[bytes], at_close: contextlib.ExitStack) -> None:
        self.child = child
        self.at_close = at_close
        self._first_pid = -1
        self._first = -1

    def enter(self, status: int, limits: Limits) -> None:
        """Learn the first process from bubblewrap and set the limits that all others inherit.

        From outside, because the limit on processes is to count in the new user namespace only, and because
        it costs no program inside. Raises `NotSetUpError` or `SandboxError`.
        """
        self._first_pid = _read_child_pid(status)
        try:
            self._first = os.pidfd_open(self._first_pid)
            self.at_close.callback(os.close, self._first)
            for kind, value in resource_limits(limits):
                resource.prlimit(self._first_pid, kind, (value, value))
        except ProcessLookupError:
            raise NotSetUpError from None
        except (PermissionError, ValueError) as error:
            raise SandboxError(
                f"limits could not be set on the sandbox: {error}",
                next_step=f"raise this process's own limits (ulimit -H), or ask for less than {limits}",
            ) from error
        self._offer_to_oom_killer()

    def open_gate(self, gate: int, gate_end: int) -> None:
        """Let the program go, and return only when it went: bubblewrap takes the byte when all is set up."""
        os.write(gate, b"g")
        deadline = time.monotonic() + _SET_UP_S
        while _unread(gate_end):
            ended = self.gone(0.0005)
            if (ended or time.monotonic() > deadline) and _unread(gate_end):
                raise NotSetUpError

    def _offer_to_oom_killer(self) -> None:
        """Have the kernel, when short of memory, take the sandbox and not somebody's editor."""
        for pid in (self.child.pid, self._first_pid):
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/oom_score_adj").write_text("1000", "ascii")

    def kill(self) -> None:
        pidfd.kill(self._first)

    def gone(self, timeout_s: float) -> bool:
        return pidfd.gone(self._first, timeout_s)

    def first(self) -> int:
        return os.pidfd_open(self.child.pid)

    def reap(self) -> tuple[EndStatus, int, float]:
        """Bubblewrap passes a signal on as exit code 128 + number."""
        code, cpu_s = reap_child(self.child)
        if code < 0:
            return EndStatus.SIGNALLED, -code, cpu_s
        return (EndStatus.SIGNALLED, code - 128, cpu_s) if code > 128 else (EndStatus.EXITED, code, cpu_s)

    def cpu_seconds(self) -> float:
        """Summed over the living and those they waited for.

        The kernel's report on bubblewrap itself lacks what bubblewrap did not wait for (a natural end) and
        what a dying pid namespace reaps unaccounted (a kill).
        """
        return tree_seconds(self._first_pid)

    def close(self) -> None:
        self.at_close.close()

    def abandon(self) -> None:
        """Undo a start that failed half-way."""
        self.child.kill()
        self.child.wait()
        if self._first >= 0:
            self.kill()
            self.gone(_SET_UP_S)
        self.close()


def _read_child_pid(status: int) -> int:
    deadline = time.monotonic() + _SET_UP_S
    line = b""
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([status], [], [], left)[0]:
            raise NotSetUpError
        chunk = os.read(status, 4096)
        if not chunk:
            raise NotSetUpError
        line += chunk
    return int(json.loads(line.splitlines()[0])["child-pid"])


def _unread(fd: int) -> int:
    return int(struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0])
