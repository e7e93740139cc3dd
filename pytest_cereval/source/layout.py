"""Says where things lie inside a sandbox, and how a Python program is started there; the one home of inside paths."""

from __future__ import annotations

from pathlib import Path

import cloudpickle

import pytest_cereval.inside
from pytest_cereval.inside.location import PREFIX, VARIABLE
from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.sandbox.sandbox import Bind, Launch

REPOSITORY = "/cereval/repo"
TOOLS = "/cereval/tools"
INSIDE = "cereval_inside"


def inside_path(path: str) -> str:
    """Where a file of the checkout, given relative to its top, lies inside the sandbox."""
    return f"{REPOSITORY}/{path}"


def import_paths(roots: frozenset[str]) -> list[str]:
    """The folders that make the repository's modules importable, sorted, as inside paths."""
    return sorted(REPOSITORY if root == "." else inside_path(root) for root in roots)


def tools() -> tuple[Bind, ...]:
    """Our own programs for the inside, and cloudpickle, which the pickles of some inputs need."""
    ours = Path(pytest_cereval.inside.__file__).parent
    return (
        Bind(ours, f"{TOOLS}/{INSIDE}"),
        Bind(Path(cloudpickle.__file__).parent, f"{TOOLS}/cloudpickle"),
    )


def python_program(
    interpreter: Interpreter,
    program: str,
    *,
    binds: tuple[Bind, ...],
    hidden: tuple[str, ...] = (),
    data: tuple[tuple[str, bytes], ...] = (),
    writable: tuple[Bind, ...] = (),
    hash_seed: int = 0,
    cwd: str = "/tmp",  # noqa: S108 - inside the sandbox
) -> Launch:
    """A launch of one of our inside programs: isolated, without site packages, writing no bytecode."""
    start = (
        f"import sys; sys.path[:] = [*filter(None, sys.path), {TOOLS!r}]; from {INSIDE}.{program} import main; main()"
    )
    return Launch(
        argv=(interpreter.executable, "-S", "-s", "-B", "-c", start),
        binds=(*interpreter.binds(), *tools(), *binds),
        hidden=hidden,
        data=data,
        writable=writable,
        # Not -I: isolated mode would ignore the hash seed. The environment holds nothing but what is set here.
        # The root is told so that a backend that cannot mount it can say where it is (see `inside.location`).
        env=(("PYTHONHASHSEED", str(hash_seed)), (VARIABLE, PREFIX)),
        cwd=cwd,
    )
