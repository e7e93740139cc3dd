"""Known answers, worked out beforehand with exact rationals, scipy and published tables; and items to try things on."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_cereval.statistics.samples import Item


@functools.cache
def known_answers() -> Any:
    """The file of known answers."""
    return json.loads((Path(__file__).parent / "known_answers.json").read_text())


def an_item(name: str, passes: str = "1", **changes: Any) -> Item:
    """An item of its own function; `passes` is a text of ones and zeros, one per sample."""
    return Item(
        **{"id": name, "name": name, "function": name, "passes": tuple(mark == "1" for mark in passes), **changes}
    )


def items_like(passes: Sequence[str], prefix: str = "t", **changes: Any) -> list[Item]:
    """One item per text of ones and zeros."""
    return [an_item(f"{prefix}{number}", each, **changes) for number, each in enumerate(passes)]
