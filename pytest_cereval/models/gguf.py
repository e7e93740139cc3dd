"""Turns the path of a model into its header, with all parts of a split model present and checked.

A model that cannot work is refused here, in milliseconds, instead of after minutes of preparation.
"""

from __future__ import annotations

import re
from pathlib import Path

from pytest_cereval.errors import ModelError
from pytest_cereval.models.gguf_file import GgufArray, GgufHeader, read_file

__all__ = ["GgufArray", "GgufHeader", "read_header", "split_parts"]

_PART = re.compile(r"^(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf$")


def read_header(path: Path) -> GgufHeader:
    """Read and check the header of a model file; for a split model that of part 1, with every part checked.

    Raises `ModelError` for a path that is missing, a directory, no GGUF, truncated, of an unknown version,
    split with parts missing, or not a language model (vocabulary only, image projector, adapter).
    """
    parts = _present_parts(path)
    headers = [read_file(part) for part in parts]
    first = headers[0]
    types: dict[str, int] = {}
    for header in headers:
        for name, count in header.tensor_types.items():
            types[name] = types.get(name, 0) + count
    whole = GgufHeader(
        path,
        first.version,
        first.metadata,
        dict(sorted(types.items())),
        first.data_end,
        first.file_size,
        parts,
    )
    _check_language_model(whole)
    return whole


def _check_language_model(header: GgufHeader) -> None:
    architecture = header.metadata.get("general.architecture")
    kind = header.metadata.get("general.type", "model")
    if architecture == "clip" or kind in ("mmproj", "adapter", "imatrix"):
        raise ModelError(
            f"{header.path} is not a language model: its architecture is {architecture!r}, its type {kind!r}",
            next_step="give the model's main GGUF file",
        )
    if not isinstance(architecture, str):
        raise ModelError(f"{header.path} names no architecture", next_step="use a complete conversion of the model")
    if not header.tensor_types:
        raise ModelError(
            f"{header.path} holds no weights, only a vocabulary",
            next_step="give a file that holds the whole model",
        )


def split_parts(path: Path) -> tuple[Path, ...]:
    """All files of a split model by the name of its first, `NAME-00001-of-00003.gguf`; else just the one.

    Raises `ModelError` for the name of another part than the first.
    """
    match = _PART.match(path.name)
    if match is None:
        return (path,)
    count = int(match["count"])
    named = tuple(path.with_name(f"{match['stem']}-{n:05d}-of-{count:05d}.gguf") for n in range(1, count + 1))
    if named[:1] != (path,):
        first = named[0] if named else "the whole file"
        raise ModelError(f"{path} is not the first part of a split model", next_step=f"give {first}")
    return named


def _present_parts(path: Path) -> tuple[Path, ...]:
    parts = split_parts(path)
    missing = [part.name for part in parts if not part.exists()]
    if missing and path.exists():
        raise ModelError(
            f"{len(missing)} of {len(parts)} parts of {path} are missing: {', '.join(missing[:5])}",
            next_step="put all parts into one directory",
        )
    return parts
