"""Probes of memory: what is held back and how it is scored, twins that do the same, twins that do one thing else."""

from __future__ import annotations

import ast
import asyncio
import inspect
import types
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_cereval.probes.completion import edit_similarity, longest_run, ngram_share, prefix_probe, tokens
from pytest_cereval.probes.counterfactual import Counterfactual, counterfactuals
from pytest_cereval.probes.definition import same_body
from pytest_cereval.probes.renaming import keywords_of_calls, renamed_twin
from pytest_cereval.source.functions import walk_functions
from pytest_cereval.source.normal_form import normal_form

LONG = '''    def wrap(self, text, width=70):
        """Break lines."""
        lines = []
        for part in text.split("\\n"):  # one by one
            while len(part) > width:
                lines.append(
                    part[:width]
                )
                part = part[width:]
            lines.append(part)
        return "\\n".join(lines)
'''
LIBRARY = ("bisect", "difflib", "fractions", "heapq", "shlex", "string", "textwrap", "weakref")


def run(source: str, name: str, **known: Any) -> Any:
    """The function that a text defines."""
    namespace: dict[str, Any] = dict(known)
    exec(compile(source, "<test>", "exec"), namespace)  # noqa: S102
    return namespace[name]


def only(source: str, kind: str) -> Counterfactual:
    (found,) = [each for each in counterfactuals(source) if each.kind == kind]
    return found


def kinds(source: str) -> set[str]:
    return {each.kind for each in counterfactuals(source)}


def test_a_function_is_cut_between_logical_lines_past_the_middle_of_its_body() -> None:
    probe = prefix_probe(LONG)

    assert probe is not None
    assert probe.given + probe.held_back == LONG
    assert probe.given.endswith("                )\n")
    shown, held = tokens(probe.given.split('lines."""\n')[1]), tokens(probe.held_back)
    assert len(held) <= (len(shown) + len(held)) / 2
    assert LONG.splitlines()[0] in probe.prompt("textwrap")
    assert probe.held_back not in probe.prompt("textwrap")


def test_a_smaller_share_shows_less() -> None:
    probe, short = prefix_probe(LONG), prefix_probe(LONG, 0.2)

    assert probe is not None
    assert short is not None
    assert len(short.given) < len(probe.given)


@pytest.mark.parametrize(
    "source",
    ["def f(a):\n    return a\n", 'def f():\n    """Only text."""\n', "def f(a): return " + "a + " * 40 + "a\n"],
)
def test_what_is_too_short_or_on_one_line_is_no_probe(source: str) -> None:
    assert prefix_probe(source) is None


@pytest.mark.parametrize("text", ["", "x = 1\n", "def f(:\n", "def f(): pass\ndef g(): pass\n"])
def test_a_probe_needs_the_text_of_one_function(text: str) -> None:
    with pytest.raises(ValueError, match="not the text of"):
        prefix_probe(text)


@pytest.mark.parametrize(
    "form",
    [
        "{held}",
        "Here it is:\n```python\n{held}```\nThat is all.",
        "```python\n{given}{held}```",
        "<think>a long thought</think>\n{held}",
        "# my comment\n{held}    # and another",
    ],
)
def test_the_rest_word_by_word_scores_full_in_every_form(form: str) -> None:
    probe = prefix_probe(LONG)
    assert probe is not None

    score = probe.score(form.format(held=probe.held_back.replace('"', "'"), given=probe.given))

    assert (score.longest_run, score.run_share, score.five_grams) == (score.tokens, 1.0, 1.0)
    assert score.similarity == 1.0


def test_another_continuation_scores_less_and_nothing_scores_nothing() -> None:
    probe = prefix_probe(LONG)
    assert probe is not None

    other = probe.score("                part = part[width:]\n        return lines\n")
    nothing = probe.score("I do not know this function.")

    assert (other.longest_run, nothing.five_grams) == (7, 0.0)
    assert 0 < other.similarity < 1
    assert probe.score("").similarity == 0.0


def test_the_shares_of_runs_are_the_known_ones() -> None:
    one, other = tokens("def add(a, b): return a + b"), tokens("def add(a,b):return b+a")

    assert ngram_share(one, other, 5) == pytest.approx(5 / 8)
    assert ngram_share(one, other, 3) == pytest.approx(0.7)
    assert longest_run(one, other) == 9
    assert edit_similarity(one, other) == pytest.approx(1 - 2 / 12)


def test_similarity_is_one_less_the_edits_over_the_longer_length() -> None:
    assert edit_similarity("kitten", "sitting") == pytest.approx(1 - 3 / 7)
    assert edit_similarity("", "") == 1.0
    assert edit_similarity("abc", "") == 0.0


def test_tokens_do_not_depend_on_layout_comments_or_quotes() -> None:
    assert (
        tokens('x  =  "a#b" # c\n\ty\\\n+= 1.5') == tokens("x='a#b'\ny+=1.5") == ["x", "=", "'a#b'", "y", "+=", "1.5"]
    )


def test_hostile_text_is_read_in_bounded_time() -> None:
    probe = prefix_probe(LONG)
    assert probe is not None

    for text in ['"""' * 20_000, "'\\" * 50_000, "(" * 100_000, "\0" * 1000, "a" * 10**6]:
        assert probe.score(text).longest_run < probe.score(text).tokens


def test_a_twin_has_other_names_for_parameters_and_locals_only() -> None:
    twin = renamed_twin(
        '''def total(prices, rate=rate, *extra, round_to=2, **options):
    """Sum `prices` at a rate.

    :param prices: what to add
    """
    result = 0  # nothing yet
    for price in prices + list(extra):
        result += price * rate
    return round(result, round_to), options
'''
    )

    assert twin is not None
    assert dict(twin.renamed) == {
        "prices": "arg1",
        "rate": "arg2",
        "extra": "arg3",
        "options": "arg4",
        "result": "var1",
        "price": "var2",
    }
    assert twin.kept == ("round_to",)
    assert "def total(arg1, arg2=rate, *arg3, round_to=2, **arg4):" in twin.source
    assert "Sum `arg1` at a rate." in twin.source
    assert ":param arg1: what to add" in twin.source
    assert run(twin.source, "total", rate=2)([1, 2], 3, 4) == run(twin.original, "total", rate=2)([1, 2], 3, 4)


def test_names_that_callers_say_are_kept() -> None:
    source = 'def f(a, b, c):\n    """\n    >>> f(1, 2, c=3)\n    6\n    """\n    return a + b + c\n'

    twin = renamed_twin(source, keywords_of_calls(["x.f(1, b=2, c=3)", "g(a=1)", "not python"], {"f"}))
    none = renamed_twin(source, keywords_of_calls(["f(**everything)"], {"f"}))

    assert twin is not None
    assert twin.kept == ("b", "c")
    assert "def f(arg1, b, c):" in twin.source
    assert none is None, "where any name may be said, nothing is left to rename"


def test_a_name_that_also_means_a_global_somewhere_inside_is_kept() -> None:
    source = "def f(a):\n    return len(a), [value for value in (1, 2)], value\n"

    twin = renamed_twin(source)

    assert twin is not None
    assert "value" not in dict(twin.renamed)
    assert run(twin.source, "f", value=5)("xy") == (2, [1, 2], 5)


def test_a_function_that_can_see_its_names_has_no_twin() -> None:
    assert renamed_twin("def f(a):\n    return locals()\n") is None


def test_new_names_are_not_taken_ones() -> None:
    twin = renamed_twin("def f(a, b):\n    return arg1 + a.arg2 + b\n")

    assert twin is not None
    assert dict(twin.renamed) == {"a": "arg3", "b": "arg4"}


@pytest.mark.parametrize(
    ("source", "arguments"),
    [
        (
            "def f(x):\n    try:\n        return 1 / x\n    except ArithmeticError as e:\n        return str(e)\n",
            (0,),
        ),
        (
            "def f(x):\n    match x:\n        case [a, *b]: return a, b\n        case {'k': c, **d}: return c, d\n",
            ({"k": 1, "j": 2},),
        ),
        (
            "def f(x):\n    def g(x, y=x):\n        nonlocal z; z += x; return y\n    z = x\n    return g(1), z\n",
            (5,),
        ),
        (
            "def f(x):\n    class A:\n        y = x\n        def m(self): return x, self.y\n    return A().m(), A.y\n",
            (5,),
        ),
        ("def f(x):\n    import math as m\n    return [m.floor(i + (k := x)) for i in range(2)], k\n", (1.5,)),
        ("def f(x, n=3):\n    return x if n == 0 else f(x + 1, n=n - 1)\n", (1,)),
        ("def f(x):\n    y: int = x\n    del x\n    return f'{y} {y=}'\n", (5,)),
    ],
)
def test_twins_do_what_the_original_does(source: str, arguments: tuple[Any, ...]) -> None:
    twin = renamed_twin(source)

    assert twin is not None
    assert run(twin.source, "f")(*arguments) == run(source, "f")(*arguments)
    assert same_body(source, twin.source)


def library_functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for name in LIBRARY:
        module = ast.parse(inspect.getsource(__import__(name)))
        for node, _, nested in walk_functions(module):
            if isinstance(node, ast.FunctionDef) and not nested:
                yield name, node


def _shape(code: types.CodeType) -> tuple[Any, ...]:
    inner = tuple(_shape(each) for each in code.co_consts if isinstance(each, types.CodeType))
    plain = tuple(each for each in code.co_consts if not isinstance(each, types.CodeType | str))
    cells = len(code.co_cellvars), len(code.co_freevars)
    counts = code.co_argcount, code.co_kwonlyargcount, code.co_flags, len(code.co_varnames)
    return code.co_names, plain, counts, cells, inner, code.co_code if cells == (0, 0) else b""


def test_twins_of_the_standard_library_compile_to_the_same_code() -> None:
    twins = 0
    for name, node in library_functions():
        node.decorator_list, node.returns = [], None
        for item in ast.walk(node.args):
            if isinstance(item, ast.arg):
                item.annotation = None  # the names of parameters are constants of a module with annotations
        original = ast.unparse(node)
        twin = renamed_twin(original)
        if twin is None:
            continue
        twins += 1
        codes = [_shape(compile(text, name, "exec")) for text in (original, twin.source)]
        assert codes[0] == codes[1], twin.source
        assert normal_form(node) == normal_form(ast.parse(twin.source).body[0])  # type: ignore[arg-type]
    assert twins > 100


@pytest.mark.parametrize(
    ("answer", "same"),
    [
        ("def f(b):\n    # quick\n    return   b+1\n", True),
        ("@cache\ndef anything(b: int) -> int:\n    '''Text.'''\n    return b + 1\n", True),
        ("    def f(self):\n        return self + 1\n", True),
        ("def f(a):\n    return 1 + a\n", False),
        ("def f(a, b):\n    return a + 1\n", False),
        ("def f(a=1):\n    return a + 1\n", False),
        ("def f(a):\n    return b + 1\n", False),
        ("def f(a)\n    return a + 1\n", False),
        ("no code at all", False),
        ("", False),
    ],
)
def test_the_original_is_known_again_whatever_its_names(answer: str, same: bool) -> None:
    assert same_body('def f(a):\n    """Add."""\n    return a + 1\n', answer) is same


def test_a_negated_answer_is_false_where_the_original_is_true() -> None:
    source = (
        "def has(a, b):\n    if b is None:\n        return True\n    return isinstance(a, int) and b not in (1, 2)\n"
    )
    twin = only(source, "return value negated")
    original, changed = run(twin.original, "has"), run(twin.source, "has")

    for arguments in [(1, None), (1, 1), (1, 3), ("x", 3)]:
        assert changed(*arguments) is (not original(*arguments))
    assert twin.requirement == "Return False where the description says True, and True where it says False."
    assert twin.certain
    assert not same_body(source, twin.source)


def test_a_comparison_counts_as_true_or_false_only_where_the_function_says_so() -> None:
    assert "return value negated" not in kinds("def less(a, b):\n    return a < b\n")
    assert "return value negated" in kinds("def less(a, b) -> bool:\n    return a < b\n")


def test_a_wrapped_answer_is_the_original_in_a_tuple() -> None:
    source = """def pick(a):
    try:
        value = a[0]
    except TypeError:
        return None
    else:
        return value, 1
"""
    twin = only(source, "return value wrapped")
    original, changed = run(twin.original, "pick"), run(twin.source, "pick")

    for argument in ([5], 7):
        assert changed(argument) == (original(argument),)
    assert "`(result,)`" in twin.requirement


def test_a_coroutine_is_wrapped_inside() -> None:
    twin = only("async def f(a):\n    return a\n", "return value wrapped")

    assert asyncio.run(run(twin.source, "f")(3)) == (3,)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("def f(a):\n    if a:\n        return 1\n", id="end reached"),
        pytest.param("def f(a):\n    if a:\n        return\n    return 1\n", id="nothing returned"),
        pytest.param("def f(a):\n    with a:\n        return 1\n", id="may go on behind the block"),
        pytest.param("def f(a):\n    for b in a:\n        return 1\n", id="loop may not run"),
        pytest.param(
            "def f(a):\n    try:\n        return 1\n    except ValueError:\n        a()\n", id="handler goes on"
        ),
        pytest.param("def f(a):\n    yield a\n    return 1\n", id="generator"),
        pytest.param("def f(a):\n    return f(a - 1)\n", id="recursion"),
        pytest.param("def f(self, a):\n    return self.f(a - 1)\n", id="recursion of a method"),
        pytest.param("def __len__(self):\n    return 1\n", id="special method"),
        pytest.param("@functools.cache\ndef f(a):\n    return 1\n", id="decorated"),
        pytest.param("def f(a):\n    print(a)\n", id="no result"),
    ],
)
def test_a_result_is_changed_only_where_every_way_out_is_known(source: str) -> None:
    assert kinds(source) == set()


def test_returns_of_inner_functions_are_left_alone() -> None:
    twin = only("def f(a):\n    def g():\n        return a\n    return g()\n", "return value wrapped")

    assert run(twin.source, "f")(1) == (1,)


@pytest.mark.parametrize(
    ("test", "requirement", "inside", "at"),
    [
        ("n < 0", "Raise `ValueError` also when `n` is 0.", -1, 0),
        ("n > 10", "Raise `ValueError` also when `n` is 10.", 11, 10),
        ("-3 > n", "Raise `ValueError` also when `n` is -3.", -4, -3),
    ],
)
def test_a_moved_boundary_takes_in_its_limit(test: str, requirement: str, inside: int, at: int) -> None:
    source = f'def f(n):\n    """Text."""\n    if {test}:\n        raise ValueError(n)\n    return n\n'
    twin = only(source, "boundary moved")
    changed = run(twin.source, "f")

    assert (twin.requirement, twin.certain) == (requirement, False)
    assert run(twin.original, "f")(at) == at
    assert changed(5) == 5
    for argument in (inside, at):
        with pytest.raises(ValueError, match=str(argument)):
            changed(argument)


def test_a_boundary_may_also_return_a_constant() -> None:
    twin = only("def f(n):\n    if n < 2:\n        return 'few'\n    return 'many'\n", "boundary moved")

    assert twin.requirement == "Return `'few'` also when `n` is 2."
    assert run(twin.source, "f")(2) == "few"


@pytest.mark.parametrize(
    "source",
    [
        "def f(n):\n    n += 1\n    if n < 0:\n        raise ValueError\n    print(n)\n",
        "def f(n):\n    if n <= 0:\n        raise ValueError\n    print(n)\n",
        "def f(n):\n    if m < 0:\n        raise ValueError\n    print(n)\n",
        "def f(n):\n    if n < 0.5:\n        raise ValueError\n    print(n)\n",
        "def f(n):\n    if n < 0:\n        print(n)\n    print(n)\n",
        "def f(n):\n    if n < 0 < 1:\n        raise ValueError\n    print(n)\n",
    ],
)
def test_only_a_plain_limit_at_the_very_beginning_is_moved(source: str) -> None:
    assert "boundary moved" not in kinds(source)


def test_an_exception_is_another_one_with_the_same_arguments() -> None:
    source = "def f(a):\n    if a == 1: raise KeyError(a, 'one')\n    if a == 2: raise KeyError\n    return a\n"
    twin = only(source, "exception changed")

    assert twin.requirement.startswith("Where the function itself raises `KeyError`, raise `ValueError` instead")
    with pytest.raises(ValueError, match="one") as raised:
        run(twin.source, "f")(1)
    assert raised.value.args == (1, "one")
    assert run(twin.source, "f")(3) == 3


@pytest.mark.parametrize(
    "body",
    [
        "    try:\n        raise ValueError\n    except ValueError:\n        print(a)\n",
        "    with a:\n        raise ValueError\n",
        "    if a:\n        raise ValueError\n    raise TypeError\n",
        "    raise a\n",
        "    raise OwnError(a)\n",
        "    ValueError = a\n    raise ValueError\n",
    ],
)
def test_an_exception_that_may_be_caught_or_is_not_known_is_left_alone(body: str) -> None:
    assert "exception changed" not in kinds(f"def f(a):\n{body}")


def test_every_twin_of_the_standard_library_compiles_and_is_not_the_original() -> None:
    found: dict[str, int] = {}
    for _, node in library_functions():
        for twin in counterfactuals(ast.unparse(node)):
            compile(twin.source, "<twin>", "exec")
            assert not same_body(twin.original, twin.source), twin.source
            found[twin.kind] = found.get(twin.kind, 0) + 1

    assert set(found) == {"return value negated", "return value wrapped", "boundary moved", "exception changed"}
