"""Turns a candidate into what linters say of it: recorded beside the verdict, never part of it.

`ruff` looks at the text, `mypy` at the types; both run as processes of their own and parse the candidate without
executing any of it. What they say of the original file as well is left out, and so is what lies outside the candidate's
definition. A tool that is not installed is named once in the record of the run, and nothing else depends on it.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pytest_cereval.errors import OracleError
from pytest_cereval.oracles.candidate import Candidate
from pytest_cereval.oracles.workers import as_utf8

LEVELS = {"off": (), "ruff": ("ruff",), "all": ("ruff", "mypy")}
RULES = "E9,F,B,S"
"""Syntax, pyflakes, bugbear and security rules of ruff; style is not asked of an answer."""
MAX_REMARKS = 40
_MAX_MESSAGE = 300
_RUFF_S = 10
_MYPY_S = 30
_MEMORY = 3 << 30
_RUFF_MINORS = (7, 14)
_MYPY_MINORS = (10, 14)
_ABSENT = "not installed"
# The limits are set by the process itself: it is a fork of one with threads, where nothing else may run before exec.
_START_MYPY = (
    f"import resource, runpy; resource.setrlimit(resource.RLIMIT_AS, ({_MEMORY}, {_MEMORY})); "
    f"resource.setrlimit(resource.RLIMIT_CPU, ({_MYPY_S}, {_MYPY_S})); "
    "runpy.run_module('mypy', run_name='__main__', alter_sys=True)"
)


@dataclass(frozen=True, slots=True)
class Remark:
    """What a tool says. `line` counts within the candidate's definition; 0 is the tool's own failure."""

    tool: str
    code: str
    line: int
    message: str


class Linter:
    """The tools of one level (a key of `LEVELS`) that are installed; its records are shared by all checks of a run."""

    def __init__(self, level: str, python: str, cache: Path) -> None:
        """`python` is the version of the interpreter that runs candidates; mypy keeps its cache below `cache`."""
        self._level = level
        self._minor = int(python.split(".")[1])
        self._cache = cache / "mypy"
        found = {"ruff": _ruff(), "mypy": _mypy()}
        self._versions = {tool: found[tool] for tool in LEVELS[level]}
        runners: dict[str, Callable[[PurePosixPath, str], list[Remark]]] = {
            "ruff": self._ask_ruff,
            "mypy": self._ask_mypy,
        }
        self._runners = {tool: runners[tool] for tool, version in self._versions.items() if version != _ABSENT}
        self._originals: dict[tuple[str, str], Counter[tuple[str, str]]] = {}

    def describe(self) -> dict[str, str]:
        """The level and the version of each of its tools, or that it is not installed."""
        return {"level": self._level, **self._versions}

    @contextlib.contextmanager
    def alongside(self, candidate: Candidate, path: str, original: str) -> Iterator[Callable[[], list[dict[str, Any]]]]:
        """Work while the caller does something else; what is given waits for the remarks, as JSON builtins.

        `path` is that of the file in its repository, `original` its text without the candidate.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="cereval-lint") as pool:
            remarks = pool.submit(self.remarks, candidate, path, original)
            yield lambda: [asdict(remark) for remark in remarks.result()]

    def remarks(self, candidate: Candidate, path: str, original: str) -> list[Remark]:
        """What is new in the candidate's definition, in the order of tools and lines."""
        found: list[Remark] = []
        last = candidate.line + candidate.definition.count("\n")
        for tool, ask in self._runners.items():
            known = self._known(tool, path, original).copy()
            for remark in ask(PurePosixPath(path), candidate.source):
                key = (remark.code, remark.message)
                if remark.line == 0:
                    found.append(remark)
                elif known[key] > 0:
                    known[key] -= 1
                elif candidate.line <= remark.line <= last:
                    line = remark.line - candidate.line + 1
                    found.append(Remark(remark.tool, remark.code, line, remark.message))
        return found[:MAX_REMARKS]

    def _known(self, tool: str, path: str, original: str) -> Counter[tuple[str, str]]:
        key = (tool, path)
        if key not in self._originals:
            said = self._runners[tool](PurePosixPath(path), original)
            self._originals[key] = Counter((remark.code, remark.message) for remark in said if remark.line)
        return self._originals[key]

    def _ask_ruff(self, path: PurePosixPath, source: str) -> list[Remark]:
        command = [*_ruff_command(self._minor), "--stdin-filename", path.name, "-"]
        said, failed = _run("ruff", command, _RUFF_S, source.encode("utf-8", "backslashreplace"))
        if failed:
            return [failed]
        try:
            return [
                _remark("ruff", item["code"], item["location"]["row"], item["message"]) for item in json.loads(said)
            ]
        except (ValueError, TypeError, KeyError):
            return [_remark("ruff", "", 0, "gave no JSON")]

    def _ask_mypy(self, path: PurePosixPath, source: str) -> list[Remark]:
        with tempfile.TemporaryDirectory(prefix="cereval-mypy-") as folder:
            file = _write(Path(folder), path, source)
            options = [
                "--config-file=",
                "--output=json",
                "--no-error-summary",
                "--no-site-packages",
                "--check-untyped-defs",
            ]
            options += ["--ignore-missing-imports", "--follow-imports=skip", f"--cache-dir={self._cache}"]
            options += [f"--python-version=3.{_between(self._minor, _MYPY_MINORS)}", str(file)]
            said, failed = _run("mypy", [sys.executable, "-I", "-c", _START_MYPY, *options], _MYPY_S, b"", cwd=folder)
        if failed:
            return [failed]
        found = []
        for line in said.splitlines():
            with contextlib.suppress(ValueError, TypeError, KeyError):
                item = json.loads(line)
                if item["severity"] == "error":
                    found.append(_remark("mypy", item["code"], item["line"], item["message"]))
        return found


def flagged(texts: Sequence[str], original: str, python: str) -> list[bool] | None:
    """Whether ruff says of each text of a file what it does not say of the original; None if it is not installed.

    `python` is the version of the interpreter that runs the file. Raises `OracleError` when ruff itself fails.
    """
    if not _ruff_program():
        return None
    with tempfile.TemporaryDirectory(prefix="cereval-ruff-") as folder:
        for number, text in enumerate([original, *texts]):
            Path(folder, f"{number}.py").write_bytes(as_utf8(text))
        said, failed = _run("ruff", [*_ruff_command(int(python.split(".")[1])), folder], _RUFF_S, b"", cwd=folder)
        found = [Counter[tuple[str, str]]() for _ in range(len(texts) + 1)]
        try:
            for item in json.loads(said):
                found[int(Path(item["filename"]).stem)][str(item["code"]), item["message"]] += 1
        except (ValueError, TypeError, KeyError, IndexError) as error:
            why = failed.message if failed else type(error).__name__
            raise OracleError(f"ruff gave no list of remarks: {why}", next_step="see whether ruff runs here") from error
    return [bool(each - found[0]) for each in found[1:]]


@functools.cache
def ruff_version() -> str:
    """The version of ruff, or that it is not installed."""
    return _ruff()


def _ruff_command(minor: int) -> list[str]:
    command = [_ruff_program(), "check", "--isolated", "--no-cache", "--ignore-noqa", "--output-format=json"]
    return [*command, "--select", RULES, "--target-version", f"py3{_between(minor, _RUFF_MINORS)}"]


def _run(tool: str, command: list[str], limit_s: int, text: bytes, cwd: str | None = None) -> tuple[str, Remark | None]:
    """What a tool printed, or how it failed; 1 is the exit code of both where they found something."""
    environment = {"PATH": os.defpath, "HOME": cwd or os.devnull}
    try:
        done = subprocess.run(command, input=text, capture_output=True, timeout=limit_s, env=environment, cwd=cwd)
    except subprocess.TimeoutExpired:
        return "", _remark(tool, "", 0, f"did not end in {limit_s} s")
    except OSError as error:
        return "", _remark(tool, "", 0, f"cannot be started: {error.strerror}")
    if done.returncode not in (0, 1) and not done.stdout.strip():
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["nothing said"]
        return "", _remark(tool, "", 0, f"ended with {done.returncode}: {lines[-1]}")
    return done.stdout.decode("utf-8", "replace"), None


def _remark(tool: str, code: Any, line: Any, message: Any) -> Remark:
    return Remark(tool, str(code or ""), int(line), str(message)[:_MAX_MESSAGE])


def _write(folder: Path, path: PurePosixPath, source: str) -> Path:
    """The file at its place in its packages, whose other modules mypy is told to skip."""
    parts = path.with_suffix("").parts
    file = folder / (path if all(part.isidentifier() for part in parts) else "candidate.py")
    file.parent.mkdir(parents=True, exist_ok=True)
    for parent in file.parents:
        if parent == folder:
            break
        (parent / "__init__.py").touch()
    file.write_bytes(as_utf8(source))
    return file


def _between(number: int, bounds: tuple[int, int]) -> int:
    return max(bounds[0], min(number, bounds[1]))


def _ruff_program() -> str:
    """The installed package's binary, else the one on the path, else nothing."""
    with contextlib.suppress(ImportError, FileNotFoundError):
        from ruff import find_ruff_bin

        program: str = os.fspath(find_ruff_bin())
        return program
    return shutil.which("ruff") or ""


def _ruff() -> str:
    program = _ruff_program()
    if not program:
        return _ABSENT
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=_RUFF_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return _ABSENT
    return done.stdout.split()[-1]


def _mypy() -> str:
    return importlib.metadata.version("mypy") if importlib.util.find_spec("mypy") else _ABSENT
