"""A twin of a test fails where the test passes, and is the same text but for one expectation."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.oracles.twins import twins

SNIPPETS = {
    "compares": "assert f(2) == 4",
    "compares with what takes two lines": "assert f(2) == (\n    4\n)",
    "compares identity": "assert f(None) is None",
    "is true": "assert f(2)",
    "is true in two parts": "assert f(2) == 4 and f(3) == 6, 'text'",
    "contains": "assert 4 in [f(2)]",
    "raises": "with pytest.raises(TypeError, match='unsupported'):\n    f({})",
    "raises in a call": "pytest.raises(TypeError, f, {})",
    "in a context": "with open(__file__) as file:\n    assert f(len(file.mode)) == 2",
    "in a loop": "for n in (1, 2):\n    assert f(n) == 2 * n",
    "the last of several": "assert f(1) == 2\nassert f(2) == 4",
    "equal": "self.assertEqual(f(2), 4)",
    "equal with text": "self.assertEqual(f(2), 4, 'text')",
    "dictionaries": "self.assertDictEqual({'a': f(1)}, {'a': 2})",
    "true": "self.assertTrue(f(1))",
    "false": "self.assertFalse(f(0))",
    "in": "self.assertIn(f(2), [4])",
    "is none": "self.assertIsNone(f(None))",
    "is not none": "self.assertIsNotNone(f(1))",
    "is an instance": "self.assertIsInstance(f(1), int)",
    "almost equal": "self.assertAlmostEqual(f(1.0), 2.0)",
    "greater": "self.assertGreater(f(2), 3)",
    "less or equal": "self.assertLessEqual(f(2), 4)",
    "raises by unittest": "with self.assertRaises(TypeError):\n    f({})",
}
TOP = "import unittest\nimport pytest\n\ndef f(n):\n    return None if n is None else 2 * n\n\n\n"


def written(folder: Path, **files: str) -> Path:
    (folder / "tests").mkdir()
    for name, text in files.items():
        (folder / "tests" / f"{name}.py").write_text(text)
    return folder


def run(text: bytes) -> Any:
    space: dict[str, Any] = {"__name__": "some", "__file__": __file__}
    exec(compile(text, "some.py", "exec"), space)  # noqa: S102 - our own text
    case = space["unittest"].TestCase()
    return space["test_it"](case) if "self" in space["test_it"].__code__.co_varnames else space["test_it"]()


@pytest.mark.parametrize("body", SNIPPETS.values(), ids=SNIPPETS)
def test_a_twin_fails_where_the_test_passes(tmp_path: Path, body: str) -> None:
    parameters = "self" if "self." in body else ""
    text = f"{TOP}def test_it({parameters}):\n{textwrap.indent(body, '    ')}  # é\n"
    found = twins(written(tmp_path, test_some=text), ["tests/test_some.py::Some::test_it[1-x]"])
    assert list(found) == ["tests/test_some.py"]
    twin = found["tests/test_some.py"]
    run(text.encode())
    with pytest.raises((AssertionError, TypeError)):
        run(twin)
    assert twin.count(b"\n") == text.count("\n")


def test_only_the_named_tests_are_changed(tmp_path: Path) -> None:
    text = "def test_a():\n    assert 1 == 1\n\ndef test_b():\n    assert 2 == 2\n"
    found = twins(written(tmp_path, test_some=text), ["tests/test_some.py::test_b"])
    assert found["tests/test_some.py"].decode() == text.replace("2 == 2", "2 == [2]")


def test_of_several_expectations_the_last_that_is_always_reached_is_changed(tmp_path: Path) -> None:
    text = "def test_a(n):\n    assert n == 1\n    assert n == 2\n    if n:\n        assert n == 3\n"
    found = twins(written(tmp_path, test_some=text), ["tests/test_some.py::test_a"])
    assert found["tests/test_some.py"].decode() == text.replace("n == 2", "n == [2]")


def test_a_test_that_asserts_nothing_has_its_helper_changed(tmp_path: Path) -> None:
    helper = "def check(a, b):\n    assert a == b\n\ndef other(a):\n    assert a\n"
    text = "from tests.helper import check\n\ndef test_a():\n    check(1, 1)\n"
    found = twins(written(tmp_path, test_some=text, helper=helper), ["tests/test_some.py::test_a"])
    assert found == {"tests/helper.py": helper.replace("a == b", "a == [b]").encode()}


def test_what_cannot_be_changed_is_left_out(tmp_path: Path) -> None:
    text = "def test_a():\n    print()\n"
    tests = ["tests/test_some.py::test_a", "tests/test_bad.py::test_b", "tests/test_gone.py::test_c"]
    assert twins(written(tmp_path, test_some=text, test_bad="def ("), tests) == {}


def test_a_starred_argument_is_left_alone(tmp_path: Path) -> None:
    text = "def test_a(self):\n    self.assertEqual(*[1, 1])\n"
    assert twins(written(tmp_path, test_some=text), ["tests/test_some.py::test_a"]) == {}
