"""Says which attributes of objects are looked at when an observation is made. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_PURE = {"builtins", "abc", "typing", "collections.abc", "_collections_abc"}


class View:
    """Which attributes of objects are looked at: all, but for private state that no other code of the repository reads.

    `private` are the private names that some other code reads, None where all count. Names are left out only on objects
    whose classes are all the repository's own (`packages`): what a library keeps in private, its own code reads.
    """

    def __init__(self, packages: Iterable[str] = (), private: Iterable[str] | None = None) -> None:
        self._packages = frozenset(packages)
        self._private = None if private is None else frozenset(private)
        self._own: dict[type, bool] = {}

    @classmethod
    def of(cls, request: dict[str, Any]) -> View:
        """From a message: `packages` and `private`, both optional."""
        return cls(request.get("packages", ()), request.get("private"))

    def seen(self, kind: type, state: dict[str, Any]) -> dict[str, Any]:
        """The part of an object's state that counts."""
        if self._private is None or not state or not self._is_own(kind):
            return state
        return {name: value for name, value in state.items() if self._counts(name)}

    def leaves_out(self, kind: type) -> bool:
        """Whether some of the state of such objects may be left out, so that having none is no news."""
        return self._private is not None and self._is_own(kind)

    def _is_own(self, kind: type) -> bool:
        if kind not in self._own:
            modules = [str(type.__getattribute__(base, "__module__")) for base in kind.__mro__]
            self._own[kind] = all(name.partition(".")[0] in self._packages or name in _PURE for name in modules)
        return self._own[kind]

    def _counts(self, name: Any) -> bool:
        if type(name) is not str or not name.startswith("_") or name.endswith("__"):
            return True
        return self._private is None or name in self._private


EVERYTHING = View()
