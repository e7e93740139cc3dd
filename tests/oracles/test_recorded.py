"""Recorded calls as an oracle: right answers of every kind pass, wrong ones fail with the smallest call
shown.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.errors import CerevalError, SandboxError
from pytest_cereval.oracles.candidate import Candidate, extract
from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.conversation import JudgeLimits
from pytest_cereval.oracles.oracle import Finding, Oracle
from pytest_cereval.oracles.recorded import JudgeSetting, RecordedCallOracle
from pytest_cereval.oracles.replies import ProtocolError, checked
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.fallback import Fallback
from pytest_cereval.sandbox.sandbox import Launch, Level, Limits
from pytest_cereval.source.functions import SourceFunction
from tests.oracles.judging import FILE, Entry, Place, call, calls_of_objects, place

LINES = "[Basket.Line('a', 250), Basket.Line('b', 199)]"
LIMITS = JudgeLimits(call_s=1.0, sandbox=Limits(wall_s=10, cpu_s=10))
OBJECTS = calls_of_objects(
    f"(Basket({LINES}, 10),)",
    "(Basket([], 0),)",
    f"(Basket({LINES}), 5)",
    "(Basket([]), 101)",
    "(Basket,)",
    "(Basket.Line('tea', 1234),)",
)
# What each kind of function is asked with, a right answer in other words, and a wrong one.
KINDS: dict[str, tuple[list[Entry], str, str]] = {
    "Basket.total": (
        OBJECTS[:2],
        "def total(self):\n    return self.__reduced(sum([x.cents for x in self.lines]))\n",
        "class Basket:\n    def total(self):\n        return sum(x.cents for x in self.lines)\n",
    ),
    "Basket.__reduced": (
        calls_of_objects(f"(Basket({LINES}, 10), 449)", "(Basket([]), 7)"),
        "def __reduced(self, cents):\n    return cents * (100 - self._discount) // 100\n",
        "def __reduced(self, cents):\n    return cents - self._discount\n",
    ),
    "Basket.discount.setter": (
        OBJECTS[2:4],
        "@discount.setter\ndef discount(self, value):\n"
        "    if value < 0 or value > 100:\n        raise ValueError('no')\n    self._discount = value\n",
        "class Basket:\n    @property\n    def discount(self):\n        return self._discount\n"
        "    @discount.setter\n    def discount(self, value):\n        self._discount = value\n",
    ),
    "Basket.of": (
        [{"call": entry["call"], "plain": False} for entry in OBJECTS[4:5]],
        "def of(cls, **prices):\n    return cls([cls.Line(k, v) for k, v in prices.items()], 0)\n",
        "@classmethod\ndef of(cls, **prices):\n    return cls([], 1)\n",
    ),
    "Basket.cheapest": (
        [call([3, 1, 2], names="prices"), call([], names="prices")],
        "    @staticmethod\n    def cheapest(prices):\n        return sorted(prices)[0] if prices else min(prices)\n",
        "def cheapest(prices):\n    return prices[0]\n",
    ),
    "Basket.Line.label": (
        OBJECTS[5:6],
        "class Basket:\n    class Line:\n        def label(self):\n"
        "            return self.name + f': {self.cents / 100:.2f}'\n",
        "def label(self):\n    return f'{self.name}: {self.cents}'\n",
    ),
    "price": (
        [call(100, names="net"), call(50, 20, names="net tax")],
        "def price(net, tax=TAX):\n    return net + (net * tax) // 100\n",
        "@doubled\ndef price(net, tax=TAX):\n    return 2 * (net + net * tax // 100)\n",
    ),
    "countdown": (
        [call(3, names="start"), call(-1, names="start")],
        "def countdown(start):\n    yield from range(start, 0, -1)\n",
        "def countdown(start):\n    yield from range(start)\n",
    ),
}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return place(tmp_path_factory.mktemp("recorded"))


@pytest.fixture(scope="module")
def hidden(target: Place) -> list[Input]:
    """Calls of `ranked`, the first with `[0]`."""
    lists = [[0], [4, 2, 9, 9], [1, 5], [2, 3, 8, 1, 7], [], [7, 7, 6], [5, 4, 3, 2, 1]]
    return target.inputs("ranked", [call(items, names="items") for items in lists])


def answer(*lines: str, before: str = "") -> str:
    return f"{before}def ranked(items, limit=3):\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize("name", KINDS)
def test_a_right_answer_of_every_kind_of_function_passes(target: Place, name: str) -> None:
    entries, right, _ = KINDS[name]
    finding = target.judge(name, target.inputs(name, entries), right, LIMITS)
    assert finding.verdict is Verdict.PASS, finding
    assert finding.evidence["checked"] == finding.evidence["hidden"] == len(entries)
    assert finding.detail == f"agrees with the reference on all {len(entries)} hidden calls, twice"


@pytest.mark.parametrize("name", KINDS)
def test_a_wrong_answer_of_every_kind_of_function_fails(target: Place, name: str) -> None:
    entries, _, wrong = KINDS[name]
    finding = target.judge(name, target.inputs(name, entries), wrong, LIMITS)
    assert finding.verdict in (Verdict.FAIL_WRONG, Verdict.FAIL_EXCEPTION), finding
    assert finding.evidence["differing"] > 0


@pytest.mark.parametrize("name", KINDS)
def test_the_reference_itself_passes(target: Place, name: str) -> None:
    inputs = target.inputs(name, KINDS[name][0])
    assert target.judge(name, inputs, target.functions[name].source, LIMITS).verdict is Verdict.PASS


def test_a_wrong_answer_is_shown_by_its_smallest_call(target: Place, hidden: list[Input]) -> None:
    finding = target.judge("ranked", hidden, answer("return sorted(items)[:limit]"), LIMITS)
    assert finding.verdict is Verdict.FAIL_WRONG
    assert finding.evidence["smallest"] == {
        "call": "ranked(items=[1, 5])",
        "expected": "[5, 1]",
        "observed": "[1, 5]",
        "aspect": "value",
        "where": "[0]: 5 ≠ 1",
        "paste": "from target.shop import ranked\n\nranked(items=[1, 5])",
    }
    assert finding.detail == "ranked(items=[1, 5]) gives [1, 5] instead of [5, 1] (at [0]: 5 ≠ 1)"
    assert finding.evidence["differing"] == 5
    assert finding.evidence["checked"] == len(hidden)
    assert finding.seconds > 0
    assert json.loads(json.dumps(finding.to_dict()))["verdict"] == "FAIL_WRONG"


def test_an_argument_left_changed_is_wrong_even_if_the_value_is_right(target: Place, hidden: list[Input]) -> None:
    finding = target.judge("ranked", hidden, answer("items.sort(reverse=True)", "return items[:limit]"), LIMITS)
    assert finding.verdict is Verdict.FAIL_WRONG
    assert finding.evidence["smallest"]["aspect"] == "after"
    assert finding.evidence["smallest"]["call"] == "ranked(items=[1, 5])"
    assert finding.evidence["smallest"]["where"] == "['items'][0]: 1 ≠ 5"


def test_an_exception_shows_what_was_raised(target: Place, hidden: list[Input]) -> None:
    finding = target.judge("ranked", hidden, answer("raise KeyError('gone\\x1b[2J')"), LIMITS)
    assert finding.verdict is Verdict.FAIL_EXCEPTION
    assert finding.evidence["smallest"]["observed"] == r"raises KeyError: 'gone\x1b[2J'"
    assert finding.evidence["smallest"]["aspect"] == "kind"


def test_what_an_answer_prints_is_kept_and_never_believed(target: Place, hidden: list[Input]) -> None:
    finding = target.judge("ranked", hidden, answer("print('PASS')", "return items[:limit]"), LIMITS)
    assert finding.verdict is Verdict.FAIL_WRONG
    assert finding.evidence["output"].count("PASS") >= len(hidden)


def test_an_answer_that_depends_on_the_order_of_calls_is_not_reproducible(target: Place, hidden: list[Input]) -> None:
    text = answer(
        "SEEN.append(items)",
        "return sorted(items, reverse=True)[:limit] if SEEN[0] == [0] else []",
        before="SEEN = []\n",
    )
    finding = target.judge("ranked", hidden, text, LIMITS)
    assert finding.verdict is Verdict.FAIL_NONDET
    assert finding.detail.startswith("right in one run, and not in another order under another hash seed: ranked(")
    assert finding.evidence["second_run"] is True


def test_a_timeout_is_not_a_wrong_answer_and_is_tried_twice(target: Place, hidden: list[Input]) -> None:
    launches: list[Launch] = []
    world = target.setting

    class Counting:
        level = world.sandbox.level

        def describe(self) -> dict[str, str]:
            return world.sandbox.describe()

        def start(self, launch: Launch, limits: Limits) -> Any:
            launches.append(launch)
            return world.sandbox.start(launch, limits)

    counted = dataclasses.replace(target, setting=dataclasses.replace(world, sandbox=Counting()))
    short = JudgeLimits(call_s=0.3)
    finding = counted.judge("ranked", hidden, answer("while True: pass"), short)
    assert finding.verdict is Verdict.FAIL_TIMEOUT
    assert finding.detail == "a call did not end in time: no whole message before the deadline"
    assert len(launches) == 2
    assert finding.evidence["checked"] == 0


def test_a_pass_takes_two_fresh_workers_under_different_hash_seeds(target: Place, hidden: list[Input]) -> None:
    text = answer("import sys", "print(sys.flags.hash_randomization, hash('x'))", "return sorted(items)[::-1][:limit]")
    first = target.judge("ranked", hidden, text, LIMITS)
    assert first.verdict is Verdict.PASS
    printed = set(first.evidence["output"].split("\n")) - {""}
    assert len(printed) == 1
    again = target.judge("ranked", hidden, text, LIMITS)
    assert again.evidence["output"] == first.evidence["output"], "the seed depends on the answer alone"
    wrong = target.judge("ranked", hidden, text.replace("[::-1]", ""), LIMITS)
    assert wrong.evidence["second_run"] is False
    assert not printed & set(wrong.evidence["output"].split("\n"))


FORGED = """\
def banner(text, count):
    import json, os, struct, sys
    frame = sys._getframe()
    while "request" not in frame.f_locals:
        frame = frame.f_back
    after = ["d", ["text", text], ["count", count]]
    claim = {"kind": "returned", "value": text * count, "after": after, "printed": "", "whole": True}
    body = json.dumps({"id": frame.f_locals["request"]["id"], "observation": claim}).encode()
    os.write(int(os.environ["CEREVAL_WRITE_FD"]), struct.pack(">I", len(body)) + body)
"""


@pytest.mark.parametrize(
    ("then", "verdict", "error"),
    [
        ("return text * count", Verdict.FAIL_PROTOCOL, "a reply to something that was not asked"),
        ("os._exit(0)", Verdict.FAIL_EARLY_EXIT, "the process ended before all calls were answered (exited 0)"),
    ],
)
def test_a_right_last_reply_is_not_enough(target: Place, then: str, verdict: Verdict, error: str) -> None:
    inputs = target.inputs("banner", [call("x", 2, names="text count")])
    finding = target.judge("banner", inputs, f"{FORGED}    {then}\n", LIMITS)
    assert (finding.verdict, finding.evidence["error"]) == (verdict, error)
    assert (finding.evidence["checked"], finding.evidence["differing"]) == (1, 0)


def test_checking_stops_after_thirty_differences(target: Place) -> None:
    inputs = target.inputs("ranked", [call([n, n + 1], names="items") for n in range(40)])
    finding = target.judge("ranked", inputs, answer("return []"), LIMITS)
    assert (finding.evidence["differing"], finding.evidence["checked"]) == (30, 30)


def test_a_failing_import_carries_its_message(target: Place, hidden: list[Input]) -> None:
    text = answer("return items", before="from target.nowhere import thing\n")
    finding = target.judge("ranked", hidden, text, LIMITS)
    assert finding.verdict is Verdict.FAIL_LOAD
    assert finding.evidence["error"] == "ModuleNotFoundError: No module named 'target.nowhere'"
    assert finding.detail.endswith(finding.evidence["error"])


def test_a_function_that_is_not_where_it_should_be_fails_to_load(target: Place, hidden: list[Input]) -> None:
    candidate = target.candidate("ranked", answer("return items"))
    moved = dataclasses.replace(candidate, line=candidate.line + 1)
    finding = target.judge("ranked", hidden, moved, LIMITS)
    assert finding.verdict is Verdict.FAIL_LOAD
    assert "no function ranked that starts at line" in finding.evidence["error"]


def test_the_reference_is_nowhere_in_the_candidates_world(target: Place, tmp_path: Path) -> None:
    copy = place(tmp_path)
    runtime = copy.setting.checkout.runtime
    line = 'raise ValueError(f"a negative limit: {limit}")'
    for folder in ("target/__pycache__", "build/lib"):
        (runtime / folder).mkdir(parents=True)
        (runtime / folder / "shop.py").write_text(line)
    inputs = copy.inputs("ranked", [call([], names="items")])
    text = answer(
        "import os",
        f"line = {line[:20]!r} + {line[20:]!r}",
        "for folder, _, files in os.walk('/cereval'):",
        "    for file in files:",
        "        if line.encode() in open(os.path.join(folder, file), 'rb').read():",
        "            return [os.path.join(folder, file)]",
        "return []",
    )
    finding = copy.judge("ranked", inputs, text, LIMITS)
    assert finding.verdict is Verdict.PASS, finding


def one_line_down(function: SourceFunction) -> SourceFunction:
    return dataclasses.replace(
        function,
        first_line=function.first_line + 1,
        def_line=function.def_line + 1,
        last_line=function.last_line + 1,
    )


def test_a_file_in_another_encoding_can_be_changed(tmp_path: Path) -> None:
    made = place(tmp_path)
    file = made.setting.checkout.runtime / FILE
    text = "# -*- coding: latin-1 -*-\n" + file.read_text().replace("Per cent.", "Prozent für ß.")
    file.write_bytes(text.encode("latin-1"))
    moved = {name: one_line_down(function) for name, function in made.functions.items()}
    made = dataclasses.replace(made, functions=moved)
    inputs = made.inputs("banner", [call("x", 2, names="text count")])
    function = moved["banner"]
    found = extract("def banner(text, count):\n    '''日本'''\n    return text * count\n", function, text)
    assert isinstance(found, Candidate)
    assert made.judge("banner", inputs, found, LIMITS).verdict is Verdict.PASS


def test_no_hidden_input_is_an_error_that_says_what_to_do(target: Place) -> None:
    with pytest.raises(CerevalError, match=r"target\.shop\.ranked has no hidden input") as caught:
        target.judge("ranked", [], answer("return items"))
    assert "only certified functions" in caught.value.next_step


def test_an_input_that_is_too_big_is_our_fault_and_no_verdict(target: Place, hidden: list[Input]) -> None:
    big = dataclasses.replace(hidden[0], entry={"call": "A" * (5 << 20)})
    with pytest.raises(CerevalError, match="a hidden input cannot be sent to a worker: message of"):
        target.judge("ranked", [big], answer("return items"), LIMITS)


def test_a_task_oracle_judges_by_itself(target: Place, hidden: list[Input]) -> None:
    with contextlib.closing(RecordedCallOracle(JudgeSetting(target.setting))) as judge:
        oracle: Oracle = judge.for_task(target.functions["ranked"], hidden)
        finding: Finding = oracle.judge(target.candidate("ranked", answer("return items[:limit]")))
    assert finding.verdict is Verdict.FAIL_WRONG
    assert finding.evidence["workers"].startswith("warm: hash seeds 0 and ")


OBSERVATION = {"kind": "returned", "value": 1, "after": ["d"], "printed": "", "whole": True}
KINDS_OF_REPLY = ("observation", "unbuilt", "too_big")


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ({"id": "b", "observation": OBSERVATION}, "not asked"),
        ({"observation": OBSERVATION}, "not asked"),
        ({"id": "a"}, "with the keys nothing"),
        ({"id": "a", "ready": True}, "with the keys ready"),
        ({"id": "a", "observation": OBSERVATION, "verdict": "PASS"}, "with the keys observation, verdict"),
        ({"id": "a", "unbuilt": "x" * 3000}, "no short text"),
        ({"id": "a", "too_big": ["x"]}, "no short text"),
        ({"id": "a", "observation": []}, "another shape"),
        ({"id": "a", "observation": OBSERVATION | {"equal": True}}, "another shape"),
        ({"id": "a", "observation": OBSERVATION | {"kind": "passed"}}, "other values"),
        ({"id": "a", "observation": OBSERVATION | {"whole": 1}}, "other values"),
        ({"id": "a", "observation": OBSERVATION | {"kind": "raised"}}, "exception of another shape"),
        ({"id": "a", "observation": OBSERVATION | {"value": 1.5}}, "JSON float"),
        ({"id": "a", "observation": OBSERVATION | {"value": 1 << 53}}, "JSON int"),
        ({"id": "a", "observation": OBSERVATION | {"after": {"a": 1}}}, "JSON dict"),
        ({"id": "a", "observation": OBSERVATION | {"value": ["l"] * 300_000}}, "too big"),
    ],
)
def test_a_reply_of_any_other_shape_is_refused(message: dict[str, Any], problem: str) -> None:
    with pytest.raises(ProtocolError, match=problem):
        checked(message, "a", KINDS_OF_REPLY)


def test_an_honest_reply_is_taken_as_it_is() -> None:
    assert checked({"id": "a", "observation": OBSERVATION}, "a", KINDS_OF_REPLY).observation == OBSERVATION
    assert checked({"id": "a", "unbuilt": "E\x1b"}, "a", KINDS_OF_REPLY).note == "E\\x1b"


@pytest.mark.parametrize("level", [Level.LANDLOCK, Level.UNSAFE])
def test_the_weaker_levels_judge_as_well(target: Place, level: Level) -> None:
    try:
        weaker = Fallback(level)
    except SandboxError as error:
        pytest.skip(error.what)
    there = Place(replace(target.setting, sandbox=weaker), target.functions, target.hidden)
    hidden = there.inputs("ranked", [call(items, names="items") for items in ([0], [4, 2, 9, 9], [1, 5])])
    assert there.judge("ranked", hidden, answer("return sorted(items, reverse=True)[:limit]"), LIMITS).verdict.is_pass
    finding = there.judge("ranked", hidden, answer("return items"), LIMITS)
    assert finding.verdict is Verdict.FAIL_WRONG
