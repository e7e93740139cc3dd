"""Turns a checkout's own tests into recorded calls: the arguments, by value, with which each function was entered."""

from __future__ import annotations

import base64
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from pytest_cereval.errors import SandboxError, SourceError
from pytest_cereval.inside.framing import FrameClosed, FrameError, FrameTimeout
from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.sandbox.sandbox import Bind, Limits, Sandbox
from pytest_cereval.source.files import belongs_to_tests, test_modules
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.layout import REPOSITORY, import_paths, inside_path, python_program
from pytest_cereval.source.repository import Checkout

_PYTEST_ARGUMENTS = (
    "-q",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:cereval",
    "-p",
    "no:randomly",
    "-o",
    "addopts=",
    "--assert=plain",  # rewriting takes most of the time for which thousands of tests are collected
)


@dataclass(frozen=True, slots=True)
class RecordingBounds:
    """How much is recorded.

    `attempts` calls of a function are surveyed and at most `per_function` of them captured. After `seconds` of running
    tests the survey is stopped, at the end of a test or `grace_s` later in the middle of it, and the captures run the
    tests that ended by then. `timeout_s` bounds one run of them with imports and collection. The sizes are bytes of
    pickles: of one call, of one function's, of all together.
    """

    per_function: int = 32
    attempts: int = 8_000
    pickle_bytes: int = 128 << 10
    function_bytes: int = 2 << 20
    total_bytes: int = 64 << 20
    seconds: int = 240
    grace_s: int = 20
    timeout_s: int = 900


_CAPTURE_SLOWER = 2
"""How much longer than the survey a capture of the same tests may take: two run at once, and they pickle."""
_LISTS = ("missing", "problems", "cut")


@dataclass(frozen=True, slots=True)
class TestRun:
    """How the repository's own tests ended while they were recorded.

    `cut` names the bounds that were met. Where that is `seconds`, only `ran` of the `collected` tests ran.
    """

    __test__ = False

    status: int
    outcomes: dict[str, int]
    missing: tuple[str, ...]
    problems: tuple[str, ...]
    cut: tuple[str, ...]
    ran: int = 0
    collected: int = 0

    @property
    def stopped(self) -> bool:
        """Whether they were ended before all of them had run."""
        return "seconds" in self.cut

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        return asdict(self) | {name: list(getattr(self, name)) for name in _LISTS}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TestRun:
        """The inverse of `to_dict`."""
        return cls(**(data | {name: tuple(data[name]) for name in _LISTS}))


@dataclass(frozen=True, slots=True)
class Recording:
    """`calls[name]` holds the pickled arguments of a function's calls in order; `modules[name]` its module.

    `again` is the same from another run of the tests, so that calls which depend on time or chance can be told.
    `seen` counts all entries of a function, `unpicklable` those whose arguments could not be taken by value and
    `oversized` those that were over a bound. `opened` are the files of the checkout that the tests opened, Python files
    only if it was not to import them, sorted; None if they may have opened any.
    """

    calls: dict[str, tuple[bytes, ...]]
    again: dict[str, tuple[bytes, ...]]
    modules: dict[str, str]
    seen: dict[str, int]
    unpicklable: dict[str, int]
    tests: TestRun
    oversized: dict[str, int] = field(default_factory=dict)
    opened: tuple[str, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only; pickles as base64."""
        return {
            "calls": _encoded(self.calls),
            "again": _encoded(self.again),
            "modules": self.modules,
            "seen": self.seen,
            "unpicklable": self.unpicklable,
            "tests": self.tests.to_dict(),
            "oversized": self.oversized,
            "opened": None if self.opened is None else list(self.opened),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Recording:
        """The inverse of `to_dict`."""
        calls, again = _decoded(data["calls"]), _decoded(data["again"])
        opened = None if data["opened"] is None else tuple(data["opened"])
        told = {"calls": calls, "again": again, "tests": TestRun.from_dict(data["tests"]), "opened": opened}
        return cls(**(data | told))


def _encoded(calls: dict[str, tuple[bytes, ...]]) -> dict[str, list[str]]:
    return {name: [base64.b64encode(call).decode() for call in found] for name, found in calls.items()}


def _decoded(calls: dict[str, list[str]]) -> dict[str, tuple[bytes, ...]]:
    return {name: tuple(base64.b64decode(call) for call in found) for name, found in calls.items()}


def record_calls(
    checkout: Checkout,
    functions: Sequence[SourceFunction],
    *,
    sandbox: Sandbox,
    interpreter: Interpreter,
    bounds: RecordingBounds,
) -> Recording:
    """Run the tests of the full checkout and collect calls of `functions`.

    Raises `SourceError` when not one test passes, with the packages that are missing and how to name an interpreter
    that has them.
    """
    modules = test_modules(checkout.full)
    if not modules:
        raise SourceError(
            f"no tests found in {checkout.revision.name} at {checkout.revision.short}",
            next_step="tests are the source of inputs: files named test_*.py or *_test.py must be part of the commit",
        )
    request = {
        "targets": [[inside_path(function.path), function.first_line] for function in functions],
        "bounds": asdict(bounds),
        "path": import_paths(frozenset(function.import_root for function in functions) | {"."}),
        "site": list(interpreter.site),
        "test_files": _hidden_files(checkout.full),
        "arguments": [*_PYTEST_ARGUMENTS, *(path.as_posix() for path in modules)],
    }

    def run(content: dict[str, Any]) -> tuple[dict[int, list[bytes]], dict[str, Any]]:
        return _run_tests(checkout, content, sandbox, interpreter, bounds.timeout_s)

    _, survey = run(request)
    tests = _test_run(survey, interpreter)
    longer = asdict(bounds) | {"seconds": _CAPTURE_SLOWER * bounds.seconds}
    capture = {"bounds": longer, "chosen": survey["chosen"], "first": tests.ran if tests.stopped else None}
    with ThreadPoolExecutor(2) as pool:
        (calls, captured), (again, recaptured) = pool.map(run, [request | capture] * 2)
    names = [function.name for function in functions]
    return Recording(
        calls={names[index]: tuple(found) for index, found in calls.items()},
        again={names[index]: tuple(found) for index, found in again.items()},
        modules={names[int(index)]: module for index, module in survey["modules"].items()},
        seen=dict(zip(names, survey["seen"], strict=True)),
        unpicklable=dict(zip(names, captured["unpicklable"], strict=True)),
        tests=replace(tests, cut=tuple(sorted({*tests.cut, *captured["cut"]}))),
        oversized={name: count for name, count in zip(names, captured["oversized"], strict=True) if count},
        opened=None if tests.stopped else _opened([survey["opened"], captured["opened"], recaptured["opened"]]),
    )


def _opened(runs: Sequence[list[str] | None]) -> tuple[str, ...] | None:
    known = [files for files in runs if files is not None]
    return tuple(sorted(set().union(*known))) if len(known) == len(runs) else None


def _hidden_files(tree: Path) -> list[str]:
    """Inside paths of the Python files that no candidate will see."""
    relative = (PurePosixPath(file.relative_to(tree).as_posix()) for file in tree.rglob("*.py"))
    return sorted(inside_path(path.as_posix()) for path in relative if belongs_to_tests(path))


@contextmanager
def _writable_copy(tree: Path) -> Iterator[Path]:
    """A throw-away copy that tests may write into, whatever user the sandbox runs as."""
    with tempfile.TemporaryDirectory(prefix="cereval-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / "repo"
        shutil.copytree(tree, copy)
        for path in [copy, *copy.rglob("*")]:
            path.chmod(0o777 if path.is_dir() or path.stat().st_mode & 0o100 else 0o666)
        Path(folder).chmod(0o755)
        yield copy


def _run_tests(
    checkout: Checkout, request: dict[str, Any], sandbox: Sandbox, interpreter: Interpreter, timeout_s: int
) -> tuple[dict[int, list[bytes]], dict[str, Any]]:
    """One run of the tests in a throw-away copy: calls by number of the function, and the summary."""
    limits = Limits(wall_s=timeout_s, cpu_s=timeout_s, memory_mb=4096, processes=256, files=512, file_mb=64, tmp_mb=256)
    calls: dict[int, list[bytes]] = {}
    with _writable_copy(checkout.full) as copy:
        bound = Bind(copy, REPOSITORY)
        launch = python_program(interpreter, "recorder", binds=(), writable=(bound,), cwd=REPOSITORY)
        with sandbox.start(launch, limits) as process:
            try:
                process.send(request)
                while "summary" not in (message := process.receive(timeout_s=timeout_s)):
                    found = calls.setdefault(message["function"], [])
                    found += [base64.b64decode(call, validate=True) for call in message["calls"]]
            except (FrameClosed, FrameTimeout, FrameError) as error:
                raise _recorder_failed(process.finish().output, interpreter, error, timeout_s) from error
            summary = message["summary"]
            if not (summary["outcomes"]["passed"] or summary["problems"]):
                # Where pytest itself gives up, over a conftest.py say, no report tells why.
                summary["problems"] = [line for line in process.finish().output.splitlines() if line.strip()][-5:]
    return calls, summary


def _test_run(summary: dict[str, Any], interpreter: Interpreter) -> TestRun:
    tests = TestRun(
        status=summary["status"],
        outcomes=summary["outcomes"],
        missing=tuple(summary["missing"]),
        problems=tuple(summary["problems"]),
        cut=tuple(summary["cut"]),
        ran=summary["ran"],
        collected=summary["collected"],
    )
    if not tests.outcomes["passed"]:
        raise _no_test_passed(tests, interpreter)
    return tests


def _recorder_failed(output: str, interpreter: Interpreter, error: Exception, timeout_s: int) -> Exception:
    if "No module named 'pytest'" in output:
        return SourceError(
            f"{interpreter.executable} has no pytest, so the repository's tests cannot be run",
            next_step="install pytest there, or name the repository's interpreter with --cereval-python=PATH",
        )
    if isinstance(error, FrameTimeout):
        return SourceError(
            f"the repository's tests were not collected and run within {timeout_s} s while their calls were recorded",
            next_step="run them by hand to find what hangs, while they are collected or in native code",
        )
    tail = "\n".join(output.strip().splitlines()[-12:])
    return SandboxError(f"recording the tests' calls broke off: {error}\n{tail}")


def _no_test_passed(tests: TestRun, interpreter: Interpreter) -> SourceError:
    if tests.missing:
        wanted = ", ".join(tests.missing)
        return SourceError(
            f"no test of the repository passes with {interpreter.executable}: packages are missing ({wanted})",
            next_step="install them there, or name the repository's own interpreter with --cereval-python=PATH",
        )
    if tests.stopped and not tests.outcomes["failed"] + tests.outcomes["error"]:
        return SourceError(
            f"no test of the repository came to its end in the time for recording; {tests.collected} were collected",
            next_step="make its first tests quicker, or leave out of the commit those that take minutes",
        )
    shown = "\n".join(f"    {problem}" for problem in tests.problems[:5]) or f"    exit status {tests.status}"
    return SourceError(
        f"no test of the repository passes with {interpreter.executable}:\n{shown}",
        next_step="make the tests pass there first, or name another interpreter with --cereval-python=PATH",
    )
