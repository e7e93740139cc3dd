"""Looks for cycles in memory less often, while millions of lists of trees are kept that have none."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

from pytest_cereval.inside.qualifier import RARELY


@contextlib.contextmanager
def rare_collections() -> Iterator[None]:
    """For the length of a block."""
    before = gc.get_threshold()
    gc.set_threshold(RARELY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
