"""Turns a candidate and the repository's own tests into a verdict, in cold sandboxes; the oracle of last resort.

The tests run in one process with the answer, so that what they report is a claim of that process: every verdict carries
`ASSURANCE`. What makes the claim worth something: tests and settings of the commit are laid over the answer's file, a
list of tests must come back exactly and each phase of each must pass, twins of the same tests that must fail do fail,
and the test machinery is what it was. An answer is not told which of its sessions is the one with the twins.
"""

from __future__ import annotations

import hashlib
import random
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from pytest_cereval.errors import CerevalError
from pytest_cereval.inside.framing import FrameClosed, FrameError, FrameTimeout
from pytest_cereval.oracles import sessions
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.candidate import Candidate
from pytest_cereval.oracles.claims import Claim, Claims
from pytest_cereval.oracles.conversation import why_gone
from pytest_cereval.oracles.oracle import Finding
from pytest_cereval.oracles.replies import ProtocolError, safe
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.process import Process
from pytest_cereval.sandbox.sandbox import Limits
from pytest_cereval.source.files import belongs_to_tests
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.layout import REPOSITORY

ASSURANCE = "in_process"
"""The label of verdicts that were made in one process with the answer."""
_OUTPUT_CHARACTERS = 2000
_RUNS = 2


@dataclass(frozen=True, slots=True)
class Tests:
    """The tests that judge one function.

    `ids` must all pass, those of `twins` must fail in a session with `twin_files` (text by path). `tolerated` names
    what of the test machinery changes under the reference, too.
    """

    __test__ = False

    world: sessions.World
    ids: tuple[str, ...]
    twins: tuple[str, ...]
    twin_files: tuple[tuple[str, str], ...]
    tolerated: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only."""
        return {
            "world": self.world.to_dict(),
            "ids": list(self.ids),
            "twins": list(self.twins),
            "twin_files": [list(pair) for pair in self.twin_files],
            "tolerated": list(self.tolerated),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Tests:
        """The inverse of `to_dict`."""
        return cls(
            world=sessions.World.from_dict(data["world"]),
            ids=tuple(data["ids"]),
            twins=tuple(data["twins"]),
            twin_files=tuple((path, text) for path, text in data["twin_files"]),
            tolerated=tuple(data["tolerated"]),
        )

    @property
    def files(self) -> tuple[str, ...]:
        """The files of the tests, relative to the checkout."""
        return tuple(sorted({sessions.file_of(test) for test in self.ids}))


@dataclass(frozen=True, slots=True)
class TestLimits:
    """Seconds until the tests are collected and for one test; the sandbox's bounds cover a whole session."""

    __test__ = False

    collect_s: float = 30.0
    test_s: float = 15.0
    sandbox: Limits = field(default_factory=lambda: Limits(wall_s=60, cpu_s=60, processes=64, files=256, tmp_mb=64))


@dataclass(frozen=True, slots=True)
class SessionRun:
    """What one session claims, and how it ended; `stopped` is why it did not come to its end."""

    claims: Claims
    stopped: Verdict | None = None
    error: str = ""
    output: str = ""

    @property
    def clean(self) -> bool:
        return self.stopped is None and not self.claims.failing


class TestOracle:
    """Judges candidates of functions of one setting by the repository's own tests; holds no state between them."""

    __test__ = False

    def __init__(self, setting: Setting, limits: TestLimits | None = None) -> None:
        self._setting = setting
        self._limits = limits or TestLimits()

    def for_task(self, function: SourceFunction, tests: Tests) -> TestedTask:
        """The oracle of one task."""
        return TestedTask(self, function, tests)

    def judge(self, function: SourceFunction, tests: Tests, candidate: Candidate) -> Finding:
        """The verdict on one candidate.

        Raises `CerevalError` without tests, or for a function of a test file, and `SandboxError` when a sandbox cannot
        be started.
        """
        if not tests.ids or not tests.twins:
            raise CerevalError(
                f"{function.name} has no test or no twin of one, so no answer can be judged",
                next_step="leave the function out: only certified functions have both",
            )
        started = time.monotonic()
        verdict, run, second = self._decide(function, tests, candidate)
        return _finding(verdict, run, tests, second, time.monotonic() - started)

    def _decide(self, function: SourceFunction, tests: Tests, candidate: Candidate) -> tuple[Verdict, SessionRun, bool]:
        """The verdict, the session that it stands on, and whether tests had passed in another one before."""
        plan = [False] * _RUNS + [True]
        secrets.SystemRandom().shuffle(plan)
        passed: list[SessionRun] = []
        twin: SessionRun | None = None
        for number, is_twin in enumerate(plan):
            run = self.session(function, tests, candidate, twin=is_twin, number=number)
            if run.stopped is Verdict.FAIL_TIMEOUT:  # to be slow once on a busy machine is no wrong answer
                run = self.session(function, tests, candidate, twin=is_twin, number=number)
            if is_twin:
                twin = run
            elif run.clean:
                passed.append(run)
            elif passed and run.stopped is not Verdict.FAIL_TIMEOUT:
                return Verdict.FAIL_NONDET, run, True
            else:
                return _verdict(run), run, bool(passed)
        return (*_after_passing(tests, passed, twin), True)

    def session(
        self, function: SourceFunction, tests: Tests, candidate: Candidate, *, twin: bool, number: int
    ) -> SessionRun:
        """One cold session, in an order and under a hash seed of its own; raises `SandboxError`."""
        if belongs_to_tests(PurePosixPath(function.path)):
            raise CerevalError(f"{function.name} is a function of the tests", next_step="leave it out")
        order, hash_seed = _order(tests.ids, candidate, number)
        process = sessions.start(
            self._setting,
            tests.world,
            "testworker",
            self._limits.sandbox,
            changed=(function.path, candidate.source),
            laid_over=self._files(tests, twin=twin),
            hash_seed=hash_seed,
        )
        claims = Claims(order)
        with process:
            stopped, error = self._listen(process, function, tests, claims)
            output = process.finish().output[-_OUTPUT_CHARACTERS:]
        return SessionRun(claims, stopped, error, output)

    def _files(self, tests: Tests, *, twin: bool) -> Mapping[str, bytes]:
        """The trusted files of the tests, or their twins."""
        full = self._setting.checkout.full
        twins = {path: text.encode() for path, text in tests.twin_files}
        paths = {*tests.files, *twins}
        return {path: twins[path] if twin and path in twins else (full / path).read_bytes() for path in paths}

    def _listen(
        self, process: Process, function: SourceFunction, tests: Tests, claims: Claims
    ) -> tuple[Verdict | None, str]:
        """Why the session did not come to its end, if it did not."""
        number = secrets.token_hex(8)
        target = self._setting.target(function)
        request = {
            "id": number,
            "path": self._setting.paths(),
            "site": list(self._setting.interpreter.site),
            "arguments": tests.world.arguments(tests.files),
            "tests": list(claims.expected),
            "module": target["module"],
            "file": target["file"],
            "root": REPOSITORY,
        }
        try:
            process.send(request)
            claims.take(process.receive(timeout_s=self._limits.collect_s), number)
            while not claims.over:
                claims.take(process.receive(timeout_s=self._limits.test_s), number)
        except FrameTimeout as error:
            return Verdict.FAIL_TIMEOUT, safe(str(error))
        except (FrameError, ProtocolError) as error:
            return Verdict.FAIL_PROTOCOL, safe(str(error))[:500]
        except FrameClosed:
            return why_gone(process.finish(), self._limits.sandbox, claims.collected)
        return _broken(claims)


@dataclass(frozen=True, slots=True)
class TestedTask:
    """A `TestOracle` with the function and the tests of one task; see `oracle.Oracle`."""

    oracle: TestOracle
    function: SourceFunction
    tests: Tests

    def judge(self, candidate: Candidate) -> Finding:
        """As `TestOracle.judge`."""
        return self.oracle.judge(self.function, self.tests, candidate)


def _broken(claims: Claims) -> tuple[Verdict | None, str]:
    if claims.missing is not None:
        loads = not claims.missing.startswith("load: ")
        return (Verdict.FAIL_VACUOUS if loads else Verdict.FAIL_LOAD), claims.missing.removeprefix("load: ")
    if claims.broken:
        # pytest lets three classes through: one that asks the session to end, and two that ask the process to.
        tampers = claims.broken.startswith("Exit")
        return (Verdict.TAMPER if tampers else Verdict.FAIL_EXCEPTION), f"ends the session: {claims.broken}"
    return None, ""


def _verdict(run: SessionRun) -> Verdict:
    """What the tests say; what came first counts."""
    if not run.claims.failing:
        return run.stopped or Verdict.PASS
    return run.claims.failing[0].verdict


def _after_passing(tests: Tests, passed: list[SessionRun], twin: SessionRun | None) -> tuple[Verdict, SessionRun]:
    """The verdict once all tests have passed in every session but that of the twins."""
    if twin is None:
        raise CerevalError("no session had twins", next_step="report this: it is a fault of pytest-cereval")
    changed = {name for run in (*passed, twin) for name in run.claims.changed} - set(tests.tolerated)
    if changed:
        return Verdict.TAMPER, SessionRun(passed[0].claims, error=f"changed {', '.join(sorted(changed)[:5])}")
    if twin.stopped is not None:
        return twin.stopped, twin
    wrong = [claim for claim in twin.claims.all if claim.name in tests.twins and not claim.fails_in_call]
    if wrong:
        error = f"a twin that must fail ended as {wrong[0].word!r}: {wrong[0].name}"
        return Verdict.TAMPER, SessionRun(twin.claims, error=error)
    return Verdict.PASS, passed[-1]


def _order(ids: tuple[str, ...], candidate: Candidate, number: int) -> tuple[list[str], int]:
    """An order and a hash seed for the n-th session, the same for the same answer."""
    text = f"{number}:{candidate.source}".encode("utf-8", "backslashreplace")
    seed = int.from_bytes(hashlib.sha256(text).digest()[:4], "big")
    order = list(ids)
    random.Random(seed).shuffle(order)  # noqa: S311 - an order, not a secret
    return order, seed


def _finding(verdict: Verdict, run: SessionRun, tests: Tests, second: bool, seconds: float) -> Finding:
    failing = run.claims.failing
    first: Claim | None = failing[0] if failing and verdict is not Verdict.TAMPER else None
    evidence: dict[str, Any] = {
        "assurance": ASSURANCE,
        "checked": len(run.claims.all),
        "differing": len(failing) if verdict is not Verdict.TAMPER else 0,
        "hidden": len(tests.ids),
        "error": run.error or (safe(first.raised) if first else ""),
        "output": run.output,
        "second_run": second,
    }
    if first is not None:
        evidence["test"] = safe(f"{first.name}: {first.word}")
    detail = f"{verdict.meaning}: {evidence['error']}" if evidence["error"] else verdict.meaning
    if verdict is Verdict.PASS:
        detail = f"all {len(tests.ids)} tests of the repository that reach it pass, twice, and their twins fail"
    return Finding(verdict, " ".join(detail.split()), evidence, seconds)
