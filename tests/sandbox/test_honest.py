"""What an honest program does works inside: pools, children, temporary files, event loops, alarms."""

from __future__ import annotations

import pytest

from .conftest import Run

HONEST = {
    "a thread pool": """
        from multiprocessing.pool import ThreadPool
        print(sum(ThreadPool(4).map(abs, [-1, 2])))
    """,
    "a process pool": """
        from multiprocessing import Pool
        print(sum(Pool(2).map(abs, [-1, 2])))
    """,
    "a child": """
        import subprocess
        print(subprocess.run(["echo", "3"], capture_output=True, text=True).stdout.strip())
    """,
    "temporary files": """
        import tempfile
        with tempfile.TemporaryDirectory(), tempfile.NamedTemporaryFile() as file:
            file.write(b"3"); file.flush(); print(open(file.name).read())
    """,
    "an event loop": """
        import asyncio
        print(asyncio.run(asyncio.sleep(0.01, 3)))
    """,
    "an alarm": """
        import signal, time
        signal.signal(signal.SIGALRM, lambda *_: print(3))
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        time.sleep(0.1)
    """,
    "deep recursion": """
        import sys
        sys.setrecursionlimit(9000)
        f = lambda n: n and f(n - 1) or n + 3
        print(f(8000))
    """,
    "a home directory": """
        import os, pathlib
        print(3 if pathlib.Path.home().is_dir() and os.getuid() else 0)
    """,
}


@pytest.mark.parametrize("code", HONEST.values(), ids=HONEST)
def test_honest_programs_are_not_hindered(run: Run, code: str) -> None:
    end = run(code)

    assert (end.output, end.code) == ("3\n", 0)
