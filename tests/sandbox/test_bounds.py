"""Time, memory, processes, files and disk are bounded whatever a program does, and the next is unaffected."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from pytest_cereval.sandbox.sandbox import End, EndStatus, Limits, Sandbox

from .conftest import Run

HANGS = {
    "spins": "while True: pass",
    "sleeps": "import time; time.sleep(1000)",
    "swallows every signal and exception": """
        import signal
        for number in range(1, 64):
            try: signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError): pass
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))
        while True:
            try:
                while True: pass
            except BaseException: pass
    """,
    "computes in C without a bytecode": "10 ** 10 ** 8",
    "backtracks": "import re; re.match('(a+)+$', 'a' * 60 + 'b')",
    "waits for its channel": "import os; os.read(int(os.environ['CEREVAL_READ_FD']), 1)",
}


@pytest.mark.parametrize("code", HANGS.values(), ids=HANGS)
def test_a_program_that_does_not_end_is_stopped_at_the_wall_limit(
    namespaces: Sandbox, launch: Callable[..., object], code: str
) -> None:
    begin = time.monotonic()

    with namespaces.start(launch(code), Limits(wall_s=0.5)) as process:  # type: ignore[arg-type]
        end = process.wait()

    assert (end.status, end.code, end.reason) == (EndStatus.TIMED_OUT, None, "wall")
    assert 0.5 <= time.monotonic() - begin < 3


def test_the_wall_limit_holds_without_anybody_waiting(confined: Sandbox, launch: Callable[..., object]) -> None:
    with confined.start(launch("while True: pass"), Limits(wall_s=0.3)) as process:  # type: ignore[arg-type]
        time.sleep(1.5)

        end = process.finish()

    assert end.status is EndStatus.TIMED_OUT
    assert end.wall_s < 1.4


def test_processor_time_is_limited_apart_from_wall_time(confined: Sandbox, run_in: Callable[..., End]) -> None:
    end = run_in(confined, "while True: pass", Limits(cpu_s=1, wall_s=15))

    assert (end.status, end.code) == (EndStatus.SIGNALLED, 9)
    assert 0.8 <= end.cpu_s <= 1.5


def test_children_that_burn_time_are_counted_and_die_with_their_idle_parent(
    confined: Sandbox, run_in: Callable[..., End]
) -> None:
    code = """
        import os, time
        for _ in range(2):
            if os.fork() == 0:
                while True: pass
        time.sleep(100)
    """

    end = run_in(confined, code, Limits(wall_s=1))

    assert end.status is EndStatus.TIMED_OUT
    assert end.cpu_s > 0.4


def test_time_used_is_reported_for_a_natural_end(any_level: Sandbox, run_in: Callable[..., End]) -> None:
    code = "import time\nwhile time.process_time() < 0.3: pass"

    end = run_in(any_level, code)

    assert end.status is EndStatus.EXITED
    assert 0.2 <= end.cpu_s < 1


@pytest.mark.parametrize("bomb", ["bytearray(1 << 40)", "[bytearray(1 << 24) for _ in range(1000)]"])
def test_memory_is_bounded(any_level: Sandbox, run_in: Callable[..., End], bomb: str) -> None:
    code = f"""
        try: {bomb}
        except MemoryError: print("out of memory")
    """

    end = run_in(any_level, code, Limits(memory_mb=256))

    assert end.output == "out of memory\n"


def test_memory_that_no_address_space_limit_counts_is_refused(confined: Sandbox, run_in: Callable[..., End]) -> None:
    code = """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        try: os.memfd_create("x")
        except OSError as error: print("memfd", error.errno)
        print("shm", libc.shmget(0, 1 << 20, 0o600), ctypes.get_errno())
        print("msg", libc.msgget(0, 0o600), ctypes.get_errno())
        try:
            for name in ("x", "y"):
                with open("/dev/shm/" + name, "wb", buffering=0) as file: file.write(b"x" * (1 << 20))
        except OSError: print("bounded")
    """

    end = run_in(confined, code)

    assert end.output.splitlines() == ["memfd 1", "shm -1 1", "msg -1 1", "bounded"]


FILL = """
    written = 0
    try:
        for name in range(100):
            with open(f"/tmp/{name}", "wb", buffering=0) as file:
                while file.tell() < SIZE: written += file.write(b"x" * (1 << 16))
    except OSError as error: print(error.strerror, written >> 20)
"""


def test_the_temporary_directory_is_bounded(run: Run) -> None:
    end = run(FILL.replace("SIZE", "1 << 20"), Limits(tmp_mb=8, file_mb=4))

    assert end.output.startswith("No space left on device")
    assert 6 <= int(end.output.split()[-1]) <= 8


def test_the_size_of_one_file_is_bounded(run: Run) -> None:
    end = run(FILL.replace("SIZE", "1 << 40"), Limits(tmp_mb=16, file_mb=4))

    assert end.output.strip() == "File too large 4"


def test_many_files_are_bounded_by_the_temporary_directory(run: Run) -> None:
    code = """
        import os
        count = 0
        try:
            while count < 5000:
                with open(f"/tmp/{count}", "w") as file: file.write("x")
                count += 1
        except OSError as error: print(error.strerror, count)
    """

    end = run(code, Limits(tmp_mb=4))

    assert end.output.startswith("No space left on device")
    assert int(end.output.split()[-1]) <= 1024


def test_open_files_are_bounded(any_level: Sandbox, run_in: Callable[..., End]) -> None:
    code = """
        import os
        held = []
        try:
            while True: held.append(os.open("/dev/null", 0))
        except OSError as error: print(error.strerror, len(held))
    """

    end = run_in(any_level, code, Limits(files=40))

    assert end.output.strip() == "Too many open files 37"


def test_processes_are_bounded(namespaces: Sandbox, run_in: Callable[..., End]) -> None:
    code = """
        import os, time
        count = 0
        try:
            while count < 100:
                if os.fork() == 0:
                    time.sleep(100)
                count += 1
        except BlockingIOError: print("bounded", count)
    """

    end = run_in(namespaces, code, Limits(processes=10))

    # Two of the ten are the sandbox's own first process and the program.
    assert end.output == "bounded 8\n"


def test_threads_are_bounded(namespaces: Sandbox, run_in: Callable[..., End]) -> None:
    code = """
        import threading, time, os
        count = 0
        try:
            while count < 200:
                threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
                count += 1
        except RuntimeError: print("bounded", count, flush=True)
        os._exit(0)
    """

    end = run_in(namespaces, code, Limits(processes=10))

    assert end.output == "bounded 8\n"


def test_a_fork_bomb_leaves_the_next_launch_unaffected(confined: Sandbox, run_in: Callable[..., End]) -> None:
    bomb = """
        import os
        while True:
            try: os.fork()
            except OSError: pass
    """

    end = run_in(confined, bomb, Limits(wall_s=1, processes=16))
    after = run_in(confined, "import os; os.waitpid(os.fork() or os._exit(0), 0); print('well')")

    assert end.status is EndStatus.TIMED_OUT
    assert after.output == "well\n"


def test_no_core_is_dumped_and_limits_cannot_be_raised(any_level: Sandbox, run_in: Callable[..., End]) -> None:
    code = """
        import resource
        print(resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_MEMLOCK))
        for kind in (resource.RLIMIT_NPROC, resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE):
            soft, hard = resource.getrlimit(kind)
            assert soft == hard != resource.RLIM_INFINITY, kind
            try: resource.setrlimit(kind, (hard + 1, hard + 1))
            except ValueError: continue
            print("raised", kind)
    """

    end = run_in(any_level, code)

    assert end.output == "(0, 0) (0, 0)\n"
