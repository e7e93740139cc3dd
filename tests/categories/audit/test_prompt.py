"""A question shows what an auditor needs, in the same way for weak and clean functions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_cereval.categories.audit.catalogue import FEATURES
from pytest_cereval.categories.audit.listing import listing
from pytest_cereval.results.band import Band
from tests.categories.audit.auditing import Workshop


@pytest.mark.parametrize(("name", "cwe"), [("greeting", 89), ("Shelf.find", 22)])
def test_a_question_is_pinned_by_a_golden_file(
    shop: Workshop, golden: Callable[[str, str], None], name: str, cwe: int
) -> None:
    feature = next(each for each in FEATURES if (each.cwe, each.band) == (cwe, Band.HARD))
    item = shop.certified[name]

    prompt = shop.planter().weak(item, shop.proposal(name, feature), item.hidden[0], 0).prompt

    golden(f"prompt_audit_{name}.txt", f"{prompt.system}\n\n=====\n\n{prompt.user}\n")


def test_all_that_was_planted_is_shown_with_its_lines(shop: Workshop) -> None:
    for feature in FEATURES:
        made = shop.proposal("greeting", feature)
        rows = made.weak.source.splitlines()

        shown = listing(made.weak.source, made.weak.function, 0).splitlines()

        for line in made.weak.sink:
            assert f"{line:5} {rows[line - 1]}".rstrip() in shown


def test_the_rest_of_the_file_is_shown_as_far_as_the_budget_goes(shop: Workshop) -> None:
    function, text = shop.certified["greeting"].function, shop.here.text

    small, large = listing(text, function, 0), listing(text, function, 100_000)

    assert "def greeting" in small
    assert "def total" not in small
    assert "..." in small
    assert "def total" in large
    assert "class Shelf" in large
    assert "..." not in large


def test_a_method_is_shown_in_its_class(shop: Workshop) -> None:
    shown = listing(shop.here.text, shop.certified["Shelf.find"].function, 0)

    assert "class Shelf:" in shown
    assert "def find" in shown
    assert "def __init__" not in shown


def test_nothing_but_the_listing_tells_a_weak_question_from_a_clean_one(shop: Workshop) -> None:
    questions = shop.planter().questions(shop.certified["total"])
    assert isinstance(questions, tuple)
    parts = [question.prompt.user.split("```") for question in questions]

    def without_lines(text: str) -> str:
        return text.replace("lines ", "").translate(dict.fromkeys(map(ord, "0123456789")))

    assert len({part[0] for part in parts}) == 1
    assert len({without_lines(part[2]) for part in parts}) == 1
