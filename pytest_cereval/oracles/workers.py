"""Turns a changed file into a sandboxed process that answers calls with it: the one home of what a candidate may see.

A worker sees the checkout with the changed file over the reference's, and neither caches nor built copies of it.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Protocol

from pytest_cereval.oracles.bench import Setting
from pytest_cereval.sandbox.process import Process
from pytest_cereval.sandbox.sandbox import Bind, Limits
from pytest_cereval.source.layout import REPOSITORY, inside_path, python_program

_COOKIE = re.compile(r"^([ \t\f]*#.*?coding[:=][ \t]*)[-\w.]+")


class Workers(Protocol):
    """Starts workers (see `inside.worker`), each for one candidate."""

    def start(self, path: str, source: str, *, hash_seed: int, limits: Limits) -> Process:
        """A worker in which the checkout's file `path` has the text `source`; raises `SandboxError`.

        Only 0 and "not 0" need to be different hash seeds.
        """
        ...

    def describe(self) -> str:
        """What of these workers belongs beside a verdict, on one line."""
        ...

    def close(self) -> None:
        """End what is kept warm; nothing can be started afterwards."""
        ...


class ColdWorkers:
    """A fresh sandbox and a fresh interpreter for every worker."""

    def __init__(self, world: Setting, hidden: tuple[str, ...], why: str = "asked for") -> None:
        self._world = world
        self._hidden = hidden
        self._why = why

    def describe(self) -> str:
        """See `Workers`; it also says why they are not warm."""
        return f"cold: {self._why}"

    def close(self) -> None:
        """There is nothing to end."""

    def start(self, path: str, source: str, *, hash_seed: int, limits: Limits) -> Process:
        """See `Workers`."""
        runtime = self._world.checkout.runtime
        launch = python_program(
            self._world.interpreter,
            "worker",
            binds=(Bind(runtime, REPOSITORY),),
            hidden=(*self._hidden, *leftovers(runtime)),
            data=((inside_path(path), as_utf8(source)),),
            hash_seed=hash_seed,
        )
        return self._world.sandbox.start(launch, limits)


def as_utf8(source: str) -> bytes:
    """The file's bytes; an encoding that its first two lines declare is changed to what they now are."""
    lines = source.split("\n", 2)
    changed = [_COOKIE.sub(r"\1utf-8", line) if number < 2 else line for number, line in enumerate(lines)]
    return "\n".join(changed).encode("utf-8", "backslashreplace")


@functools.cache
def leftovers(runtime: Path) -> tuple[str, ...]:
    """Inside paths of what a commit may hold of its own code besides the code: caches and built copies."""
    caches = [path for path in runtime.rglob("__pycache__") if path.is_dir()]
    built = [runtime / name for name in ("build", "dist") if (runtime / name).is_dir()]
    copies = [path for path in built if not (path / "__init__.py").exists()]
    return tuple(sorted(inside_path(path.relative_to(runtime).as_posix()) for path in [*caches, *copies]))
