"""Nothing a program starts outlives its launch, and nothing of a launch outlives the judge."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cereval.inside.framing import FrameClosed, FrameTimeout
from pytest_cereval.sandbox.process import Process
from pytest_cereval.sandbox.sandbox import End, EndStatus, Sandbox

from .conftest import processes_with

DAEMON = """
    import os, time
    if os.fork() == 0:
        try: os.setsid()
        except PermissionError: pass
        if os.fork() == 0:
            print("daemon TOKEN", flush=True)
            time.sleep(100)
        os._exit(0)
    os.wait()
    time.sleep(0.1)
"""


def test_a_daemon_is_dead_when_its_starter_has_ended(confined: Sandbox, run_in: Callable[..., End]) -> None:
    end = run_in(confined, DAEMON.replace("TOKEN", "survivor-1"))

    assert (end.status, end.code, end.output) == (EndStatus.EXITED, 0, "daemon survivor-1\n")
    assert processes_with("survivor-1") == []


def test_a_daemon_is_dead_after_finish(confined: Sandbox, talk_in: Callable[..., Process]) -> None:
    code = textwrap.dedent(DAEMON.replace("TOKEN", "survivor-2")) + "tell({})\ntime.sleep(100)"
    process = talk_in(confined, code)
    process.receive(timeout_s=10)
    alive = processes_with("survivor-2")

    begin = time.monotonic()
    end = process.finish()

    assert len(alive) >= 2
    assert processes_with("survivor-2") == []
    assert (end.status, end.reason) == (EndStatus.KILLED, "finish")
    assert time.monotonic() - begin < 2


def test_a_daemon_that_holds_output_and_channel_does_not_hold_the_judge(
    confined: Sandbox, talk_in: Callable[..., Process]
) -> None:
    process = talk_in(confined, "import time\nif os.fork(): os._exit(0)\ntime.sleep(100)")
    begin = time.monotonic()

    with pytest.raises((FrameTimeout, FrameClosed)):
        process.receive(timeout_s=0.3)
    end = process.finish()

    assert (end.status, end.code) == (EndStatus.EXITED, 0)
    assert time.monotonic() - begin < 2


STARTER = """
import sys, time
sys.path[:0] = {paths!r}
from pathlib import Path
from pytest_cereval.sandbox.choose import LADDER
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.sandbox.sandbox import Launch, Level, Limits
python = inspect_interpreter(Path(sys.executable))
sandbox = dict(LADDER)[Level({level!r})]()
launch = Launch((python.executable, "-c", "import time; time.sleep(100)", {token!r}), python.binds())
process = sandbox.start(launch, Limits(wall_s=100))
print("started", flush=True)
time.sleep(100)
"""


def test_nothing_survives_the_death_of_the_judge(any_level: Sandbox, open_dir: Path) -> None:
    token = f"orphan-{any_level.level}-{os.getpid()}"
    code = STARTER.format(paths=[path for path in sys.path if path], level=str(any_level.level), token=token)
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env={"TMPDIR": str(open_dir)},  # what a killed judge cannot clean up
    ) as judge:
        assert judge.stdout is not None
        assert judge.stdout.readline() == "started\n"
        time.sleep(0.3)  # bubblewrap arms its parent-death signal a moment after the program's start
        alive = [pid for pid in processes_with(token) if pid != judge.pid]

        judge.kill()
    deadline = time.monotonic() + 5
    while processes_with(token) and time.monotonic() < deadline:
        time.sleep(0.01)

    assert alive
    assert processes_with(token) == []


def test_the_terminal_cannot_interrupt_it_and_the_kernel_would_take_it_first(
    any_level: Sandbox, talk_in: Callable[..., Process]
) -> None:
    talk_in(any_level, "tell({}); ask()  # token-of-session").receive(timeout_s=10)

    inside = processes_with("token-of-session")

    assert inside
    assert os.getsid(0) not in {os.getsid(pid) for pid in inside}
    assert {Path(f"/proc/{pid}/oom_score_adj").read_text() for pid in inside} == {"1000\n"}
