"""Fixtures that start real sandboxes; nothing here is faked."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from pytest_cereval.errors import SandboxError
from pytest_cereval.sandbox.choose import LADDER, choose_sandbox
from pytest_cereval.sandbox.interpreter import Interpreter, inspect_interpreter
from pytest_cereval.sandbox.process import Process
from pytest_cereval.sandbox.sandbox import Bind, End, Launch, Level, Limits, Sandbox

FRAMING = Path(__file__).parents[2] / "pytest_cereval" / "inside" / "framing.py"
# A worker for channel tests: `ask()` and `tell(message)` over the two descriptors.
PREAMBLE = """
import os, sys
sys.path.insert(0, os.path.dirname(sys.argv[1]))
import framing
READ, WRITE = int(os.environ["CEREVAL_READ_FD"]), int(os.environ["CEREVAL_WRITE_FD"])
ask = lambda: framing.read_frame(READ)
tell = lambda message: framing.write_frame(WRITE, message)
"""


class Run(Protocol):
    def __call__(self, code: str, limits: Limits = ..., **fields: Any) -> End: ...


class Talk(Protocol):
    def __call__(self, code: str, limits: Limits = ..., **fields: Any) -> Process: ...


@functools.cache
def _available(level: Level) -> Sandbox | str:
    try:
        return choose_sandbox(level, tuple(step for step in LADDER if step[0] is level))
    except SandboxError as error:
        return error.what


def build(level: Level) -> Sandbox:
    """The backend of this level, or a skip where the machine does not allow it."""
    found = _available(level)
    if isinstance(found, str):
        pytest.skip(found)
    return found


@pytest.fixture(scope="session")
def python() -> Interpreter:
    return inspect_interpreter(Path(sys.executable))


@pytest.fixture(scope="session")
def namespaces() -> Sandbox:
    return build(Level.NAMESPACES)


@pytest.fixture(params=list(Level), ids=str)
def any_level(request: pytest.FixtureRequest) -> Sandbox:
    return build(request.param)


@pytest.fixture(params=[Level.NAMESPACES, Level.LANDLOCK], ids=str)
def confined(request: pytest.FixtureRequest) -> Sandbox:
    return build(request.param)


@pytest.fixture
def launch(python: Interpreter) -> Callable[..., Launch]:
    """Build a launch of this Python with some code."""

    def make(code: str, **fields: Any) -> Launch:
        argv = (python.executable, "-I", "-S", "-B", "-c", textwrap.dedent(code), "/cereval/framing.py")
        binds = (*python.binds(), *fields.pop("binds", ()))
        return Launch(argv, binds, **fields)

    return make


@pytest.fixture
def run_in(launch: Callable[..., Launch]) -> Callable[..., End]:
    """Run some code to its end in a given sandbox."""

    def run(sandbox: Sandbox, code: str, limits: Limits = Limits(), **fields: Any) -> End:  # noqa: B008
        with sandbox.start(launch(code, channel=False, **fields), limits) as process:
            return process.wait()

    return run


@pytest.fixture
def run(namespaces: Sandbox, run_in: Callable[..., End]) -> Run:
    """Run some code to its end in the default sandbox."""

    def run(code: str, limits: Limits = Limits(), **fields: Any) -> End:  # noqa: B008
        return run_in(namespaces, code, limits, **fields)

    return run


@pytest.fixture
def talk_in(launch: Callable[..., Launch]) -> Iterator[Callable[..., Process]]:
    """Start some code that can `ask()` and `tell()`, in a given sandbox."""
    with contextlib.ExitStack() as stack:

        def talk(sandbox: Sandbox, code: str, limits: Limits = Limits(), **fields: Any) -> Process:  # noqa: B008
            binds = (*fields.pop("binds", ()), Bind(FRAMING, "/cereval/framing.py"))
            program = launch(PREAMBLE + textwrap.dedent(code), binds=binds, **fields)
            return stack.enter_context(sandbox.start(program, limits))

        yield talk


@pytest.fixture
def talk(namespaces: Sandbox, talk_in: Callable[..., Process]) -> Talk:
    """Start some code that can `ask()` and `tell()`, in the default sandbox."""

    def talk(code: str, limits: Limits = Limits(), **fields: Any) -> Process:  # noqa: B008
        return talk_in(namespaces, code, limits, **fields)

    return talk


def processes_with(token: str) -> list[int]:
    """The host's ids of living processes with `token` on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if token.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


@pytest.fixture
def open_dir(tmp_path: Path) -> Path:
    """An empty directory that every user can read; pytest's own is closed to the user that root becomes."""
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    return folder
