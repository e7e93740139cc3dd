"""Turns the records of this folder into JSON builtins."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Mapping, Sequence
from typing import Any


class Record:
    """Gives a frozen dataclass its `to_dict`."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON builtins only; what is not a finite number becomes None."""
        found: dict[str, Any] = as_builtins(self)
        return found


def as_builtins(value: Any) -> Any:
    """`value` with records, enums and tuples unfolded."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: as_builtins(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(as_builtins(key)): as_builtins(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(as_builtins(item) for item in value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [as_builtins(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
