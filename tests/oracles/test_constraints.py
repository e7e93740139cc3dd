"""What a question forbids is found in the text of an answer and in what it does, not held against the original."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_cereval.oracles.constraints import broken
from pytest_cereval.results.verdict import Verdict
from tests.oracles.judging import Place, call, place

ORIGINAL = "import os\n\ndef total(a):\n    return sum(a)\n"
NEW_USES = {
    "def total(a):\n    return eval('sum(a)')\n": ("uses eval",),
    "import os\ndef total(a):\n    os.system('true')\n": ("uses os.system",),
    "from os import system as s\ndef total(a):\n    s('true')\n": ("uses os.system",),
    "import os as o\ndef total(a):\n    o.execv('/bin/true', [])\n": ("uses os.execv",),
    "import subprocess\ndef total(a):\n    subprocess.run(['true'])\n": ("uses subprocess",),
    "from urllib import request\ndef total(a): ...\n": ("uses urllib.request",),
    "import builtins\ndef total(a):\n    return builtins.eval('1')\n": ("uses eval",),
    "import requests.sessions\ndef total(a): ...\n": ("uses requests.sessions",),
}


@pytest.mark.parametrize("text", NEW_USES)
def test_what_an_answer_uses_is_found_under_any_name(text: str) -> None:
    assert broken(text, ORIGINAL) == NEW_USES[text]


@pytest.mark.parametrize(
    "text", ["def total(a):\n    return a.eval()\n", "import re\nP = re.compile('a')\n", "evaluate = 1\n", "def ("]
)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert broken(text, ORIGINAL) == ()


def test_what_the_original_does_is_no_fault_of_the_answer_but_doing_it_more_often_is() -> None:
    original = "def total(a):\n    return eval(a)\n"

    assert broken("def total(a):\n    return eval(a) + 0\n", original) == ()
    assert broken("def total(a):\n    return eval(a) + eval('0')\n", original) == ("uses eval",)


def test_an_event_that_the_reference_raises_too_is_allowed() -> None:
    events = ("os.fork", "socket.connect")

    assert broken("", "", events, ("os.fork",)) == ("raised socket.connect when run",)


@pytest.fixture
def target(tmp_path: Path) -> Place:
    tmp_path.chmod(0o755)
    return place(tmp_path)


def test_a_process_that_an_answer_starts_is_told(target: Place) -> None:
    hidden = target.inputs("reverse_in_place", [call([1, 2], names="items"), call([3, 1, 2], names="items")])
    fork = "    import os\n    if os.fork() == 0:\n        os._exit(0)\n"
    silent = target.judge("reverse_in_place", hidden, "def reverse_in_place(items):\n    items[:] = items[::-1]\n")
    starting = target.judge(
        "reverse_in_place", hidden, f"def reverse_in_place(items):\n{fork}    items[:] = items[::-1]\n"
    )

    assert (silent.verdict, silent.evidence["events"]) == (Verdict.PASS, [])
    assert (starting.verdict, starting.evidence["events"]) == (Verdict.PASS, ["os.fork"])
