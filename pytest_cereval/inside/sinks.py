"""Watches what one function does with an attacker's data, through audit events and effects.

A sink counts when the function is on the stack: its own frame, or that of what it called. Everything here lives in
the process that holds the function; only plain data comes in from outside. Standard library only.
"""

from __future__ import annotations

import json
import os
import sys
import time
import types
from collections.abc import Iterator
from typing import Any

from .shapes import code_shape, code_texts, sql_shape, sql_texts

MAX_SHOWN = 300
_COMMANDS = ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn")
_PATHS = ("open", "os.listdir", "os.scandir", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink")
_EFFECT_FOLDERS = ("/tmp", ".")  # noqa: S108 - the sandbox's own
_MAX_ENTRIES = 20_000
_REPEATS = 1000
_LOOKS = 10
_PAUSE_S = 0.05


class ReachedError(BaseException):
    """Stops a call once its sink is reached; no `Exception`, so that code which handles any does not go on."""


class Sinks:
    """Watches calls of `function` for one kind of sink; `reached` is set when it has been.

    `detector` holds the `kind` and what that needs: `base` (path), `shapes` (sql and code), `places` (secret). `secret`
    is what nobody outside was told.
    """

    def __init__(self, function: types.FunctionType, detector: dict[str, Any], canary: str, secret: str) -> None:
        self.reached: dict[str, Any] | None = None
        self._codes = frozenset(_codes(function.__code__))
        self._module = sys.modules.get(function.__module__)
        self._detector = detector
        self._kind: str = detector["kind"]
        self._canary = canary
        self._secret = secret
        self._armed = False
        self._source = ""
        self._opened = False
        self._commands: list[tuple[str, str]] = []
        self._unpickles = False
        self._sent: list[str] = []
        sys.addaudithook(self._heard)

    def arm(self, sent: Any = ()) -> None:
        """Begin to watch a call with the data `sent`."""
        self._sent = [text for text in _all_texts(sent) if self._canary in text]
        self._opened = self._unpickles = False
        self._commands = []
        self._armed = True

    def disarm(self) -> None:
        """Watch no more."""
        self._armed = False

    def look(self, observation: dict[str, Any]) -> None:
        """Look for effects of the call that has just ended."""
        if self.reached is not None:
            return
        if self._kind == "command" and self._commands and not self._opened and self._made_in_time():
            event, text = self._commands[0]
            self._note(event, text)
        if self._kind == "secret":
            told = json.dumps(observation) + "".join(self._kept())
            if self._secret in told:
                self._note("secret", "what the module keeps secret is told")

    def statement(self, text: str) -> None:
        """An SQL statement is about to run."""
        mine = self._armed and self._kind == "sql" and self._canary in text
        if mine and not self._is_meant(sql_shape(text), sql_texts(text)) and self._inside():
            self._note("sqlite3 statement", text)

    def parsed(self, texts: Iterator[str]) -> None:
        """An XML document was parsed to these texts."""
        if self._armed and self._kind == "entities" and self._inside():
            found = sum(text.count(self._canary) for text in texts)
            if found >= _REPEATS:
                self._note("xml entities", f"expanded to {found} repeats")

    def ran_out(self, frame: types.FrameType | None) -> bool:
        """A call used up its processor time; whether that is the sink."""
        if self._kind == "time" and self._armed and self._inside(frame):
            self._note("processor time", "over the limit")
            return True
        return False

    def _heard(self, event: str, arguments: Any) -> None:
        if not self._armed or self.reached is not None:
            return
        check = getattr(self, f"_on_{self._kind}", None)
        if check is None:
            return
        self._armed = False  # what is done in here is not to be heard
        try:
            stop = check(event, arguments)
        finally:
            self._armed = True
        if stop:
            raise ReachedError

    def _on_code(self, event: str, arguments: Any) -> bool:
        if event == "compile":
            self._source = _text(arguments[0])
            return False
        if event != "exec" or self._canary not in self._source or not self._inside():
            return False
        meant = self._is_meant(code_shape(self._source), code_texts(self._source))
        return not meant and self._holds(arguments[0]) and self._note(event, self._source)

    def _on_command(self, event: str, arguments: Any) -> bool:
        if event in _COMMANDS and self._inside():
            text = _texts(arguments)
            if self._canary in text:
                self._commands.append((event, text))
        elif event == "open" and self._canary in _texts(arguments[:1]):
            self._opened = True
        return False

    def _on_path(self, event: str, arguments: Any) -> bool:
        if event not in _PATHS or not arguments or not isinstance(arguments[0], (str, bytes)):
            return False
        path = os.path.realpath(os.fsdecode(arguments[0]))
        below = path == self._detector["base"] or path.startswith(self._detector["base"] + os.sep)
        if self._canary not in path or below or not self._inside():
            return False
        return self._note(event, path)

    def _on_unpickle(self, event: str, arguments: Any) -> bool:
        if not self._inside():
            return False
        text = _texts(arguments)
        if event == "pickle.find_class":
            self._unpickles = True
            return self._canary in text and self._note(event, text)
        known = event in _COMMANDS or event in _PATHS or event in ("compile", "exec", "import", "socket.getaddrinfo")
        return self._unpickles and known and self._canary in text and self._note(f"pickle.find_class, {event}", text)

    def _on_request(self, event: str, arguments: Any) -> bool:
        if event != "socket.getaddrinfo" or self._canary not in _texts(arguments[:1]) or not self._inside():
            return False
        return self._note(event, _texts(arguments[:1]))

    def _on_tempfile(self, event: str, arguments: Any) -> bool:
        if event != "open" or not isinstance(arguments[0], (str, bytes)) or not isinstance(arguments[2], int):
            return False
        path = os.path.realpath(os.fsdecode(arguments[0]))
        predictable = bool(arguments[2] & os.O_CREAT) and not arguments[2] & os.O_EXCL
        folder, _, name = path.rpartition("/")
        direct = folder == "/tmp"  # noqa: S108 - as everybody's in the wild
        if not predictable or not direct or self._canary not in name or not self._inside():
            return False
        return self._note(event, path)

    def _is_meant(self, shape: Any, texts: list[str]) -> bool:
        """Whether code is as it was meant to be, or else holds what was sent, whole, as a mere text."""
        return shape in self._detector["shapes"] or any(sent in text for sent in self._sent for text in texts)

    def _holds(self, code: Any) -> bool:
        """Whether the canary is in what a code object names or holds; imports run code, too."""
        if not isinstance(code, types.CodeType):
            return False
        return any(self._canary in repr((each.co_names, each.co_consts)) for each in _codes(code))

    def _inside(self, frame: types.FrameType | None = None) -> bool:
        found: types.FrameType | None = frame or sys._getframe(1)
        while found is not None:
            if found.f_code in self._codes:
                return True
            found = found.f_back
        return False

    def _note(self, event: str, text: str) -> bool:
        self.reached = {"event": event, "shown": text[:MAX_SHOWN]}
        return True

    def _made_in_time(self) -> bool:
        """Whether a file is made, by a command that may still run in the background."""
        for _ in range(_LOOKS):
            if self._file_made():
                return True
            time.sleep(_PAUSE_S)
        return False

    def _file_made(self) -> bool:
        """Whether a file bears the canary's name, below what can be written to."""
        left = _MAX_ENTRIES
        for start in _EFFECT_FOLDERS:
            for _, folders, files in os.walk(start):
                left -= len(folders) + len(files)
                if self._canary in files or self._canary in folders:
                    return True
                if left < 0:
                    return False
        return False

    def _kept(self) -> Iterator[str]:
        for name in self._detector.get("places", ()):
            yield repr(getattr(self._module, name, ""))[:_MAX_ENTRIES]


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _all_texts(value: Any) -> Iterator[str]:
    """The texts in plain data, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            yield from _all_texts(pair)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _all_texts(item)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def _texts(values: Any) -> str:
    """All texts in an event's arguments, lists included."""
    found = []
    for value in values if isinstance(values, (list, tuple)) else ():
        found.append(_texts(value) if isinstance(value, (list, tuple)) else _text(value))
    return " ".join(found)
