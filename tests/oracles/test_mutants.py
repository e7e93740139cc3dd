"""Which faults are put into a function, and which places are left alone."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path, PurePosixPath

import pytest

from pytest_cereval.inside.bodies import compiled_function, same_code
from pytest_cereval.oracles.mutants import MAX_MUTANTS, mutants
from pytest_cereval.oracles.variants import Skeleton, Variant, branch_reporter, find_node, stubs
from pytest_cereval.source.functions import SourceFunction, extract_functions


def read(tmp_path: Path, text: str, name: str = "f") -> tuple[SourceFunction, Skeleton, ast.Module]:
    (tmp_path / "m.py").write_text(textwrap.dedent(text))
    function = next(f for f in extract_functions(tmp_path, PurePosixPath("m.py")) if f.bare_name == name)
    module, _ = find_node(tmp_path, function)
    return function, Skeleton(module, function), module


def made(tmp_path: Path, text: str) -> tuple[Variant, ...]:
    function, skeleton, _ = read(tmp_path, text)
    return mutants(find_node(tmp_path, function)[1], skeleton)


def bodies(found: tuple[Variant, ...]) -> dict[str, set[str]]:
    """The last line of each mutant by its label."""
    shown: dict[str, set[str]] = {}
    for variant in found:
        shown.setdefault(variant.label, set()).add(variant.source.splitlines()[-1].strip())
    return shown


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("return a < b", {"Lt → LtE": "return a <= b", "Lt → GtE": "return a >= b", "return None": "return None"}),
        ("return a is b", {"Is → IsNot": "return a is not b", "return None": "return None"}),
        ("return a in b", {"In → NotIn": "return a not in b", "return None": "return None"}),
        ("return a + b", {"Add → Sub": "return a - b", "return None": "return None"}),
        ("a += b", {"Add → Sub": "a -= b", "assignment removed": "pass"}),
        ("return not a", {"Not removed": "return a", "return None": "return None"}),
        ("return -a", {"USub removed": "return a", "return None": "return None"}),
        ("return 1", {"1 + 1": "return 2", "return None": "return None"}),
        ("return True", {"True → False": "return False", "return None": "return None"}),
        ("return 'a'", {"text changed": "return 'a?'", "return None": "return None"}),
        ("return b'a'", {"text changed": "return b'a?'", "return None": "return None"}),
        ("a.append(b)", {"call removed": "pass"}),
        ("print(a)", {"call removed": "pass"}),
        ("a[b:]", {"start of slice removed": "a[:]"}),
        ("a.x = b", {"assignment removed": "pass"}),
        ("del a[b]", {"assignment removed": "pass"}),
        ("return a if b else a", {"branch negated": "return a if not b else a", "return None": "return None"}),
        ("raise ValueError('text')", {"exception type changed": "raise ZeroDivisionError", "raise removed": "pass"}),
    ],
)
def test_each_operator_makes_its_faults(tmp_path: Path, line: str, expected: dict[str, str]) -> None:
    found = bodies(made(tmp_path, f"def f(a, b):\n    {line}\n"))
    assert found == {label: {body} for label, body in expected.items()}


def test_conditions_lose_each_operand(tmp_path: Path) -> None:
    found = bodies(made(tmp_path, "def f(a, b):\n    return a and b\n"))
    assert found["And → Or"] == {"return a or b"}
    assert found["operand 1 removed"] == {"return b"}
    assert found["operand 2 removed"] == {"return a"}


@pytest.mark.parametrize(
    "line",
    [
        '"""A docstring, 1."""',
        "logger.warning('text %s', 1)",
        "print('text', file=log)",
        "return",
        "return None",
        "a: 'int'",
        "pass",
    ],
)
def test_what_no_input_can_tell_is_left_alone(tmp_path: Path, line: str) -> None:
    assert made(tmp_path, f"def f(a, b):\n    {line}\n    return\n") == ()


def test_the_text_of_an_exception_is_left_alone(tmp_path: Path) -> None:
    assert all(variant.label != "text changed" for variant in made(tmp_path, "def f():\n    raise ValueError('a')\n"))


def test_mutants_know_their_line_and_the_statement_around_it(tmp_path: Path) -> None:
    text = """
        def f(a):
            if (a ==
                    1):
                return [a,
                        2]
    """
    found = {variant.label: (variant.line, variant.span) for variant in made(tmp_path, text)}
    assert found["Eq → NotEq"] == (3, (3, 4))
    assert found["branch negated"] == (3, (3, 4))
    assert found["2 + 1"] == (6, (5, 6))


def test_there_are_not_too_many_and_always_the_same(tmp_path: Path) -> None:
    text = "def f(a):\n" + "".join(f"    a = a + {n}\n" for n in range(60)) + "    return a\n"
    found = made(tmp_path, text)
    assert len(found) == MAX_MUTANTS
    assert found == made(tmp_path, text)
    assert [variant.line for variant in found] == sorted(variant.line for variant in found)


def test_a_variant_keeps_free_variables_and_mangled_names(tmp_path: Path) -> None:
    text = """
        class A(dict):
            def f(self):
                return super().get(self.__x, 1)
    """
    function, _, module = read(tmp_path, text)
    original = next(c for c in compile(module, "m", "exec").co_consts if hasattr(c, "co_consts"))
    wanted = next(c for c in original.co_consts if getattr(c, "co_name", "") == "f")
    for variant in made(tmp_path, text):
        code = compiled_function(variant.source, function.qualname)
        assert code.co_freevars == wanted.co_freevars == ("__class__",)
        assert ("_A__x" in code.co_names) == (variant.label != "return None")


def test_stubs_keep_the_signature_and_docstring(tmp_path: Path) -> None:
    function, skeleton, _ = read(tmp_path, 'def f(a, *, b=1):\n    """What it does."""\n    return a\n')
    found = [variant.source for variant in stubs(find_node(tmp_path, function)[1], skeleton)]
    assert found[0] == 'def f(a, *, b=1):\n    """What it does."""\n    raise NotImplementedError'
    assert len(set(found)) == 8


def test_every_decision_reports_its_outcome(tmp_path: Path) -> None:
    text = "def f(a):\n    if a:\n        return [x for x in a if x]\n    return 1 if a else 2\n"
    function, skeleton, _ = read(tmp_path, text)
    variant, decisions = branch_reporter(find_node(tmp_path, function)[1], skeleton)
    assert decisions == variant.source.count("__cereval_branch__(") == 3


def test_code_that_differs_in_a_constant_is_not_the_same() -> None:
    def code(text: str) -> object:
        return compiled_function(f"def f(a):\n{text}", "f")

    assert same_code(code("    return (a, 1)"), code("\n\n    return (a, 1)"))  # type: ignore[arg-type]
    assert not same_code(code("    return (a, 1)"), code("    return (a, 1.0)"))  # type: ignore[arg-type]
    assert not same_code(code("    return [x for x in a]"), code("    return [x for x in a if x]"))  # type: ignore[arg-type]
