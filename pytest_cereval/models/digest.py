"""Turns a model file into its sha256, once: the digest of an unchanged file is remembered."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from pytest_cereval.errors import ModelError

_MEMORY = "model-digests.json"


def file_sha256(path: Path, cache_dir: Path) -> str:
    """The sha256 of a file in hex, remembered in `cache_dir` by path, size and modification time in
    nanoseconds.

    22 GB take about half a minute to read. Raises `ModelError` when the file cannot be read; a cache that
    cannot be read or written costs time only.
    """
    try:
        status = path.stat()
        key = f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"
        known = _read(cache_dir / _MEMORY)
        found = known.get(key)
        if isinstance(found, str):
            return found
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}", next_step="check that it is there") from error
    _write(cache_dir / _MEMORY, {**_read(cache_dir / _MEMORY), key: digest})
    return digest


def _read(memory: Path) -> dict[str, Any]:
    try:
        known = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(memory: Path, known: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=memory.parent, prefix=memory.name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(known, file, indent=1)
        Path(draft).replace(memory)
