"""Drives one warm pytest session of the reference in a sandbox: a thin, typed client of `inside.testbench`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pytest_cereval.errors import OracleError, SandboxError
from pytest_cereval.oracles.bench import REPORT, Setting, exchange
from pytest_cereval.oracles.sessions import World, start
from pytest_cereval.sandbox.sandbox import Limits

_LIMITS = Limits(wall_s=3600, cpu_s=3600, memory_mb=4096, processes=128, files=512, file_mb=64, tmp_mb=256)
_COLLECT_S = 300.0
_SLACK_S = 30.0


class TestBench:
    """One process that has collected tests; questions are answered in forks of it, one at a time.

    `tests` are the ids it found, in pytest's order, and `ini` is the settings file that it read.
    """

    __test__ = False

    def __init__(self, setting: Setting, world: World, files: Sequence[str], *, hash_seed: int = 0) -> None:
        """Raises `SandboxError` if pytest does not come as far as running tests."""
        self._process = start(setting, world, "testbench", _LIMITS, hash_seed=hash_seed)
        request = {
            "path": setting.paths(),
            "site": list(setting.interpreter.site),
            "arguments": world.arguments(files),
            "modules": sorted(set(setting.modules.values())),
        }
        try:
            told = self._exchange(request, _COLLECT_S)
        except BaseException:
            self._process.finish()
            raise
        self.tests: tuple[str, ...] = tuple(told["tests"])
        self.ini: str = told["ini"]
        self.problems: tuple[str, ...] = tuple(told["problems"])

    def close(self) -> None:
        """End it."""
        self._process.finish()

    def ask(self, op: str, *, cpu_s: float, wall_s: float, **content: Any) -> dict[str, Any]:
        """One question, answered in a fork within `cpu_s` of processor time and `wall_s` of wall time.

        Raises `SandboxError` when the process is gone, and `OracleError` for a fault of ours.
        """
        return self._exchange({"op": op, "cpu_s": cpu_s, "wall_s": wall_s, **content}, wall_s + _SLACK_S)

    def _exchange(self, content: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        reply = exchange(self._process, content, timeout_s, ("the process that runs the repository's tests", "", ""))
        if "failed" in reply:
            if "op" not in content:
                raise SandboxError(f"the repository's tests cannot be collected: {reply['failed']}")
            raise OracleError(f"{content['op']!r} failed beside the tests: {reply['failed']}", next_step=REPORT)
        return reply


class Benches:
    """Warm benches under hash seed 0, started when they are needed and used again; one that dies is dropped."""

    def __init__(self, start: Callable[[], TestBench]) -> None:
        self._start = start
        self._idle: list[TestBench] = []

    @contextlib.contextmanager
    def one(self) -> Iterator[TestBench]:
        """A bench for this thread alone."""
        try:
            bench = self._idle.pop()
        except IndexError:
            bench = self._start()
        try:
            yield bench
        except SandboxError:
            bench.close()
            raise
        self._idle.append(bench)

    def close(self) -> None:
        """End them all."""
        while self._idle:
            self._idle.pop().close()
