"""Says which attempts are counted apart: those about findings that nobody planted, of which nobody knows the truth."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_cereval.results.attempt import Attempt

NATURAL = "natural_findings"
"""The category of questions about what a pattern matcher suspects in a repository as it stands.

An answer can confirm such a finding, and no answer can be wrong about one. So they are in no rate and in no gate.
"""


def rated(attempts: Iterable[Attempt]) -> list[Attempt]:
    """The attempts of which rates are made."""
    return [each for each in attempts if each.category != NATURAL]


def natural(attempts: Iterable[Attempt]) -> list[Attempt]:
    """The attempts at natural findings."""
    return [each for each in attempts if each.category == NATURAL]
