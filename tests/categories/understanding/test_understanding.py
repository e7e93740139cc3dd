"""Bugs are planted, seen to show, asked about, and answers to them judged; with real processes on a tiny repository."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.assembly import BuildSettings
from pytest_cereval.build import Built, build_suite
from pytest_cereval.categories.understanding.judging import located
from pytest_cereval.categories.understanding.replies import denial, fixed, reply, right_lines, unchanged
from pytest_cereval.evaluate import Bench
from pytest_cereval.oracles.oracle import Judged
from pytest_cereval.results.band import Band
from pytest_cereval.results.failure import Failure, failure_of
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.bubblewrap import Bubblewrap
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.source.ledger import Reason
from pytest_cereval.tasks.suite import TaskOracle
from pytest_cereval.tasks.task import Category, Task

REPOSITORY = Path(__file__).parents[2] / "repos" / "tiny"
DISCOUNT = "shop.prices.discount"


@dataclass(frozen=True, slots=True)
class Shop:
    """The tiny repository, built with a few faults about each function."""

    folder: Path
    built: Built
    bench: Bench

    @property
    def faults(self) -> list[Task]:
        return [task for task in self.built.suite.tasks if not task.control]

    @property
    def controls(self) -> list[Task]:
        return [task for task in self.built.suite.tasks if task.control]

    def oracle(self, task: Task) -> TaskOracle:
        found = TaskOracle.load(self.folder / "cache", task.id)
        assert found is not None
        return found

    def judged(self, oracle: TaskOracle, text: str) -> Judged:
        return self.bench.judge_text(oracle, text, shrink=False)


def built(folder: Path, workers: int = 2, **settings: Any) -> Built:
    return build_suite(
        str(folder / "shop"),
        BuildSettings(workers=workers, categories=(Category.CODE_UNDERSTANDING,), **settings),
        interpreter=inspect_interpreter(Path(sys.executable)),
        sandbox=Bubblewrap,
        cache_folder=folder / "cache",
        progress=lambda stage, done, total: None,
    )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("understanding")
    shutil.copytree(REPOSITORY, folder / "shop", ignore=shutil.ignore_patterns("__pycache__"))
    who = {f"GIT_{role}_{key}": "known@example.org" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", *command], cwd=folder / "shop", check=True, env=os.environ | who)
    suite = built(folder, faults=4)
    bench = Bench(suite.checkout, Bubblewrap(), inspect_interpreter(Path(sys.executable)), folder / "cache")
    with contextlib.closing(bench):
        yield Shop(folder, suite, bench)


@pytest.fixture
def fault(shop: Shop) -> TaskOracle:
    """A single fault in `discount`."""
    found = [task for task in shop.faults if task.function == DISCOUNT and len(task.about["operators"]) == 1]
    return shop.oracle(found[0])


def clean(shop: Shop) -> TaskOracle:
    """`discount` as it is, as a control is made of it."""
    oracle = shop.oracle(next(task for task in shop.faults if task.function == DISCOUNT))
    shown = textwrap.dedent(oracle.function.source).rstrip()
    return replace(oracle, planted={**oracle.planted, "shown": shown, "control": True, "faults": [], "exposed": []})


def test_every_certified_function_has_faults_or_a_reason(shop: Shop) -> None:
    told = {task.function for task in shop.faults} | {entry.function for entry in shop.built.suite.ledger}

    assert {"shop.prices.discount", "shop.prices.words", "shop.prices.Cart.add"} <= {
        task.function for task in shop.faults
    }
    assert {"shop.prices.Cart.size", "shop.prices.Cart.label", "shop.prices.Cart.__init__"} <= told
    refused = [entry for entry in shop.built.suite.ledger if entry.category]
    assert all(entry.category == "code_understanding" and entry.detail for entry in refused)
    assert {entry.reason for entry in refused} <= {Reason.NO_FAULT}


def test_the_right_line_and_the_reference_pass_on_every_question(shop: Shop) -> None:
    for task in shop.faults:
        oracle = shop.oracle(task)

        judged = shop.judged(oracle, fixed(oracle))

        assert judged.verdict is Verdict.PASS, (task.name, judged)
        assert judged.scores == {"located": True, "fixed": True}
        assert judged.claimed
        shows, others = judged.evidence["fail_to_pass"], judged.evidence["pass_to_pass"]
        assert shows == [len(oracle.planted["exposed"])] * 2
        assert others == [len(oracle.hidden) - shows[1]] * 2


def test_the_faulty_function_unchanged_is_neither_a_repair_nor_a_pass(shop: Shop) -> None:
    for task in shop.faults:
        oracle = shop.oracle(task)

        judged = shop.judged(oracle, unchanged(oracle))

        assert not judged.verdict.is_pass
        assert judged.scores == {"located": True, "fixed": False}
        if judged.evidence["checked"] == len(oracle.hidden):
            # What the judge sees of the fault is what was measured of it.
            assert judged.evidence["fail_to_pass"] == [0, len(oracle.planted["exposed"])]
            assert judged.evidence["pass_to_pass"][0] == judged.evidence["pass_to_pass"][1]


def test_all_inputs_that_show_a_fault_are_known_and_not_the_first_few_alone(shop: Shop) -> None:
    assert max(len(shop.oracle(task).planted["exposed"]) for task in shop.faults) > 10


def test_each_fault_shows_on_some_inputs_and_not_on_all(shop: Shop) -> None:
    for task in shop.faults:
        oracle = shop.oracle(task)

        assert oracle.planted["exposed"]
        assert 0 < task.about["share"] < 1
        assert task.about["exposed"] >= len(oracle.planted["exposed"])


def test_a_repair_that_names_another_line_is_not_located(shop: Shop, fault: TaskOracle) -> None:
    judged = shop.judged(fault, reply([1], textwrap.dedent(fault.function.source)))

    assert judged.verdict is Verdict.FAIL_LOCATION
    assert judged.scores == {"located": False, "fixed": True}
    assert "names line 1 where line" in judged.detail
    assert failure_of(judged.verdict, judged.evidence) is Failure.WRONG_LINE


def test_to_name_every_line_locates_nothing(shop: Shop, fault: TaskOracle) -> None:
    judged = shop.judged(fault, reply(list(range(1, 12)), textwrap.dedent(fault.function.source)))

    assert judged.verdict is Verdict.FAIL_LOCATION


def test_a_rewrite_from_scratch_is_a_repair(shop: Shop, fault: TaskOracle) -> None:
    code = """
def discount(price, percent):
    left = 100 - percent
    if left < 0 or left > 100:
        raise ValueError("out of range")
    return round(price * left / 100)
"""
    assert shop.judged(fault, reply(right_lines(fault), code)).verdict is Verdict.PASS


def test_to_special_case_one_call_and_leave_the_bug_fails_on_hidden_ones(shop: Shop) -> None:
    task = next(task for task in shop.faults if task.function == DISCOUNT and task.about["exposed"] > 2)
    oracle = shop.oracle(task)
    shown = oracle.planted["shown"].replace("def discount(", "def _buggy(")
    code = f"{shown}\n\ndef discount(price, percent):\n    if (price, percent) == (100, 33):\n        return 67\n"
    code += "    return _buggy(price, percent)\n"

    judged = shop.judged(oracle, reply(right_lines(oracle), code))

    assert not judged.verdict.is_pass
    assert judged.scores["fixed"] is False
    assert judged.claimed


def test_an_answer_that_denies_the_bug_is_wrong_and_no_error(shop: Shop, fault: TaskOracle) -> None:
    judged = shop.judged(fault, denial())

    assert judged.verdict is Verdict.FAIL_MISSED
    assert judged.scores == {"located": False, "fixed": False}
    assert not judged.claimed
    assert "says that there is no bug" in judged.detail


def test_the_function_given_back_without_a_line_says_that_there_is_no_bug(shop: Shop, fault: TaskOracle) -> None:
    shown = f"```python\n# looked at\n{fault.planted['shown']}\n```"

    assert shop.judged(fault, shown).verdict is Verdict.FAIL_MISSED
    assert shop.judged(clean(shop), f"```python\n{clean(shop).planted['shown']}\n```").verdict is Verdict.PASS


def test_a_denial_beside_the_function_as_shown_is_one_and_beside_a_repair_is_none(
    shop: Shop, fault: TaskOracle
) -> None:
    (line, *_) = right_lines(fault)
    told = f"There is no bug; line {line} handles the limits."
    shown = f"{told}\n```python\n{fault.planted['shown']}\n```"
    repaired = f"{told}\n```python\n{textwrap.dedent(fault.function.source)}\n```"

    judged = shop.judged(fault, shown)

    assert judged.verdict is Verdict.FAIL_MISSED
    assert judged.evidence["claimed_lines"] == []
    assert shop.judged(fault, told).verdict is Verdict.FAIL_MISSED
    assert shop.judged(fault, repaired).verdict is Verdict.PASS
    assert shop.judged(fault, f"{told}\n```python\nassert discount(1, 2)\n```").verdict is Verdict.FAIL_MISSED
    assert shop.judged(clean(shop), f"{told}\n```python\n{clean(shop).planted['shown']}\n```").verdict is Verdict.PASS


@pytest.mark.parametrize("text", ["", "I do not know.", "```python\nx = (\n```"])
def test_an_answer_that_claims_nothing_is_no_answer(shop: Shop, fault: TaskOracle, text: str) -> None:
    for oracle in (fault, clean(shop)):
        judged = shop.judged(oracle, text)

        assert judged.verdict is Verdict.NO_ANSWER
        assert not judged.claimed


def test_a_line_without_code_is_located_and_no_answer(shop: Shop, fault: TaskOracle) -> None:
    judged = shop.judged(fault, f"LINE: {right_lines(fault)[0]}\nWHY: it is wrong\n")

    assert judged.verdict is Verdict.NO_ANSWER
    assert judged.scores == {"located": True, "fixed": False}
    assert not judged.claimed, "nothing was run that could overturn it"


def test_a_bug_reported_in_a_clean_function_is_a_false_alarm(shop: Shop) -> None:
    oracle = clean(shop)
    shown = oracle.planted["shown"]

    by_line, by_code = shop.judged(oracle, reply([4], shown)), shop.judged(oracle, reply([], shown + " + 0"))

    assert by_line.verdict is Verdict.FAIL_FALSE_ALARM
    assert by_line.claimed
    assert "reports a bug in line 4 where there is none" in by_line.detail
    assert failure_of(by_line.verdict, by_line.evidence) is Failure.FALSE_ALARM
    assert by_code.verdict is Verdict.PASS, "LINE: none counts, whatever follows"
    assert shop.judged(oracle, denial()).verdict is Verdict.PASS
    assert shop.judged(oracle, f"```python\n{shown} + 0\n```").verdict is Verdict.FAIL_FALSE_ALARM


def test_a_json_answer_is_judged_as_a_written_one(shop: Shop, fault: TaskOracle) -> None:
    code = textwrap.dedent(fault.function.source)
    answer = {"lines": right_lines(fault), "explanation": "the sum is off", "function": code}

    judged = shop.judged(fault, json.dumps(answer))

    assert judged.verdict is Verdict.PASS
    assert judged.evidence["explanation"] == "the sum is off"
    nothing = {"lines": [], "explanation": "", "function": ""}
    assert shop.judged(fault, json.dumps(nothing)).verdict is Verdict.FAIL_MISSED


def test_the_explanation_is_kept_and_never_scored(shop: Shop, fault: TaskOracle) -> None:
    text = reply(right_lines(fault), textwrap.dedent(fault.function.source), why="Because of the moon.")

    judged = shop.judged(fault, text)

    assert judged.verdict is Verdict.PASS
    assert judged.evidence["explanation"] == "Because of the moon."
    assert judged.evidence["tolerance"] == 0


def test_of_two_faults_both_must_be_named_and_repaired(shop: Shop) -> None:
    pairs = [task for task in shop.faults if len(task.about["operators"]) == 2]
    assert pairs
    for task in pairs:
        oracle = shop.oracle(task)
        lines = right_lines(oracle)
        code = textwrap.dedent(oracle.function.source)

        assert task.band in (Band.HARD, Band.ADVERSARIAL)
        assert len(lines) == 2
        assert shop.judged(oracle, reply(lines[:1], code)).verdict is Verdict.FAIL_LOCATION
        assert shop.judged(oracle, reply(lines, code)).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("claimed", "tolerance", "expected"),
    [
        ((3,), 0, True),
        ((4,), 0, True),
        ((3, 4), 0, True),
        ((2,), 0, False),
        ((2,), 1, True),
        ((1,), 1, False),
        ((3, 9), 0, False),
        ((), 0, False),
    ],
)
def test_a_named_line_must_be_one_of_the_fault(claimed: tuple[int, ...], tolerance: int, expected: bool) -> None:
    assert located(claimed, [[3, 4]], tolerance) is expected


def test_the_prompt_shows_numbered_lines_and_never_the_reference(shop: Shop) -> None:
    for task in shop.faults:
        oracle = shop.oracle(task)
        lines = oracle.planted["shown"].split("\n")
        shown = task.prompt.user

        for number, line in enumerate(lines, 1):
            assert f"{number} | {line}".rstrip() in shown
        assert "A call that goes wrong" not in shown
        assert "(...): ...  # shown below" in shown
        assert (
            "of a statement over several lines, the line on which the faulty text itself stands" in task.prompt.system
        )
        for planted in oracle.planted["faults"]:
            assert planted["lines"]
            assert all(1 <= line <= len(lines) and lines[line - 1].strip() for line in planted["lines"])
        changed = [line for line in textwrap.dedent(oracle.function.source).splitlines() if line not in lines]
        assert changed
        for line in changed:
            assert f" | {line}\n" not in shown


def test_the_same_commit_gives_the_same_questions_with_another_number_of_workers(shop: Shop, tmp_path: Path) -> None:
    shutil.copytree(shop.folder, tmp_path / "again")
    cache = tmp_path / "again" / "cache"
    for asked in [cache / "suites", cache / "functions", *cache.glob("certified/*/asked")]:
        shutil.rmtree(asked)

    again = built(tmp_path / "again", workers=1, faults=4)

    assert not again.cached
    assert [task.to_dict() for task in again.suite.tasks] == [task.to_dict() for task in shop.built.suite.tasks]


def test_more_faults_about_a_function_have_names_of_their_own(shop: Shop) -> None:
    names = [task.name for task in shop.built.suite.tasks]

    assert len(set(names)) == len(names)
    assert {f"{DISCOUNT}", f"{DISCOUNT}[2]", f"{DISCOUNT}[3]", f"{DISCOUNT}[4]"} <= set(names)


def test_what_a_report_may_say_tells_how_a_band_was_made(shop: Shop) -> None:
    for task in shop.faults:
        about = task.about
        assert about["made"]
        assert len(about["explanations"]) == len(about["operators"]) == len(about["distance"])
        assert about["controls"] == "1 in 8 functions"
        mine = {"operators": about["operators"], "exposed": about["exposed"], "band": task.band.value}
        assert any(mine.items() <= fault.items() for fault in about["pool"]["faults"])


def test_with_a_hint_a_failing_call_is_shown_and_others_stay_hidden(shop: Shop) -> None:
    hinted = built(shop.folder, faults=4, hint="symptom").suite
    shown = [task for task in hinted.tasks if task.about.get("symptom_shown")]

    assert shown
    for task in shown:
        assert "A call that goes wrong:" in task.prompt.user
        assert "- It should give: " in task.prompt.user
        assert len(shop.oracle(task).planted["exposed"]) > 1
    for task in hinted.tasks:
        if not task.control and not task.about["symptom_shown"]:
            assert "A call that goes wrong" not in task.prompt.user


def test_a_question_is_pinned_by_a_golden_file(shop: Shop, golden: Callable[[str, str], None]) -> None:
    task = next(task for task in shop.faults if task.name == DISCOUNT)

    golden("prompt_understanding_discount.txt", f"{task.prompt.system}\n\n=====\n\n{task.prompt.user}\n")
