"""The place of a function in its file is found once, and what is put there is looked at without what lies beside it."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path, PurePosixPath

import pytest

from pytest_cereval.oracles.places import place_of
from pytest_cereval.source.functions import SourceFunction, extract_functions, first_line

ODD = '''\
from __future__ import annotations
import os; import sys

"""A text
def not_one(): pass
over lines."""

if os.name:
    a = 1; b = 2

    def branch(x): return x

    def other(x):
        return x
else:
    def branch(x):
        return 0

try:
    pass
except OSError:
    def caught(x):
        return x
finally:
    c = 3


class Outer:
    """Docs."""

    one = [
        1,
    ]

    class Inner:
        def deep(self):
            def deeper():
                return 1
            return deeper

        two = 2

    @property
    def same(self):
        return 1

    @same.setter
    # between
    def same(self, value):
        self.value = \\
            value

    async def last(self): return 1
'''
GOOD, WITHOUT_END, OPEN = "def {name}(*a):\n    return 3", "def {name}(*a):", "def {name}(*a):\n    return '''"


def read(folder: Path, text: str) -> list[SourceFunction]:
    (folder / "odd.py").write_text(text)
    return list(extract_functions(folder, PurePosixPath("odd.py")))


def parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("definition", [GOOD, WITHOUT_END, OPEN])
def test_what_is_wrong_with_a_definition_is_what_is_wrong_with_the_whole_file(
    tmp_path: Path, definition: str, end: str
) -> None:
    functions = read(tmp_path, ODD)
    assert len(functions) >= 8
    original = ODD.replace("\n", end)
    for function in functions:
        place = place_of(function, original)
        written = textwrap.indent(definition.format(name=function.bare_name), place.prefix).split("\n")
        lines = [*place.decorators, *written]
        assert (place.problem(["import re"], [], lines) == "") is parses(place.filled(["import re"], [], lines))
        assert (definition is GOOD) is (place.problem([], [], lines) == ""), function.name


def test_the_line_is_that_of_the_definition_in_the_file(tmp_path: Path) -> None:
    for function in read(tmp_path, ODD):
        place = place_of(function, ODD)
        lines = [*place.decorators, *textwrap.indent(GOOD.format(name=function.bare_name), place.prefix).split("\n")]
        tree = ast.parse(place.filled(["import re", "import json"], [], lines))
        found = [
            first_line(node)
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and node.name == function.bare_name
        ]
        assert place.line_of(["import re", "import json"], []) in found


def test_a_file_is_looked_at_without_what_lies_beside_the_place(tmp_path: Path) -> None:
    text = ODD + "\n\n" + "\n".join(f"def more_{n}():\n    return {n}\n" for n in range(300))
    function = next(item for item in read(tmp_path, text) if item.bare_name == "deep")
    place = place_of(function, text)
    assert len(place.bare) == len(place.lines)
    assert "more_" not in "".join(place.bare)
    assert place_of(function, text) is place


def test_a_function_that_is_not_there_is_named(tmp_path: Path) -> None:
    function = read(tmp_path, ODD)[-1]
    with pytest.raises(LookupError, match=r"odd\.Outer\.last is not at line \d+"):
        place_of(function, "x = 1\n")


@pytest.mark.parametrize("opening", ["@(\n    kept\n)", "@\\\n    kept"])
@pytest.mark.parametrize("beside", ["def other(): pass", "class Other: pass"])
def test_a_decorator_over_several_lines_beside_the_place_keeps_no_answer_out(
    tmp_path: Path, opening: str, beside: str
) -> None:
    text = f"def kept(item): return item\n\n{opening}\n{beside}\n\ndef asked(): return 1\n"
    assert parses(text)
    function = next(item for item in read(tmp_path, text) if item.bare_name == "asked")
    place = place_of(function, text)

    assert place.problem([], [], ["def asked():", "    return 2"]) == ""
    assert "expected an indented block" in place.problem([], [], ["def asked():"])
