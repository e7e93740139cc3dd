"""What a `conftest.py` adds is refused by name where it is not what it must be; nothing odd of it gets any further."""

from __future__ import annotations

import ast
import importlib
import runpy
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pluggy
import pytest

from pytest_cereval import newhooks
from pytest_cereval.api import Band, Judged, Outcome, Prompt, Property, Question, SourceFunction, Verdict, unfit
from pytest_cereval.categories.generation import Generation
from pytest_cereval.categories.guarded import EXTENSION, Guarded
from pytest_cereval.categories.identity import identified
from pytest_cereval.categories.registry import BUILT_IN, Registry
from pytest_cereval.categories.stated import Place, Stated, at_margin
from pytest_cereval.errors import ExtensionError
from pytest_cereval.extensions import registered
from pytest_cereval.source.ledger import LedgerEntry, Reason

ITEM: Any = types.SimpleNamespace(
    function=types.SimpleNamespace(name="shop.words", path="shop.py", def_line=3, parameters=("text",), source="")
)
WORLD: Any = None
ASKED = Question(Prompt("system", "what does it give?"), Band.HARD)


class Mine:
    """A category whose `questions` and `judge` give what they are told to."""

    name = "mine"
    version = "1"

    def __init__(self, gives: Any = None) -> None:
        self.gives = gives

    def questions(self, world: Any, items: Any) -> Any:
        return self.gives(items[0]) if callable(self.gives) else self.gives

    def judge(self, room: Any, text: str) -> Any:
        return self.gives(text) if callable(self.gives) else self.gives


class Rule(Property):
    """A property that looks at the text."""

    name = "rule"
    version = "1"
    says = "Keep the rule."

    def applies(self, function: SourceFunction) -> bool:
        return True

    def breaks(self, function: SourceFunction) -> str:
        return "def words(text): return text"

    def reads(self, function: SourceFunction, code: str) -> str:
        return ""


def config(marks: str = "slow: takes minutes", **hooks: Callable[..., Any]) -> pytest.Config:
    """A configuration with a `conftest.py` that implements these hooks, and a registered mark."""
    manager = pluggy.PluginManager("pytest")
    manager.add_hookspecs(newhooks)
    for name, each in hooks.items():
        full = f"pytest_cereval_{name}"
        manager.register(types.SimpleNamespace(**{full: pluggy.HookimplMarker("pytest")(each)}))
    return cast("pytest.Config", types.SimpleNamespace(hook=manager.hook, getini=lambda name: [marks]))


def made(gives: Any) -> Guarded:
    mine = Mine(gives)
    return Guarded(mine, identified(mine, "category", (), frozenset()))


def renamed(kind: type, **members: Any) -> Any:
    """An object of a class like this one, with some members changed; None takes one away."""
    changed = type("Changed", (kind,), {key: value for key, value in members.items() if value is not None})
    for key in (key for key, value in members.items() if value is None):
        setattr(changed, key, None)
    return changed()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Mine, "category Mine is a class"),
        ("mine", "pytest_cereval_categories gives 'mine'"),
        ({"mine": Mine()}, "pytest_cereval_categories gives {'mine'"),
        (3, "has the name 'None'"),
        ([Mine(), Mine()], "the name 'mine' is taken"),
        (renamed(Mine, name="Mine at work"), "has the name 'Mine at work'"),
        (renamed(Mine, name="security_audit"), "the name 'security_audit' is taken"),
        (renamed(Mine, name="natural_findings"), "the name 'natural_findings' is taken"),
        (renamed(Mine, name="skip"), "the name 'skip' is taken"),
        (renamed(Mine, name="slow"), "the name 'slow' is taken"),
        (renamed(Mine, name="all"), "the name 'all' is taken"),
        (renamed(Mine, version=None), "named 'mine', declares no version"),
        (renamed(Mine, version=2), "named 'mine', declares no version"),
        (renamed(Mine, version=" "), "named 'mine', declares no version"),
        (renamed(Mine, judge=None), "named 'mine', has no judge"),
    ],
)
def test_what_is_no_category_is_refused_by_name(given: Any, expected: str) -> None:
    with pytest.raises(ExtensionError) as caught:
        registered(config(categories=lambda config: given))

    assert expected in caught.value.what
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Mine(), "property 'mine' is no Property"),
        ([Rule(), Rule()], "the name 'rule' is taken"),
        (renamed(Rule, version=""), "declares no version"),
        (renamed(Rule, says="two\nlines"), "property 'rule' says 'two\\nlines'"),
        (renamed(Rule, says=""), "property 'rule' says ''"),
        (renamed(Rule, breaks=Property.breaks), "property 'rule' has no `breaks`"),
        (renamed(Rule, reads=Property.reads), "property 'rule' looks at nothing"),
        (renamed(Rule, reads=Property.reads, calls=lambda self, function: []), "property 'rule' looks at nothing"),
    ],
)
def test_what_is_no_property_is_refused_by_name(given: Any, expected: str) -> None:
    with pytest.raises(ExtensionError) as caught:
        registered(config(properties=lambda config: given))

    assert expected in caught.value.what


def test_a_hook_that_raises_is_named_with_its_place() -> None:
    def failing(config: Any) -> Any:
        raise OSError("no disk")

    with pytest.raises(ExtensionError, match=r"pytest_cereval_categories raised OSError: no disk at .*test_extending"):
        registered(config(categories=failing))


def test_what_hooks_give_is_known_by_name_in_a_fixed_order() -> None:
    last, first = renamed(Mine, name="zeal"), renamed(Mine, name="acts")
    found = registered(config(categories=lambda config: (last, first), properties=lambda config: Rule()))

    assert found.names == (*BUILT_IN.names, "acts", "zeal")
    assert found.named("zeal, code_generation") == ("code_generation", "zeal")
    assert found.asked("zeal") is found.added[1]
    assert [each["name"] for each in found.identities("code_generation")] == ["rule"]
    assert [each["name"] for each in found.identities("acts")] == ["acts"]
    assert {each["kind"] for each in found.told()["extensions"]} == {"category", "property"}
    assert registered(config(categories=lambda config: None)) == Registry() == BUILT_IN
    assert BUILT_IN.told() == {}


def test_a_category_that_is_not_here_is_a_fault_of_the_set_up() -> None:
    with pytest.raises(ExtensionError, match=r"category 'mine' is one of a conftest\.py, which is not here"):
        BUILT_IN.asked("mine")


def test_the_identity_changes_with_the_code_of_a_base_class() -> None:
    plain, other = renamed(Mine), renamed(Rule)

    codes = {identified(each, "category", (), frozenset()).code for each in (Mine(), plain, other)}

    assert len(codes) == 1  # all of them are written in this file
    bare = type("Bare", (), {"name": "bare", "version": "1", "__module__": "nowhere"})()
    with pytest.raises(ExtensionError, match="is written in no file"):
        identified(bare, "category", (), frozenset())


def test_the_identity_changes_with_what_a_class_holds_beside_methods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, codes = tmp_path / "limits_of_ours.py", set()
    monkeypatch.syspath_prepend(tmp_path)
    for most in (3, 50):
        file.write_text(f"from {__name__} import Mine\n\n\nclass Limited(Mine):\n    most = {most}\n")
        importlib.invalidate_caches()
        monkeypatch.delitem(sys.modules, file.stem, raising=False)
        found = importlib.import_module(file.stem).Limited()
        assert found.most == most
        codes.add(identified(found, "category", (), frozenset()).code)

    assert len(codes) == 2


def test_the_identity_changes_with_the_file_of_the_hook_that_makes_an_object(tmp_path: Path) -> None:
    codes = set()
    for gives in (3, 50):
        file = tmp_path / str(gives) / "conftest.py"
        file.parent.mkdir()
        file.write_text(f"def given(config):\n    return kind({gives})\n")
        given = runpy.run_path(str(file), {"kind": Mine})["given"]
        (added,) = registered(config(categories=given)).added
        codes.add(added.identity.code)

    assert len(codes) == 2


def test_lines_of_a_text_at_the_margin_do_not_keep_a_method_from_being_read() -> None:
    method = '    def words(self):\n        return """a\nb"""\n\n    # end'

    (node,) = ast.parse(at_margin(method)).body

    assert isinstance(node, ast.FunctionDef)
    assert at_margin("def words():\n    return 1") == "def words():\n    return 1"


@pytest.mark.parametrize(
    ("gives", "expected"),
    [
        (None, "gives None for 1 functions"),
        ([ASKED], "for 1 functions"),
        ({}, "gives {} for 1 functions"),
        ({"shop.other": ASKED}, "let `questions` give a mapping with an entry for the name of each function"),
        ({"shop.words": ()}, "gives () for shop.words"),
        ({"shop.words": "ask it"}, "gives 'ask it' for shop.words"),
        ({"shop.words": [ASKED, ASKED]}, "gives what are no questions for shop.words"),
        ({"shop.words": [Question("ask it", Band.HARD)]}, "gives what are no questions"),  # type: ignore[arg-type]
        ({"shop.words": Question(ASKED.prompt, "hard")}, "gives what are no questions"),  # type: ignore[arg-type]
        ({"shop.words": Question(ASKED.prompt, Band.HARD, "a]b")}, "gives what are no questions"),
        ({"shop.words": Question(ASKED.prompt, Band.HARD, planted={"a": (1,)})}, "as planted"),
        ({"shop.words": Question(ASKED.prompt, Band.HARD, about={"a": {1}})}, "as about"),
        ({"shop.words": Question(ASKED.prompt, Band.HARD, planted={EXTENSION: {}})}, "plants 'extension'"),
        (lambda item: 1 / 0, "failed in `questions`: ZeroDivisionError: division by zero at "),
        ({"shop.words": LedgerEntry("", "", 0, Reason.INTERNAL)}, "gives the reason"),
    ],
)
def test_what_is_no_question_ends_the_build(gives: Any, expected: str) -> None:
    with pytest.raises(ExtensionError) as caught:
        made(gives).questions(WORLD, [ITEM])

    assert "category 'mine'" in str(caught.value)
    assert expected in str(caught.value)


def test_questions_are_marked_with_who_made_them_and_ledger_entries_with_the_category() -> None:
    category = made({"shop.words": ASKED})
    (question,) = cast("tuple[Question, ...]", category.questions(WORLD, [ITEM])["shop.words"])
    entry = made({"shop.words": unfit(ITEM, "nothing\nto ask")}).questions(WORLD, [ITEM])["shop.words"]

    assert question.planted == {EXTENSION: category.identity.to_dict()}
    assert entry == LedgerEntry("shop.words", "shop.py", 3, Reason.UNFIT, "nothing to ask", "mine")
    assert made({}).questions(WORLD, []) == {}
    assert category.schema() is None


@pytest.mark.parametrize(
    ("gives", "expected"),
    [
        (None, "gives None from `judge`"),
        (True, "gives True from `judge`"),
        (Judged(Verdict.INVALID, "", {}), "give a `Judged` with a verdict on the answer"),
        (Judged(Verdict.UNCONFIRMED, "", {}), "give a `Judged` with a verdict on the answer"),
        (Judged("PASS", "", {}), "give a `Judged` with a verdict on the answer"),  # type: ignore[arg-type]
        (Judged(Verdict.PASS, "", {"a": {1}}), "as evidence"),
        (Judged(Verdict.PASS, "", {}, scores={"a": 1}), "gives a verdict with odd parts"),  # type: ignore[dict-item]
        (Judged(Verdict.PASS, "", {"a": "\ud800"}), "as evidence"),
        (lambda text: text.nothing, "failed in `judge`: AttributeError"),
    ],
)
def test_what_is_no_verdict_is_a_fault_and_never_a_pass(gives: Any, expected: str) -> None:
    category = made(gives)

    with pytest.raises(ExtensionError) as caught:
        category.judge(room({EXTENSION: category.identity.to_dict()}), "an answer")

    assert expected in str(caught.value)


def test_what_a_category_repeats_of_an_answer_harms_no_terminal() -> None:
    category = made(lambda text: Judged(Verdict.FAIL_WRONG, f"says {text}", {"said": text}, candidate=text))

    found = category.judge(room({EXTENSION: category.identity.to_dict()}), "\x1b[2Jgone")

    assert "\x1b" not in found.detail + found.candidate
    assert found.detail.endswith("gone")


def test_a_category_judges_its_own_questions_only() -> None:
    category = made(Judged(Verdict.PASS, "two\nlines", {"a": [1]}))
    own = category.identity.to_dict()

    assert category.judge(room({EXTENSION: own}), "an answer").detail == "two lines"
    for other in ({}, {EXTENSION: own | {"version": "2"}}, {EXTENSION: own | {"code": "0"}}):
        with pytest.raises(ExtensionError, match="was made by another category 'mine' than is here"):
            category.judge(room(other), "an answer")


def test_a_pass_is_none_while_a_demanded_property_is_not_here() -> None:
    identity = identified(Rule(), "property", (), frozenset()).to_dict()
    answer = "```python\ndef words(text):\n    return text\n```"
    seen: Any = room({"properties": [{"identity": identity, "says": "", "calls": []}]})
    seen.original, seen.workers, seen.world = "def words(text):\n    return text\n", None, None
    seen.oracle.function, seen.oracle.hidden = function(seen.original), ()
    seen.behaves = lambda text: Judged(Verdict.PASS, "behaves", {})

    here = Generation((Stated(Rule(), identified(Rule(), "property", (), frozenset())),))
    assert here.judge(seen, answer).evidence == {"properties": ["rule"]}
    for stated in ((), (Stated(Rule(), identified(renamed(Rule, version="2"), "property", (), frozenset())),)):
        with pytest.raises(ExtensionError, match=r"property 'rule', version '1', of a conftest\.py is not here"):
            Generation(stated).judge(seen, answer)
    seen.behaves = lambda text: Judged(Verdict.FAIL_WRONG, "does not", {})
    assert Generation().judge(seen, answer).verdict is Verdict.FAIL_WRONG


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ("text", "gives 'text' as calls of shop.words"),
        ([{"text": "a"}] * 51, "as calls of shop.words"),
        ([{}], "gives the call {} of shop.words"),
        ([{"texts": "a"}], "gives the call {'texts': 'a'} of shop.words"),
        ([{"text": object}], "as an argument of shop.words"),
        ([{"text": "a" * 20_000}], "as an argument of shop.words"),
        (1, "gives 1 as calls"),
    ],
)
def test_what_is_no_call_of_the_function_is_named(calls: Any, expected: str) -> None:
    rule = renamed(Rule, calls=lambda self, function: calls, holds=lambda self, function, call, outcome: "")
    stated = Stated(rule, identified(rule, "property", (), frozenset()))
    place = Place(cast("Any", None), cast("Any", None), function("def words(text):\n    return text\n"), (), "")

    with pytest.raises(ExtensionError) as caught:
        stated.calls(place)

    assert expected in caught.value.what


def test_an_outcome_tells_what_raised_from_what_returned() -> None:
    assert Outcome("ValueError", None, False, "raises ValueError").raised


def room(planted: dict[str, Any]) -> Any:
    return types.SimpleNamespace(oracle=types.SimpleNamespace(planted=planted))


def function(text: str) -> SourceFunction:
    return SourceFunction(
        path="shop.py",
        module="shop",
        import_root="",
        qualname="words",
        role="",
        ordinal=0,
        first_line=1,
        def_line=1,
        last_line=2,
        parents=(),
        nested=False,
        is_async=False,
        is_generator=False,
        docstring=None,
        parameters=("text",),
        decorators=(),
        statements=1,
        source=text,
    )
