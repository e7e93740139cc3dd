"""Turns a process that a nursery has forked, and that is nobody's child here, into a tree that can be ruled."""

from __future__ import annotations

import os
import signal
import socket
from typing import Protocol

from pytest_cereval.errors import SandboxError
from pytest_cereval.inside.nursery import ENDED, MAX_MESSAGE, STATUS
from pytest_cereval.sandbox import pidfd
from pytest_cereval.sandbox.accounting import tree_seconds
from pytest_cereval.sandbox.sandbox import EndStatus

_END_S = 10.0  # for the kernel to tear a pid namespace down


class Parent(Protocol):
    """Where forks come from, and what is told when one has ended."""

    @property
    def alive(self) -> bool: ...

    def end(self) -> None: ...


class ParentLostError(SandboxError):
    """The parent of a forked process is gone, and took the process with it; another parent may do better."""


class Forked:
    """The processes of one pid namespace, ruled through a descriptor of its first, which is trusted.

    That first process reports how the program ended, through `report`; killed, it says nothing and takes all others
    with it.
    """

    def __init__(self, first: int, report: socket.socket, parent: Parent) -> None:
        self._first = first
        self._report = report
        self._parent = parent
        self._pid = pidfd.pid_of(first)

    def first(self) -> int:
        return os.dup(self._first)

    def kill(self) -> None:
        pidfd.kill(self._first)

    def gone(self, timeout_s: float) -> bool:
        return pidfd.gone(self._first, timeout_s)

    def reap(self) -> tuple[EndStatus, int, float]:
        """What the first process reported, or that it was killed; raises `ParentLostError` if that is not its fate."""
        if not self.gone(_END_S):
            raise SandboxError("a forked worker does not end although it was killed")
        try:
            told = self._report.recv(MAX_MESSAGE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            told = b""
        if told[:1] != ENDED:
            if not self._parent.alive:
                raise ParentLostError("the warm interpreter ended, and the process that it had forked with it")
            return EndStatus.SIGNALLED, signal.SIGKILL, 0.0
        status, cpu_s = STATUS.unpack(told[1:])
        code = os.waitstatus_to_exitcode(status)
        return (EndStatus.SIGNALLED, -code, cpu_s) if code < 0 else (EndStatus.EXITED, code, cpu_s)

    def cpu_seconds(self) -> float:
        """Summed over the living and those they waited for; 0.0 once all are gone, when the report has it."""
        return tree_seconds(self._pid) if self._pid > 0 else 0.0

    def close(self) -> None:
        os.close(self._first)
        self._report.close()
        self._parent.end()
