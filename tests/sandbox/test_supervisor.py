"""The thread that watches a launch ends with an account of it, however the kernel's timing falls."""

from __future__ import annotations

import os
import signal
import time

import pytest

from pytest_cereval.sandbox import supervisor
from pytest_cereval.sandbox.sandbox import EndStatus, Limits
from pytest_cereval.sandbox.supervisor import Supervisor


class Sleeper:
    """A child that survives what `kill` is asked for, as one does for a while on a machine with too much to do."""

    def __init__(self) -> None:
        self.pid = os.fork()
        if not self.pid:
            time.sleep(60)
            os._exit(0)
        self.kills = 0

    def first(self) -> int:
        return os.pidfd_open(self.pid)

    def kill(self) -> None:
        self.kills += 1

    def gone(self, timeout_s: float) -> bool:
        return True

    def reap(self) -> tuple[EndStatus, int, float]:
        return EndStatus.KILLED, signal.SIGKILL, 0.0

    def cpu_seconds(self) -> float:
        return 0.0

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def pipe() -> tuple[int, int]:
    return os.pipe()


def test_a_child_that_is_reaped_between_the_last_look_and_the_last_kill_is_no_fault(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_KILL_GRACE_S", 0.05)
    trees: list[Sleeper] = []

    def spawn() -> Sleeper:
        trees.append(Sleeper())
        return trees[0]

    def late(descriptor: int, number: int) -> None:
        os.kill(trees[0].pid, signal.SIGKILL)
        os.waitpid(trees[0].pid, 0)
        send(descriptor, number)

    send = signal.pidfd_send_signal
    monkeypatch.setattr(signal, "pidfd_send_signal", late)
    read_end, write_end = pipe
    watching = Supervisor(spawn, Limits(wall_s=0.1), output_fd=read_end, channel_fd=None)
    watching.launch()
    end = watching.wait()
    watching.release()
    for descriptor in (read_end, write_end):
        os.close(descriptor)

    assert end.status is EndStatus.TIMED_OUT
    assert trees[0].kills >= 1
