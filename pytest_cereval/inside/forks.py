"""Runs a piece of work in a forked child and turns its end, whatever it is, into one message. Standard library only."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
import types
from collections.abc import Callable, Iterator
from typing import Any

from . import sharing
from .framing import FrameClosed, FrameError, FrameTimeout, read_frame, write_frame
from .worker import failure

FORK_FRAME_BYTES = 64 << 20
_GRACE_S = 1.0
_OURS = 70  # sysexits.h: an internal software error
_WALL_PER_CPU = 8
_LEAST_WALL_S = 30.0


class OutOfTime(BaseException):
    """What `time_limit` raises; no `Exception`, so that code which handles any does not take it for its own."""


def in_fork(work: Callable[[], dict[str, Any]], cpu_s: float, wall_s: float | None = None) -> dict[str, Any]:
    """What `work` returns in a child; `{"timed_out"}`, `{"died"}` or `{"failed"}` if it does not.

    The bound is processor time, so that a busy machine does not change the answer; a wall limit, generous unless it is
    given, stops what only waits.
    """
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        _be_child(work, read_end, write_end, cpu_s)
    os.close(write_end)
    deadline = time.monotonic() + (wall_s or max(_LEAST_WALL_S, _WALL_PER_CPU * cpu_s))
    reply: dict[str, Any] = {}
    try:
        reply = read_frame(read_end, deadline=deadline, limit=FORK_FRAME_BYTES)
    except FrameTimeout:
        reply = {"timed_out": True}
    except FrameClosed:
        reply = {"died": True}
    except FrameError as error:
        reply = {"failed": str(error)}
    finally:
        os.close(read_end)
        status = _end_of(child, _GRACE_S if "died" in reply else 0.0)
    if "died" in reply and status is not None and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF:
        return {"timed_out": True}
    if "died" in reply and status is not None and _is_ours(status):
        return {"failed": "the fork ended without a word, by a fault of ours or for want of memory"}
    sharing.take(reply)
    return reply


def _end_of(child: int, grace_s: float) -> int | None:
    """How a child ended by itself; None if it had to be killed for that."""
    until = time.monotonic() + grace_s
    while grace_s and time.monotonic() < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        time.sleep(0.002)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _is_ours(status: int) -> bool:
    if os.WIFEXITED(status):
        return os.WEXITSTATUS(status) == _OURS
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _be_child(work: Callable[[], dict[str, Any]], read_end: int, write_end: int, cpu_s: float) -> None:
    code = _OURS
    try:
        os.close(read_end)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, cpu_s)
        before = set(sys.modules)
        try:
            content = work()
            sharing.report(content, before)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
            content = {"failed": failure(error)}
        try:
            write_frame(write_end, content, limit=FORK_FRAME_BYTES)
        except FrameError as error:
            write_frame(write_end, {"failed": str(error)})
        code = 0
    finally:
        os._exit(code)


@contextlib.contextmanager
def time_limit(cpu_s: float) -> Iterator[None]:
    """Raise `OutOfTime` after some processor time; for trusted code only, since it can be caught.

    Counts time in user mode, on a clock of its own beside that of `in_fork`.
    """

    def ring(number: int, frame: types.FrameType | None) -> None:
        raise OutOfTime

    signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, cpu_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
