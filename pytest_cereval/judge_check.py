"""Turns the judge of a run into a yes or a `SandboxError`: it judges a right answer, a wrong one and known cheats.

The short form of the attack set, on a function of our own, through the same extraction, sandbox, interpreter and
comparison as a model's answers. It takes about a second and belongs before the first question of a run.
"""

from __future__ import annotations

import base64
import pickle
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pytest_cereval.errors import CerevalError, SandboxError
from pytest_cereval.evaluate import Bench
from pytest_cereval.inside.calls import describe, observe
from pytest_cereval.inside.equality import EXACT
from pytest_cereval.inside.observation import digest
from pytest_cereval.oracles import control
from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.cheats import CHEATS, EXPECTED, NEED_CONFINEMENT, RIGHT, WRONG
from pytest_cereval.oracles.oracle import Judged
from pytest_cereval.results.printing import one_line
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.sandbox.sandbox import Level, Sandbox
from pytest_cereval.source.functions import extract_functions
from pytest_cereval.source.repository import Checkout, Revision
from pytest_cereval.tasks.suite import TaskOracle, oracle_file

_FILE = PurePosixPath("ranking.py")
_TASK = "control"
_CALLS = 12
_AT_ONCE = 4
_DETAIL = 300
_RIGHT_NAME, _WRONG_NAME = "a right answer", "a wrong answer"
_NEXT_STEP = (
    "trust no verdict of this set-up: run `cereval doctor`, reinstall pytest-cereval if its files were changed, "
    "and report this otherwise"
)


@dataclass(frozen=True, slots=True)
class JudgeCheck:
    """What the judge said of the controls and of each cheat."""

    right: Verdict
    wrong: Verdict
    cheats: dict[str, Verdict]

    @property
    def sentence(self) -> str:
        """For people."""
        untried = len(CHEATS) - len(self.cheats)
        left = f", {untried} not tried without confinement" if untried else ""
        return f"a right answer passed, a wrong one failed, {len(self.cheats)} of {len(CHEATS)} cheats failed{left}"

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only, for the record of a run."""
        verdicts = {name: verdict.value for name, verdict in self.cheats.items()}
        return {"right_answer": self.right.value, "wrong_answer": self.wrong.value, "cheats": verdicts}


def check_judge(sandbox: Sandbox, interpreter: Interpreter) -> JudgeCheck:
    """Try the judge; raises `SandboxError` if the right answer does not pass, or any other does or is not judged.

    At the level that confines nothing, the cheats that only confinement stops are left out.
    """
    left_out = NEED_CONFINEMENT if sandbox.level is Level.UNSAFE else frozenset()
    cheats = {name: text for name, text in CHEATS.items() if name not in left_out}
    answers = {_RIGHT_NAME: RIGHT, _WRONG_NAME: WRONG, **cheats}
    with tempfile.TemporaryDirectory(prefix="cereval-control-") as name:
        folder = Path(name)
        bench = Bench(_checkout(folder), sandbox, interpreter, folder)
        oracle = _oracle(folder, interpreter)
        oracle.save(folder, _TASK)
        expected = oracle_file(folder, _TASK)
        for path in (expected.parent, expected):
            path.chmod(0o755)  # what keeps it from being read must be the sandbox

        def judged(text: str) -> Judged:
            return bench.judge_text(oracle, text.replace(EXPECTED, str(expected)), shrink=False)

        with closing(bench), ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="cereval-control") as pool:
            try:
                found = dict(zip(answers, pool.map(judged, answers.values()), strict=True))
            except CerevalError as error:
                raise SandboxError(
                    f"the judge could not be tried before the run: {error.what}",
                    next_step=error.next_step or _NEXT_STEP,
                ) from error
    return _accepted(found)


def _accepted(found: dict[str, Judged]) -> JudgeCheck:
    for name, judged in found.items():
        failed = judged.verdict.is_scored and judged.verdict not in (Verdict.PASS, Verdict.NO_ANSWER)
        if judged.verdict.is_pass if name == _RIGHT_NAME else failed:
            continue
        who = f"an answer that {name}" if name in CHEATS else name
        raise SandboxError(
            f"the judge is not fit to judge: {who} came to {judged.verdict.value} ({one_line(judged.detail, _DETAIL)})",
            next_step=_NEXT_STEP,
        )
    cheats = {name: found[name].verdict for name in CHEATS if name in found}
    return JudgeCheck(found[_RIGHT_NAME].verdict, found[_WRONG_NAME].verdict, cheats)


def _checkout(folder: Path) -> Checkout:
    """A folder with the control in it, which the user that a sandbox runs as can read."""
    runtime = folder / "runtime"
    file = runtime / _FILE
    runtime.mkdir()
    shutil.copyfile(control.__file__, file)
    for path in (folder, runtime):
        path.chmod(0o755)
    file.chmod(0o644)
    return Checkout(Revision("control", "0" * 40, "0" * 40, "", dirty=False), runtime, runtime)


def _oracle(folder: Path, interpreter: Interpreter) -> TaskOracle:
    """The hidden inputs as certification would leave them; the reference is our own code and may run here."""
    (function,) = extract_functions(folder / "runtime", _FILE)
    lists = [[n * 7 % 11, n, n % 3, 40 - n, 1][: 1 + n % 5] for n in range(_CALLS)]
    calls = [*((items, number % 4) for number, items in enumerate(lists)), ([3, 1], -1)]
    hidden = tuple(_input(items, limit) for items, limit in calls)
    return TaskOracle(
        function=function,
        module=function.module,
        import_roots=frozenset({"."}),
        hidden=hidden,
        core=len(hidden),
        level=EXACT,
        seed=0,
        view={},
        site_hidden=interpreter.site,
    )


def _input(items: list[int], limit: int) -> Input:
    call = {"names": ["items", "limit"], "positional": [items, limit], "star": (), "keyword": {}, "double_star": {}}
    entry = {"call": base64.b64encode(pickle.dumps(call)).decode()}
    before, shown = describe(call)
    return Input(entry, before, shown, observe(control.ranked, call), digest(before))
