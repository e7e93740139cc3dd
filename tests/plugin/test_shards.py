"""Parts of a suite on several machines, and one run made of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_cereval.results.store import Store
from pytest_cereval.session import ordered
from pytest_cereval.tasks.suite import Suite
from pytest_cereval.tasks.task import Category
from tests.plugin.records import STORE, attempts, latest
from tests.plugin.test_evaluation import WRONG
from tests.plugin.test_faults import refused

Arguments = Callable[..., list[str]]
Replay = Callable[..., str]


def merged(folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    """`cereval merge`, run in the folder of the stores."""
    command = [sys.executable, "-m", "pytest_cereval.cli", "merge", *names]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def parts(pytester: pytest.Pytester, arguments: Arguments, replay: Replay) -> Path:
    """Three shards in `one` (1 and 2) and `two` (3), made with and without workers."""
    model = replay({"shop.prices.words": WRONG})
    for number, store, workers in ((1, "one", "0"), (2, "one", "2"), (3, "two", "0")):
        options = arguments(model, f"--cereval-shard={number}/3", f"--cereval-store={store}")
        pytester.runpytest_subprocess(*options, "-n", workers)
    return pytester.path


def test_shards_make_one_run(
    parts: Path, pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite
) -> None:
    pytester.runpytest_subprocess(*arguments(replay({"shop.prices.words": WRONG})))
    whole = attempts(parts)

    done = merged(parts, "all", "two", "one")

    assert done.returncode == 0, done.stderr
    assert f"3 of 3 shards, {len(suite.tasks)} tasks" in done.stdout
    assert "missing" not in done.stdout
    with Store.open(parts / "all", must_exist=True) as store:
        (run,) = store.runs()
        found, completions = store.attempts(run.run_id), store.completions(run.run_id)
        asked = [task["id"] for task in store.tasks(run.run_id)]
    assert [(each.task_id, each.verdict, each.candidate) for each in found] == [
        (each.task_id, each.verdict, each.candidate) for each in whole
    ]
    assert asked == [task.id for task in ordered(suite.tasks)]
    assert {each.run_id for each in found} == {run.run_id}
    assert len(completions) == len(suite.tasks)
    assert run.status.value == "finished"
    assert run.provenance["suite"]["tasks"] == len(suite.tasks)
    assert [part["number"] for part in run.provenance["merged"]["parts"]] == [1, 2, 3]


def test_a_missing_shard_is_named_and_leaves_the_run_unfinished(parts: Path, suite: Suite) -> None:
    done = merged(parts, "most", "one")

    assert "2 of 3 shards" in done.stdout
    assert "missing shards: 3/3" in done.stdout
    with Store.open(parts / "most", must_exist=True) as store:
        (run,) = store.runs()
        assert len(store.attempts(run.run_id)) == len(suite.tasks) - len(ordered(suite.tasks)[2::3])
    assert (run.status.value, run.provenance["merged"]["missing"]) == ("interrupted", [3])


def test_what_does_not_belong_together_is_refused(
    parts: Path, pytester: pytest.Pytester, arguments: Arguments, replay: Replay
) -> None:
    other = arguments(replay(), "--cereval-shard=3/3", "--cereval-store=three", "--cereval-max-tokens=9")
    pytester.runpytest_subprocess(*other)
    pytester.runpytest_subprocess(*arguments(replay()))

    for names, sentence in (
        (("new", "one", "three"), "three does not belong to one: model_keys is"),
        (("new", "one", STORE), f"{STORE} holds no run of a shard"),
        (("new", "nowhere"), "there is no store at nowhere"),
        (("two", "one"), "two is there already"),
        (("new", "two", "copy"), "shard 3 is there twice"),
    ):
        (parts / "copy").write_bytes((parts / "two").read_bytes())
        done = merged(parts, *names)
        assert done.returncode == 1
        assert sentence in done.stderr, (names, done.stderr)
        assert not (parts / "new").exists()
        assert not list(parts.glob("*.part*"))


def test_questions_that_begin_alike_follow_each_other(suite: Suite) -> None:
    kinds = [Category.SECURITY_AUDIT, Category.CODE_GENERATION] * len(suite.tasks)
    mixed = [replace(task, category=kind) for task, kind in zip(suite.tasks, kinds, strict=False)]

    found = [(task.category, task.name) for task in ordered(mixed)]

    assert [kind for kind, _ in found] == sorted(kind for kind, _ in found)
    for kind in set(kinds):
        names = [task.name for task in mixed if task.category is kind]
        assert [name for category, name in found if category is kind] == names


def test_shards_are_strides_of_the_items_order(pytester: pytest.Pytester, arguments: Arguments, suite: Suite) -> None:
    listed = []
    for number in (1, 2):
        result = pytester.runpytest_subprocess("--co", "-q", *arguments("x.gguf", f"--cereval-shard={number}/2"))
        listed.append([line.rpartition("::")[2] for line in result.outlines if "::" in line])

    names = [task.name for task in ordered(suite.tasks)]
    assert listed == [names[::2], names[1::2]]


@pytest.mark.parametrize("value", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", "1/2/3"])
def test_a_shard_that_makes_no_sense_is_refused(pytester: pytest.Pytester, arguments: Arguments, value: str) -> None:
    refused(
        pytester.runpytest_subprocess("--co", *arguments("x.gguf", f"--cereval-shard={value}")),
        f"--cereval-shard={value}: must be two whole numbers I/N with I from 1 to N",
    )


def test_a_gate_cannot_be_decided_by_a_part(pytester: pytest.Pytester, arguments: Arguments, replay: Replay) -> None:
    refused(
        pytester.runpytest_subprocess(*arguments(replay(), "--cereval-shard=1/2", "--cereval-gate=0.5")),
        "by which no gate can be decided",
    )


def test_a_shard_is_part_of_the_provenance(
    pytester: pytest.Pytester, arguments: Arguments, replay: Replay, suite: Suite
) -> None:
    result = pytester.runpytest_subprocess(*arguments(replay(), "--cereval-shard=2/2"))

    assert latest(pytester.path).provenance["shard"] == {"number": 2, "count": 2}
    result.stdout.fnmatch_lines(["limited: --cereval-shard=2/2 asks one part of 2"])
    assert json.dumps(latest(pytester.path).provenance["suite"]["tasks"]) == str(len(suite.tasks) // 2)
