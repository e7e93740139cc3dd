import pytest

from known import words
from known.shelf import Shelf


@pytest.mark.parametrize("limit", [0, 1, 3, 4, 5, 10])
@pytest.mark.parametrize("given", [[], ["a"], ["ab", "abc", "xyz"], ["abcde", "abcd"], ["one", "three", "four"]])
def test_longest(given, limit):
    assert len(words.longest(given, limit)) <= limit


@pytest.mark.parametrize("name", ["ada lovelace", "Grace Brewster Hopper", "x", "alan turing"])
def test_initials(name):
    assert words.initials(name).isupper()


def test_initials_of_nobody():
    with pytest.raises(ValueError):
        words.initials("")


@pytest.mark.parametrize("number", range(1, 5))
def test_small(number):
    text = "abc" * number
    assert words.ready()
    assert words.label(text) == text.upper()
    assert set(words.unordered(["A", "b", "C", "d", text])) >= {"a", "b"}
    assert words.stamp(text).startswith(text)
    assert words.total(n for n in range(number)) >= 0
    assert words.adder(number)(1) == number + 1
    assert words.leave(text) == text
    assert words.outer(number) == 2 * number + 1


@pytest.mark.parametrize("count", range(6))
@pytest.mark.parametrize("book", ["b0", "b3", "new"])
def test_shelf(count, book):
    shelf = Shelf([f"b{n}" for n in range(count)])
    before = shelf.room
    assert shelf.put(book) == (shelf.room < before)


def test_open():
    for number, book in enumerate(["a", "b", "c"], start=1):
        assert Shelf.open(book) == number
