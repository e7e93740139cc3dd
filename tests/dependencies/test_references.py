"""Which names of a piece of code stand for what an import has bound, and which only may."""

from __future__ import annotations

import ast
import textwrap

import pytest

from pytest_cereval.dependencies.references import MAX_REFERENCES, bindings, references


def names(code: str, package: str = "pkg", outer: str = "") -> list[str]:
    """The mentions of a piece of code, guarded ones with a question mark."""
    around = bindings(ast.parse(outer).body, package)
    found = references(ast.parse(textwrap.dedent(code)), package, around)
    return [f"{item.kind[:1]} {item.name}{'?' if item.guarded else ''}" for item in found]


def test_imports_are_packages_and_what_they_reach_into() -> None:
    assert names("import json, os.path as p") == ["p json", "p os", "m os.path"]
    assert names("from os.path import join, split as cut") == ["p os", "m os.path.join", "m os.path.split"]
    assert names("from os.path import *") == ["p os", "m os.path"]


def test_relative_imports_start_at_the_package_of_the_file() -> None:
    assert names("from . import a\nfrom .b import c", "pkg.sub") == ["p pkg", "m pkg.sub.a", "p pkg", "m pkg.sub.b.c"]
    assert names("from ... import a", "pkg") == []


def test_attributes_of_imported_names_are_members() -> None:
    assert names("import os\nx = os.path.join('a')\nos.sep = 1") == ["p os", "m os.path.join"]
    assert names("from os import path\npath.join") == ["p os", "m os.path", "m os.path.join"]


def test_keywords_of_calls_are_mentions_of_their_own() -> None:
    code = "import json\njson.dumps(1, indent=2, **more)\nopen('x', mode='r')"
    assert names(code) == ["p json", "k json.dumps(indent=)", "m json.dumps"]


def test_imports_by_name_count_where_the_name_is_there_to_read() -> None:
    code = "import importlib\nimportlib.import_module('a.b')\n__import__('c')\n__import__(name)\n__import__('no name')"
    assert names(code) == ["p importlib", "p a", "m a.b", "m importlib.import_module", "p c"]


def test_the_imports_of_the_file_around_it_are_known() -> None:
    assert names("def f(): return re.find", outer="import re") == ["m re.find"]
    assert names("re = 1\ndef f(): return re.find", outer="import re") == []


@pytest.mark.parametrize(
    "code",
    [
        "def f(json): json.loads",
        "def f(*json): json.loads",
        "def f():\n    json = {}\n    json.loads",
        "def f():\n    for json in (): json.loads",
        "lambda json: json.loads",
        "def f():\n    with open('x') as json: json.loads",
        "def f(x):\n    match x:\n        case {'a': 1, **json}: json.loads",
        "def f():\n    try: pass\n    except OSError as json: json.loads",
        "[json.loads for json in ()]",
    ],
)
def test_a_name_that_anything_else_binds_is_left_alone(code: str) -> None:
    assert "m json.loads" not in names(code, outer="import json")


def test_a_fallback_under_the_same_name_is_not_followed() -> None:
    code = "try:\n    import ujson as json\nexcept ImportError:\n    import json\njson.loads"
    assert names(code) == ["p ujson?", "p json"]


def test_functions_do_not_see_the_names_of_the_class_around_them() -> None:
    code = "import json\nclass A:\n    json = 1\n    x = json.a\n    def f(self): return json.b"
    assert names(code) == ["p json", "m json.b"]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("try:\n    import a\nexcept ImportError: pass", "p a?"),
        ("try:\n    import a\nexcept (ValueError, ModuleNotFoundError): pass", "p a?"),
        ("try:\n    import a\nexcept: pass", "p a?"),
        ("try:\n    import a\nexcept ValueError: pass", "p a"),
        ("try: pass\nexcept ImportError:\n    import a", "p a"),
        ("import sys\nif sys.version_info < (3,):\n    import a", "p a?"),
        ("import os\nif os.name == 'nt':\n    import a", "p a?"),
        ("import a\ntry: a.b\nexcept AttributeError: pass", "m a.b?"),
        ("import a\nif hasattr(a, 'b'): a.b", "m a.b?"),
        ("import a\na.b", "m a.b"),
    ],
)
def test_what_the_code_is_prepared_to_miss_is_guarded(code: str, found: str) -> None:
    assert found in names(code)


def test_the_list_is_bounded() -> None:
    assert len(names("import a\n" + "a.b\n" * 2 * MAX_REFERENCES)) == MAX_REFERENCES
