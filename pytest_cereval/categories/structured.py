"""Turns the text of an answer into the JSON object that it begins with, bare or in a fence; for all categories.

Bounded by the caller; nothing is executed. Line breaks inside texts are taken as they are: a grammar that keeps a model
to a schema lets them through, and so do models that write JSON by hand. What follows the object is not read.
"""

from __future__ import annotations

import json
from typing import Any

_BEFORE = frozenset({"", "```json", "```", "json"})
_DECODER = json.JSONDecoder(strict=False)


def json_object(text: str) -> dict[str, Any] | None:
    """The object; None for prose, for other JSON, and for what does not parse."""
    start = text.find("{")
    if start < 0 or text[:start].removeprefix("\ufeff").strip().lower() not in _BEFORE:
        return None
    try:
        data, _ = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None
