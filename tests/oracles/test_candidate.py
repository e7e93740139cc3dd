"""From an answer's text to a changed file: what is taken, what is dropped, and when there is no answer."""

from __future__ import annotations

import ast
import textwrap
import time
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cereval.oracles.candidate import MAX_ANSWER, Candidate, NoAnswer, extract
from pytest_cereval.source.functions import SourceFunction, extract_functions, first_line

ORIGINAL = '''\
"""A module."""

import os
from functools import wraps

LIMIT = 3


def add(a, b):
    """Sum."""
    return a + b


if os.name:

    def branch(x):
        return x


class Shape:
    """A shape."""

    size = 1

    class Inner:
        def deep(self):
            return 1

    @property
    def area(self):
        return self._area

    @area.setter
    def area(self, value):
        self._area = value

    @wraps(
        add
    )
    # why
    def scaled(self, by):
        return self.size * by


def last(): return 1
'''


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SourceFunction]:
    return read(tmp_path_factory.mktemp("source"), ORIGINAL)


def read(folder: Path, text: str) -> dict[str, SourceFunction]:
    (folder / "mod.py").write_text(text, newline="")
    found = extract_functions(folder, PurePosixPath("mod.py"))
    return {function.name.removeprefix("mod."): function for function in found}


def taken(answer: str, function: SourceFunction, original: str = ORIGINAL) -> Candidate:
    found = extract(answer, function, original)
    assert isinstance(found, Candidate), found
    assert_defined(found, function)
    return found


def assert_defined(found: Candidate, function: SourceFunction) -> None:
    """The file parses and defines the function where the candidate says."""
    nodes = [
        node for node in ast.walk(ast.parse(found.source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [node.name for node in nodes if first_line(node) == found.line] == [function.bare_name]


def refused(answer: str, function: SourceFunction) -> str:
    found = extract(answer, function, ORIGINAL)
    assert isinstance(found, NoAnswer), found
    return found.reason


ADD = "def add(a, b):\n    return b + a\n"


@pytest.mark.parametrize(
    "answer",
    [
        f"```python\n{ADD}```",
        f"```py\n{ADD}```",
        f"```\n{ADD}```",
        f"~~~python\n{ADD}~~~",
        f"````python title=x\n{ADD}````\n",
        f"Sure!\n\n```python\n{ADD}```\nThis adds.\n```\n$ python x.py\n```",
        f"```python\n{ADD}",
        ADD,
        f"Here you are:\n\n{ADD}\nIt adds both (don't worry).\nReally",
        f"<think>\ndef add(a, b): return 0\n</think>\n{ADD}",
        f"maybe def add\n</think>\n\n```python\n{ADD}```",
        f"```python\ndef add(a, b):\n    return 0\n```\nBetter:\n```python\n{ADD}```",
        f"```python\n{ADD}```\n```python\nadd(1, 2)\n```",
        f"```python\n{ADD}```\n```python\ndef add(a, b:\n```",
        textwrap.indent(ADD, "    "),
        f"1. Like this:\n\n   ```python\n{textwrap.indent(ADD, '   ')}   ```\n",
        f"class Any:\n{textwrap.indent(ADD, '    ')}",
        f"```python\r\n{ADD}```\r\n".replace("\n", "\r\n").replace("\r\r", "\r"),
        f"{ADD}\nif __name__ == '__main__':\n    print(add(1, 2))\nassert add(1, 2) == 3\nprint(add(1, 2))\n",
        f"```json\n{{}}\n```\n```python\n{ADD}```",
        f"@staticmethod\n{ADD}",
        f"let me see\ndef add(a, b): return 9\nok.</think>\n{ADD}",
        f"<thinking>\ndef add(a, b):\n    return 0\n</thinking>\n{ADD}",
        f"[THINK]def add(a, b):\n    return 0\n[/THINK]{ADD}",
        f"The answer: ```python\n{ADD}```\n",
        "```python def add(a, b): return b + a```",
        "> ```python\n> def add(a, b):\n>     return b + a\n> ```",
        f"```markdown\n```python\n{ADD}```\n```",
        f"````md\n```python\n{ADD}```\n````",
        f"\ufeff{ADD}",
        f'```python\n{ADD}```\nThe rest stays:\n```python\ndef add(a, b):\n    """Sum."""\n    ...\n```',
    ],
)
def test_an_answer_in_any_wrapping_gives_the_same_function(functions: dict[str, SourceFunction], answer: str) -> None:
    found = taken(answer, functions["add"])
    assert found.definition == "def add(a, b):\n    return b + a"
    assert found.source == ORIGINAL.replace('    """Sum."""\n    return a + b', "    return b + a")
    assert found.line == functions["add"].first_line


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "no code in the answer"),
        ("I cannot do that.", "no code in the answer"),
        ("```bash\nls\n```", "no code in the answer"),
        ("return a + b", "no definition of add: a body without its def line"),
        ("```python\n    return a + b\n```", "no definition of add: a body without its def line"),
        ("```python\ndef plus(a, b):\n    return a + b\n```", "no definition of add (it defines plus)"),
        ("```python\nadd = lambda a, b: a + b\n```", "no definition of add: it is assigned, and not defined"),
        ("```python\nprint(add(1, 2))\n```", "no definition of add"),
        ("def outer():\n    def add(a, b):\n        return 1\n", "no definition of add"),
        ("```python\ndef add(a, b):\n    return (a +\n```", "does not parse: line 2: '(' was never closed"),
        ("```python\ndef add(a, b):\n    return 'cut", "does not parse: line 2: unterminated string literal"),
        ("<think>\nhm, def add(a, b): return 1", "thinking never ended"),
        (ADD + "#" * MAX_ANSWER, "answer too long"),
        ("```python\ndef add(a, b):\n    return '\0'\n```", "does not parse: "),
    ],
)
def test_no_answer_says_why(functions: dict[str, SourceFunction], answer: str, reason: str) -> None:
    assert refused(answer, functions["add"]).startswith(reason)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ("", "no code"),
        ("<think>\nhm", "no code"),
        ("```python\nprint(add(1, 2))\n```", "no code"),
        ("def add(a, b:\n    pass", "does not parse"),
        ("def plus(a, b):\n    return a + b", "wrong name or signature"),
        ("return a + b", "wrong name or signature"),
        ("add = max", "wrong name or signature"),
    ],
)
def test_no_answer_falls_in_a_class(functions: dict[str, SourceFunction], answer: str, failure: str) -> None:
    found = extract(answer, functions["add"], ORIGINAL)
    assert isinstance(found, NoAnswer)
    assert found.failure.value == failure


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("def add(a, b)", ()),
        ("def add(a: int, b: 'str') -> int", ()),
        ("def add(x, y)", ("def add(x, y)", "def add(a, b)")),
        ("def add(a, b, c=1)", ("def add(a, b, c=…)", "def add(a, b)")),
        ("def add(a, b=0)", ("def add(a, b=…)", "def add(a, b)")),
        ("def add(a, /, b)", ("def add(a, /, b)", "def add(a, b)")),
        ("def add(a, *, b)", ("def add(a, *, b)", "def add(a, b)")),
        ("def add(*args, k=1, **more)", ("def add(*args, k=…, **more)", "def add(a, b)")),
        ("async def add(a, b)", ("async def add(a, b)", "def add(a, b)")),
    ],
)
def test_another_signature_is_named_and_judged_all_the_same(
    functions: dict[str, SourceFunction], head: str, words: tuple[str, ...]
) -> None:
    assert taken(f"{head}:\n    return 1\n", functions["add"]).signature == words


def test_a_missing_self_is_another_signature(functions: dict[str, SourceFunction]) -> None:
    found = taken("def scaled(by):\n    return by\n", functions["Shape.scaled"])
    assert found.signature == ("def scaled(by)", "def scaled(self, by)")


def test_helpers_of_other_blocks_are_fetched_when_they_are_used(functions: dict[str, SourceFunction]) -> None:
    answer = (
        "First:\n```python\nimport math\nimport json\nSCALE = math.pi\ndef _twice(x):\n    return SCALE * x\n"
        "def _unused():\n    return 0\n```\nThen:\n```python\ndef add(a, b):\n    return _twice(a) + len(b)\n```\n"
        "Use it:\n```python\nadd(1, '')\n```\n"
    )
    found = taken(answer, functions["add"])
    helpers = "import math\nSCALE = math.pi\ndef _twice(x):\n    return SCALE * x\ndef add(a, b):\n"
    assert helpers in found.source
    assert "json" not in found.source
    assert "_unused" not in found.source


@pytest.mark.parametrize("indent", ["    ", "\t", "  "])
def test_a_method_that_lost_the_indentation_of_its_first_line_is_read(
    functions: dict[str, SourceFunction], indent: str
) -> None:
    answer = "def scaled(self, by):\n>>return self._by(by)\n\n>def _by(self, by):\n>>return by\n".replace(">", indent)
    for text in (answer, f"```python\n{answer}```"):
        found = taken(text, functions["Shape.scaled"])
        assert found.definition.endswith("def scaled(self, by):\n    return self._by(by)")
        assert found.notes == ("added the method _by",)


def test_a_new_class_attribute_comes_along_only_where_the_method_uses_it(functions: dict[str, SourceFunction]) -> None:
    answer = (
        "class Shape:\n    _F = 3\n    _G = 4\n    size = 9\n    def scaled(self, by):\n        return by * self._F\n"
    )
    found = taken(answer, functions["Shape.scaled"])
    assert "    _F = 3\n    @wraps(" in found.source
    assert "_G" not in found.source
    assert "size = 9" not in found.source
    assert found.notes == ("added the attribute _F",)


@pytest.mark.parametrize("line", ["from .mod import LIMIT", "from . import mod", "from mod import LIMIT"])
def test_what_a_file_would_import_from_itself_is_left_out(tmp_path: Path, line: str) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("")
    (tmp_path / "pkg" / "mod.py").write_text(ORIGINAL)
    [function] = [f for f in extract_functions(tmp_path, PurePosixPath("pkg/mod.py")) if f.qualname == "add"]
    found = taken(f"{line.replace('from mod', 'from pkg.mod')}\ndef add(a, b):\n    return LIMIT\n", function)
    assert ("LIMIT" in found.source.replace("LIMIT = 3", "").replace("return LIMIT", "")) is False
    assert ("import mod" in found.source) == (line == "from . import mod")


@pytest.mark.parametrize(
    "body",
    [
        "(" * 50_000,
        "-" * 90_000 + "1",
        "a" + ".b" * 60_000,
        "[" * 90 + "]" * 90,
        "1" + "+1" * 50_000,
        "lambda: " * 20_000 + "1",
        "not " * 40_000 + "1",
        "f'{" * 300 + "1" + "}'" * 300,
        "a" + "()" * 60_000,
        "9" * 190_000,
        "\N{COMBINING ACUTE ACCENT}" * 1000,
    ],
    ids=lambda body: body[:8],
)
def test_hostile_text_is_refused_or_taken_but_never_raises(functions: dict[str, SourceFunction], body: str) -> None:
    start = time.process_time()
    extract(f"```python\ndef add(a, b):\n    return {body}\n```", functions["add"], ORIGINAL)
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    "answer",
    [
        "<think>\n" * 25_000,
        "<think>\n</think>\n" * 10_000,
        "a\n" * 50_000 + "<think></think>\n" * 6_200,
        "  \n" * 33_000 + "[THINK][/THINK]" * 6_600,
        "```" + " " * 199_000 + "`",
        "```" + "a" * 199_000 + "`",
        "```python " + " " * 199_000 + "`",
        "x " * 99_000 + "```",
        "```py\t" * 33_000,
        "</think>" + " " * 190_000 + "x",
        "> ```\n" * 33_000,
        "```markdown\n" * 16_000,
        "def add(a):\n        x\n    y\n" * 6_000,
        "`" * 200_000,
        "~~~\n" * 50_000,
        "```\ndef add(a, b):\n    return (\n" * 5_000,
        "\n" * 199_000 + "</think>",
        " " * 199_000 + "x",
        "def add(a, b):\n    x = 1\n)\n" * 6_000,
        "@" * 199_000,
        "def add(a, b): return " + "f(a=" * 90,
        "def add(a, b): return " + "{a:[(" * 60,
    ],
    ids=lambda answer: repr(answer[:12]),
)
def test_hostile_markup_costs_no_more_than_seconds(functions: dict[str, SourceFunction], answer: str) -> None:
    start = time.process_time()
    assert isinstance(extract(answer, functions["add"], ORIGINAL), Candidate | NoAnswer)
    assert time.process_time() - start < 5


@given(st.text(alphabet="`~ \n\tdefa(b):,@'\"\\#<>/thinkclsrm", max_size=200), st.booleans())
def test_any_text_is_an_answer_or_none(noise: str, fenced: bool) -> None:
    lines = ORIGINAL.split("\n")
    start = lines.index("def add(a, b):") + 1
    function = SourceFunction(
        path="mod.py",
        module="mod",
        import_root=".",
        qualname="add",
        role="",
        ordinal=0,
        first_line=start,
        def_line=start,
        last_line=start + 2,
        parents=(),
        nested=False,
        is_async=False,
        is_generator=False,
        docstring=None,
        parameters=("a", "b"),
        decorators=(),
        statements=1,
        source="",
    )
    found = extract(f"{noise}\n```\n{ADD}```\n" if fenced else noise, function, ORIGINAL)
    if isinstance(found, Candidate):
        assert_defined(found, function)
    else:
        assert found.reason


def test_a_docstring_may_hold_a_fence(functions: dict[str, SourceFunction]) -> None:
    body = 'def add(a, b):\n    """Adds.\n\n    ```\n    add(1, 2)\n    ```\n    """\n    return b + a\n'
    found = taken(f"```python\n{body}```\nDone.\n", functions["add"])
    assert found.definition.endswith("return b + a")


@pytest.mark.parametrize(
    "answer",
    [
        "def scaled(self, by):\n    return by * self.size\n",
        "class Shape:\n    def scaled(self, by):\n        return by * self.size\n",
        "class os:\n    def scaled(self, by):\n        return 0\nclass Shape:\n    def scaled(self, by):\n"
        "        return by * self.size\nclass LIMIT:\n    def scaled(self, by):\n        return 0\n",
        "@cache\ndef scaled(self, by):\n    return by * self.size\n",
    ],
)
def test_a_method_keeps_the_decorators_of_the_original(functions: dict[str, SourceFunction], answer: str) -> None:
    found = taken(answer, functions["Shape.scaled"])
    assert found.source == ORIGINAL.replace("return self.size * by", "return by * self.size")
    assert found.line == functions["Shape.scaled"].first_line
    assert found.definition.startswith("@wraps(\n    add\n)\n# why\ndef scaled(self, by):")
    assert any("@cache" in note for note in found.notes) == ("@cache" in answer)


ACCESSORS = (
    "class Shape:\n    @property\n    def area(self):\n        return 7\n"
    "    @area.setter\n    def area(self, value):\n        self._area = 8\n"
)


@pytest.mark.parametrize(("name", "value"), [("Shape.area", "return 7"), ("Shape.area.setter", "self._area = 8")])
def test_an_accessor_is_told_by_its_role(functions: dict[str, SourceFunction], name: str, value: str) -> None:
    found = taken(ACCESSORS, functions[name])
    assert value in found.source
    assert ("return 7" in found.source) != ("self._area = 8" in found.source)
    assert found.notes == ()


def test_nested_classes_branches_and_one_liners_are_replaced_where_they_stand(
    functions: dict[str, SourceFunction],
) -> None:
    deep = taken("class Shape:\n    class Inner:\n        def deep(self):\n            return 2\n",
                 functions["Shape.Inner.deep"])  # fmt: skip
    assert deep.source == ORIGINAL.replace("            return 1", "            return 2")
    branch = taken("def branch(x):\n    return -x\n", functions["branch"])
    assert branch.source == ORIGINAL.replace("return x\n", "return -x\n")
    last = taken("def last():\n    return 2\n", functions["last"])
    assert last.source == ORIGINAL.replace("def last(): return 1\n", "def last():\n    return 2\n")


def test_helpers_and_imports_go_before_the_statement_that_holds_the_function(
    functions: dict[str, SourceFunction],
) -> None:
    answer = (
        "from __future__ import annotations\nimport math\nfrom mod import LIMIT\nLIMIT = 4\nSCALE: int = 2\n"
        "def _half(x):\n    return x / 2\ndef add(a, b):\n    return 0\nclass Extra:\n    pass\n"
        "class Shape:\n    def scaled(self, by):\n        return _half(by)\n"
        "    def _more(self):\n        return '''\nx'''\n"
        "    def area(self):\n        return 0\nprint(1)\n"
    )
    found = taken(answer, functions["Shape.scaled"])
    inserted = "import math\nSCALE: int = 2\ndef _half(x):\n    return x / 2\nclass Extra:\n    pass\n"
    assert f"\n\n{inserted}class Shape:\n" in found.source
    assert "    def _more(self):\n        return '\\nx'\n    @wraps(" in found.source
    assert found.source.count("def add") == found.source.count("LIMIT") == 1
    assert "print" not in found.source
    assert found.line == functions["Shape.scaled"].first_line + 6 + 2
    assert set(found.notes) == {
        "kept the file's own LIMIT",
        "kept the file's own add",
        "dropped a statement of the answer: expr",
        "added the method _more",
    }


def test_bare_methods_beside_the_asked_one_join_its_class(functions: dict[str, SourceFunction]) -> None:
    answer = "def _by(self, by):\n    return by\n\ndef scaled(self, by):\n    return self._by(by)\n"
    found = taken(answer, functions["Shape.scaled"])
    assert "    def _by(self, by):\n        return by\n    @wraps(" in found.source
    assert found.notes == ("added the method _by",)


def test_multi_line_strings_keep_their_text_wherever_they_land(functions: dict[str, SourceFunction]) -> None:
    text = 'def scaled(self, by):\n    """One\n  two\n\nthree"""\n    return f"""{by}\nx"""\n'
    found = taken(text, functions["Shape.scaled"])
    [node] = [n for n in ast.walk(ast.parse(found.source)) if isinstance(n, ast.FunctionDef) and n.name == "scaled"]
    [plain] = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)]
    assert [ast.dump(item) for item in node.body] == [ast.dump(item) for item in plain.body]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("indent", ["\t", "  ", "        "])
def test_other_line_ends_and_indentations_of_a_file_are_met(tmp_path: Path, end: str, indent: str) -> None:
    rows = ["import os", "\x0c", "class A:", ">def f(self):", ">>return 1", ">def g(self):", ">>return 2"]
    original = end.join(rows).replace(">", indent)
    function = read(tmp_path, original)["A.g"]
    found = taken("import math\ndef g(self):\n    if self:\n        return 3\n", function, original)
    assert found.line == 7
    assert len(found.source.splitlines()) > 7
    assert ast.parse(found.source)


def test_functions_of_this_package_survive_the_round_trip() -> None:
    root = Path(__file__).parents[2] / "pytest_cereval" / "oracles"
    for file in sorted(root.glob("*.py")):
        text = file.read_text()
        for function in extract_functions(root, PurePosixPath(file.name))[::3]:
            if function.nested:
                continue
            found = taken(f"```python\n{function.source}\n```", function, text)
            assert ast.dump(ast.parse(found.source)) == ast.dump(ast.parse(text)), function.name
