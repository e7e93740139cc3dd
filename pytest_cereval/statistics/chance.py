"""Turns a seed into random signs and resamples; the one home of chance, and of numpy, in this folder.

Draws come from `RandomState`, whose streams are frozen for good (NEP 19), so that numbers can be made again, bit for
bit.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

EXACT_SIGNS = 14
"""Up to this many clusters all patterns of signs are tried; above, `DRAWS` of them are drawn."""
DRAWS = 9999
_CHUNK = 500


def sign_patterns(count: int, seed: int) -> Iterator[Any]:
    """Blocks of rows of `count` signs, +1 or -1: all patterns, or `DRAWS` drawn ones above `EXACT_SIGNS`."""
    import numpy as np

    if count <= EXACT_SIGNS:
        yield np.array(list(itertools.product((1.0, -1.0), repeat=count))).reshape(2**count, count)
        return
    chance = np.random.RandomState(seed)
    for start in range(0, DRAWS, _CHUNK):
        yield chance.randint(0, 2, size=(min(_CHUNK, DRAWS - start), count)) * 2.0 - 1.0


def p_value(hits: int, count: int) -> float:
    """The share of patterns that reach what was seen; drawn ones count the observed pattern in."""
    return hits / 2**count if count <= EXACT_SIGNS else (hits + 1) / (DRAWS + 1)


def resamples(count: int, draws: int, seed: int) -> Iterator[Any]:
    """Rows of `count` indices below `count`, drawn with replacement, one row per draw."""
    import numpy as np

    chance = np.random.RandomState(seed)
    for _ in range(draws):
        yield chance.randint(0, count, size=count)


def shuffles(count: int, draws: int, seed: int) -> Iterator[Any]:
    """Permutations of the indices below `count`, one per draw."""
    import numpy as np

    chance = np.random.RandomState(seed)
    for _ in range(draws):
        yield chance.permutation(count)
