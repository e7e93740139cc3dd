"""How recorded calls are changed, and which changes are proposed."""

from __future__ import annotations

import base64
import pickle
import types
from typing import Any

import pytest

from pytest_cereval.inside import calls, edits
from pytest_cereval.inside.calls import rebuild
from pytest_cereval.inside.proposals import propose


class Basket:
    def __init__(self, owner: str = "", *items: str) -> None:
        self.owner = owner
        self.items = list(items)
        self.unrelated = 0

    def drop(self, names: list[str]) -> None:
        self.discard("apple", names)

    def discard(self, name: str, names: list[str]) -> None:
        if name in self.items:
            self.items.remove(name)


def call(*positional: Any, star: tuple[Any, ...] = (), **double_star: Any) -> dict[str, Any]:
    names = ["self", "a", "b"][: len(positional)]
    return {"names": names, "positional": list(positional), "star": star, "keyword": {}, "double_star": double_star}


def entry(content: dict[str, Any]) -> dict[str, Any]:
    return {"call": base64.b64encode(pickle.dumps(content)).decode()}


@pytest.mark.parametrize(
    ("before", "edit", "after"),
    [
        (call([1, 2]), [[["p", 0]], "drop", 0], [[2]]),
        (call([1, 2]), [[["p", 0]], "clear", None], [[]]),
        (call([1, 2]), [[["p", 0]], "repeat", None], [[1, 1, 2]]),
        (call([1, 2]), [[["p", 0], ["i", 1]], "value", 5], [[1, 5]]),
        (call((1, 2)), [[["p", 0], ["i", 1]], "value", 5], [(1, 5)]),
        (call({"a": {"b": 1}}), [[["p", 0], ["d", 0], ["d", 0]], "value", 2], [{"a": {"b": 2}}]),
        (call({"a": 1, "b": 2}), [[["p", 0]], "drop", 1], [{"a": 1}]),
        (call({"a": 1}), [[["p", 0]], "set", ["z", True]], [{"a": 1, "z": True}]),
        (call(["a"]), [[["p", 0]], "add", ["b", "c"]], [["a", "b", "c"]]),
        (call({"a"}), [[["p", 0]], "add", ["b"]], [{"a", "b"}]),
        (call(1, 2), [[["p", 1]], "value", 3], [1, 3]),
    ],
)
def test_an_edit_changes_one_place(before: dict[str, Any], edit: edits.Edit, after: list[Any]) -> None:
    edits.apply(before, edit, None)
    assert before["positional"] == after


def test_an_edit_reaches_into_attributes() -> None:
    changed = call(Basket("me", "apple"))
    edits.apply(changed, [[["p", 0], ["a", "items"], ["i", 0]], "value", "pear"], None)
    assert changed["positional"][0].items == ["pear"]


def test_free_arguments_can_be_dropped_and_set() -> None:
    changed = call(star=(1, 2), x=1)
    edits.apply(changed, [[["*"]], "drop", 0], None)
    edits.apply(changed, [[["**"]], "set", ["y", True]], None)
    assert (changed["star"], changed["double_star"]) == ([2], {"x": 1, "y": True})


def test_a_donor_gives_what_it_has_at_a_place_of_its_own() -> None:
    changed = call([1])
    edits.apply(changed, [[["p", 0], ["i", 0]], "from", [["p", 1]]], call(0, 7))
    assert changed["positional"] == [[7]]


@pytest.mark.parametrize(
    "edit",
    [
        [[["p", 0], ["i", 9]], "value", 1],
        [[["p", 9]], "value", 1],
        [[["p", 0], ["a", "missing"]], "value", 1],
        [[["p", 0]], "from", [["p", 0]]],
    ],
)
def test_an_edit_that_leads_nowhere_is_refused(edit: edits.Edit) -> None:
    with pytest.raises((LookupError, TypeError)):
        edits.apply(call([1]), edit, None)


def test_an_edited_entry_is_rebuilt_from_its_base_and_donor() -> None:
    base = {"base": entry(call([1, 2])), "edit": [[["p", 0]], "drop", 0], "donor": None}
    twice = {"base": base, "edit": [[["p", 0], ["i", 0]], "from", [["p", 0]]], "donor": entry(call("given"))}
    assert rebuild(base)["positional"] == [[2]]
    assert rebuild(twice)["positional"] == [["given"]]


def test_a_borrowed_entry_takes_the_receiver_and_a_setter_the_value_of_another() -> None:
    lent = entry(call(Basket("one"), "ignored"))
    value_of = entry(call(Basket("two")))["call"]
    alone = rebuild({**lent, "borrow": {"names": ["self"]}})
    setter = rebuild({**lent, "borrow": {"names": ["self", "v"], "attribute": "owner", "value_of": value_of}})
    assert [item.owner for item in alone["positional"]] == ["one"]
    assert (setter["names"], setter["positional"][1]) == (["self", "v"], "two")


def proposals(
    limit: int = 60, lent: tuple[dict[str, Any], ...] = (), bases: int = 2
) -> list[tuple[int, edits.Edit, int | None]]:
    recorded = [call(Basket("a", "apple"), ["x"]), call(Basket("b", "pear"), [])]
    assert isinstance(Basket.drop, types.FunctionType)
    return propose(recorded, bases, list(lent), Basket.drop, limit)


def test_proposals_are_the_same_every_time_and_bounded() -> None:
    assert proposals() == proposals()
    assert len(proposals(20)) == 20


def test_texts_of_the_code_are_added_where_its_callees_look() -> None:
    found = [edit for _, edit, _ in proposals(200)]
    assert [[["p", 0], ["a", "items"]], "add", ["apple"]] in found


def test_places_that_nothing_names_come_last() -> None:
    paths = [edit[0] for _, edit, _ in proposals(200)]
    far = [number for number, path in enumerate(paths) if ["a", "unrelated"] in path]
    assert far
    assert min(far) > len(paths) // 4


def test_values_keep_their_type_unless_another_call_has_another() -> None:
    for number, (path, operator, operand), _ in proposals(300):
        if operator == "value":
            recorded = [call(Basket("a", "apple"), ["x"]), call(Basket("b", "pear"), [])][number]
            assert type(edits.follow(recorded, path)) is type(operand)


def test_lent_calls_give_receivers_and_what_is_in_them() -> None:
    donors = [(edit, donor) for _, edit, donor in proposals(300, (call(Basket("lender", "fig")),)) if donor == -1]
    assert ([[["p", 0]], "from", [["p", 0]]], -1) in donors
    assert ([[["p", 0], ["a", "items"]], "from", [["p", 0], ["a", "items"]]], -1) in donors


def test_calls_are_found_under_their_mangled_and_decorated_names() -> None:
    line = Basket.drop.__code__.co_firstlineno
    found = calls.find_function(__name__, __file__, "Basket.drop", line)
    assert found is Basket.drop
    with pytest.raises(calls.Unreachable, match=r"no function Basket\.drop that starts at line 1"):
        calls.find_function(__name__, __file__, "Basket.drop", 1)


def test_calls_after_the_bases_are_donors_only() -> None:
    found = proposals(300, bases=1)
    assert {number for number, _, _ in found} == {0}
    assert {donor for _, _, donor in found} == {None, 1}
