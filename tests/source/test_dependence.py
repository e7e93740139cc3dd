"""What a function's results depend on: the text of what was run, and by name whatever else is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cereval.source.dependence import Dependence
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.scan import scan

TABLES = '''
import os.path

LIMIT = 3
OTHER = 4


def helper(value):
    """Help."""
    return value + LIMIT


def unused(value):
    return value - OTHER


class Base:
    kind = "base"

    def name(self):
        return self.kind

    def other(self):
        return 0


def target(value):
    return helper(value) if value else Base().name()
'''
CALLS = "from tables import target\n\n\ndef caller(value):\n    return target(value)\n"
RAN = ["tables.py::helper~1", "tables.py::target~1"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tables.py").write_text(TABLES)
    (tmp_path / "calls.py").write_text(CALLS)
    return tmp_path


def function(tree: Path, name: str = "tables.target") -> SourceFunction:
    return next(item for item in scan(tree).functions if item.name == name)


def digest(tree: Path, ran: list[str] | None = None, words: tuple[str, ...] = ()) -> str | None:
    return Dependence(tree).of(function(tree), RAN if ran is None else ran, words)


def edited(old: str, new: str, file: str = "tables.py") -> Callable[[Path], None]:
    def edit(tree: Path) -> None:
        text = (tree / file).read_text()
        assert text.count(old) == 1
        (tree / file).write_text(text.replace(old, new))

    return edit


@pytest.mark.parametrize(
    "change",
    [
        edited("return value - OTHER", "return value - OTHER - 1"),
        edited("OTHER = 4", "OTHER = 5"),
        edited("return 0", "return 1"),
        edited("def unused(value):", "def unused(value, other=2):"),
        edited('    """Help."""\n', '    """Help at length."""\n'),
        edited("LIMIT = 3", "# The most.\nLIMIT = 3\n\n"),
        edited("def unused", "def new():\n    pass\n\n\ndef unused"),
        edited("import os.path", "import os.path\nimport json"),
        edited("return target(value)", "return 2 * target(value)", "calls.py"),
    ],
)
def test_what_was_not_run_and_is_not_named_does_not_count(tree: Path, change: Callable[[Path], None]) -> None:
    before = digest(tree)
    change(tree)

    assert digest(tree) == before


@pytest.mark.parametrize(
    "change",
    [
        edited("return value + LIMIT", "return value - LIMIT"),
        edited("LIMIT = 3", "LIMIT = 2"),
        edited('kind = "base"', 'kind = "basis"'),
        edited("def name(self):", "def name(self, short=False):"),
        edited("def helper(value):", "def helper(value=0):"),
        edited("class Base:", "class Base(dict):"),
        edited("    def name(self)", "    def __eq__(self, other):\n        return True\n\n    def name(self)"),
        edited("import os.path", "import os.path\nimport numpy"),
        edited("import os.path", "import os.path\nprint(OTHER)"),
        edited("def unused", "@print\ndef unused"),
        edited("from tables", "def helper():\n    pass\n\n\nfrom tables", "calls.py"),
        edited("from tables", "import tables\n\ntables.LIMIT = 5\nfrom tables", "calls.py"),
        edited("from tables", "def broken(:\n", "calls.py"),
    ],
)
def test_what_was_run_or_is_named_or_acts_on_import_counts(tree: Path, change: Callable[[Path], None]) -> None:
    before = digest(tree)
    change(tree)

    assert digest(tree) != before


def test_what_was_run_counts_though_nobody_names_it(tree: Path) -> None:
    ran = [*RAN, "tables.py::Base.other~1"]
    before = digest(tree, ran)
    edited("return 0", "return 1")(tree)

    assert digest(tree, ran) != before


def test_without_what_was_run_nothing_holds(tree: Path) -> None:
    assert digest(tree, [*RAN, "tables.py::gone~1"]) is None


def test_a_name_in_an_input_counts(tree: Path) -> None:
    before = digest(tree, words=("OTHER",))
    edited("OTHER = 4", "OTHER = 5")(tree)

    assert digest(tree, words=("OTHER",)) != before


def test_a_name_that_only_the_run_knows_may_be_any(tree: Path) -> None:
    edited("return helper(value)", "return getattr(Base(), value + 'x') or helper(value)")(tree)
    before = digest(tree)
    edited("OTHER = 4", "OTHER = 5")(tree)

    assert digest(tree) != before


def test_who_reads_the_text_of_code_depends_on_all_of_it(tree: Path) -> None:
    edited("return helper(value)", "return inspect.getsource(unused) or helper(value)")(tree)
    before = digest(tree)
    edited("return value - OTHER", "return value")(tree)

    assert digest(tree) != before


def test_docstrings_count_where_somebody_reads_them(tree: Path) -> None:
    edited("return value - OTHER", "return helper.__doc__")(tree)
    before = digest(tree)
    edited('"""Help."""', '"""Help at length."""')(tree)

    assert digest(tree) != before


def test_files_that_act_on_import_are_told_from_those_that_define(tree: Path) -> None:
    (tree / "acting.py").write_text("import tables\n\ntables.LIMIT = 5\n")
    (tree / "plain.py").write_text('"""Text."""\nfrom __future__ import annotations\n\nimport re\n\nONE = 1\n')

    assert Dependence(tree).acting(["acting.py", "plain.py", "tables.py", "gone.py"]) == ["acting.py"]


def test_functions_go_by_number_and_place(tree: Path) -> None:
    found = Dependence(tree)

    assert found.functions[0] == ("calls.py", 4)
    assert found.places([1, 0]) == ["calls.py::caller~1", "tables.py::helper~1"]
