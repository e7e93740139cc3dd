"""Turns a way to spawn a process tree into its `End`: drains output, keeps the wall limit, kills, reaps.

One thread per launch does all of it, so there is one place where the state of a launch changes. The thread
that spawns also outlives the child, which makes the kernel's parent-death signal safe to use: that signal
fires when the spawning *thread* ends (bubblewrap issue 692), not when the process does.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable
from typing import Protocol

from pytest_cereval.sandbox import pidfd
from pytest_cereval.sandbox.output import OutputTail
from pytest_cereval.sandbox.sandbox import End, EndStatus, Limits

FLOOD_BYTES = 64 << 20
_KILL_GRACE_S = 5.0  # for the kernel to tear down what was killed
_HANGUP_GRACE_S = 0.2  # for a program that closed its channel to finish ending by itself


class Tree(Protocol):
    """The processes of one launch, as the backend that started them can handle them."""

    def first(self) -> int:
        """A new descriptor (pidfd) that becomes readable when the launch has ended; the caller closes it."""
        ...

    def kill(self) -> None:
        """Send SIGKILL to all of them; harmless if none is left."""
        ...

    def gone(self, timeout_s: float) -> bool:
        """Whether none of them is left, waiting up to `timeout_s` seconds for that."""
        ...

    def reap(self) -> tuple[EndStatus, int, float]:
        """The fate of the sealed program, and the processor seconds that are known from its end; called once, dead.

        Raises `SandboxError` if the fate is unknown by a fault of ours.
        """
        ...

    def cpu_seconds(self) -> float:
        """Processor seconds so far; 0.0 where `reap` has them all."""
        ...

    def close(self) -> None: ...


class Supervisor(threading.Thread):
    """Runs one launch from spawn to `end`; owns the read end of its output."""

    def __init__(self, spawn: Callable[[], Tree], limits: Limits, *, output_fd: int, channel_fd: int | None) -> None:
        super().__init__(name="cereval-sandbox", daemon=True)
        self._spawn = spawn
        self._limits = limits
        self._output_fd = output_fd
        self._channel_fd = channel_fd
        self._tail = OutputTail(limits.output_kb << 10)
        self._wake = os.eventfd(0, os.EFD_CLOEXEC)
        self._spawned = threading.Event()
        self._over = threading.Event()
        self._failure: BaseException | None = None
        self._reason = ""
        self._cpu_s = 0.0
        self._tree: Tree
        self.started_at = 0.0
        self.deadline = 0.0
        self.end: End | None = None

    def launch(self) -> None:
        """Start and return once the tree runs; raises whatever the spawn raised."""
        self.start()
        try:
            self._spawned.wait()
        except BaseException:  # an interrupt: leave no thread behind that uses the caller's descriptors
            self.stop()
            raise
        if self._failure is not None:
            self._over.wait()
            self.join()
            raise self._failure

    def stop(self) -> End:
        """End the launch now unless it has ended by itself; returns when nothing of it is left."""
        if self.end is None:
            os.eventfd_write(self._wake, 1)
        return self.wait()

    def wait(self) -> End:
        """Wait for the end, which comes at the wall limit at the latest."""
        # Not join alone: interrupted, it may take the thread for ended while it runs (bpo-45274).
        self._over.wait()
        self.join()
        if self.end is None:
            raise self._failure or RuntimeError("the sandbox's supervisor ended without a result")
        return self.end

    @property
    def over(self) -> bool:
        """Whether the thread uses no descriptor any more."""
        return self._over.is_set()

    def release(self) -> None:
        """Close the wake-up descriptor; call once, when it is `over`."""
        os.close(self._wake)

    def run(self) -> None:
        try:
            self._supervise()
        finally:
            self._over.set()

    def _supervise(self) -> None:
        self.started_at = time.monotonic()
        try:
            self._tree = self._spawn()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that called launch()
            self._failure = error
            return
        finally:
            self.deadline = time.monotonic() + self._limits.wall_s
            self._spawned.set()
        try:
            self._watch()
            self.end = self._reap()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that calls wait()
            self._failure = error
            self._tree.kill()
        finally:
            self._tree.close()

    def _watch(self) -> None:
        """Drain until the launch has ended, of itself or because a limit or `stop` made us kill it."""
        child = self._tree.first()
        poll = select.poll()
        for fd in (child, self._wake, self._output_fd):
            poll.register(fd, select.POLLIN)
        limit = self.deadline
        try:
            while True:
                ready = {fd for fd, _ in poll.poll(max(0.0, limit - time.monotonic()) * 1000)}
                if self._output_fd in ready and (not self._drain_once() or self._tail.total > FLOOD_BYTES):
                    # Its end, or a flood: who goes on writing then waits for the kill, however late that comes.
                    poll.unregister(self._output_fd)
                if child in ready:
                    return
                if self._wake in ready:
                    poll.unregister(self._wake)
                    if not self._reason:
                        limit = min(limit, self._limit_after_stop())
                flooded = not self._reason and self._tail.total > FLOOD_BYTES
                if flooded or time.monotonic() >= limit:
                    limit = self._kill(child, "output" if flooded else "wall" if limit >= self.deadline else "finish")
        finally:
            os.close(child)

    def _limit_after_stop(self) -> float:
        """When to kill after `stop`: at once, or after a grace if the program hung up and may be ending."""
        if self._channel_fd is not None:
            hung_up = select.poll()
            hung_up.register(self._channel_fd, 0)
            if hung_up.poll(0):
                return time.monotonic() + _HANGUP_GRACE_S
        return time.monotonic()

    def _kill(self, child: int, reason: str) -> float:
        """Kill the tree and give it a time to be gone; after that time, kill the direct child too."""
        if self._reason:
            pidfd.kill(child)  # which may be gone this moment, and reaped by who forked it
        self._reason = self._reason or reason
        self._cpu_s = max(self._cpu_s, self._tree.cpu_seconds())
        self._tree.kill()
        return time.monotonic() + _KILL_GRACE_S

    def _drain_once(self) -> bool:
        chunk = os.read(self._output_fd, 1 << 16)
        self._tail.feed(chunk)
        return bool(chunk)

    def _reap(self) -> End:
        """Kill what the program left behind, take the last output and the direct child's status."""
        cpu_s = max(self._cpu_s, self._tree.cpu_seconds())
        wall_s = time.monotonic() - self.started_at
        # Before reaping: while the child is a zombie its process-group id cannot belong to anybody else.
        self._tree.kill()
        natural, code, reaped_s = self._tree.reap()
        self._tree.gone(_KILL_GRACE_S)
        self._drain_rest()
        forced = {"": natural, "wall": EndStatus.TIMED_OUT}.get(self._reason, EndStatus.KILLED)
        return End(
            status=forced,
            code=None if self._reason else code,
            output=self._tail.text(),
            output_bytes=self._tail.total,
            output_overflow=self._tail.overflowed,
            cpu_s=max(reaped_s, cpu_s),
            wall_s=wall_s,
            reason=self._reason,
        )

    def _drain_rest(self) -> None:
        """Read what is left without waiting: at the weakest level a survivor may hold the pipe open."""
        os.set_blocking(self._output_fd, False)
        try:
            while self._tail.total <= FLOOD_BYTES and self._drain_once():
                pass
        except BlockingIOError:
            pass
