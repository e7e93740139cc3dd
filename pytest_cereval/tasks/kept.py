"""Keeps results by what they depend on, so that a later commit can take over those whose reasons did not change.

One file per key, with a few entries: each says what was run for it, and the digest of what that depended on. An entry
holds only as long as the digest comes out the same in the tree at hand, and its own text has the digest it was written
with.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_cereval.tasks import cache

FORMAT = 2
_MOST = 6
"""Entries in one file: those of the latest commits that differ."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A result: JSON builtins, and the commit that it was made at, in full."""

    content: dict[str, Any]
    commit: str


class KeptResults:
    """The results below one folder. With `fresh` none is found, and all are kept."""

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self._folder = folder
        self._fresh = fresh

    def find(self, key: str, depends: Callable[[Sequence[str]], str | None]) -> Kept | None:
        """The first entry that holds; `depends` gives the digest for what was run, None where some of it is gone."""
        for entry in [] if self._fresh else self._entries(key):
            if depends(entry["ran"]) == entry["depends"]:
                return Kept(entry["content"], entry["commit"])
        return None

    def keep(self, key: str, kept: Kept, ran: Sequence[str], depends: str) -> None:
        """Add an entry, in place of one with the same reasons; raises `StoreError`."""
        entry = {"content": kept.content, "commit": kept.commit, "ran": list(ran), "depends": depends}
        others = [each for each in self._entries(key) if each["depends"] != depends]
        sealed = [_sealed(each) for each in [entry, *others][:_MOST]]
        cache.save(self._file(key), {"format": FORMAT, "key": key, "entries": sealed})

    def _entries(self, key: str) -> list[dict[str, Any]]:
        """Those that are as they were written; a file that is damaged has none."""
        data = cache.load(self._file(key))
        if not isinstance(data, dict) or data.get("format") != FORMAT or data.get("key") != key:
            return []
        found = data.get("entries")
        return [json.loads(each["text"]) for each in found if _is_whole(each)] if isinstance(found, list) else []

    def _file(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"


def _sealed(entry: dict[str, Any]) -> dict[str, str]:
    """The entry as text, since to write it out takes long and its digest needs the text as well."""
    text = json.dumps(entry, sort_keys=True)
    return {"sha256": _digest(text), "text": text}


def _is_whole(sealed: Any) -> bool:
    text = sealed.get("text") if isinstance(sealed, dict) else None
    return isinstance(text, str) and sealed.get("sha256") == _digest(text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
