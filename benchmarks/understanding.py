"""Checks the planted bugs of a repository by replayed answers, and prints how they are distributed.

    python benchmarks/understanding.py PATH[@REV] [--limit=0] [--faults=1] [--cache=DIR] [--at-least=120]

Every question is answered three times: with the reference and the right lines, which must pass; with the function as
it is shown and the right lines, which must neither be a repair nor pass; and with the claim that there is no bug, which
must pass where nothing was planted and nowhere else. Exit code 1 if that is not so, or if fewer functions have a bug.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import platformdirs

from pytest_cereval.assembly import BuildSettings
from pytest_cereval.build import build_suite
from pytest_cereval.categories.understanding.replies import denial, fixed, unchanged
from pytest_cereval.evaluate import Bench
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.choose import choose_sandbox
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.tasks.suite import Suite, TaskOracle
from pytest_cereval.tasks.task import Category


def main() -> int:
    """Print the figures and what is not as it must be."""
    given = _arguments()
    sandbox, interpreter = choose_sandbox(), inspect_interpreter(Path(sys.executable))
    begun = time.monotonic()
    built = build_suite(
        given.repository,
        BuildSettings(limit=given.limit, faults=given.faults, categories=(Category.CODE_UNDERSTANDING,)),
        interpreter=interpreter,
        sandbox=lambda: sandbox,
        cache_folder=given.cache,
        progress=lambda *_: None,
    )
    print(f"built in {time.monotonic() - begun:.0f} s{' from the cache' if built.cached else ''}")
    functions = _distribution(built.suite)
    with contextlib.closing(Bench(built.checkout, sandbox, interpreter, given.cache)) as bench:
        wrong = [line for task in built.suite.tasks for line in _replayed(bench, given.cache, task.id, task.name)]
    print("\n".join([f"{len(wrong)} answers not judged as they must be", *wrong]))
    return int(bool(wrong) or functions < given.at_least)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository")
    parser.add_argument("--limit", type=int, default=0, help="so many questions; all if not given")
    parser.add_argument("--faults", type=int, default=1, help="so many about one function")
    parser.add_argument("--cache", type=Path, default=Path(platformdirs.user_cache_dir("pytest-cereval")))
    parser.add_argument("--at-least", type=int, default=120, help="so many functions must have a bug")
    return parser.parse_args()


def _distribution(suite: Suite) -> int:
    """Print it; how many functions have a bug."""
    planted = [task for task in suite.tasks if not task.control]
    functions = {task.function for task in planted}
    print(f"{len(functions)} functions with a bug, {len(suite.tasks) - len(planted)} shown as they are")
    rows: dict[str, Any] = {
        "bands": (task.band.value for task in planted),
        "made by": (task.about["made"] for task in planted),
        "distance": (each for task in planted for each in task.about["distance"]),
        "operators": (each for task in planted for each in task.about["operators"]),
        "in the pools": (fault["band"] for task in planted for fault in task.about["pool"]["faults"]),
        "none": (entry.reason.value for entry in suite.ledger if entry.category),
    }
    for name, values in rows.items():
        print(f"{name}: " + ", ".join(f"{value} {count}" for value, count in Counter(values).most_common()))
    return len(functions)


def _replayed(bench: Bench, cache: Path, task_id: str, name: str) -> list[str]:
    oracle = TaskOracle.load(cache, task_id)
    if oracle is None:
        return [f"{name}: no oracle"]
    control = oracle.planted["control"]
    wrong = []
    if not control:
        right, same = (bench.judge_text(oracle, text(oracle), shrink=False) for text in (fixed, unchanged))
        if right.verdict is not Verdict.PASS or right.scores != {"located": True, "fixed": True}:
            wrong.append(f"{name}: the reference gives {right.verdict}: {right.detail}")
        if same.verdict.is_pass or same.scores != {"located": True, "fixed": False}:
            wrong.append(f"{name}: unchanged gives {same.verdict}: {same.detail}")
    denied = bench.judge_text(oracle, denial())
    if denied.verdict is not (Verdict.PASS if control else Verdict.FAIL_MISSED):
        wrong.append(f"{name}: to deny the bug gives {denied.verdict}: {denied.detail}")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
