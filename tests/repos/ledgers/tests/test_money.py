import pytest
from ledgers.money import rounded, split


@pytest.mark.parametrize("amount", [0, 1, 2, 3, 7, 8, 12, 13, 100, 102, 103, 998])
def test_rounded(amount):
    assert rounded(amount) % 5 == 0
    assert rounded(amount, 10) % 10 == 0
    assert abs(rounded(amount, 7) - amount) <= 4


@pytest.mark.parametrize("parts", [1, 2, 3, 4, 7])
def test_split(parts):
    for amount in (0, 1, 10, 11, 100, 101):
        assert sum(split(amount, parts)) == amount


def test_split_refuses():
    with pytest.raises(ValueError, match="parts"):
        split(10, 0)
