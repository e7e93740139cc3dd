"""Turns functions whose calls cannot be replayed into certificates that stand on the repository's own tests.

The tests that reach a function are found by instrumenting it, those that depend on it by a failing marker in place of
its body. They must pass in `REPLAYS` runs under several hash seeds and orders, and tell stubs and mutants from the
reference as recorded calls would; twins of them must fail, and the reference must pass as an answer does.
"""

from __future__ import annotations

import ast
import contextlib
import itertools
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, TypeVar

from pytest_cereval.errors import OracleError, SandboxError
from pytest_cereval.inside.equality import EXACT
from pytest_cereval.inside.testbench import REACH_HOOK
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.candidate import reference_as_candidate
from pytest_cereval.oracles.certificate import MIN_MUTATION_SCORE, Certificate
from pytest_cereval.oracles.mutants import mutants
from pytest_cereval.oracles.qualification import certificate_of, decide
from pytest_cereval.oracles.reactions import FUNCTION_S, Reactions, in_families
from pytest_cereval.oracles.replay import REPLAYS
from pytest_cereval.oracles.rewrites import rewrites
from pytest_cereval.oracles.sessions import NO_SETTINGS, World, file_of
from pytest_cereval.oracles.testbench import Benches, TestBench
from pytest_cereval.oracles.tested import SessionRun, TestOracle, Tests
from pytest_cereval.oracles.trial import Result
from pytest_cereval.oracles.twins import twins
from pytest_cereval.oracles.variants import Skeleton, Variant, branch_reporter, find_node, stubs, with_body
from pytest_cereval.source.files import test_modules
from pytest_cereval.source.functions import FunctionNode, SourceFunction, without_docstring
from pytest_cereval.source.ledger import Reason
from pytest_cereval.source.recording import Recording
from pytest_cereval.source.syntax import parse

MARKER = "raise RuntimeError('put in place of the body, to see which tests depend on it')"
MAX_TESTS = 40
"""Tests of one function that every answer must pass."""
MAX_SPARE = 80
"""Further tests, of which those are taken that tell a variant apart which the others do not."""
MAX_TRIED = 400
SLOW_TEST_S = 0.5
"""Tests that take more processor time judge nobody: a function's variants run its tests a hundred times."""
SUITE_S = 120.0
_SEEDS = 5
_NOT_REPLAYED = frozenset(
    {
        *(Reason.UNPICKLABLE, Reason.UNREACHABLE, Reason.UNBUILT, Reason.UNOBSERVABLE),
        *(Reason.UNREPRODUCIBLE, Reason.UNSTABLE, Reason.CRASHED),
    }
)
Item = TypeVar("Item")
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class ByTests:
    """A certificate that stands on tests, and the tests."""

    certificate: Certificate
    tests: Tests


@dataclass(slots=True)
class _Case:
    """One function on its way; `refused` says why there is no certificate, once that is known.

    `known` are the variants that calls tell apart, which are judged before the tests.
    """

    function: SourceFunction
    known: frozenset[Variant] = frozenset()
    reaching: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)
    spare: list[str] = field(default_factory=list)
    found: ByTests | None = None
    refused: str = ""


def may_be_tested(reason: Reason, recording: Recording, function: SourceFunction) -> bool:
    """Whether a function was refused only because its calls cannot be replayed, while tests do call it."""
    called = was_called(recording, function)
    return reason in _NOT_REPLAYED or (reason in (Reason.NOT_CALLED, Reason.OUT_OF_TIME) and called)


def was_called(recording: Recording, function: SourceFunction) -> bool:
    """Whether tests call the function, or may do where not all of them were seen."""
    return recording.seen.get(function.name, 0) > 0 or "seconds" in recording.tests.cut


def tests_may_end(recording: Recording) -> bool:
    """Whether all tests could be run in the time for that; a recording that saw less than half of them says no."""
    return not (recording.tests.stopped and 2 * recording.tests.ran < recording.tests.collected)


def certify_by_tests(
    setting: Setting,
    functions: Sequence[SourceFunction],
    packages: frozenset[str],
    *,
    workers: int = 1,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
    known: Mapping[str, frozenset[Variant]] = MappingProxyType({}),
) -> dict[str, ByTests | str]:
    """For each function, by name, its certificate, or why its tests do not make one.

    `packages` are the top-level names that the repository defines. `workers` changes speed only. `known` are, by the
    function's name, stubs and mutants that its calls tell apart: where calls judge first, the tests need not. Raises
    nothing for what the repository does: where its tests cannot be collected, that is the reason for all.
    """
    cases = [_Case(function, known.get(function.name, frozenset())) for function in functions]
    for case in cases:
        try:
            find_node(setting.checkout.runtime, case.function)
        except LookupError as error:
            case.refused = str(error)
    if not _open(cases):
        return {case.function.name: case.refused for case in cases}
    try:
        _Stage(setting, World.of(setting, packages), max(1, min(workers, 2)), progress).decide(_open(cases))
    except (SandboxError, OracleError) as error:
        for case in _open(cases):
            case.refused = error.what.splitlines()[0]
    return {case.function.name: case.found or case.refused for case in cases}


def _open(cases: Iterable[_Case]) -> list[_Case]:
    return [case for case in cases if not case.refused]


class _Stage:
    """The steps; each refuses some cases and leaves the others for the next."""

    def __init__(self, setting: Setting, world: World, workers: int, progress: Callable[[str, int, int], None]) -> None:
        self._setting = setting
        self._world = world
        self._workers = workers
        self._progress = progress
        self._files = [path.as_posix() for path in test_modules(setting.checkout.full)]
        self._benches = Benches(lambda: TestBench(setting, self._world, self._files))

    def decide(self, cases: Sequence[_Case]) -> None:
        """All steps."""
        with contextlib.closing(self._benches):
            with self._benches.one() as bench:
                self._world = replace(self._world, ini=bench.ini or NO_SETTINGS)
                self._reach(bench, cases)
            self._each("tests", _open(cases), self._mark)
            self._repeat(_open(cases))
            self._each("qualify by tests", _open(cases), self._qualify)

    def _target(self, case: _Case) -> dict[str, Any]:
        return self._setting.target(case.function)

    def _reach(self, bench: TestBench, cases: Sequence[_Case]) -> None:
        """Which tests enter which function, of those that pass and are quick."""
        if not bench.tests:
            raise SandboxError(f"pytest collects none of the repository's tests: {'; '.join(bench.problems[:1])}")
        targets = [
            {**self._target(case), "source": _instrumented(self._setting, case.function, number)}
            for number, case in enumerate(cases)
        ]
        reply = bench.ask("reach", targets=targets, cpu_s=SUITE_S, wall_s=2 * SUITE_S)
        outcomes = reply.get("outcomes", ())
        for case, reached in zip(cases, reply.get("reached") or [[]] * len(cases), strict=True):
            passing = [number for number in reached if outcomes[number] and outcomes[number][0] == "passed"]
            case.reaching = [bench.tests[number] for number in passing if outcomes[number][1] <= SLOW_TEST_S]
            if not case.reaching:
                slow = f", but {len(passing)} slow ones" if passing else ""
                case.refused = f"no passing test reaches it{slow}" if outcomes else "its tests took too long"

    def _mark(self, bench: TestBench, case: _Case) -> None:
        """Keep the tests that no longer pass with a failing marker in place of the body."""
        module, node = find_node(self._setting.checkout.runtime, case.function)
        source = Skeleton(module, case.function).source(with_body(node, parse(MARKER).body))
        tried = in_families(case.reaching)[:MAX_TRIED]
        reactions = Reactions(bench, case.function, self._target(case), tried, ())
        flipped = reactions.failing(Variant("marker", MARKER, node.lineno, source))
        case.tests, case.spare = (flipped or [])[:MAX_TESTS], (flipped or [])[MAX_TESTS : MAX_TESTS + MAX_SPARE]
        if not case.tests:
            case.refused = "no test depends on it" if flipped is not None else "without it the tests end their process"

    def _repeat(self, cases: Sequence[_Case]) -> None:
        """Leave out what does not pass in all of `REPLAYS` runs, under `_SEEDS` hash seeds and in as many orders."""
        wanted = sorted({test for case in cases for test in (*case.tests, *case.spare)})
        files = sorted({file_of(test) for test in wanted})

        def runs(seed: int) -> set[str]:
            if not seed:
                with self._benches.one() as bench:
                    return self._lost(bench, wanted, seed)
            with contextlib.closing(TestBench(self._setting, self._world, files, hash_seed=seed)) as bench:
                return self._lost(bench, wanted, seed)

        if wanted:
            lost = set().union(*self._in_parallel(runs, range(_SEEDS)))
            for case in cases:
                case.tests = [test for test in case.tests if test not in lost]
                case.spare = [test for test in case.spare if test not in lost]
                if not case.tests:
                    case.refused = "no test that depends on it passes every time"

    def _lost(self, bench: TestBench, wanted: Sequence[str], seed: int) -> set[str]:
        """The tests that do not pass in each of some orders."""
        lost: set[str] = set()
        for turn in range(REPLAYS // _SEEDS):
            order = list(wanted)
            random.Random(f"{seed}:{turn}").shuffle(order)  # noqa: S311 - an order, not a secret
            reply = bench.ask("run", source=None, tests=order, stop=False, cpu_s=SUITE_S, wall_s=2 * SUITE_S)
            lost |= set(wanted) - {name for name, word, _ in reply.get("ended", ()) if word == "passed"}
        return lost

    def _qualify(self, bench: TestBench, case: _Case) -> None:
        """Variants, then twins and the reference as an answer."""
        reactions = Reactions(bench, case.function, self._target(case), case.tests, case.spare)
        module, node = find_node(self._setting.checkout.runtime, case.function)
        found = _certificate(reactions, node, Skeleton(module, case.function), case.known)
        if reactions.late:
            case.refused = f"its tests need more than {FUNCTION_S:.0f} s to be held against variants"
            return
        if isinstance(found, str):
            case.refused = found
            return
        case.tests = sorted(reactions.chosen)
        certificate = replace(found, recorded_inputs=len(case.tests), oracle="tests")
        tests = self._with_twins(case)
        if tests is not None:
            case.found = ByTests(certificate, tests)

    def _with_twins(self, case: _Case) -> Tests | None:
        """The tests with twins that fail on the reference, which itself passes as an answer would have to."""
        full = self._setting.checkout.full
        files = tuple((path, text.decode()) for path, text in twins(full, case.tests).items())
        tests = Tests(self._world, tuple(case.tests), tuple(case.tests), files)
        reference = reference_as_candidate(self._setting.checkout.runtime, case.function)
        oracle = TestOracle(self._setting)
        plain, twin = (
            oracle.session(case.function, tests, reference, twin=each, number=each) for each in (False, True)
        )
        if not plain.clean or twin.stopped is not None:
            case.refused = f"the reference fails as an answer: {_why(plain if not plain.clean else twin)}"
            return None
        failing = tuple(claim.name for claim in twin.claims.all if claim.fails_in_call)
        if not failing:
            case.refused = "no twin of its tests could be made to fail"
            return None
        tolerated = {*plain.claims.changed, *twin.claims.changed}
        return replace(tests, twins=failing, tolerated=tuple(sorted(tolerated)))

    def _each(self, stage: str, cases: Sequence[_Case], work: Callable[[TestBench, _Case], None]) -> None:
        """Do `work` on every case; one that takes its bench down, or on which our own code fails, is refused."""
        done = itertools.count(1)

        def serve(case: _Case) -> None:
            try:
                with self._benches.one() as bench:
                    work(bench, case)
            except (OracleError, SandboxError) as error:
                case.refused = error.what.splitlines()[0]
            self._progress(stage, next(done), len(cases))

        self._in_parallel(serve, cases)

    def _in_parallel(self, work: Callable[[Item], Done], items: Iterable[Item]) -> list[Done]:
        with ThreadPoolExecutor(self._workers) as pool:
            return list(pool.map(work, items))


def _certificate(
    reactions: Reactions, node: FunctionNode, skeleton: Skeleton, known: frozenset[Variant]
) -> Certificate | str:
    """The certificate without the number of tests, or why there is none.

    A variant that survives takes a whole run of the tests, so the search ends when enough speaks against the function.
    """

    def tried(variant: Variant) -> list[Result]:
        return [Result(variant, passes=False)] if variant in known else reactions.run_all([variant])

    stubbed: list[Result] = []
    for stub in stubs(node, skeleton):
        stubbed += tried(stub)
        if any(result.passes for result in stubbed):
            break
    passing = [result.variant.label for result in stubbed if result.passes]
    mutated: list[Result] = []
    pool = [] if passing else list(mutants(node, skeleton))
    for mutant in pool:
        mutated += tried(mutant)
        survivors = [result.text for result in mutated if result.survives]
        # Mutants that do not fit, or are equivalent, only lower the number of those that may survive.
        if (len(pool) - len(survivors)) / len(pool) < MIN_MUTATION_SCORE:
            return f"of at most {len(pool)} mutants too many survive, among them {'; '.join(survivors[:3])}"
    rejection = decide(certificate_of((), stubbed, mutated, (), (0, 0), EXACT, 0), passing)
    if rejection is None:
        rewritten = reactions.run_all(rewrites(node, skeleton), extend=False)
        reporter, decisions = branch_reporter(node, skeleton)
        branches = (reactions.covered(reporter), 2 * decisions)
        found = certificate_of((), stubbed, mutated, rewritten, branches, EXACT, 0)
        rejection = decide(found, passing)
    return found if rejection is None else rejection.detail


def _why(run: SessionRun) -> str:
    failing = run.claims.failing
    return run.error or (f"{failing[0].name}: {failing[0].word}" if failing else "it ends early")


def _instrumented(setting: Setting, function: SourceFunction, number: int) -> str:
    """The function with a call of the hook before all else."""
    module, node = find_node(setting.checkout.runtime, function)
    hook = ast.Expr(ast.Call(ast.Name(REACH_HOOK, ast.Load()), [ast.Constant(number)], []))
    return Skeleton(module, function).source(with_body(node, [hook, *without_docstring(node)]))
