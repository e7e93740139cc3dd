"""Turns an object that a `conftest.py` adds into its identity: a name, a declared version, and a digest of its code.

The identity goes into caches, task ids and the record. The digest covers the files in which the object's class and
the bases of it are written, and those of the hooks that give such objects; what those import is covered by the version
alone, which is why there must be one.
"""

from __future__ import annotations

import hashlib
import inspect
import re
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pytest_cereval.errors import ExtensionError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
CORRECT = "correct it in the conftest.py; the model has no part in it"
_PACKAGE = Path(__file__).parents[1]
_PYTHON = Path(sysconfig.get_path("stdlib"))
_MAX_VERSION = 40
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Identity:
    """`kind` is `category` or `property`, `code` the SHA-256 of the files that it is written in."""

    kind: str
    name: str
    version: str
    code: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}, version {self.version!r}, code {self.code[:12]}"

    def to_dict(self) -> dict[str, str]:
        """JSON builtins only."""
        return asdict(self)


def identified(
    found: Any, kind: str, methods: Sequence[str], taken: frozenset[str], givers: Sequence[Path] = ()
) -> Identity:
    """Who an added object is; raises `ExtensionError` naming what it lacks. `taken` are names it must not have.

    `givers` are the files of the hooks that give such objects: arguments that one was made with stand there.
    """
    where = f"{kind} {type(found).__name__} of {place(type(found))}"
    name, version = getattr(found, "name", None), getattr(found, "version", None)
    if isinstance(found, type):
        raise ExtensionError(f"{kind} {found.__name__} is a class", next_step=f"give an object: {found.__name__}()")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ExtensionError(
            f"{where} has the name {str(name)[:60]!r}",
            next_step="give it `name`: up to 40 small letters, digits and underscores, a letter first",
        )
    if name in taken:
        raise ExtensionError(f"{where}: the name {name!r} is taken", next_step="give it another name")
    if not isinstance(version, str) or not 0 < len(version.strip()) <= _MAX_VERSION:
        raise ExtensionError(
            f"{where}, named {name!r}, declares no version",
            next_step='give it `version = "1"`, and raise it with any change of what it asks or accepts',
        )
    missing = [each for each in methods if not callable(getattr(found, each, None))]
    if missing:
        raise ExtensionError(
            f"{where}, named {name!r}, has no {' and no '.join(missing)}",
            next_step="write what docs/add-a-category.md lists",
        )
    return Identity(kind, name, version.strip(), _code([*_files(type(found)), *givers], where))


def place(kind: type) -> str:
    """The file of a class, for people."""
    return next((str(file) for file in _files(kind)), "an unknown file")


def failure(error: BaseException) -> str:
    """What was raised and where, on one line."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}: {shown(error, str)}{where}"


def shown(value: object, by: Callable[[object], str] = repr) -> str:
    """A value of somebody else's code on one bounded line, whatever its own methods do."""
    try:
        text = " ".join(by(value).split())
    except Exception:  # noqa: BLE001 - an object may raise anything when it is shown
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _code(written: Sequence[Path], where: str) -> str:
    total = hashlib.sha256()
    files = sorted(set(written), key=lambda file: (file.name, str(file)))
    for file in files:
        content = file.read_bytes()
        total.update(f"{file.name}\0{len(content)}\0".encode() + content)
    if not files:
        raise ExtensionError(f"{where} is written in no file", next_step="write its class in a Python file")
    return total.hexdigest()


def _files(kind: type) -> Iterator[Path]:
    """The files of a class and its bases, other than those of Python and of this package."""
    for base in kind.__mro__:
        # A class may hold nothing but data; and a module of this name may be another `conftest.py` by now.
        yield from _theirs(getattr(sys.modules.get(base.__module__), "__file__", None))
        for value in vars(base).values():
            yield from file_of(value)


def file_of(value: Any) -> Iterator[Path]:
    """The file of a function, method or property, other than those of Python and of this package."""
    function = inspect.unwrap(getattr(value, "__func__", getattr(value, "fget", value)))
    code = getattr(function, "__code__", None)
    yield from _theirs(code.co_filename if code is not None else None)


def _theirs(name: str | None) -> Iterator[Path]:
    file = Path(name or "")
    installed = "site-packages" in file.parts
    if file.is_file() and _PACKAGE not in file.parents and (installed or _PYTHON not in file.parents):
        yield file
