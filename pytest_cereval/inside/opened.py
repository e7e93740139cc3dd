"""Notes which files below a folder are opened, and whether anything else may have read some. Standard library only."""

from __future__ import annotations

import importlib.machinery
import os
import sys
import types
from pathlib import Path
from typing import Any

_STARTS = ("subprocess.", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "os.fork", "pty.spawn")
_HARMLESS = ("uname", "/usr/bin/uname", "/bin/uname")
"""What `platform` starts, as some pytest plugins ask it to."""
_READ_NONE = (
    *("_cffi_backend", "charset_normalizer", "coverage", "greenlet", "hypothesis", "markupsafe", "msgpack", "regex"),
    *("yaml", "_yaml"),
)
"""Packages whose compiled parts open no files."""
_MOST = 5_000
_READ_CODE = ("<frozen importlib", "linecache.py", "tokenize.py", "inspect.py")
"""Parts of the names of files that import or show code: what they open says nothing of what tests read."""
_START_OTHERS = ("multiprocessing.popen_spawn_posix", "multiprocessing.popen_forkserver")
"""Modules that start interpreters without an audit event."""


class Opened:
    """Watches by audit events for as long as the process lives: a hook cannot be taken off again."""

    def __init__(self, top: str) -> None:
        self._tops = tuple({f"{folder}/" for folder in (top, os.path.realpath(top))})
        self._files: set[str] = set()
        self._unknown = False

    def watch(self) -> None:
        """From now on."""
        sys.addaudithook(self._heard)

    def known(self) -> list[str] | None:
        """The files that were opened, sorted, Python files only if they were not imported; None if any may have been.

        Other programs and compiled code of others open files without a word.
        """
        silent = self._unknown or any(map(_is_silent, list(sys.modules.items())))
        silent |= any(name in sys.modules for name in _START_OTHERS)
        return None if silent else sorted(self._files)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("open", "sqlite3.connect"):
            self._note(arguments[0])
        elif event.startswith(_STARTS) and str(arguments[0] if arguments else "") not in _HARMLESS:
            self._unknown = True

    def _note(self, path: Any) -> None:
        if isinstance(path, (str, bytes, os.PathLike)):
            try:
                name = os.path.normpath(Path.cwd() / os.fsdecode(path))
            except OSError:  # the current folder is gone
                self._unknown = True
                return
            shown = name.endswith(".py") and _shows_code(sys._getframe(2))
            for top in self._tops:
                if name.startswith(top) and not (shown or name.endswith(".pyc")):
                    self._files.add(name[len(top) :])
        self._unknown |= len(self._files) > _MOST


def _shows_code(opener: types.FrameType) -> bool:
    """Whether this is where code is imported or shown."""
    return any(part in opener.f_code.co_filename for part in _READ_CODE)


def _is_silent(module: tuple[str, Any]) -> bool:
    """Whether a module is compiled code that may open files and is not of the standard library."""
    name, found = module
    top = name.partition(".")[0]
    file = str(getattr(found, "__file__", None) or "")
    if not file.endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES)):
        return False
    return top in ("_dbm", "_gdbm") or (f"{os.sep}lib-dynload{os.sep}" not in file and top not in _READ_NONE)
