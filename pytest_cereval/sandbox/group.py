"""Turns a process group into something that can be killed as one, where there are no namespaces."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time

from pytest_cereval.sandbox.accounting import group_runs, tree_seconds
from pytest_cereval.sandbox.process import reap_child
from pytest_cereval.sandbox.sandbox import EndStatus


class Group:
    """A process group led by the direct child.

    It holds all descendants only where a system call filter keeps them from leaving it.
    """

    def __init__(self, child: subprocess.Popen[bytes], at_close: contextlib.ExitStack) -> None:
        self.child = child
        self.at_close = at_close

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)

    def gone(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while group_runs(self.child.pid):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.001)
        return True

    def first(self) -> int:
        return os.pidfd_open(self.child.pid)

    def reap(self) -> tuple[EndStatus, int, float]:
        code, cpu_s = reap_child(self.child)
        return (EndStatus.SIGNALLED, -code, cpu_s) if code < 0 else (EndStatus.EXITED, code, cpu_s)

    def cpu_seconds(self) -> float:
        return tree_seconds(self.child.pid)

    def close(self) -> None:
        self.at_close.close()
