"""Turns inside paths in a request into where they lie, where nothing could be mounted. Standard library only."""

from __future__ import annotations

import os
from typing import Any

PREFIX = "/cereval"
VARIABLE = "CEREVAL_ROOT"
_KEYS = ("path", "file", "root", "repository", "targets", "test_files")


def located(request: dict[str, Any]) -> dict[str, Any]:
    """The request with the paths under its known keys as they are here; the same where `/cereval` is what it says."""
    root = os.environ.get(VARIABLE, PREFIX)
    if root == PREFIX:
        return request
    return {key: _moved(value, root) if key in _KEYS else value for key, value in request.items()}


def _moved(value: Any, root: str) -> Any:
    if isinstance(value, list):
        return [_moved(item, root) for item in value]
    if isinstance(value, str) and (value == PREFIX or value.startswith(f"{PREFIX}/")):
        return root + value[len(PREFIX) :]
    return value
