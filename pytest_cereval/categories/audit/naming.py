"""Chooses the names in what is added to a file, so that no name of ours tells where to look."""

from __future__ import annotations

import hashlib
import re

_WORD = re.compile(r"@([A-Za-z]+)@")
_POOLS = {
    "store": ("stats", "history", "archive", "usage", "ledger", "metrics", "journal", "records"),
    "table": ("seen", "names", "visits", "events", "samples", "notes", "marks", "items_seen"),
    "cache": ("recent", "known", "state", "memo", "latest", "collected", "kept", "snapshot"),
    "note": ("remember", "count_use", "track", "mark_seen", "log_use", "keep_note", "touch", "observe"),
    "key": ("token", "passphrase", "access_key", "signing_key", "service_key", "credential"),
    "KEY": ("TOKEN", "PASSPHRASE", "ACCESS_KEY", "SIGNING_KEY", "SERVICE_KEY"),
    "entry": ("entry", "record", "row", "info", "item_info", "details"),
    "query": ("query", "statement", "lookup", "request_text"),
    "command": ("command", "line", "invocation", "script"),
    "folder": ("folder", "location", "target_dir", "home_dir"),
    "path": ("full_path", "destination", "file_path", "place"),
    "file": ("handle", "stream", "source_file", "reader"),
    "kind": ("kind", "prefix", "head", "flavour"),
    "label": ("label", "text", "name_list", "summary", "caption"),
    "Entry": ("Scope", "Origin", "Area", "Section"),
    "Loader": ("StateReader", "SavedState", "PlainLoader"),
}


class Names:
    """The names of one planting: the same for the same seed, and none that the file has already."""

    def __init__(self, seed: str, package: str, taken: frozenset[str]) -> None:
        plain = re.sub(r"\W", "_", package) or "app"
        self._seed = seed
        self._fixed = {
            "app": plain.lower(),
            "APP": plain.upper(),
            "hex": hashlib.sha256(seed.encode()).hexdigest()[:20],
        }
        self._taken = taken

    def filled(self, text: str) -> str:
        """A text with each `@word@` replaced by its name."""
        return _WORD.sub(lambda found: self._fixed.get(found[1]) or self._name(found[1]), text)

    def _name(self, word: str) -> str:
        """By the word alone, so that two texts agree on it; no two words share a name."""
        pool = _POOLS[word]
        start = hashlib.sha256(f"{self._seed} {word}".encode()).digest()[0] % len(pool)
        turned = [*pool[start:], *pool[:start], *(f"{name}_2" for name in pool)]
        free = (name for name in turned if name not in self._taken and f"_{name}" not in self._taken)
        return next(free, f"{pool[0]}_3")
