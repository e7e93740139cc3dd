"""Lets a parent import what its forks turn out to need, so that not every fork has to. Standard library only.

Only installed packages and the standard library are shared: which of the repository's modules are imported may change
what its functions do, and must not depend on which function was looked at before.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import Any

from .location import PREFIX, VARIABLE

KEY = "new_modules"
_names: list[str] = []
_sharing: list[bool] = []


def share() -> None:
    """Share imports from now on."""
    _sharing.append(True)


def shared() -> list[str]:
    """Names of what was imported for the sake of forks."""
    return sorted(_names)


def report(content: dict[str, Any], before: set[str]) -> None:
    """In a fork: add to its message what it has imported since it had the modules `before`."""
    if _sharing:
        found = [name for name in sys.modules if name not in before and _is_shareable(name)]
        if found:
            content[KEY] = found


def take(content: dict[str, Any]) -> None:
    """In the parent: import what a fork reports, and take the report off its message."""
    names = [name for name in content.pop(KEY, ()) if name not in sys.modules]
    for name in names:
        try:
            importlib.import_module(name)
        except BaseException:  # noqa: BLE001, S112 - a package may raise anything; then every fork imports it anew
            continue
        _names.append(name)
    if names:
        gc.collect()
        gc.freeze()


def _is_shareable(name: str) -> bool:
    module = sys.modules.get(name)
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    folder = f"{os.environ.get(VARIABLE, PREFIX)}/"
    tools = f"{folder}tools/"
    return isinstance(origin, str) and (not origin.startswith(folder) or origin.startswith(tools))
