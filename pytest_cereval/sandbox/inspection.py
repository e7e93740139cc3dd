"""Turns a nursery's promise, that its forks are as sealed as a sandbox of their own, into a yes or an error.

One fork looks at itself with `inside.inspection`; it costs some milliseconds and belongs before a nursery's first use.
"""

from __future__ import annotations

import secrets
from typing import Any

from pytest_cereval.inside.framing import FrameClosed, FrameError, FrameTimeout
from pytest_cereval.sandbox import seccomp
from pytest_cereval.sandbox.limits import resource_limits
from pytest_cereval.sandbox.nursery import NestingError, Nursery
from pytest_cereval.sandbox.output import printable
from pytest_cereval.sandbox.sandbox import Limits

LIMITS = Limits(wall_s=20, cpu_s=17, memory_mb=4096, processes=13, files=99, file_mb=3, tmp_mb=2)


def require_sealed_forks(nursery: Nursery, masked: str) -> None:
    """Raise `NestingError` unless a fork in which the file `masked` is covered has exactly what it may have."""
    number = secrets.token_hex(4)
    wanted = resource_limits(LIMITS)
    with nursery.start("inspection", [(masked, b"")], LIMITS) as process:
        try:
            process.send({"id": number, "kinds": [kind for kind, _ in wanted], "masked": masked})
            found: dict[str, Any] = process.receive(timeout_s=LIMITS.wall_s)["found"]
        except (FrameClosed, FrameError, FrameTimeout, KeyError) as error:
            said = process.finish().output.strip()
            raise NestingError(f"a sealed fork did not look at itself: {type(error).__name__}: {said}") from error
    expected = {
        "descriptors": [3, 4],
        "pids": [2, 1],
        "limits": [[value, value] for _, value in wanted],
        "capabilities": 0,
        "no_new_privs": 1,
        "seccomp": 2 if seccomp.IN_NAMESPACES.program() else 0,
        "dumpable": 0,
        "succeeded": [],
    }
    wrong = [f"{name} {found.get(name)!r}" for name, value in expected.items() if found.get(name) != value]
    if wrong:
        raise NestingError(f"a fork is not sealed as it should be: {printable('; '.join(wrong).encode()[:500])}")
