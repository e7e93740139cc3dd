"""Keeps what is expensive to make as JSON files below the cache folder, each written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from pytest_cereval.errors import StoreError


def cache_key(**parts: Any) -> str:
    """A name for everything that decides a cached result: 24 hex digits of SHA-256 over sorted JSON."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def load(file: Path) -> Any:
    """The JSON in `file`; None if there is none or it cannot be read, because a cache may always be made again."""
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError, RecursionError):
        return None


def save(file: Path, content: Any, *, indent: int | None = None) -> None:
    """Write JSON with sorted keys, atomically; raises `StoreError` when the disk is full or read-only."""
    text = json.dumps(content, sort_keys=True, indent=indent)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
        Path(name).replace(file)
    except OSError as error:
        raise StoreError(
            f"cannot write {file}: {error.strerror or error}",
            next_step="free some space, or name another folder with --cereval-cache=DIR",
        ) from error
