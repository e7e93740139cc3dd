"""Puts a package's own state back to what it was after import, so that one call leaves nothing for the next.

State here is what the modules, their classes and the objects at their top level hold in plain attributes, lists,
dictionaries and sets. The names of the function's own module are left alone: a candidate may add some there, and must
not have its memory wiped between calls when the judge looks for answers that depend on earlier ones. Nothing is
protected by this: a candidate can only disturb its own calls. Standard library only.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

_CONTAINERS = (list, dict, set)
_DATA = (type(None), bool, int, float, str, bytes, tuple, frozenset, *_CONTAINERS)
_MAX_ITEMS = 500
_MAX_TOTAL = 10_000


class State:
    """A snapshot of a package; `restore` undoes what changed since."""

    def __init__(self, module: str) -> None:
        self._bindings: list[tuple[Any, str, Any]] = []
        self._contents: list[tuple[Any, Any]] = []
        self._left = _MAX_TOTAL
        seen: set[int] = set()
        for holder in _holders(module):
            for name, value in list(vars(holder).items()):
                if type(value) in _DATA and not name.startswith("__"):
                    self._bindings.append((holder, name, value))
                    if type(value) in _CONTAINERS and id(value) not in seen:
                        seen.add(id(value))
                        self._add(value)

    def _add(self, value: Any) -> None:
        if len(value) <= min(_MAX_ITEMS, self._left):
            self._left -= len(value)
            self._contents.append((value, value.copy()))

    def restore(self) -> None:
        """Bind names again that were bound otherwise, and fill containers again that hold something else."""
        for holder, name, value in self._bindings:
            if vars(holder).get(name, self) is not value:
                setter = type.__setattr__ if isinstance(holder, type) else object.__setattr__
                setter(holder, name, value)
        for container, copy in self._contents:
            if not _same(container, copy):
                container.clear()
                (container.extend if type(container) is list else container.update)(copy)


def _holders(own: str) -> Iterator[Any]:
    """The other modules of a module's package, all classes they define, and objects of such classes at top level."""
    package = own.partition(".")[0]
    loaded: dict[str, Any] = dict(sys.modules)
    modules = [loaded[name] for name in sorted(loaded) if name.partition(".")[0] == package]
    seen: set[int] = set()
    for module in modules:
        if not isinstance(module, types.ModuleType):
            continue
        if module.__name__ != own:
            yield module
        for value in list(vars(module).values()):
            kind = value if isinstance(value, type) else type(value)
            ours = str(getattr(kind, "__module__", "")).partition(".")[0] == package
            if (
                ours
                and id(value) not in seen
                and type(getattr(value, "__dict__", None)) in (dict, types.MappingProxyType)
            ):
                seen.add(id(value))
                yield value


def _same(container: Any, copy: Any) -> bool:
    if len(container) != len(copy):
        return False
    if type(container) is dict:
        pairs = zip(container.items(), copy.items(), strict=True)
        return all(k is m and v is w for (k, v), (m, w) in pairs)
    if type(container) is set:
        return {id(item) for item in container} == {id(item) for item in copy}
    return all(a is b for a, b in zip(container, copy, strict=True))
