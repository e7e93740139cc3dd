"""What a question forbids is found in the text of an answer and in what it does, not held against the original."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_cereval.oracles.constraints import broken
from pytest_cereval.results.verdict import Verdict
from tests.oracles.judging import Place, call, place

REFERENCE = "def total(a):\n    return sum(a)\n"
ORIGINAL = f"import os\n\n{REFERENCE}"
USES = {
    "def total(a):\n    return eval('sum(a)')\n": ("uses eval",),
    "def total(a):\n    return list(map(eval, a))\n": ("uses eval",),
    "def total(a):\n    run = eval\n    return run(a)\n": ("uses eval",),
    "def total(a):\n    os.system('true')\n": ("uses os.system",),
    "from os import system as s\ndef total(a):\n    s('true')\n": ("uses os.system",),
    "import os as o\ndef total(a):\n    o.execv('/bin/true', [])\n": ("uses os.execv",),
    "import subprocess\ndef total(a):\n    subprocess.run(['true'])\n": ("uses subprocess",),
    "def total(a):\n    from urllib import request\n": ("uses urllib.request",),
    "import builtins\ndef total(a):\n    return builtins.eval('1')\n": ("uses eval",),
    "import requests.sessions\ndef total(a): ...\n": ("uses requests.sessions",),
    "import timeit\ndef total(a):\n    return timeit.timeit(a)\n": ("uses timeit.timeit",),
    "def total(a):\n    return wrapped(eval).run(a)\n": ("uses eval",),
    "import runpy\ndef total(a): ...\n": ("uses runpy",),
}


@pytest.mark.parametrize("text", USES)
def test_what_an_answer_uses_is_found_in_any_form(text: str) -> None:
    assert broken(text, REFERENCE, ORIGINAL) == USES[text]


@pytest.mark.parametrize(
    "text",
    [
        "def total(a):\n    return a.eval()\n",
        "import re\nP = re.compile('a')\n",
        "evaluate = 1\n",
        "def (",
        "def total(exec):\n    return exec(1)\n",
        "from .core import eval\ndef total(a):\n    return eval(a)\n",
        "from ast import literal_eval as eval\ndef total(a):\n    return eval(a)\n",
        "def compile(x):\n    return x\ndef total(a):\n    return compile(a)\n",
        "import os\ndef total(a):\n    return os.path.join(a)\n",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert broken(text, REFERENCE, ORIGINAL) == ()


@pytest.mark.parametrize(
    ("text", "reference", "original"),
    [
        ("import socket\ndef total(a):\n    return socket.inet_aton(a)\n", REFERENCE, f"import socket\n{REFERENCE}"),
        ("def total(a):\n    return eval(a) + eval('0')\n", "def total(a):\n    return eval(a)\n", ""),
        ("def total(a):\n    return compile(a)\n", REFERENCE, f"def compile(x):\n    return x\n\n\n{REFERENCE}"),
    ],
)
def test_what_the_original_does_is_no_fault_of_the_answer(text: str, reference: str, original: str) -> None:
    assert broken(text, reference, original) == ()


def test_what_only_another_function_of_the_file_does_is_one() -> None:
    original = f"{REFERENCE}\n\ndef other(a):\n    return eval(a)\n"

    assert broken("def total(a):\n    return eval(a)\n", REFERENCE, original) == ("uses eval",)


def test_a_method_is_compared_with_its_own_indented_text() -> None:
    reference = "    def total(self, a):\n        return eval(a)\n"

    assert broken("def total(self, a):\n    return eval(a)\n", reference, f"class A:\n{reference}") == ()


def test_an_event_that_the_reference_raises_too_is_allowed() -> None:
    events = ("os.fork", "socket.connect")

    assert broken("", "", "", events, ("os.fork",)) == ("raised socket.connect when run",)


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


def test_a_reference_with_lines_of_a_text_at_the_margin_is_read_all_the_same() -> None:
    reference = '    def run(self, line):\n        """Docs\nat the margin."""\n        return os.system(line)\n'
    original = f"import os\n\nclass Shell:\n{reference}"

    assert broken("def run(self, line):\n    return os.system(line)\n", reference, original) == ()
    assert broken("def run(self, line):\n    return eval(line)\n", reference, original) == ("uses eval",)
