"""Turns JSON values into the one text that a bundle writes for them, and such a text back, refusing every other.

Canonical here: keys sorted, no spaces, ASCII with `\\u` escapes, no NaN and no infinity, one line feed at the end.
Floats are written as Python's `repr` writes them, the shortest text that reads back as the same number. RFC 8785 is not
used because it has no text for half a surrogate pair, which a model's answer may hold.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

from pytest_cereval.errors import BundleError

SHOWN = 120
DIFFERENCES = 12


def canonical(value: Any) -> bytes:
    """The text of a value as UTF-8; raises `BundleError` for what JSON cannot hold."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise BundleError(f"this cannot be kept as JSON: {error}", next_step="build it from JSON builtins") from error
    return text.encode() + b"\n"


def canonical_lines(values: Iterable[Any]) -> bytes:
    """One value per line."""
    return b"".join(canonical(each) for each in values)


def read_canonical(data: bytes, where: str) -> Any:
    """The value of a canonical text; raises `BundleError` that names `where` for any other text."""
    try:
        value = json.loads(data, parse_constant=_refuse)
        same = canonical(value) == data
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{where} is not JSON: {str(error)[:SHOWN]}") from error
    if not same:
        raise BundleError(f"{where} is not in canonical form: keys, spaces or numbers are written another way")
    return value


def read_lines(data: bytes, where: str) -> list[Any]:
    """The values of a file of canonical lines; errors name the line."""
    lines = data.split(b"\n")
    if lines.pop():
        raise BundleError(f"{where} does not end with a line feed")
    return [read_canonical(line + b"\n", f"{where}:{number}") for number, line in enumerate(lines, 1)]


def sha256(data: bytes) -> str:
    """The digest in hex."""
    return hashlib.sha256(data).hexdigest()


def part(record: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """A part of a record by its path; empty where the record has no such part."""
    found: Any = record
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def differences(expected: Any, found: Any, where: str = "") -> Iterator[str]:
    """Where two JSON values differ, as `path: found …, expected …`, deepest place first found."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted({*expected, *found}):
            place = f"{where}.{key}" if where else str(key)
            if key not in found:
                yield f"{place}: missing, expected {_brief(expected[key])}"
            elif key not in expected:
                yield f"{place}: {_brief(found[key])} does not belong there"
            else:
                yield from differences(expected[key], found[key], place)
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, pair in enumerate(zip(expected, found, strict=True)):
            yield from differences(*pair, f"{where}[{index}]")
    elif type(expected) is not type(found) or expected != found:
        yield f"{where}: {_brief(found)}, expected {_brief(expected)}"


def _brief(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
