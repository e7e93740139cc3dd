"""The call that a report shows can be pasted and does what the report says."""

from __future__ import annotations

import base64
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import cloudpickle
import pytest

from pytest_cereval.inside.observation import Encoder
from pytest_cereval.oracles.certificate import Input
from pytest_cereval.oracles.pasting import MAX_CHARACTERS, pasteable
from pytest_cereval.source.functions import SourceFunction, extract_functions

TEXT = """
def join(first, *rest, mark="-", **more):
    return mark.join([first, *rest, *sorted(more)])


class Box:
    def __init__(self, items):
        self.items = items

    def put(self, item, times=1):
        self.items += [item] * times
        return self.items

    @property
    def size(self):
        return len(self.items)
"""


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, SourceFunction]]:
    (tmp_path / "pasted.py").write_text(TEXT)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield {item.qualname: item for item in extract_functions(tmp_path, PurePosixPath("pasted.py"))}
    sys.modules.pop("pasted", None)


def entry_of(call: dict[str, Any]) -> dict[str, Any]:
    return {"call": base64.b64encode(cloudpickle.dumps(call)).decode()}


def input_of(entry: dict[str, Any], arguments: Any) -> Input:
    return Input(entry, Encoder().encode(arguments), True, {}, "")


def pasted(text: str) -> Any:
    *lines, last = text.splitlines()
    space: dict[str, Any] = {}
    exec("\n".join(lines), space)  # noqa: S102 - what a person does with it
    return eval(last, space)  # noqa: S307


def method_call(items: list[int], *more: Any) -> dict[str, Any]:
    box = importlib.import_module("pasted").Box(items)
    names = ["self", "item", "times"][: 1 + len(more)]
    return {"names": names, "positional": [box, *more], "star": (), "keyword": {}, "double_star": {}}


def test_plain_arguments_become_literals(functions: dict[str, SourceFunction]) -> None:
    text = pasteable(functions["join"], input_of({}, {"first": "a", "*": ("b",), "mark": "+", "**": {"z": 1}}))
    assert text == "from pasted import join\n\njoin('a', 'b', mark='+', z=1)"
    assert pasted(text) == "a+b+z"


def test_an_object_comes_as_it_was_recorded_with_the_edits_made(functions: dict[str, SourceFunction]) -> None:
    base = entry_of(method_call([1, 2], 5, 2))
    edits = [
        [[["p", 0], ["a", "items"], ["i", 0]], "tree", 9],
        [[["p", 0], ["a", "items"]], "drop", 1],
        [[["p", 1]], "value", 7],
        [[["p", 2]], "omit", None],
    ]
    entry = base
    for edit in edits:
        entry = {"base": entry, "edit": edit, "donor": None}
    text = pasteable(functions["Box.put"], input_of(entry, method_call([1, 2], 5, 2)))
    assert pasted(text) == [9, 7]


def test_a_donor_lends_its_part(functions: dict[str, SourceFunction]) -> None:
    entry = {
        "base": entry_of(method_call([1], 5)),
        "edit": [[["p", 0], ["a", "items"]], "from", [["p", 0], ["a", "items"]]],
        "donor": entry_of(method_call([4, 4], 5)),
    }
    assert pasted(pasteable(functions["Box.put"], input_of(entry, method_call([1], 5)))) == [4, 4, 5]


def test_a_property_is_read(functions: dict[str, SourceFunction]) -> None:
    entry = entry_of(method_call([1, 2, 3]))
    assert pasted(pasteable(functions["Box.size"], input_of(entry, method_call([1])))) == 3


def test_a_call_that_is_too_long_is_left_out(functions: dict[str, SourceFunction]) -> None:
    call = method_call(list(range(MAX_CHARACTERS)))
    assert pasteable(functions["Box.size"], input_of(entry_of(call), call)) == ""
