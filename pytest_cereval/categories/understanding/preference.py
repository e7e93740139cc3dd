"""Turns the pool of a function into the order in which its faults are asked about."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pytest_cereval.categories.understanding.planted import Planted
from pytest_cereval.results.band import Band

CONTROL_ONE_IN = 8
"""Of so many functions one is also shown as it is, so that claims of a bug where there is none can be counted."""
_NEAREST = {
    Band.TRIVIAL: (Band.TRIVIAL, Band.STANDARD, Band.HARD, Band.ADVERSARIAL),
    Band.STANDARD: (Band.STANDARD, Band.TRIVIAL, Band.HARD, Band.ADVERSARIAL),
    Band.HARD: (Band.HARD, Band.STANDARD, Band.ADVERSARIAL, Band.TRIVIAL),
    Band.ADVERSARIAL: (Band.ADVERSARIAL, Band.HARD, Band.STANDARD, Band.TRIVIAL),
}


def is_control(name: str) -> bool:
    """Whether a function is also shown without a fault; by its name alone."""
    return _number("control", name) % CONTROL_ONE_IN == 0


def wanted_band(name: str) -> Band:
    """The band that falls to a function by its name, so that all four are asked for alike."""
    return tuple(Band)[_number("band", name) % len(Band)]


def in_order(name: str, pool: Sequence[Planted]) -> list[Planted]:
    """The pool, one of each band in turn, beginning with the band that falls to the function by its name.

    Within a band, operators that have not come yet come first; else the order of the pool is kept. Pools are in an
    order that a seed decides, so that this is one as well.
    """
    rows = [_varied(name, [each for each in pool if each.band is band]) for band in _NEAREST[wanted_band(name)]]
    most = max(map(len, rows), default=0)
    return [row[turn] for turn in range(most) for row in rows if turn < len(row)]


def _varied(name: str, row: list[Planted]) -> list[Planted]:
    """Measured faults before those that are hard by construction; of these, pairs or defended ones by the name."""
    seen: set[tuple[str, ...]] = set()
    first: list[Planted] = []
    later: list[Planted] = []
    pairs_first = _number("pairs", name) % 2 == 0

    def place(each: Planted) -> int:
        pair, defended = len(each.operators) > 1, bool(each.draft.defence)
        return (pair or defended) + (pair is not pairs_first if pair or defended else 0)

    for each in sorted(row, key=place):
        (later if each.operators in seen else first).append(each)
        seen.add(each.operators)
    return [*first, *later]


def _number(purpose: str, name: str) -> int:
    return int(hashlib.sha256(f"{purpose} {name}".encode()).hexdigest()[:8], 16)
