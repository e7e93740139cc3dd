"""Turns samples on standard input into how long inspect-ai takes to judge them in its local sandbox: one JSON line.

Runs under an interpreter that has inspect-ai, which need not be the one of the benchmark (`humaneval.py` starts it).
What is measured is a whole evaluation without a model: the samples' answers are given, and each is judged as in the
HumanEval of inspect-evals, by a Python process that runs prompt, answer and check. Imports are not counted.
"""

# inspect-ai is not among what this project is checked with.
# mypy: disable-error-code="import-not-found, untyped-decorator"
from __future__ import annotations

import json
import sys
import tempfile
import time
from typing import Any


def main() -> int:
    """Judge `{"samples", "workers"}`; exit code 2 without inspect-ai."""
    try:
        import inspect_ai
    except ImportError:
        return 2
    given = json.load(sys.stdin)
    task = _task(given["samples"])
    with tempfile.TemporaryDirectory(prefix="inspect-") as logs:
        begun = time.monotonic()
        (log,) = inspect_ai.eval(
            task,
            model="mockllm/model",
            display="none",
            log_dir=logs,
            max_subprocesses=given["workers"],
            max_samples=len(given["samples"]),
        )
        seconds = time.monotonic() - begun
        # The log is read from its file when it is asked for.
        scores = [score.value for sample in log.samples or [] for score in (sample.scores or {}).values()]
    told = {"version": inspect_ai.__version__, "seconds": seconds, "passed": scores.count("C"), "judged": len(scores)}
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


def _task(samples: list[dict[str, str]]) -> Any:
    from inspect_ai import Task
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.scorer import CORRECT, INCORRECT, Score, Target, accuracy, scorer
    from inspect_ai.solver import Generate, TaskState, solver
    from inspect_ai.util import sandbox

    @solver
    def given() -> Any:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            state.output.completion = state.metadata["completion"]
            return state

        return solve

    @scorer(metrics=[accuracy()])
    def checked() -> Any:
        async def score(state: TaskState, target: Target) -> Score:
            asked = state.metadata
            code = f"{asked['prompt']}{state.output.completion}\n{asked['test']}\ncheck({asked['entry_point']})"
            done = await sandbox().exec([sys.executable, "-c", code], timeout=30)
            return Score(value=CORRECT if done.success else INCORRECT)

        return score

    found = [Sample(input=each["prompt"], id=each["task_id"], metadata=each) for each in samples]
    return Task(dataset=MemoryDataset(found), solver=given(), scorer=checked(), sandbox="local")


if __name__ == "__main__":
    sys.exit(main())
