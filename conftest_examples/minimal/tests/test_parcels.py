import parcels
import pytest


@pytest.mark.parametrize(
    ("grams", "cents"), [(1, 390), (1000, 390), (1001, 650), (5000, 650), (5001, 1290), (20000, 1290)]
)
def test_the_price_follows_the_weight(grams, cents):
    assert parcels.price(grams) == cents


@pytest.mark.parametrize("grams", [0, -1, 20001])
def test_what_cannot_be_sent_has_no_price(grams):
    with pytest.raises(ValueError, match=r"weight|heavy"):
        parcels.price(grams)


@pytest.mark.parametrize("weights", [[], [1], [1, 2000], [1, 2000, 3], [9000, 1, 1, 1, 6000]])
def test_more_parcels_cost_more(weights):
    assert parcels.total(weights) >= 340 * len(weights)


def test_the_third_parcel_is_cheaper():
    assert parcels.total([500, 500, 500]) == 3 * 390 - 50


def test_parcels_are_grouped_by_town():
    assert parcels.by_town([("bonn", 5), (" Bonn", 7), ("kiel", 1)]) == {"Bonn": [5, 7], "Kiel": [1]}
    assert parcels.by_town([]) == {}
    assert parcels.by_town([("bad aibling", 2), ("KIEL", 3), ("kiel ", 3)]) == {"Bad Aibling": [2], "Kiel": [3, 3]}
