"""Measures the processor time of one check, judge and workers together, over a repository's certified tasks.

    python benchmarks/checking.py PATH[@REV] [--limit=24] [--rounds=3] [--cache=DIR] [--cold] [--at-most-ms=60]

The answer is the reference itself, so that each check runs to its end and through all that a pass needs. One round
before the measured ones starts what is kept warm; what that costs is printed apart. It should be at most 60 ms in the
median on Cerberus.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import platformdirs

from pytest_cereval import evaluate
from pytest_cereval.assembly import BuildSettings
from pytest_cereval.build import build_suite
from pytest_cereval.evaluate import Bench
from pytest_cereval.oracles.workers import ColdWorkers
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.choose import choose_sandbox
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.tasks.suite import TaskOracle
from pytest_cereval.tasks.task import Category

_V1 = Path("/sys/fs/cgroup/cpuacct")
_V2 = Path("/sys/fs/cgroup")


def main() -> int:
    """Print the figures; exit code 1 if the median is above the limit or a reference does not pass."""
    given = _arguments()
    sandbox, interpreter = choose_sandbox(), inspect_interpreter(Path(sys.executable))
    built = build_suite(
        given.repository,
        BuildSettings(limit=given.limit, categories=(Category.CODE_GENERATION,)),
        interpreter=interpreter,
        sandbox=lambda: sandbox,
        cache_folder=given.cache,
        progress=lambda *_: None,
    )
    loaded = [TaskOracle.load(given.cache, task.id) for task in built.suite.tasks]
    oracles = [oracle for oracle in loaded if oracle is not None and oracle.tests is None]
    bench = Bench(built.checkout, sandbox, interpreter, given.cache)
    if given.cold:
        vars(evaluate)["workers_for"] = ColdWorkers
    with processor_seconds() as clock, contextlib.closing(bench):
        begun = clock()
        for oracle in oracles:
            _check(bench, oracle)
        first = clock() - begun
        spent: list[float] = []
        wall = time.monotonic()
        for oracle in given.rounds * oracles:
            begun = clock()
            _check(bench, oracle)
            spent.append(1000 * (clock() - begun))
        wall = (time.monotonic() - wall) / len(spent)
    median, p90 = statistics.median(spent), statistics.quantiles(spent, n=10)[-1]
    print(f"{len(oracles)} tasks, {len(spent)} checks: median {median:.1f} ms, p90 {p90:.1f} ms of processor time")
    print(f"mean {statistics.mean(spent):.1f} ms, mean wall {1000 * wall:.1f} ms; the first round took {first:.1f} s")
    return int(median > given.at_most_ms)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository")
    parser.add_argument("--limit", type=int, default=0, help="so many tasks; all if not given")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=Path(platformdirs.user_cache_dir("pytest-cereval")))
    parser.add_argument("--cold", action="store_true", help="a fresh sandbox and interpreter for every worker")
    parser.add_argument("--at-most-ms", type=float, default=60.0)
    return parser.parse_args()


def _check(bench: Bench, oracle: TaskOracle) -> None:
    judged = bench.judge_text(oracle, f"```python\n{oracle.function.source}\n```\n")
    assert judged.verdict is Verdict.PASS, (oracle.function.name, judged)


@contextlib.contextmanager
def processor_seconds() -> Iterator[Callable[[], float]]:
    """A clock of processor time that counts this process and all it starts, by a control group of its own.

    The kernel forgets the time of processes that die with a pid namespace, so what was waited for is not enough. Exits
    where no group can be made.
    """
    name = f"cereval-{os.getpid()}"
    before, group, read = _v1(name) if _V1.is_dir() else _v2(name)
    try:
        group.mkdir()
        (group / "cgroup.procs").write_text(str(os.getpid()))
    except OSError as error:
        sys.exit(f"needs a control group below {group.parent} to count every process: {error}; run it as root")
    try:
        yield read
    finally:
        (before / "cgroup.procs").write_text(str(os.getpid()))
        with contextlib.suppress(OSError):  # something of it still ends
            group.rmdir()


def _v1(name: str) -> tuple[Path, Path, Callable[[], float]]:
    lines = [line.split(":") for line in Path("/proc/self/cgroup").read_text("ascii").splitlines()]
    own = next(path for _, kinds, path in lines if "cpuacct" in kinds.split(","))
    group = _V1 / name
    return _V1 / own.lstrip("/"), group, lambda: int((group / "cpuacct.usage").read_text()) / 1e9


def _v2(name: str) -> tuple[Path, Path, Callable[[], float]]:
    own = Path("/proc/self/cgroup").read_text("ascii").strip().rpartition(":")[2]
    group = _V2 / own.lstrip("/") / name
    return group.parent, group, lambda: int((group / "cpu.stat").read_text().split()[1]) / 1e6


if __name__ == "__main__":
    sys.exit(main())
