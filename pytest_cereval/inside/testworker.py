"""Runs chosen tests of the repository on a checkout that holds an answer, and tells how each ended.

The answer and the tests share this process, so that nothing told here is more than a claim; what the judge makes of it
is labelled so. It is not told whether the tests it gets are the repository's or twins of them that must fail.
"""

from __future__ import annotations

import importlib
import os
import random
import types
from typing import Any

from .framing import read_frame, write_frame
from .guard import Guard, strangers
from .location import located
from .testing import Outcome, TestRunner, prepare, start
from .worker import failure

_SAID = 1500


def main() -> None:
    """Serve one request: a frame once the tests are collected, one per test, and one at the end."""
    source, sink = int(os.environ["CEREVAL_READ_FD"]), int(os.environ["CEREVAL_WRITE_FD"])
    request = located(read_frame(source))
    random.seed(0)
    prepare(request)
    guard = Guard()

    def serve(runner: TestRunner) -> None:
        if any(name not in runner.items for name in request["tests"]):
            said = _cannot_load(request["module"]) or "; ".join(runner.problems)
            write_frame(sink, {"id": request["id"], "missing": said[:_SAID]})
            os._exit(0)
        write_frame(sink, {"id": request["id"], "collected": True})
        _run(request, runner, guard, sink)

    runner = TestRunner(serve)
    said = f"pytest ended with status {start(request, runner)}: {'; '.join(runner.problems)}"
    write_frame(sink, {"id": request["id"], "missing": said[:_SAID]})


def _run(request: dict[str, Any], runner: TestRunner, guard: Guard, sink: int) -> None:
    changed = set(guard.changed())
    for module in {getattr(runner.items[name], "module", None) for name in request["tests"]}:
        if isinstance(module, types.ModuleType):
            guard.watch(module.__name__, vars(module))

    def each(name: str, outcome: Outcome) -> bool:
        changed.update(guard.changed())
        told = {"name": name, "phases": outcome.phases, "raised": outcome.raised}
        write_frame(sink, {"id": request["id"], "test": told})
        return True

    broken = ""
    try:
        runner.run(request["tests"], each)
    except BaseException as error:  # noqa: BLE001 - pytest lets through what asks the whole session to end
        broken = failure(error)
    changed.update(strangers(request["file"], request["root"]))
    write_frame(sink, {"id": request["id"], "finished": {"broken": broken, "changed": sorted(changed)[:200]}})
    os._exit(0)


def _cannot_load(module: str) -> str:
    """Why the module with the answer cannot be imported, if that is so."""
    try:
        importlib.import_module(module)
    except BaseException as error:  # noqa: BLE001 - importing an answer may raise anything
        return f"load: {failure(error)}"
    return ""


if __name__ == "__main__":
    main()
