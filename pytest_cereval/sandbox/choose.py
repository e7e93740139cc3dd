"""Turns the weakest level a user accepts into the strongest sandbox that starts here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from pytest_cereval.errors import SandboxError
from pytest_cereval.sandbox.bubblewrap import Bubblewrap
from pytest_cereval.sandbox.fallback import Fallback
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.sandbox.sandbox import EndStatus, Launch, Level, Limits, Sandbox

LADDER: tuple[tuple[Level, Callable[[], Sandbox]], ...] = (
    (Level.NAMESPACES, Bubblewrap),
    (Level.LANDLOCK, lambda: Fallback(Level.LANDLOCK)),
    (Level.UNSAFE, lambda: Fallback(Level.UNSAFE)),
)


def choose_sandbox(
    minimum: Level = Level.NAMESPACES,
    ladder: tuple[tuple[Level, Callable[[], Sandbox]], ...] = LADDER,
) -> Sandbox:
    """The first backend from the top of `ladder`, not below `minimum`, in which this Python starts and ends.

    Raises `SandboxError` that says why each level failed and which option would accept less. It does not show
    that a level's promises hold; `selftest.self_test` does.
    """
    if sys.platform != "linux":
        raise SandboxError(
            f"code can be confined on Linux only, and this is {sys.platform}",
            next_step="run in a Linux container or virtual machine",
        )
    refusals: list[SandboxError] = []
    names: list[Level] = []
    for level, build in ladder:
        if level.rank < minimum.rank:
            continue
        try:
            sandbox = build()
            _try(sandbox)
        except SandboxError as error:
            refusals.append(error)
            names.append(level)
        else:
            return sandbox
    weaker = [level for level, _ in ladder if level.rank < minimum.rank]
    reasons = "; ".join(f"{name}: {error.what}" for name, error in zip(names, refusals, strict=True))
    remedies = [error.next_step for error in refusals if error.next_step]
    if weaker:
        accepted = "|".join(weaker)
        remedies.append(f"or accept a weaker level, marked in every verdict: --cereval-sandbox={accepted}")
    raise SandboxError(f"no sandbox of level {minimum} starts here. {reasons}", next_step="; ".join(remedies))


def _try(sandbox: Sandbox) -> None:
    python = inspect_interpreter(Path(sys.executable))
    launch = Launch((python.executable, "-I", "-S", "-B", "-c", "pass"), python.binds(), channel=False)
    with sandbox.start(launch, Limits(wall_s=30)) as process:
        end = process.wait()
    if end.status is not EndStatus.EXITED or end.code != 0:
        raise SandboxError(
            f"a Python that does nothing ended with {end.status} {end.code}: {end.output.strip()[-300:]}",
            next_step="check that the interpreter and its libraries lie where every user can read them",
        )
