"""Changing a file: where things go, what they are called, and what cannot be changed."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from pytest_cereval.categories.audit.carriers import Carrier
from pytest_cereval.categories.audit.feature import Code
from pytest_cereval.categories.audit.naming import Names
from pytest_cereval.categories.audit.twin import Edit, Twin, UnfitError, edited, planted
from pytest_cereval.source.functions import SourceFunction, extract_functions

CODE = Code(
    ("import os", "import re"), "@entry@ = @value@\n_@note@(@entry@)  #!\n", "\n\ndef _@note@(x):\n    x.y()  #!\n"
)
WAY = Carrier("a", "a", "payload", simple=True)


def function_in(folder: Path, text: str, name: str) -> SourceFunction:
    (folder / "m.py").write_text(text)
    (found,) = [each for each in extract_functions(folder, PurePosixPath("m.py")) if each.qualname == name]
    return found


def twin_of(folder: Path, text: str, name: str = "f", code: Code = CODE, way: Carrier = WAY) -> Twin:
    names = Names("seed", "my-app", frozenset())
    return planted(text, function_in(folder, text, name), code, way, names)


def test_code_goes_to_the_top_before_the_function_and_into_it(tmp_path: Path) -> None:
    text = '"""Doc."""\nimport os\n\nX = 1\n\n\nclass C:\n    def f(self, a):\n        """What."""\n        return a\n'

    twin = twin_of(tmp_path, text, "C.f")

    rows = twin.source.splitlines()
    assert rows[1:3] == ["import os", "import re"]
    assert twin.source.index("def _") < twin.source.index("class C")
    assert twin.function.source.splitlines()[1:] == ['        """What."""', *rows[-3:]]
    assert rows[twin.sink[0] - 1] == "    x.y()"
    assert len(twin.sink) == 2
    assert "#!" not in twin.source
    assert ast.parse(twin.source)


def test_what_a_file_imports_already_is_not_imported_again(tmp_path: Path) -> None:
    twin = twin_of(tmp_path, "import re\nimport os\n\n\ndef f(a):\n    return a\n")

    assert twin.source.count("import ") == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import regex as re\n\n\ndef f(a):\n    return a\n", "re means something else"),
        ("def f(a): return a\n", "does not begin its line"),
    ],
)
def test_what_has_no_place_is_not_planted(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(UnfitError, match=why):
        twin_of(tmp_path, text)


def test_a_file_without_imports_gets_them_after_its_docstring(tmp_path: Path) -> None:
    assert twin_of(tmp_path, '"""Doc."""\n\n\ndef f(a):\n    return a\n').source.startswith('"""Doc."""\nimport os\n')
    assert twin_of(tmp_path, "def f(a):\n    return a\n").source.startswith("import os\nimport re\n")


def test_an_expression_that_is_used_twice_is_worked_out_once(tmp_path: Path) -> None:
    code = Code((), "g(@value@, @value@)\n")
    way = Carrier("a", '", ".join(a)', "[payload]")

    source = twin_of(tmp_path, "def f(a):\n    return a\n", code=code, way=way).source

    assert source.count("join") == 1


def test_names_are_the_same_for_a_seed_and_none_that_is_taken() -> None:
    first = Names("seed", "my-app", frozenset()).filled("@entry@ @app@ @APP@")
    taken = Names("seed", "my-app", frozenset({first.split()[0]})).filled("@entry@")

    assert first == Names("seed", "my-app", frozenset()).filled("@entry@ @app@ @APP@")
    assert first.endswith(" my_app MY_APP")
    assert taken != first.split()[0]
    assert len({Names(f"{n}", "a", frozenset()).filled("@entry@") for n in range(40)}) > 3


def test_edits_keep_the_rest_of_a_file() -> None:
    text, sink = edited("a\nb\nc\n", [Edit(3, 1, ("C  #!",)), Edit(1, 0, ("0",))])

    assert text == "0\na\nb\nC\n"
    assert sink == (4,)


def test_a_function_that_is_lost_is_noticed(tmp_path: Path) -> None:
    function = function_in(tmp_path, "def f(a):\n    return a\n", "f")
    moved = replace(function, first_line=7)

    with pytest.raises(UnfitError, match="not in its file"):
        planted("def f(a):\n    return a\n", moved, CODE, WAY, Names("", "a", frozenset()))
