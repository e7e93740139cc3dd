"""Turns a spawned process tree into a conversation: messages both ways, then one `End`."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from pytest_cereval.errors import SandboxError
from pytest_cereval.inside.framing import FrameClosed, FrameTimeout, parse_message, read_body, write_frame
from pytest_cereval.sandbox.output import printable
from pytest_cereval.sandbox.sandbox import READ_FD_VARIABLE, WRITE_FD_VARIABLE, End, Limits
from pytest_cereval.sandbox.supervisor import Supervisor, Tree


@dataclass(frozen=True, slots=True)
class ChildEnds:
    """The descriptors a backend hands to the program: `output` as stdout and stderr, `channel` by number."""

    output: int
    output_read: int
    channel: tuple[int, int] | None

    def said(self) -> str:
        """What has been written to `output`; for a backend whose start failed."""
        os.set_blocking(self.output_read, False)
        with contextlib.suppress(BlockingIOError):
            return printable(os.read(self.output_read, 4096)).strip()
        return ""

    @property
    def inherited(self) -> tuple[int, ...]:
        return self.channel or ()

    def environment(self) -> tuple[tuple[str, str], ...]:
        """The variables that tell the program which descriptors to read from and write to."""
        if self.channel is None:
            return ()
        return ((READ_FD_VARIABLE, str(self.channel[0])), (WRITE_FD_VARIABLE, str(self.channel[1])))


def start_child(arguments: list[str], ends: ChildEnds, handed: Iterable[int]) -> subprocess.Popen[bytes]:
    """Start a backend's first program: no environment, no input, no descriptor but these.

    Raises `SandboxError` if the system cannot start it.
    """
    try:
        return subprocess.Popen(
            arguments,
            env={},
            stdin=subprocess.DEVNULL,
            stdout=ends.output,
            stderr=ends.output,
            pass_fds=(*handed, *ends.inherited),
            start_new_session=True,  # so that Ctrl-C in the terminal is ours to handle and not the child's
        )
    except OSError as error:
        raise SandboxError(
            f"{arguments[0]} could not be started: {error}",
            next_step="check that it can be executed, and that neither memory nor processes ran out",
        ) from error


def reap_child(child: subprocess.Popen[bytes]) -> tuple[int, float]:
    """Wait for a direct child: its exit code, negative for a signal, and the kernel's sum of processor seconds."""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, usage.ru_utime + usage.ru_stime


class Process:
    """A running sealed program. Use it as a context manager, or call `finish`; use it from one thread."""

    def __init__(self, spawn: Callable[[ChildEnds], Tree], limits: Limits, *, channel: bool) -> None:
        """Start the tree; raises what `spawn` raises, with nothing left open."""
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            output_read, output = open_pipe(ours, theirs)
            self._receive_fd = self._send_fd = -1
            ends = None
            if channel:
                self._receive_fd, child_writes = open_pipe(ours, theirs)
                child_reads, self._send_fd = open_pipe(theirs, ours)
                os.set_blocking(self._send_fd, False)  # so that a program that does not read cannot hold `send`
                ends = (child_reads, child_writes)
            child_ends = ChildEnds(output, output_read, ends)
            self._supervisor = Supervisor(
                lambda: spawn(child_ends),
                limits,
                output_fd=output_read,
                channel_fd=self._receive_fd if channel else None,
            )
            ours.callback(self._supervisor.release)
            self._supervisor.launch()
            self._open = ours.pop_all()
        self._end: End | None = None
        self._broken: BaseException | None = None

    def send(self, message: dict[str, Any]) -> None:
        """Send one message; raises `FrameClosed` if the program hung up or the launch is over.

        A program that does not read holds this call up to the wall limit at most; then `FrameTimeout`.
        """
        self._require_open(self._send_fd)
        with self._wall_limit_as_timeout():
            write_frame(self._send_fd, message, deadline=self._supervisor.deadline)

    def receive(self, *, timeout_s: float) -> dict[str, Any]:
        """Receive one message within `timeout_s` seconds and the wall limit.

        Raises `FrameTimeout`, `FrameClosed` or `FrameError`; do not go on with the channel after any of them.
        """
        return parse_message(self.receive_body(timeout_s=timeout_s))

    def receive_body(self, *, timeout_s: float) -> bytes:
        """As `receive`, but the message as it came: not looked at, whatever its bytes are."""
        self._require_open(self._receive_fd)
        with self._wall_limit_as_timeout():
            deadline = min(time.monotonic() + timeout_s, self._supervisor.deadline)
            return read_body(self._receive_fd, deadline=deadline)

    @contextlib.contextmanager
    def _wall_limit_as_timeout(self) -> Iterator[None]:
        """The supervisor's kill at the wall limit may show as a hang-up before the clock is looked at."""
        try:
            yield
        except FrameClosed:
            if time.monotonic() >= self._supervisor.deadline:
                raise FrameTimeout("the launch reached its wall limit") from None
            raise

    def finish(self) -> End:
        """Kill what still runs, wait until nothing is left, release all; later calls return the same."""
        return self._close(self._supervisor.stop)

    def wait(self) -> End:
        """Wait for the program to end by itself, up to the wall limit; then as `finish`."""
        return self._close(self._supervisor.wait)

    def _close(self, ending: Callable[[], End]) -> End:
        if self._broken is not None:
            raise self._broken
        if self._end is None:
            try:
                self._end = ending()
            except BaseException as error:
                if self._supervisor.over:
                    self._broken = error
                raise
            finally:
                self._receive_fd = self._send_fd = -1
                if self._supervisor.over:  # an interrupted wait leaves it to the next call
                    self._open.close()
        return self._end

    def _require_open(self, fd: int) -> None:
        if fd < 0:
            raise FrameClosed("this launch has no channel, or is over")

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()


def open_pipe(reader: contextlib.ExitStack, writer: contextlib.ExitStack) -> tuple[int, int]:
    """A pipe whose read end is closed by one stack and whose write end by the other."""
    read_end, write_end = os.pipe()
    reader.callback(os.close, read_end)
    writer.callback(os.close, write_end)
    return read_end, write_end
