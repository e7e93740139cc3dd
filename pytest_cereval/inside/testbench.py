"""Answers what the repository's own tests make of variants of the reference: which reach a function, which fail.

Runs trusted code only, in a sandbox all the same. One warm process collects the tests once and forks for every
question; a variant's code object takes the place of the function's. Answers of models never meet this process.
"""

from __future__ import annotations

import gc
import importlib
import os
import random
import signal
import types
from collections.abc import Callable, Sequence
from typing import Any

from .bodies import check_fits, compiled_function, same_code, set_defaults
from .forks import in_fork
from .framing import read_frame, write_frame
from .location import located
from .serving import serve
from .testing import PASSED, Outcome, TestRunner, prepare, start
from .trials import BRANCH_HOOK, branch_hook
from .worker import failure

REACH_HOOK = "__cereval_reached__"
"""A name that instrumented bodies call with their number."""
_MAX_TESTS = 20_000
Request = dict[str, Any]
Reply = dict[str, Any]
Place = tuple[str, int, str]


def main() -> None:
    """Collect what the first frame names, then serve requests by their `op` until the channel closes."""
    source, sink = int(os.environ["CEREVAL_READ_FD"]), int(os.environ["CEREVAL_WRITE_FD"])
    request = located(read_frame(source))
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    random.seed(0)
    prepare(request)

    def collected(runner: TestRunner) -> None:
        bench = _Bench(runner, request["modules"])
        told = {"tests": list(runner.items)[:_MAX_TESTS], "ini": runner.ini, "problems": runner.problems}
        write_frame(sink, {"id": request["id"], **told})
        operations: dict[str, Callable[[Request], Reply]] = {"reach": bench.reach, "run": bench.run}
        serve(source, sink, lambda asked: operations[asked["op"]](asked))
        os._exit(0)

    runner = TestRunner(collected)
    said = f"pytest ended with status {start(request, runner)}: {'; '.join(runner.problems)}"
    write_frame(sink, {"id": request["id"], "failed": said[:1500]})


class _Bench:
    """The collected tests, and all functions alive by where they stand in their files."""

    def __init__(self, runner: TestRunner, modules: Sequence[str]) -> None:
        self._runner = runner
        for name in modules:
            try:
                importlib.import_module(name)
            except BaseException:  # noqa: BLE001, S112 - its functions are then not found, which is told
                continue
        self._functions: dict[Place, list[types.FunctionType]] = {}
        for item in gc.get_objects():
            if type(item) is types.FunctionType:
                code = item.__code__
                place = (code.co_filename, code.co_firstlineno, code.co_name)
                self._functions.setdefault(place, []).append(item)
        gc.collect()
        gc.freeze()  # so that collections in children do not copy the parent's pages

    def _find(self, target: Request) -> list[types.FunctionType]:
        name: str = target["qualname"].rpartition(".")[2]
        files = (target["file"], os.path.realpath(target["file"]))  # a link, where nothing can be mounted
        found = (self._functions.get((file, target["line"], name), []) for file in files)
        return next(filter(None, found), [])

    def reach(self, request: Request) -> Reply:
        """Run all tests once, with instrumented bodies: `reached` holds for each target the numbers of its tests.

        `outcomes` holds for each test its word and its seconds of processor time. A target whose body does not fit is
        reached by none.
        """
        names = list(self._runner.items)[:_MAX_TESTS]
        numbers = {name: number for number, name in enumerate(names)}

        def work() -> Reply:
            reached: list[set[int]] = [set() for _ in request["targets"]]
            outcomes: list[Any] = [None] * len(names)

            def hook(index: int) -> None:
                if self._runner.current:
                    reached[index].add(numbers[self._runner.current])

            for target in map(located, request["targets"]):
                functions = self._find(target)
                code = _code(functions, target)
                for function in functions if isinstance(code, types.CodeType) else ():
                    function.__globals__[REACH_HOOK] = hook
                    function.__code__ = code  # type: ignore[assignment]

            def each(name: str, outcome: Outcome) -> bool:
                outcomes[numbers[name]] = [outcome.word, round(outcome.cpu_s, 4)]
                return True

            self._run(names, each)
            return {"reached": [sorted(found) for found in reached], "outcomes": outcomes}

        return in_fork(work, request["cpu_s"], request["wall_s"])

    def run(self, request: Request) -> Reply:
        """Run the named tests, with another body if there is a `source`; up to the first that does not pass if `stop`.

        `ended` lists each test with its word and what it raised. `unbuildable` says why a variant does not fit,
        `equivalent` that it compiles to the same; `branches` are the outcomes of decisions that a reporter saw.
        """
        functions = self._find(request) if request["source"] else []
        code = _code(functions, request) if request["source"] else None
        if isinstance(code, dict):
            return code

        def work() -> Reply:
            branches: set[tuple[int, bool]] = set()
            for function in functions if code is not None else ():
                function.__globals__[BRANCH_HOOK] = branch_hook(branches)
                function.__code__ = code  # type: ignore[assignment]
                set_defaults(function, dict(request["defaults"]))
            ended: list[list[str]] = []

            def each(name: str, outcome: Outcome) -> bool:
                ended.append([name, outcome.word, outcome.raised])
                return outcome.word == PASSED or not request["stop"]

            before = os.times()
            self._run([name for name in request["tests"] if name in self._runner.items], each)
            after = os.times()
            cpu_s = after.user + after.system - before.user - before.system
            return {
                "ended": ended,
                "branches": sorted(branches),
                "cpu_s": cpu_s,
                "wall_s": after.elapsed - before.elapsed,
            }

        return in_fork(work, request["cpu_s"], request["wall_s"])

    def _run(self, names: Sequence[str], each: Callable[[str, Outcome], bool]) -> None:
        random.seed(0)
        self._runner.run(names, each)
        self._runner.current = ""


def _code(functions: Sequence[types.FunctionType], target: Request) -> types.CodeType | Reply:
    """The code object for these functions, or why there is none."""
    if not functions:
        return {"unbuildable": "no such function is alive once the tests are collected"}
    try:
        code = compiled_function(target["source"], target["qualname"])
        for function in functions:
            check_fits(function, code)
    except (SyntaxError, ValueError) as error:
        return {"unbuildable": failure(error)}
    if not target.get("defaults") and same_code(code, functions[0].__code__):
        return {"equivalent": "same bytecode"}
    return code


if __name__ == "__main__":
    main()
