"""What may be said of items, by the number of models."""

from __future__ import annotations

import pytest

from pytest_cereval.statistics.discrimination import Rung, discrimination, item_rest, kr20
from pytest_cereval.statistics.samples import Item
from tests.statistics.known import an_item, items_like, known_answers

MATRIX = [[float(mark) for mark in row] for row in ("1110", "1101", "1100", "1010", "1000", "0000")]


def test_item_rest_and_consistency_give_the_known_answers() -> None:
    known = known_answers()["items"]

    assert item_rest(MATRIX) == pytest.approx(known["item_rest"])
    assert kr20(MATRIX) == pytest.approx(known["kr20"])


def test_an_item_that_all_do_alike_has_no_correlation() -> None:
    assert item_rest([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 1.0]])[0] is None
    assert kr20([[1.0, 0.0], [0.0, 1.0]]) is None


def test_one_model_gets_no_discrimination_however_many_samples() -> None:
    found = discrimination({"m": items_like(["1" * 20, "01" * 10, "0" * 20])})

    assert (found.rung, found.separations, found.correlations, found.separated) == (Rung.NONE, (), (), None)
    assert (found.saturated, found.dead) == (("t0",), ("t2",))
    assert found.sentence == "One model: no discrimination of items can be given; its samples are not respondents."


def test_two_models_get_separation() -> None:
    found = discrimination({"a": items_like(["1", "1", "0", "0"]), "b": items_like(["1", "0", "1", "0"])})

    assert (found.rung, found.separated, found.mean_item_rest) == (Rung.SEPARATION, 0.5, None)
    assert [(each.item, each.higher, each.lower, each.low) for each in found.separations] == [
        ("t1", "a", "b", None),
        ("t2", "b", "a", None),
    ]
    assert (found.saturated, found.dead) == (("t0",), ("t3",))
    assert "separation only. Some two models differ on 50.0 % of 4 items." in found.sentence


def test_separation_has_bounds_where_items_have_samples() -> None:
    found = discrimination({"a": [an_item("x", "1" * 10)], "b": [an_item("x", "0" * 10)]})
    (only,) = found.separations

    # Newcombe by hand: Wilson of 10/10 is (.7225, 1), of 0/10 (0, .2775).
    assert (only.difference, only.low, only.high) == pytest.approx((1.0, 1 - 2**0.5 * 0.2775328, 1.0))


def test_five_models_with_one_sample_stay_on_the_lower_rung() -> None:
    models = {str(n): items_like(["1", "0", "1"]) for n in range(5)}

    assert discrimination(models).rung is Rung.SEPARATION


def test_five_models_with_five_samples_get_item_rest_correlation() -> None:
    models = {
        f"m{level}": [
            *items_like(["1" * level + "0" * (6 - level)] * 6),
            an_item("wrong key", "0" * level + "1" * (6 - level)),
        ]
        for level in range(1, 6)
    }
    found = discrimination(models, seed=1)

    assert found.rung is Rung.ITEM_REST
    assert [each.item for each in found.correlations if each.flagged] == ["wrong key"]
    assert found.mean_item_rest == pytest.approx((6 * 1 - 1) / 7)
    assert found == discrimination(models, seed=1)
    assert found.sentence.endswith("item-rest correlation of 7 items, 1 flagged as surely negative.")


def test_sizes_of_one_family_are_counted_as_one() -> None:
    models = {name: items_like(["1", "0"]) for name in ("q-0.5b", "q-1.5b", "other")}
    found = discrimination(models, {"q-0.5b": "q", "q-1.5b": "q"})

    assert found.families == 2
    assert found.sentence.startswith("3 models of 2 families, 1 sample per item")


def test_only_items_that_every_model_has_a_score_on_count() -> None:
    models: dict[str, list[Item]] = {
        "a": items_like(["1", "0", "1"]),
        "b": [an_item("t0"), an_item("t1", "", invalid=1), an_item("t2", "0")],
    }

    assert discrimination(models).items == 2
    assert discrimination({}).sentence.startswith("There is no item")
