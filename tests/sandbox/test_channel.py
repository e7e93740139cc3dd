"""Messages go both ways, whatever the program sends instead is refused, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.errors import SandboxError
from pytest_cereval.inside.framing import FrameClosed, FrameError, FrameTimeout
from pytest_cereval.sandbox.process import Process
from pytest_cereval.sandbox.sandbox import End, EndStatus, Launch, Limits, Sandbox

from .conftest import Talk


def test_messages_go_both_ways(any_level: Sandbox, talk_in: Callable[..., Process]) -> None:
    process = talk_in(any_level, "while True: tell({'echo': ask()})")

    messages: list[dict[str, Any]] = [{"n": 1}, {"text": "\u00e4\u2713" * 50_000}, {"deep": [[[{}]]]}]
    for message in messages:
        process.send(message)
        assert process.receive(timeout_s=10) == {"echo": message}


def test_a_program_that_exits_is_seen_as_closed_and_keeps_its_code(
    any_level: Sandbox, talk_in: Callable[..., Process]
) -> None:
    process = talk_in(any_level, "print('bye'); sys.stdout.flush(); os._exit(3)")

    with pytest.raises(FrameClosed):
        process.receive(timeout_s=10)
    end = process.finish()

    assert (end.status, end.code, end.output, end.reason) == (EndStatus.EXITED, 3, "bye\n", "")


@pytest.mark.parametrize("number", [6, 9, 11])
def test_a_program_killed_by_a_signal_is_reported_with_it(
    any_level: Sandbox, talk_in: Callable[..., Process], number: int
) -> None:
    process = talk_in(any_level, f"os.kill(os.getpid(), {number})")

    end = process.wait()

    assert (end.status, end.code) == (EndStatus.SIGNALLED, number)


def test_a_crash_in_native_code_is_reported_as_its_signal(talk: Talk) -> None:
    end = talk("import ctypes; ctypes.string_at(0)").wait()

    assert (end.status, end.code) == (EndStatus.SIGNALLED, 11)


def test_a_late_reply_is_a_timeout(talk: Talk) -> None:
    process = talk("import time; time.sleep(100)")
    begin = time.monotonic()

    with pytest.raises(FrameTimeout, match="deadline"):
        process.receive(timeout_s=0.2)

    assert 0.2 <= time.monotonic() - begin < 1
    assert process.finish().status is EndStatus.KILLED


def test_a_wait_for_a_reply_ends_at_the_wall_limit(talk: Talk) -> None:
    process = talk("import time; time.sleep(100)", Limits(wall_s=0.3))

    with pytest.raises(FrameTimeout):
        process.receive(timeout_s=60)

    assert process.finish().status is EndStatus.TIMED_OUT


def test_a_program_that_does_not_read_cannot_hold_the_sender(talk: Talk) -> None:
    process = talk("import time; time.sleep(100)", Limits(wall_s=0.5))
    begin = time.monotonic()

    with pytest.raises((FrameTimeout, FrameClosed)):
        process.send({"much": "x" * 3_000_000})

    assert time.monotonic() - begin < 2
    assert process.finish().status is EndStatus.TIMED_OUT


def test_a_huge_length_is_refused_without_reading_on(talk: Talk) -> None:
    process = talk("os.write(WRITE, b'\\xff\\xff\\xff\\xff'); ask()")

    with pytest.raises(FrameError, match="4294967295 bytes is over the limit"):
        process.receive(timeout_s=10)


def test_half_a_message_is_a_timeout_and_a_cut_one_is_closed(talk: Talk) -> None:
    stalls = talk("os.write(WRITE, b'\\0\\0\\0\\x09{\"a\"'); ask()")
    with pytest.raises(FrameTimeout):
        stalls.receive(timeout_s=0.3)

    dies = talk("os.write(WRITE, b'\\0\\0\\0\\x09{\"a\"')")
    with pytest.raises(FrameClosed):
        dies.receive(timeout_s=10)


def test_closing_every_descriptor_is_seen_as_closed(talk: Talk) -> None:
    process = talk("os.closerange(0, 1024)\nwhile True: pass")

    with pytest.raises(FrameClosed):
        process.receive(timeout_s=10)

    assert process.finish().reason == "finish"


def test_sending_to_a_program_that_hung_up_is_closed(talk: Talk) -> None:
    process = talk("os.close(READ); tell({}); import time; time.sleep(100)")
    process.receive(timeout_s=10)

    with pytest.raises(FrameClosed):
        process.send({"a": 1})


def test_after_the_end_the_channel_is_closed_and_the_end_stays_the_same(talk: Talk) -> None:
    process = talk("ask()")

    first = process.finish()

    assert process.finish() is first
    assert process.wait() is first
    with pytest.raises(FrameClosed, match="no channel, or is over"):
        process.send({})
    with pytest.raises(FrameClosed, match="no channel, or is over"):
        process.receive(timeout_s=1)


def test_a_launch_without_channel_has_none(namespaces: Sandbox, launch: Callable[..., Launch]) -> None:
    code = "import os; print([name for name in os.environ if name.startswith('CEREVAL')])"

    with namespaces.start(launch(code, channel=False), Limits()) as process:
        with pytest.raises(FrameClosed, match="no channel"):
            process.receive(timeout_s=1)
        end = process.wait()

    assert end.output == "[]\n"


def test_an_exception_in_the_with_block_ends_the_program(talk: Talk) -> None:
    process = talk("import time; time.sleep(100)")

    with pytest.raises(RuntimeError, match="judge failed"), process:
        raise RuntimeError("judge failed")

    assert process.finish().status is EndStatus.KILLED


def _state() -> tuple[int, set[str], int, set[str]]:
    temporary = {entry.name for entry in Path(tempfile.gettempdir()).glob("cereval-*")}
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    mounts = set(Path("/proc/self/mountinfo").read_text().splitlines())
    return (
        len(list(Path("/proc/self/fd").iterdir())),
        temporary | set(children),
        threading.active_count(),
        mounts,
    )


@pytest.fixture
def own_temporary(open_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary directory that no other process uses at the same time."""
    monkeypatch.setattr(tempfile, "tempdir", str(open_dir))
    return open_dir


@pytest.mark.usefixtures("own_temporary")
def test_thirty_launches_leave_nothing_behind(any_level: Sandbox, launch: Callable[..., Launch]) -> None:
    programs = [
        launch("print('done')"),
        launch("while True: pass"),
        launch("import os\nif os.fork(): os._exit(0)\nwhile True: pass"),
        launch("raise SystemExit(3)", data=(("/cereval/data", b"x"),), hidden=("/cereval/none",)),
        launch("import os; os.makedirs('a/b/c'); os.chmod('a/b/c', 0); os.chmod('a/b', 0); os.chmod('a', 0)"),
    ]
    before = _state()

    for round_ in range(6):
        for program in programs:
            with any_level.start(program, Limits(wall_s=5)):
                if round_ % 2:
                    time.sleep(0.05)

    assert _state() == before


def test_cleaning_up_does_not_follow_links(
    any_level: Sandbox, launch: Callable[..., Launch], own_temporary: Path
) -> None:
    victim = own_temporary / "victim"
    victim.mkdir(mode=0o755)
    (victim / "file").write_text("kept")

    with any_level.start(launch(f"import os; os.symlink({str(victim)!r}, 'link')"), Limits()) as process:
        process.wait()

    assert [entry.name for entry in own_temporary.iterdir()] == ["victim"]
    assert victim.stat().st_mode & 0o777 == 0o755
    assert (victim / "file").read_text() == "kept"


@pytest.mark.usefixtures("own_temporary")
def test_failed_starts_leave_nothing_behind(any_level: Sandbox, launch: Callable[..., Launch]) -> None:
    program = launch("x" * 10_000_000)  # longer than the kernel takes as an argument
    before = _state()

    for _ in range(5):
        with pytest.raises(SandboxError, match="Argument list too long"):
            any_level.start(program, Limits())

    assert _state() == before


@pytest.mark.usefixtures("own_temporary")
def test_an_interrupted_wait_can_still_be_finished(any_level: Sandbox, talk_in: Callable[..., Process]) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = _state()
    process = talk_in(any_level, "ask()")
    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            process.wait()
    finally:
        signal.signal(signal.SIGALRM, previous)

    assert process.finish().reason == "finish"
    assert _state() == before


def test_launches_side_by_side_do_not_mix(namespaces: Sandbox, launch: Callable[..., Launch]) -> None:
    ends: dict[int, End] = {}

    def one(number: int) -> None:
        with namespaces.start(launch(f"print({number})", channel=False), Limits()) as process:
            ends[number] = process.wait()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {number: end.output for number, end in ends.items()} == {n: f"{n}\n" for n in range(8)}


def test_a_program_outlives_the_thread_that_started_it(namespaces: Sandbox, talk_in: Callable[..., Process]) -> None:
    started: list[Process] = []
    thread = threading.Thread(target=lambda: started.append(talk_in(namespaces, "tell(ask())")))
    thread.start()
    thread.join()
    time.sleep(0.1)

    started[0].send({"still": "there"})

    assert started[0].receive(timeout_s=10) == {"still": "there"}
