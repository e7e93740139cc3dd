import unittest

import pytest

from tested.ranking import ranked
from tests.helpers import check


@pytest.mark.parametrize("limit", [0, 1, 2, 5])
@pytest.mark.parametrize("items", [[], [1], [2, 1], [3, 1, 2, 5], ["b", "a"]])
def test_ranked(items, limit):
    assert ranked(items, limit) == sorted(items, reverse=True)[:limit]


def test_a_fixture_is_not_changed(untouched):
    assert ranked(untouched, 2) == [42, 23]


def test_a_negative_limit_is_refused():
    with pytest.raises(ValueError, match="negative"):
        ranked([1], -1)


def test_by_helper():
    check([1, 2, 3, 4], [4, 3, 2])


class TestRanked(unittest.TestCase):
    def test_equal(self):
        self.assertEqual(ranked([5, 7, 6], 2), [7, 6])

    def test_true(self):
        self.assertTrue(ranked({3: 1}))
