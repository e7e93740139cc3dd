"""Difficulty bands, their trend, and what they tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_cereval.statistics.bands import Standing, bands_of, cochran_armitage, somers_d
from pytest_cereval.statistics.rates import BANDS
from pytest_cereval.statistics.samples import Item
from tests.statistics.known import an_item, items_like


def banded(**passes: tuple[int, int]) -> list[Item]:
    """So many of so many items pass in each band."""
    return [
        item
        for band, (passed, total) in passes.items()
        for item in items_like(["1"] * passed + ["0"] * (total - passed), band, band=band)
    ]


def test_the_trend_gives_the_known_answers() -> None:
    passes, totals = [18, 15, 10, 6, 2], [20] * 5

    assert cochran_armitage(passes, totals) == pytest.approx(-5.7994356, abs=1e-6)
    assert somers_d(passes, totals) == pytest.approx(-0.41)


@pytest.mark.parametrize(("passes", "totals"), [([5, 5], [5, 5]), ([0, 0], [5, 5]), ([3], [5]), ([], [])])
def test_without_spread_there_is_no_trend(passes: list[int], totals: list[int]) -> None:
    assert cochran_armitage(passes, totals) is None


def test_the_band_nearest_to_one_half_tells_most() -> None:
    found = bands_of(banded(adversarial=(0, 10), hard=(4, 10), standard=(8, 10), trivial=(10, 10)), "M")

    assert [(row.name, row.standing) for row in found.rows] == [
        ("trivial", Standing.SATURATED),
        ("standard", Standing.INFORMATIVE),
        ("hard", Standing.INFORMATIVE),
        ("adversarial", Standing.DEAD),
    ]
    assert found.informative == "hard"
    assert found.sentence == (
        "The band that tells most about M is hard: 40.0 % of 10 items pass (16.8 to 68.7 %). The others: trivial is"
        " saturated, standard is informative and adversarial is dead."
    )
    assert found.trend is not None
    assert found.trend.monotone
    assert found.trend.p < 0.001


def test_where_all_pass_no_band_is_informative() -> None:
    found = bands_of(banded(trivial=(5, 5), hard=(7, 7)), "M")

    assert (found.informative, found.trend) == ("", None)
    assert found.sentence == "No band is informative for M: all pass, so these items lie below what it can do."


def test_where_none_passes_no_band_is_informative() -> None:
    assert "lie above what it can do" in bands_of(banded(hard=(0, 7))).sentence


def test_one_failure_of_twenty_is_nearly_saturated() -> None:
    found = bands_of(banded(trivial=(19, 20), hard=(1, 20)), "M")

    assert [row.standing for row in found.rows] == [Standing.NEARLY_SATURATED, Standing.NEARLY_DEAD]
    assert found.sentence == (
        "No band is clearly informative for M: trivial is nearly saturated and hard is nearly dead."
    )


def test_bands_of_unequal_size_are_compared_by_their_rates() -> None:
    found = bands_of(banded(trivial=(9, 10), hard=(9, 20)))

    assert found.trend is not None
    assert found.trend.monotone


def test_a_trend_the_wrong_way_is_told() -> None:
    found = bands_of(banded(trivial=(2, 10), hard=(9, 10)))

    assert found.trend is not None
    assert (found.trend.monotone, found.trend.z > 0, found.trend.p > 0.99) == (False, True, True)


def test_saturated_and_dead_items_need_several_samples() -> None:
    several = [an_item("a", "11", band="hard"), an_item("b", "00", band="hard"), an_item("c", "10", band="hard")]

    assert (bands_of(several).saturated, bands_of(several).dead) == (("a",), ("b",))
    assert (bands_of(banded(hard=(1, 2))).saturated, bands_of(banded(hard=(1, 2))).dead) == ((), ())


def test_controls_and_items_without_a_band_stay_out() -> None:
    items = [*banded(hard=(1, 2)), an_item("k", "1", band="hard", control=True), an_item("n", "1")]
    found = bands_of(items)

    assert (found.rows[0].rate.items, found.unbanded) == (2, 1)


def test_bands_of_other_names_follow_without_a_part_in_the_trend() -> None:
    items = [*banded(trivial=(9, 10), hard=(1, 10)), *items_like(["1"] * 10, "z", band="a band of one's own")]
    found = bands_of(items)

    assert [row.name for row in found.rows] == ["trivial", "hard", "a band of one's own"]
    assert found.trend == bands_of(banded(trivial=(9, 10), hard=(1, 10))).trend


def test_nothing_scored_is_said() -> None:
    assert bands_of([an_item("a", "", band="hard", invalid=1)], "M").sentence == (
        "No band of M has a scored item, so none is known to be informative."
    )


def test_a_trend_over_tasks_of_one_function_is_less_sure() -> None:
    apart = [
        an_item(f"{band}{n}", "1" if n < passing else "0", band=band)
        for band, passing in zip(BANDS, (18, 15, 10, 6), strict=True)
        for n in range(20)
    ]
    shared = [replace(item, function=f"{item.band}{n // 5}") for n, item in enumerate(apart)]
    one, other = bands_of(apart).trend, bands_of(shared).trend

    assert one is not None
    assert other is not None
    assert other.somers_d == one.somers_d
    assert one.z < other.z < 0
    assert other.p > 10 * one.p


def test_one_function_alone_has_no_trend_that_could_be_shown() -> None:
    items = [an_item(f"i{n}", str(n % 2), band=BANDS[n % 4], function="only") for n in range(12)]
    trend = bands_of(items).trend

    assert trend is not None
    assert (trend.z, trend.p) == (0.0, 1.0)
