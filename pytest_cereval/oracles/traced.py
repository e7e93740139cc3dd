"""Gathers which functions of the repository reference processes ran while they looked at each function."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence

from pytest_cereval.source.layout import inside_path


class Traced:
    """Filled by benches, from several threads; functions go by their number in the list of places, path and line."""

    def __init__(self, places: Sequence[tuple[str, int]]) -> None:
        self.targets = [[inside_path(path), line] for path, line in places]
        self._imported: set[int] = set()
        self._ran: dict[str, set[int]] = defaultdict(set)
        self._lock = threading.Lock()

    def imported(self, numbers: Iterable[int]) -> None:
        """What was run on import."""
        with self._lock:
            self._imported.update(numbers)

    def add(self, name: str, numbers: Iterable[int]) -> None:
        """What was run for the function of this name."""
        with self._lock:
            self._ran[name].update(numbers)

    def of(self, *names: str) -> frozenset[int]:
        """What was run for these functions, and on import."""
        with self._lock:
            return frozenset(self._imported.union(*(self._ran[name] for name in names)))
