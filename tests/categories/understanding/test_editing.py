"""A planted fault changes its own place in a function's text and nothing else, and its lines are known."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from pytest_cereval.categories.category import World
from pytest_cereval.categories.understanding import drafts
from pytest_cereval.categories.understanding.asking import Asker, numbered, snippet
from pytest_cereval.categories.understanding.catalogue import CATALOGUE, proposed
from pytest_cereval.categories.understanding.drafts import Drafting
from pytest_cereval.categories.understanding.editing import (
    Change,
    Edit,
    FunctionText,
    applied,
    differing_lines,
    parsed_function,
)
from pytest_cereval.oracles.variants import Skeleton
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.scan import scan
from pytest_cereval.tasks.context import context
from pytest_cereval.tasks.prompt import PromptSettings, Surroundings

TYPICAL = '''
class Box:
    # Comments stay.
    async def fill(self, key, value, depth=0, *, strict=True, note=None):
        """Put a value in; docstrings are no place for faults: 1 < 2."""
        items = [name.strip() for name in self.names if name]   # odd   spacing
        if value is None or key == "":
            return None
        if key not in self.items and not strict:
            raise KeyError("no such key: 1")
        if isinstance(value, (list, tuple)) and depth < 3:
            for place, part in enumerate(value):
                if part is None:
                    continue
                self.total += len(part) - 1
            return self.total
        try:
            old = self.items.get(key, "none") if strict else self.other[key]
            await self.store(key, value)
        except (KeyError, IndexError):
            old = dict(self.items.copy())
        self.items[key] = value
        self.notify(key, old)
        pairs = {k: v for k, v in self.items.items()}
        rest = list(self.items.keys())[1:]
        for each in rest:
            self.note(each)
        return any(pairs), str(
            value or note   # 'zoë' is two bytes here
        )
'''


def function_of(tmp_path: Path, source: str, name: str) -> SourceFunction:
    (tmp_path / "module.py").write_text(source, encoding="utf-8")
    return next(each for each in scan(tmp_path).functions if each.bare_name == name)


@pytest.fixture
def typical(tmp_path: Path) -> FunctionText:
    return FunctionText(function_of(tmp_path, TYPICAL, "fill"))


def test_every_kind_of_fault_that_applies_is_proposed(typical: FunctionText) -> None:
    found = {fault.operator.name for fault in proposed(typical)}

    assert {operator.name for operator in CATALOGUE} == found


def test_a_fault_leaves_all_other_lines_as_they_are(typical: FunctionText) -> None:
    before = typical.text.split("\n")
    for fault in proposed(typical):
        change = applied(typical.text, fault.proposal.edits)
        after = change.text.split("\n")
        named = {line for lines in change.lines for line in lines}
        assert named
        assert all(1 <= line <= len(after) and after[line - 1].strip() for line in named), (fault.operator.name, named)
        if len(after) == len(before):
            differing = {number for number, pair in enumerate(zip(before, after, strict=True), 1) if len(set(pair)) > 1}
            assert differing <= named, (fault.operator.name, differing, named)
            assert {min(named), max(named)} <= differing, (fault.operator.name, differing, named)
        else:
            kept = [line for number, line in enumerate(after, 1) if number not in named]
            assert all(line in before for line in kept), fault.operator.name


def test_most_faults_parse_and_each_stands_in_the_body(typical: FunctionText) -> None:
    for fault in proposed(typical):
        change = applied(typical.text, fault.proposal.edits)
        parsed_function(change.text)
        assert "docstrings are no place for faults: 1 < 2" in change.text
        assert "no such key: 1" in change.text or fault.operator.name in ("missing raise", "missing guard")


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("boundary", "depth < 3", "depth <= 3"),
        ("reversed comparison", "depth < 3", "depth > 3"),
        ("negated condition", "if part is None", "if part is not None"),
        ("negated part", "and not strict", "and strict"),
        ("dropped condition", 'value is None or key == ""', "value is None"),
        ("dropped filter", " if name]", "]"),
        ("and/or swapped", "value is None or key", "value is None and key"),
        ("emptiness for absence", "value is None or", "not value or"),
        ("narrowed types", "(list, tuple)", "list"),
        ("off by one", "[1:]", "[2:]"),
        ("dropped step", "len(part) - 1", "len(part)"),
        ("wrong variable", "self.store(key, value)", "self.store(value, value)"),
        (
            "wrong attribute",
            "len(part) - 1\n            return self.total",
            "len(part) - 1\n            return self.names",
        ),
        ("swapped arguments", "store(key, value)", "store(value, key)"),
        ("wrong default", "strict=True", "strict=False"),
        ("missing key", '.get(key, "none")', ".get(key)"),
        ("shared instead of copied", "self.items.copy()", "self.items"),
        ("wrong exception", "raise KeyError", "raise IndexError"),
        ("caught another", "(KeyError, IndexError)", "KeyError"),
        ("caught too much", "(KeyError, IndexError)", "Exception"),
        ("missing await", "await self.store", "self.store"),
        ("missing call", "name.strip()", "name"),
        ("wrong jump", "continue", "break"),
        ("wrong function", "any(pairs)", "all(pairs)"),
        ("wrong collection", "items.keys()", "items.values()"),
        ("missing fallback", "value or note   #", "value   #"),
        (
            "missing conversion",
            "return any(pairs), str(\n            value or note",
            "return any(pairs), value or note",
        ),
        ("missing choice", " if strict else self.other[key]", ""),
        ("falsy key", "key not in self.items", "not self.items.get(key)"),
        ("overwritten", "self.total += ", "self.total = "),
        ("wrong operator", "len(part) - 1", "len(part) + 1"),
        ("first item left out", "in rest:", "in list(rest)[1:]:"),
        ("missing update", "        self.items[key] = value\n", ""),
        ("missing statement", "        self.notify(key, old)\n", ""),
    ],
)
def test_an_operator_does_what_its_name_says(typical: FunctionText, name: str, before: str, after: str) -> None:
    assert before in typical.text
    wanted = typical.text.replace(before, after, 1)
    made = [applied(typical.text, each.proposal.edits).text for each in proposed(typical) if each.operator.name == name]
    if name == "missing conversion":
        assert any("str(" not in text for text in made)
    else:
        assert wanted in made


def test_a_missing_guard_is_named_by_the_lines_around_the_gap(typical: FunctionText) -> None:
    found = [
        applied(typical.text, each.proposal.edits)
        for each in proposed(typical)
        if each.operator.name == "missing guard"
    ]

    (change,) = [each for each in found if "if value is None" not in each.text]

    assert change.lines == ((3, 4),)
    assert change.text.split("\n")[3].strip() == "if key not in self.items and not strict:"


GAPS = """
def f(items, size):
    \"\"\"Say.\"\"\"

    if size is None:
        return 0

    total = 1

    if items:
        items.sort()

        items.pop()
        total += size

    for item in items:
        total += item

    items.reverse()

    items.clear()
"""


def made_by(text: FunctionText, name: str) -> list[Change]:
    return [applied(text.text, each.proposal.edits) for each in proposed(text) if each.operator.name == name]


def rows_of(change: Change) -> list[list[str]]:
    """What stands on the lines by which each edit may be named."""
    rows = change.text.split("\n")
    return [[rows[line - 1].strip() for line in lines] for lines in change.lines]


@pytest.mark.parametrize("end", ["", "\n", "\n\n\ndef g():\n    return 1\n"])
def test_a_gap_is_named_by_the_nearest_lines_that_are_not_blank(tmp_path: Path, end: str) -> None:
    text = FunctionText(function_of(tmp_path, GAPS.rstrip() + end, "f"))
    found = {
        change.text: rows_of(change)
        for name in ("missing guard", "missing statement")
        for change in made_by(text, name)
    }

    def taken_out(lines: str) -> list[list[str]]:
        return found[text.text.replace(lines, "", 1)]

    assert taken_out("    if size is None:\n        return 0\n\n") == [['"""Say."""', "total = 1"]]
    assert taken_out("        items.sort()\n\n") == [["if items:", "items.pop()"]]
    assert taken_out("        items.pop()\n") == [["items.sort()", "total += size"]]
    assert taken_out("    items.reverse()\n\n") == [["total += item", "items.clear()"]]
    (last,) = [change for change in made_by(text, "missing statement") if "clear" not in change.text]
    assert last.text.rstrip("\n") == text.text[: text.text.index("\n\n    items.clear")]
    assert rows_of(last) == [["items.reverse()"]]


def test_no_blank_line_tells_where_something_was_taken_out(tmp_path: Path) -> None:
    text = FunctionText(function_of(tmp_path, GAPS, "f"))

    for name in ("missing guard", "missing statement"):
        for change in made_by(text, name):
            assert "\n\n\n" not in change.text
            assert ":\n\n" not in change.text
            assert not change.text.endswith("\n\n")


@pytest.fixture
def all_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "MAX_TRIED", 1000)


@pytest.mark.usefixtures("all_tried")
def test_what_is_shown_has_every_line_by_which_a_fault_may_be_named(tmp_path: Path) -> None:
    for source, name in ((TYPICAL, "fill"), (GAPS, "f"), (GAPS.rstrip(), "f")):
        function = function_of(tmp_path, source, name)
        drafting = Drafting(function, Skeleton(ast.parse(source), function))
        found = drafting.singles()
        more = [made for left, right in pairwise(found) if (made := drafting.both(left, right)) is not None]
        more += [made for draft in found if (made := drafting.defended(draft)) is not None]
        for draft in [*found, *more]:
            rows = snippet(draft.change.text).split("\n")
            for lines in draft.change.lines:
                assert lines
                assert all(1 <= line <= len(rows) and rows[line - 1].strip() for line in lines), draft
        assert not drafting.dropped["no line to name"]


def test_a_fault_that_no_line_shows_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    function = function_of(tmp_path, GAPS, "f")
    for line in (0, 99, GAPS.lstrip().split("\n").index("") + 1):

        def elsewhere(text: str, edits: Sequence[Edit], silent: Sequence[Edit] = (), line: int = line) -> Change:
            return Change(applied(text, edits, silent).text, ((line,),) * len(edits))

        monkeypatch.setattr(drafts, "applied", elsewhere)
        drafting = Drafting(function, Skeleton(ast.parse(GAPS), function))

        assert all(line not in draft.change.lines[0] for draft in drafting.singles())
        assert drafting.dropped["no line to name"]


SPREAD = """
def f(a, b=1,
      c=2):
    if (
        a < b
        or c
    ):
        return g(
            a,
            str(b),
        )
    try:
        h(a)
    except (
        KeyError,
        kinds[1],
    ):
        a = 3
    match a:
        case 4:
            return [
                a - 1,
                b,
            ]
    return a
"""


@pytest.mark.parametrize(
    ("operator", "before", "after", "rows"),
    [
        ("boundary", "a < b", "a <= b", ["if (", "a <= b"]),
        ("missing conversion", "str(b)", "b", ["return g(", "b,"]),
        ("dropped step", "a - 1", "a", ["return [", "a,"]),
        ("wrong default", "c=2", "c=3", ["def f(a, b=1,", "c=3):"]),
        ("wrong default", "b=1", "b=2", ["def f(a, b=2,"]),
        ("caught another", "(\n        KeyError,\n        kinds[1],\n    )", "KeyError", ["except KeyError:"]),
        ("off by one", "kinds[1]", "kinds[2]", ["except (", "kinds[2],"]),
        ("wrong constant", "case 4", "case 5", ["case 5:"]),
        ("wrong constant", "a = 3", "a = 4", ["a = 4"]),
    ],
)
@pytest.mark.usefixtures("all_tried")
def test_of_a_statement_over_several_lines_the_first_is_right_as_well(
    tmp_path: Path, operator: str, before: str, after: str, rows: list[str]
) -> None:
    function = function_of(tmp_path, SPREAD, "f")
    drafting = Drafting(function, Skeleton(ast.parse(SPREAD), function))
    wanted = drafting.text.text.replace(before, after, 1)

    (draft,) = [each for each in drafting.singles() if each.change.text == wanted]
    defended = drafting.defended(draft)

    assert [fault.operator.name for fault in draft.faults] == [operator]
    assert rows_of(draft.change) == [rows]
    if defended is not None:
        assert defended.change.text != wanted
        assert rows_of(defended.change) == [rows]


def test_the_code_around_tells_nothing_of_what_was_changed(tmp_path: Path) -> None:
    function = function_of(tmp_path, TYPICAL, "fill")
    around = Surroundings("box", tmp_path, {})
    asker = Asker(function, World(cast(Any, None), around, PromptSettings(), 1, lambda stage, done, total: None))
    reference = [_bare(line) for line in function.source.splitlines()]
    tried = set()

    for fault in proposed(FunctionText(function)):
        shown = snippet(applied(function.source, fault.proposal.edits).text)
        context, _, _ = asker.prompt(shown).user.partition("The function to review is")
        changed = [line for line in reference if len(line) > 1 and line not in map(_bare, shown.splitlines())]
        assert "async def fill(...): ...  # shown below" in context
        assert changed or fault.operator.name == "early return"  # by which a line is moved only
        assert not [line for line in changed if line in _bare(context)], fault.operator.name
        tried.add(fault.operator.name)

    assert tried == {operator.name for operator in CATALOGUE}


def _bare(text: str) -> str:
    """Without what a parser does not keep: quotes of one kind or the other, and spacing."""
    return "".join(text.replace('"', "'").split())


def test_an_accessor_in_the_code_around_keeps_its_decorator(tmp_path: Path) -> None:
    source = 'class A:\n    @property\n    def f(self, a=1):\n        """Say."""\n        return 2\n'
    function = function_of(tmp_path, source, "f")

    shown = context(source, function, 500, note="there", signature=False)

    assert "    @property\n    def f(...): ...  # there" in shown
    assert "a=1" in context(source, function, 500)
    assert "Say." not in shown


def test_a_return_slips_into_the_loop_before_it(tmp_path: Path) -> None:
    source = "def f(xs):\n    out = []\n    for x in xs:\n        out.append(x)\n    return out\n"
    text = FunctionText(function_of(tmp_path, source, "f"))

    changes = [
        applied(text.text, each.proposal.edits) for each in proposed(text) if each.operator.name == "early return"
    ]

    assert [(each.text, each.lines) for each in changes] == [(source.replace("    return", "        return"), ((5,),))]


def test_edits_of_one_line_and_of_many_name_the_right_lines() -> None:
    text = "a\nbc\nd\n"

    assert applied(text, [Edit(2, 3, "x")]).lines == ((2,),)
    assert applied(text, [Edit(2, 5, "")]).lines == ((1, 2),)
    assert applied("a\nb\n\nc\n", [Edit(2, 4, "")]).lines == ((1, 3),)
    assert applied("(\n  a\n  and b\n)\n", [Edit(5, 13, "")]).lines == ((2, 3),)
    assert applied("(\n  a and\n  b\n)\n", [Edit(4, 12, "")]).lines == ((1, 2),)
    assert applied(text, [Edit(0, 1, "p\nq"), Edit(3, 4, "z")]).lines == ((1, 2), (3,))
    assert applied(text, [Edit(3, 4, "z")], [Edit(2, 2, "# why\n")]).lines == ((3,),)
    with pytest.raises(ValueError, match="overlap"):
        applied(text, [Edit(0, 3, ""), Edit(2, 4, "")])


def test_how_many_lines_differ_is_counted_from_the_texts() -> None:
    assert differing_lines("a\nb\nc\n", "a\nb\nc\n") == 0
    assert differing_lines("a\nb\nc\n", "a\nx\nc\n") == 1
    assert differing_lines("a\nb\nc\nd\n", "a\nd\n") == 2


def test_functions_are_read_with_their_decorators_and_windows_line_ends(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_bytes(
        b"class A:\r\n    @property\r\n    def f(self):\r\n        return self.x < 1\r\n"
    )
    function = next(each for each in scan(tmp_path).functions if each.bare_name == "f")
    text = FunctionText(function)

    changed = [applied(text.text, each.proposal.edits) for each in proposed(text) if each.operator.name == "boundary"]

    assert [each.text for each in changed] == ["    @property\n    def f(self):\n        return self.x <= 1\n"]
    assert changed[0].lines == ((3,),)


def test_texts_beyond_ascii_keep_their_offsets(tmp_path: Path) -> None:
    source = textwrap.dedent("""
        def f(a, b):
            return "zoë ✓" if a < b else "é"
    """)
    text = FunctionText(function_of(tmp_path, source, "f"))

    changed = {applied(text.text, each.proposal.edits).text for each in proposed(text)}

    assert text.text.replace("a < b", "a <= b") in changed


def test_every_operator_says_what_it_does_in_one_line() -> None:
    for operator in CATALOGUE:
        assert operator.explanation.endswith(".")
        assert "\n" not in operator.explanation + operator.condition + operator.defence
        assert len(operator.defence) < 80
        assert operator.generate.__doc__
    assert len({operator.name for operator in CATALOGUE}) == len(CATALOGUE)


def test_the_function_is_shown_at_the_margin_unless_that_would_change_a_string() -> None:
    documented = (
        '    def f(self):\n        """Say\n        it."""\n        self.a = 1\n        """What\n        a is."""\n'
    )
    text = '    def f(self):\n        return """one\n        two"""\n'

    assert snippet(documented).startswith("def f(self):\n")
    assert snippet(text) == text.rstrip()
    assert numbered("a\n\nb") == ["1 | a", "2 |", "3 | b"]
