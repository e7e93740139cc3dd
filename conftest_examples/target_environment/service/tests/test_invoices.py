import invoices
import pytest


@pytest.mark.parametrize(
    ("net", "country", "gross"), [(1000, "DE", 1190), (1000, "CH", 1081), (0, "DE", 0), (333, "FR", 400)]
)
def test_tax_is_added(net, country, gross):
    assert invoices.gross(net, country) == gross


def test_an_unknown_country_has_no_rate():
    with pytest.raises(KeyError):
        invoices.gross(1, "XX")


@pytest.mark.parametrize(
    ("items", "names"),
    [({}, []), ({"a": 100}, ["a"]), ({"a": 100, "b": 200}, ["b", "a"]), ({"z": 7, "b": 7, "c": 900}, ["c", "b", "z"])],
)
def test_the_dearest_comes_first(items, names):
    assert [name for name, _ in invoices.lines(items, "DE")] == names
