"""Bands follow from what was measured, by the limits that are stated."""

from __future__ import annotations

import ast

import pytest

from pytest_cereval.categories.understanding.difficulty import Distance, band, distance
from pytest_cereval.categories.understanding.preference import CONTROL_ONE_IN, is_control, wanted_band
from pytest_cereval.categories.understanding.sites import sites
from pytest_cereval.results.band import Band
from pytest_cereval.source.functions import FunctionNode


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.99, Band.TRIVIAL),
        (0.9, Band.TRIVIAL),
        (0.89, Band.STANDARD),
        (0.3, Band.STANDARD),
        (0.29, Band.HARD),
        (0.05, Band.HARD),
        (0.049, Band.ADVERSARIAL),
    ],
)
def test_the_share_of_inputs_decides_about_a_single_fault(share: float, expected: Band) -> None:
    assert band(share)[0] is expected


def test_two_faults_are_hard_and_adversarial_where_they_meet() -> None:
    assert band(0.95, faults=2) == (Band.HARD, "two faults")
    assert band(0.95, faults=2, interacting=True)[0] is Band.ADVERSARIAL
    assert band(0.95, defended=True) == (Band.ADVERSARIAL, "a comment defends the fault")


@pytest.mark.parametrize(
    ("source", "place", "expected"),
    [
        ("def f(a):\n    return a < 1", "a < 1", Distance.SAME_LINE),
        ("def f(a):\n    yield a + 1", "a + 1", Distance.SAME_LINE),
        ("def f(a):\n    b = a + 1\n    return b", "a + 1", Distance.SAME_FUNCTION),
        ("def f(a):\n    return helper(a + 1)", "a + 1", Distance.THROUGH_CALLEE),
        ("def f(a):\n    self.helper(a)\n    return a", "self.helper(a)", Distance.THROUGH_CALLEE),
        ("def f(a):\n    return len(a + 1)", "a + 1", Distance.SAME_LINE),
        ("def f(a):\n    if a:\n        helper(a)\n    return a", "if a:\n    helper(a)", Distance.SAME_FUNCTION),
    ],
)
def test_the_distance_is_read_from_the_tree(source: str, place: str, expected: Distance) -> None:
    node = ast.parse(source).body[0]
    assert isinstance(node, FunctionNode)
    (site, *_) = [each for each in sites(node) if ast.unparse(each.node) == place]

    assert distance(site, {"helper"}) is expected


def test_controls_and_bands_are_spread_over_functions_by_their_names_alone() -> None:
    names = [f"package.module.function_{number}" for number in range(4000)]

    controls = sum(map(is_control, names))
    bands = [wanted_band(name) for name in names]

    assert abs(controls - len(names) / CONTROL_ONE_IN) < 80
    assert all(abs(bands.count(each) - 1000) < 120 for each in Band)
