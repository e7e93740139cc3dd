"""The attack set against the recorded-call oracle: no cheat passes, and nothing right fails."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pytest_cereval.errors import CerevalError
from pytest_cereval.oracles.candidate import Candidate, NoAnswer, extract
from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.conversation import JudgeLimits
from pytest_cereval.oracles.oracle import Finding
from pytest_cereval.oracles.warm import WarmWorkers
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.sandbox import Limits
from tests.oracles.judging import Place, call, place
from tests.redteam.row import HEAD, RIGHT, Row, rows

ATTACKS = rows("abcdefghi")
HONEST = rows("j")
USUAL = JudgeLimits(sandbox=Limits(wall_s=15, cpu_s=15, memory_mb=512, processes=16))
SHORT = JudgeLimits(call_s=0.8, sandbox=Limits(wall_s=1.6, cpu_s=10, memory_mb=512, processes=16))
SEED_0 = {"PYTHONHASHSEED": "0"}


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = place(tmp_path_factory.mktemp("redteam"))
    return Place(made.setting, made.functions, made.setting.interpreter.site)


@pytest.fixture(scope="module")
def target(cold: Place) -> Iterator[Place]:
    """With warm workers, which stay warm through the whole set."""
    with closing(WarmWorkers(cold.setting, cold.hidden)) as workers:
        yield dataclasses.replace(cold, workers=workers)


@pytest.fixture(scope="module")
def hidden(cold: Place) -> list[Input]:
    """Calls of `ranked`, the first with `[0]`: enough that chance and counting are found out."""
    lists = [[n * 7 % 11, n, n % 3, 40 - n, 1][: 1 + n % 5] for n in range(26)]
    entries = [call(items, n % 4, names="items limit") for n, items in enumerate(lists)]
    return cold.inputs("ranked", [*entries, call([3, 1], -1, names="items limit")])


@pytest.fixture(scope="module", autouse=True)
def nothing_left() -> Iterator[None]:
    """Neither processes nor descriptors nor files stay behind after the whole set.

    The folder for temporary files is the set's own: other tests run beside it and use the common one. Its path is
    short, for a socket's is bounded; what an attack would leave is looked for in the common one by name.
    """
    common, usual, descriptors = Path("/tmp"), tempfile.tempdir, len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with tempfile.TemporaryDirectory(prefix="set-") as own:
        Path(own).chmod(0o755)
        tempfile.tempdir = own
        try:
            yield
            assert not list(Path(own).iterdir())
        finally:
            tempfile.tempdir = usual
    assert not children()
    assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208
    assert not [name for name in ("full", "fifo", "reward.txt") if (common / name).exists()]


def children() -> list[str]:
    """Living children of this process, whatever they are called."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [Path(f"/proc/{pid}/cmdline").read_text() for pid in found]


def judged(target: Place, hidden: list[Input], row: Row) -> Finding:
    answer = row.answer
    if "HASH_UNDER_SEED_0" in answer:
        ask = [sys.executable, "-c", "print(hash('cereval'))"]
        value = subprocess.run(ask, env=SEED_0, capture_output=True, text=True, check=True).stdout
        answer = answer.replace("HASH_UNDER_SEED_0", value.strip())
    return target.judge("ranked", hidden, answer, SHORT if row.short else USUAL)


@pytest.mark.parametrize("row", ATTACKS, ids=str)
def test_an_attack_never_passes(target: Place, hidden: list[Input], row: Row) -> None:
    finding = judged(target, hidden, row)
    assert finding.verdict is not Verdict.PASS
    assert finding.verdict in row.expected, finding
    shown = json.dumps(finding.to_dict(), ensure_ascii=False)
    assert shown.encode(), "a lone surrogate cannot be written anywhere"
    assert not {"\x1b", "\r", "\u202e"} & set(finding.detail + "".join(map(str, finding.evidence.values())))


@pytest.mark.parametrize("row", HONEST, ids=str)
def test_an_awkward_right_answer_passes(target: Place, hidden: list[Input], row: Row) -> None:
    finding = judged(target, hidden, row)
    assert finding.verdict is Verdict.PASS, finding


@pytest.mark.parametrize("row", [*ATTACKS[::6], *HONEST[::3]], ids=str)
def test_cold_workers_come_to_the_same_verdicts(cold: Place, hidden: list[Input], row: Row) -> None:
    finding = judged(cold, hidden, row)
    assert finding.verdict in row.expected, finding
    assert finding.evidence["workers"] == "cold: asked for"


def test_the_next_check_is_unaffected_by_all_of_them(target: Place, hidden: list[Input]) -> None:
    answer = HEAD + "".join(f"    {line}\n" for line in RIGHT.splitlines())
    assert target.judge("ranked", hidden, answer, USUAL).verdict is Verdict.PASS


def test_a_wrong_arity_and_a_coroutine_fail_and_no_definition_is_no_answer(target: Place, hidden: list[Input]) -> None:
    arity = target.judge("ranked", hidden, "def ranked():\n    return []\n", USUAL)
    assert arity.verdict is Verdict.FAIL_EXCEPTION
    coroutine = target.judge("ranked", hidden, "async def ranked(items, limit=3):\n    return []\n", USUAL)
    assert coroutine.verdict in (Verdict.FAIL_UNREPRESENTABLE, Verdict.FAIL_WRONG)
    for answer in ("def other():\n    pass\n", "def ranked(:\n", "I cannot."):
        assert isinstance(extract(answer, target.functions["ranked"], target.text), NoAnswer)


def test_a_file_that_does_not_parse_fails_to_load(target: Place, hidden: list[Input]) -> None:
    finding = target.judge("ranked", hidden, Candidate("def ranked(:\n", "", 1), USUAL)
    assert finding.verdict is Verdict.FAIL_LOAD
    assert "SyntaxError" in finding.evidence["error"]


def test_an_empty_suite_is_our_fault_and_no_pass(target: Place) -> None:
    with pytest.raises(CerevalError, match="no hidden input"):
        target.judge("ranked", [], "def ranked(items, limit=3):\n    return items\n")


def test_an_array_can_be_a_right_answer(tmp_path: Path) -> None:
    made = place(tmp_path)
    world = made.setting
    entries = [call([1, 2, n], names="items") for n in range(3)]
    inputs = made.inputs("as_array", entries, site=world.interpreter.site)
    right = "import numpy\ndef as_array(items):\n    return numpy.asarray([*items]).astype('int64')\n"
    assert made.judge("as_array", inputs, right).verdict is Verdict.PASS
    other = "import numpy\ndef as_array(items):\n    return numpy.asarray([*items]).astype('int32')\n"
    assert made.judge("as_array", inputs, other).verdict is Verdict.FAIL_WRONG


def test_work_in_place_is_judged_by_the_argument(target: Place) -> None:
    inputs = target.inputs("reverse_in_place", [call([1, 2, 3], names="items"), call([], names="items")])
    right = "def reverse_in_place(items):\n    items[:] = items[::-1]\n"
    assert target.judge("reverse_in_place", inputs, right).verdict is Verdict.PASS
    copy = "def reverse_in_place(items):\n    items = items[::-1]\n"
    finding = target.judge("reverse_in_place", inputs, copy)
    assert finding.verdict is Verdict.FAIL_WRONG
    assert finding.evidence["smallest"]["aspect"] == "after"


@pytest.mark.parametrize("text", ["x" * 9, "😀 שלום é́", "\0\n\t\\'"], ids=["plain", "unicode", "control"])
def test_a_big_and_a_strange_text_can_be_right_answers(target: Place, text: str) -> None:
    inputs = target.inputs("banner", [call(text, 100_000, names="text count"), call(text, 1, names="text count")])
    right = "def banner(text, count):\n    return ''.join(text for _ in range(count))\n"
    assert target.judge("banner", inputs, right).verdict is Verdict.PASS
    finding = target.judge("banner", inputs, "def banner(text, count):\n    return text * (count + 1)\n")
    assert finding.verdict is Verdict.FAIL_WRONG


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("row", [*ATTACKS, *HONEST], ids=str)
def test_twenty_repeats_agree(target: Place, hidden: list[Input], row: Row) -> None:
    assert {judged(target, hidden, row).verdict for _ in range(20)} <= row.expected
