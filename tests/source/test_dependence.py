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


TARGET = "\n\ndef target(value):\n    return "


@pytest.mark.parametrize(
    ("before", "after", "result"),
    [
        pytest.param(
            "import os\nif os.sep:\n    LIMIT = 3\nelse:\n    LIMIT = 5\n",
            "import os\nif os.sep:\n    LIMIT = 3\n    LIMIT = 5\n",
            "LIMIT",
            id="another branch",
        ),
        pytest.param(
            "try:\n    import json\nexcept ImportError:\n    LIMIT = 3\n",
            "try:\n    import json\nexcept ImportError:\n    pass\nLIMIT = 3\n",
            "LIMIT",
            id="no longer in a handler",
        ),
        pytest.param(
            "RATES = {1: 2}\nTABLE = dict(RATES)\nRATES.update({1: 3})\n",
            "RATES = {1: 2}\nRATES.update({1: 3})\nTABLE = dict(RATES)\n",
            "TABLE",
            id="order of statements",
        ),
        pytest.param(
            "class Row:\n    low: int = 1\n    high: int = 2\n",
            "class Row:\n    high: int = 2\n    low: int = 1\n",
            "Row",
            id="order of fields",
        ),
        pytest.param(
            "import contextvars\n\nLIMIT = contextvars.ContextVar('limit')\n_ = LIMIT.set(3)\n",
            "import contextvars\n\nLIMIT = contextvars.ContextVar('limit')\n_ = LIMIT.set(5)\n",
            "LIMIT.get()",
            id="a method with a plain name",
        ),
        pytest.param(
            "KNOWN = []\n\n\ndef cache(item):\n    KNOWN.append(item)\n\n\n@cache\ndef one():\n    pass\n",
            "KNOWN = []\n\n\ndef cache(item):\n    KNOWN.append(item)\n\n\n@cache\ndef one(value):\n    pass\n",
            "KNOWN",
            id="a decorator of our own with a plain name",
        ),
        pytest.param(
            "class Plan:\n    kinds = []\n\n    def __init_subclass__(cls):\n        Plan.kinds.append(cls)\n\n\n"
            "class Gold(Plan):\n    rate = 3\n",
            "class Plan:\n    kinds = []\n\n    def __init_subclass__(cls):\n        Plan.kinds.append(cls)\n\n\n"
            "class Gold(Plan):\n    rate = 5\n",
            "max(each.rate for each in Plan.kinds)",
            id="a class that its base knows",
        ),
        pytest.param(
            "import others\n\n\nclass Gold(others.Plan):\n    rate = 3\n",
            "import others\n\n\nclass Gold(others.Plan):\n    rate = 5\n",
            "others.Plan.kinds",
            id="a class that a base of others may know",
        ),
        pytest.param(
            "KINDS = {}\n\n\ndef known(item):\n    KINDS[item.__name__] = item\n    return item\n\n\n"
            "@known\nclass Gold:\n    rate = 3\n",
            "KINDS = {}\n\n\ndef known(item):\n    KINDS[item.__name__] = item\n    return item\n\n\n"
            "@known\nclass Gold:\n    rate = 5\n",
            "KINDS[value].rate",
            id="a class that a decorator knows",
        ),
        pytest.param('"""One."""\n', '"""Other."""\n', "__doc__", id="the text of a module"),
        pytest.param(
            "import others\n\n\n@others.command\ndef one():\n    'One.'\n",
            "import others\n\n\n@others.command\ndef one():\n    'Other.'\n",
            "others.told()",
            id="a docstring that a decorator of others may read",
        ),
        pytest.param(
            "import inspect\n\n\ndef one():\n    return 1\n\n\nTEXT = inspect.getsource(one)\n",
            "import inspect\n\n\ndef one():\n    return 2\n\n\nTEXT = inspect.getsource(one)\n",
            "TEXT",
            id="code that is read on import",
        ),
        pytest.param("ONE = (LIMIT := 3)\n", "ONE = (LIMIT := 5)\n", "LIMIT", id="a name bound on the way"),
        pytest.param(
            "from tables import *\n__all__ = ['target']\n",
            "from tables import *\n__all__ = ['target', 'other']\n",
            "value",
            id="what a star stands for",
        ),
        pytest.param(
            "LIMITS = [3]\nlook = map\n",
            "LIMITS = [5]\nlook = map\n",
            "list(map(getattr, [value], ['LIM' + 'ITS']))",
            id="a lookup that is handed on",
        ),
        pytest.param(
            "from typing import Protocol, runtime_checkable\n\n\n@runtime_checkable\nclass Ends(Protocol):\n"
            "    def end(self): ...\n\n\nclass One:\n    def end(self): ...\n",
            "from typing import Protocol, runtime_checkable\n\n\n@runtime_checkable\nclass Ends(Protocol):\n"
            "    def end(self): ...\n\n\nclass One:\n    def finish(self): ...\n",
            "isinstance(One(), Ends)",
            id="a method that makes an instance",
        ),
        pytest.param(
            "from abc import ABC, abstractmethod\n\n\nclass Base(ABC):\n    @abstractmethod\n    def end(self): ...\n"
            "\n\nclass One(Base):\n    def end(self): ...\n",
            "from abc import ABC, abstractmethod\n\n\nclass Base(ABC):\n    @abstractmethod\n    def end(self): ...\n"
            "\n\nclass One(Base):\n    def finish(self): ...\n",
            "One()",
            id="a method without which there is no object",
        ),
        pytest.param(
            "def _one(value):\n    return value.low\n\n\none = _one\n",
            "def _one(value):\n    return value.high\n\n\none = _one\n",
            "one(value) if value else 0",
            id="what a function of another name mentions",
        ),
        pytest.param("import os\n\nONE = 1\n", "import os\n\nONE = 2\n", "os.listdir(value)", id="who lists files"),
    ],
)
def test_what_names_alone_do_not_tell_counts_as_well(tmp_path: Path, before: str, after: str, result: str) -> None:
    found = []
    for text in (before, after):
        (tmp_path / "tables.py").write_text(f"{text}{TARGET}{result}\n")
        found.append(Dependence(tmp_path).of(function(tmp_path), ["tables.py::target~1"], ()))

    assert None not in found
    assert found[0] != found[1]


def test_words_of_prose_and_harmless_namesakes_do_not_make_everything_count(tmp_path: Path) -> None:
    text = "import platform\n\nSYSTEM = platform.system()\n\n\ndef other():\n    return {}\n" + TARGET
    found = []
    for number in (1, 2):
        (tmp_path / "tables.py").write_text(text.format(number) + "'an exception of the system'\n")
        found.append(Dependence(tmp_path).of(function(tmp_path), ["tables.py::target~1"], ()))

    assert found[0] == found[1]


def test_a_file_that_was_read_counts(tree: Path) -> None:
    (tree / "rates.txt").write_text("1")
    (tree / "notes.txt").write_text("1")
    found = Dependence(tree)
    ran = found.places(
        [len(found.functions) + sorted(["calls.py", "notes.txt", "rates.txt", "tables.py"]).index("rates.txt")]
    )
    before = digest(tree, [*RAN, *ran])
    (tree / "notes.txt").write_text("2")
    same = digest(tree, [*RAN, *ran])
    (tree / "rates.txt").write_text("2")

    assert ran == ["read rates.txt"]
    assert same == before
    assert digest(tree, [*RAN, *ran]) != before
    (tree / "rates.txt").unlink()
    assert digest(tree, [*RAN, *ran]) is None
