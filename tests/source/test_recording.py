"""What is recorded of tests that take too long or pass too much, and what is said of the rest."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_cereval.errors import SourceError
from pytest_cereval.inside.recorder import interleaved
from pytest_cereval.oracles.bench import Setting
from pytest_cereval.oracles.by_tests import tests_may_end as may_end
from pytest_cereval.oracles.certify import certify_all
from pytest_cereval.sandbox.bubblewrap import Bubblewrap
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.ledger import Reason
from pytest_cereval.source.recording import Recording, RecordingBounds, TestRun, record_calls
from pytest_cereval.source.repository import Checkout, checkout, resolve
from pytest_cereval.source.scan import scan
from tests.plugin.conftest import make_repository

Record = Callable[..., Recording]
CODE = """
def early(x):
    return x + 1


def middle(x):
    return x + 2


def late(x):
    return x + 3
"""
TESTS = """
import time

import code_under


def test_early():
    assert code_under.early(1) == 2


def test_middle():
    code_under.middle(1)
    WAIT


def test_late():
    assert code_under.late(1) == 4
"""


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Checkout]:
    def build(**files: str) -> Checkout:
        folder = tmp_path / "repo"
        (folder / "tests").mkdir(parents=True)
        (folder / "code_under.py").write_text(CODE)
        for name, text in files.items():
            (folder / "tests" / f"{name}.py").write_text(textwrap.dedent(text))
        make_repository(folder)
        return checkout(str(folder), resolve(str(folder)), tmp_path / "cache")

    return build


def record(tree: Checkout, **bounds: int) -> Recording:
    return record_calls(
        tree,
        scan(tree.runtime).eligible,
        sandbox=Bubblewrap(),
        interpreter=inspect_interpreter(Path(sys.executable)),
        bounds=RecordingBounds(**{"seconds": 2, "grace_s": 2, "timeout_s": 60} | bounds),
    )


@pytest.mark.parametrize(
    "wait",
    [
        "time.sleep(100)",
        "while True: pass",
        "while True:\n        try: time.sleep(100)\n        except Exception: break\n    time.sleep(100)",
    ],
    ids=["sleeping", "busy", "stubborn"],
)
def test_a_test_that_does_not_end_is_broken_off_and_the_rest_of_the_tests_is_told_to_be_missing(
    tree: Callable[..., Checkout], wait: str
) -> None:
    begun = time.monotonic()
    found = record(tree(test_code=TESTS.replace("WAIT", wait)))

    assert time.monotonic() - begun < 45
    assert (found.tests.stopped, found.tests.ran, found.tests.collected) == (True, 1, 3)
    assert found.tests.outcomes["passed"] == 1
    assert set(found.calls) == set(found.again) == {"code_under.early"}


def test_tests_end_with_the_one_in_which_the_time_is_over(tree: Callable[..., Checkout]) -> None:
    found = record(tree(test_code=TESTS.replace("WAIT", "time.sleep(1.5)")), seconds=1, grace_s=30)

    assert (found.tests.stopped, found.tests.ran, found.tests.collected) == (True, 2, 3)
    assert set(found.calls) == set(found.again) == {"code_under.early", "code_under.middle"}
    assert found.tests.to_dict()["cut"] == ["seconds"]
    assert TestRun.from_dict(found.tests.to_dict()) == found.tests


def test_tests_that_end_in_time_are_all_there(tree: Callable[..., Checkout]) -> None:
    found = record(tree(test_code=TESTS.replace("WAIT", "pass")), seconds=30)

    assert (found.tests.stopped, found.tests.ran, found.tests.collected, found.tests.cut) == (False, 3, 3, ())
    assert set(found.calls) == set(found.again) == {"code_under.early", "code_under.middle", "code_under.late"}


def test_no_test_that_ends_in_time_is_told_with_what_to_do(tree: Callable[..., Checkout]) -> None:
    with pytest.raises(SourceError, match="no test of the repository came to its end in the time") as told:
        record(tree(test_code="import time\n\n\ndef test_long():\n    time.sleep(100)\n"), seconds=1, grace_s=1)
    assert "make its first tests quicker" in told.value.next_step


def test_what_pytest_itself_says_is_told_where_no_test_reports(tree: Callable[..., Checkout]) -> None:
    with pytest.raises(SourceError, match=r"(?s)no test of the repository passes.*the flux capacitor is missing"):
        record(tree(conftest="raise ImportError('the flux capacitor is missing')", test_code=TESTS), seconds=30)


@pytest.mark.parametrize(
    ("bound", "cut"),
    [
        ({"pickle_bytes": 4_000}, "size of a call"),
        ({"function_bytes": 4_000}, "size per function"),
        ({"total_bytes": 4_000}, "size in all"),
    ],
)
def test_calls_over_a_size_are_counted_and_left_out(
    tree: Callable[..., Checkout], bound: dict[str, int], cut: str
) -> None:
    checked = tree(
        test_code="""
        import code_under


        def test_early():
            code_under.early(1)


        def test_large():
            try:
                code_under.late(list(range(4_000)))
            except TypeError:
                pass
        """
    )
    found = record(checked, seconds=30, **bound)

    assert set(found.calls) == {"code_under.early"}
    assert found.oversized == {"code_under.late": 1}
    assert found.tests.cut == (cut,)
    assert Recording.from_dict(found.to_dict()) == found
    functions = [item for item in scan(checked.runtime).eligible if item.bare_name == "late"]
    [(reason, detail)] = refused(checked, functions, found)
    assert reason is Reason.UNPICKLABLE
    assert detail.startswith("1 calls are larger than what is recorded")


def refused(tree: Checkout, functions: list[SourceFunction], recording: Recording) -> list[tuple[Reason, str]]:
    interpreter = inspect_interpreter(Path(sys.executable))
    setting = Setting(tree, Bubblewrap(), interpreter, frozenset({"."}), recording.modules)
    ledger = certify_all(setting, functions, recording).ledger
    return [(entry.reason, entry.detail) for entry in ledger]


def test_what_was_not_called_in_time_is_not_said_to_be_never_called(tree: Callable[..., Checkout]) -> None:
    checked = tree(test_code=TESTS)
    functions = [item for item in scan(checked.runtime).eligible if item.bare_name == "late"]
    name = functions[0].name

    def ended(*cut: str) -> Recording:
        return Recording({}, {}, {}, {name: 0}, {}, TestRun(0, {"passed": 1}, (), (), cut, ran=1, collected=3))

    assert refused(checked, functions, ended("seconds")) == [(Reason.OUT_OF_TIME, "1 of 3 tests ran")]
    assert refused(checked, functions, ended()) == [(Reason.NOT_CALLED, "")]
    assert not may_end(ended("seconds"))
    assert may_end(ended())


def test_files_take_turns_so_that_every_part_is_seen() -> None:
    names = ("a.py::1", "a.py::2", "a.py::3", "b.py::1", "c.py::1", "c.py::2")
    items = [SimpleNamespace(nodeid=name) for name in names]

    assert [item.nodeid for item in interleaved(items)] == [
        "a.py::1",
        "b.py::1",
        "c.py::1",
        "a.py::2",
        "c.py::2",
        "a.py::3",
    ]
    assert interleaved([]) == []
