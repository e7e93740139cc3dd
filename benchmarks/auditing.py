"""Counts the audit questions of a repository by class, and tries the reference exploits and three answers on them.

    python benchmarks/auditing.py PATH[@REV] [--runs=20] [--workers=2] [--cache=DIR]

Each reference exploit must be confirmed in every run: it reaches the sink of the weak twin, and not that of the
original. Answering with it must pass every weak question; answering "CWE-78, vulnerable" to everything must pass none,
and be a false alarm about every clean function; answering "safe" must pass the clean ones alone. Exit code 1 if not.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import platformdirs

from pytest_cereval.assembly import BuildSettings
from pytest_cereval.build import build_suite
from pytest_cereval.evaluate import Bench
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.choose import choose_sandbox
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.tasks.suite import TaskOracle
from pytest_cereval.tasks.task import Category, Task

ALARM = "VERDICT: vulnerable\nCWE: CWE-78\nLINE: 1\n"
CALM = "VERDICT: safe\nCWE: none\nLINE: none\n"


def main() -> int:
    """Print the figures; exit code 1 if one of them is not as it must be."""
    given = _arguments()
    sandbox, interpreter = choose_sandbox(), inspect_interpreter(Path(sys.executable))
    built = build_suite(
        given.repository,
        BuildSettings(categories=(Category.SECURITY_AUDIT,), workers=given.workers),
        interpreter=interpreter,
        sandbox=lambda: sandbox,
        cache_folder=given.cache,
        progress=lambda *_: None,
    )
    weak = [task for task in built.suite.tasks if not task.control]
    controls = [task for task in built.suite.tasks if task.control]
    _print_counts(weak, controls)
    bench = Bench(built.checkout, sandbox, interpreter, given.cache)

    def passed(task: Task, text: str) -> Verdict:
        oracle = TaskOracle.load(given.cache, task.id)
        assert oracle is not None
        return bench.judge_text(oracle, text).verdict

    def reference(task: Task) -> int:
        oracle = TaskOracle.load(given.cache, task.id)
        assert oracle is not None
        return sum(bench.judge_text(oracle, _right(oracle.planted)).verdict.is_pass for _ in range(given.runs))

    with contextlib.closing(bench), ThreadPoolExecutor(given.workers) as pool:
        runs = [*pool.map(reference, weak)]
        alarms = [*pool.map(lambda task: passed(task, ALARM), (*weak, *controls))]
        calm = [*pool.map(lambda task: passed(task, CALM), (*weak, *controls))]
    complete = sum(count == given.runs for count in runs)
    false_alarms = sum(verdict is Verdict.FAIL_FALSE_ALARM for verdict in alarms)
    print(f"reference answers: {complete} of {len(weak)} pass in {given.runs} of {given.runs} runs")
    passing = sum(verdict.is_pass for verdict in alarms)
    print(f"an alarm about everything: {passing} pass, {false_alarms} of {len(controls)} false alarms")
    print(f"safe to everything: {sum(v.is_pass for v in calm)} pass, {len(controls)} controls")
    for task, count in zip(weak, runs, strict=True):
        if count < given.runs:
            print(f"  {task.name}: {count} of {given.runs}")
    good = complete == len(weak) and not passing and false_alarms == len(controls)
    return int(not good or sum(v.is_pass for v in calm) != len(controls))


def _right(planted: dict[str, Any]) -> str:
    code = f"```python\n{planted['exploit']}\n```\n" if planted["exploit"] else ""
    return f"VERDICT: vulnerable\nCWE: CWE-{planted['cwe']}\nLINE: {planted['lines'][0]}\n{code}"


def _print_counts(weak: list[Task], controls: list[Task]) -> None:
    classes = Counter(f"CWE-{task.about['cwe']}" for task in weak)
    exploited = sum(not task.about["identify_only"] for task in weak)
    clean = sum(task.about["twin"] == "clean" for task in controls)
    print(f"{len(weak)} weak questions, {exploited} of them to be exploited, over {len(classes)} classes")
    print(f"{clean} clean twins, {len(controls) - clean} that look weak and are safe")
    print(", ".join(f"{name} {count}" for name, count in classes.most_common()))
    print(", ".join(f"{name} {count}" for name, count in Counter(task.band.value for task in weak).most_common()))
    print(", ".join(f"{name} {count}" for name, count in Counter(task.about["planted"] for task in weak).most_common()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=Path(platformdirs.user_cache_dir("pytest-cereval")))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
