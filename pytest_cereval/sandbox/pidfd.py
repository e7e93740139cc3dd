"""Rules a process by a descriptor of it, which never comes to mean another process."""

from __future__ import annotations

import contextlib
import select
import signal
from pathlib import Path


def kill(pidfd: int) -> None:
    """Send SIGKILL; harmless if the process is gone."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)


def gone(pidfd: int, timeout_s: float) -> bool:
    """Whether the process has ended, waiting for it up to `timeout_s` seconds."""
    watch = select.poll()
    watch.register(pidfd, select.POLLIN)
    return bool(watch.poll(timeout_s * 1000))


def pid_of(pidfd: int) -> int:
    """The process's id in the /proc that is mounted here, or -1."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text("ascii").splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    return -1
