"""Turns a command into a running host process with a channel to it and, once it is dead, an account of
why.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from pytest_cereval.inside import framing

# -P keeps modules in the current directory from standing in for installed ones.
HOST_COMMAND = (sys.executable, "-P", "-m", "pytest_cereval.models.host")
_FAULTS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT)
_LOG_TAIL_BYTES = 2000
_DYING_S = 10.0


class HostProcess:
    """One host process. Not thread-safe, except for `kill`."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        to_host, self._write_fd = os.pipe()
        self._read_fd, from_host = os.pipe()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=(to_host, from_host),
                env=_environment(environment, to_host, from_host),
                start_new_session=True,  # Ctrl-C in the terminal is for the parent to handle
            )
        except BaseException:
            os.close(self._write_fd)
            os.close(self._read_fd)
            self._log.close()
            raise
        finally:
            os.close(to_host)
            os.close(from_host)

    def send(self, message: dict[str, Any]) -> None:
        """Send one request; raises as `framing.write_frame` does."""
        framing.write_frame(self._write_fd, message)

    def receive(self, deadline: float) -> dict[str, Any]:
        """Wait for one message until `deadline` on the monotonic clock; raises as `framing.read_frame`
        does.
        """
        return framing.read_frame(self._read_fd, deadline=deadline)

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def died_of_a_fault(self) -> bool:
        """Whether native code ended the process, as opposed to an exit of its own or a kill from outside."""
        return -self._status() in _FAULTS

    def obituary(self) -> str:
        """How the process ended, with the end of what it had written."""
        status = self._status()
        cause = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - _LOG_TAIL_BYTES))
        lines = self._log.read().decode(errors="replace").strip().splitlines()[-12:]
        return cause + "".join(f"\n    {line}" for line in lines)

    def kill(self) -> None:
        """End the process now; safe from any thread."""
        self._process.kill()

    def close(self) -> None:
        """End the process and give back what belongs to it; calling it twice is fine."""
        if self._log.closed:
            return
        self._process.kill()
        self._process.wait()
        os.close(self._write_fd)
        os.close(self._read_fd)
        self._log.close()

    def _status(self) -> int:
        # The channel closes a moment before the process can be waited for.
        try:
            return self._process.wait(_DYING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def _environment(extra: Mapping[str, str], read_fd: int, write_fd: int) -> dict[str, str]:
    environment = {**os.environ, **extra}
    environment["CEREVAL_READ_FD"], environment["CEREVAL_WRITE_FD"] = str(read_fd), str(write_fd)
    # Without it, ggml attaches a debugger to itself when an assertion fails.
    environment["GGML_NO_BACKTRACE"] = "1"
    if "OMP_WAIT_POLICY" not in environment:
        # Threads that spin at llama.cpp's barriers starve each other as soon as anything else wants a core:
        # 0.4 instead of 15 tokens/s on two cores with one busy neighbour. A short spin costs nothing on an
        # idle machine.
        environment.setdefault("GOMP_SPINCOUNT", "1000")
    root = Path(__file__).resolve().parents[2]
    if root.name not in ("site-packages", "dist-packages"):
        # A source checkout that is on this process's path only.
        paths = [str(root), *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    return environment
