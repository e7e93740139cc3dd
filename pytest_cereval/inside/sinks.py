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

from .shapes import code_shape, code_texts, is_too_long, sql_shape, sql_spans, sql_texts
from .traces import MAX_ENTRIES, codes_in, event_text, file_named, text_of, texts_in

MAX_SHOWN = 300
_COMMANDS = ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn")
_MAKES = ("open", "os.rename", "os.mkdir", "os.link", "os.symlink")
_PATHS = (*_MAKES, "os.listdir", "os.scandir", "os.remove", "os.rmdir")
_DOES = (*_COMMANDS, *_PATHS, "import", "socket.getaddrinfo")
_REPEATS = 1000
_GROWTH = 5
"""A document that holds less than so many times the characters that were sent has not been expanded."""
_LOOKS = 10
_PAUSE_S = 0.05


class ReachedError(BaseException):
    """Stops a call once its sink is reached; no `Exception`, so that code which handles any does not go on."""


class Sinks:
    """Watches calls of `function` for one kind of sink; `reached` is set when it has been.

    `detector` holds the `kind` and what that needs: `base` (path), `shapes` (sql and code), `places` (secret). Where
    nobody planted anything, so that nobody knows what is meant, the kinds are `executed` (code) and `spans` (SQL),
    which ask for more. `secret` is what nobody outside was told.
    """

    def __init__(self, function: types.FunctionType, detector: dict[str, Any], canary: str, secret: str) -> None:
        self.reached: dict[str, Any] | None = None
        self.near = False
        """Whether a command, a statement or code with the canary in it was run at all, whatever came of it."""
        self._codes = frozenset(codes_in(function.__code__))
        self._module = sys.modules.get(function.__module__)
        self._detector = detector
        self._kind: str = detector["kind"]
        self._canary = canary
        self._secret = secret
        self._armed = False
        self._source = ""
        self._made = False
        self._commands: list[tuple[str, str]] = []
        self._unpickles = False
        self._ran: set[types.CodeType] = set()
        self._sent: list[str] = []
        self._length = 0
        sys.addaudithook(self._heard)

    def arm(self, sent: Any = ()) -> None:
        """Begin to watch a call with the data `sent`."""
        texts = [*texts_in(sent)]
        self._sent = [text for text in texts if self._canary in text]
        self._length = sum(map(len, texts))
        self._unpickles = False
        # What an earlier call has left there is not this one's doing.
        self._made = self._kind == "command" and file_named(self._canary)
        self._commands = []
        self._ran = set()
        self._armed = True

    def disarm(self) -> None:
        """Watch no more."""
        self._armed = False

    def look(self, observation: dict[str, Any]) -> None:
        """Look for effects of the call that has just ended."""
        if self.reached is not None:
            return
        if self._kind == "command" and self._commands and not self._made and self._made_in_time():
            event, text = self._commands[0]
            self._note(event, text)
        if self._kind == "secret":
            told = json.dumps(observation) + "".join(self._kept())
            if self._secret in told:
                self._note("secret", "what the module keeps secret is told")

    def statement(self, text: str) -> None:
        """An SQL statement is about to run."""
        mine = self._armed and self._kind in ("sql", "spans") and self._canary in text and not is_too_long(text)
        if not mine or not self._inside():
            return
        self.near = True
        if self._kind == "spans":
            unmeant = any(sql_spans(text, sent) for sent in self._sent)
        else:
            unmeant = not self._is_meant(sql_shape(text), sql_texts(text))
        if unmeant:
            self._note("sqlite3 statement", text)

    def parsed(self, texts: Iterator[str]) -> None:
        """An XML document was parsed to these texts."""
        if self._armed and self._kind == "entities" and self._inside():
            found = length = 0
            for text in texts:
                found += text.count(self._canary)
                length += len(text)
            if found >= _REPEATS and length > _GROWTH * self._length:
                self._note("xml entities", f"expanded to {found} repeats, from {self._length} characters")

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
            self._source = text_of(arguments[0])
            return False
        if event != "exec" or self._canary not in self._source or is_too_long(self._source) or not self._inside():
            return False
        meant = self._is_meant(code_shape(self._source), code_texts(self._source))
        return not meant and self._holds(arguments[0]) and self._note(event, self._source)

    def _on_executed(self, event: str, arguments: Any) -> bool:
        """Code that was sent does something by itself; merely to be evaluated may be what it is for."""
        if event == "compile":
            self._source = text_of(arguments[0])
        elif event == "exec" and self._canary in self._source and isinstance(arguments[0], types.CodeType):
            self._ran |= {*codes_in(arguments[0])}
            self.near = True
        elif event in _DOES and self._ran:
            text = event_text(arguments[:1] if event == "import" else arguments)
            return self._canary in text and self._below(self._ran) and self._inside() and self._note(event, text)
        return False

    def _on_command(self, event: str, arguments: Any) -> bool:
        if event in _COMMANDS and self._inside():
            text = event_text(arguments)
            if self._canary in text:
                self._commands.append((event, text))
                self.near = True
        elif event in _MAKES and self._canary in event_text(arguments[:2]):
            self._made |= event != "open" or (isinstance(arguments[2], int) and bool(arguments[2] & os.O_CREAT))
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
        text = event_text(arguments)
        if event == "pickle.find_class":
            self._unpickles = True
            return self._canary in text and self._note(event, text)
        known = event in _DOES or event in ("compile", "exec")
        return self._unpickles and known and self._canary in text and self._note(f"pickle.find_class, {event}", text)

    def _on_request(self, event: str, arguments: Any) -> bool:
        if event != "socket.getaddrinfo" or self._canary not in event_text(arguments[:1]) or not self._inside():
            return False
        return self._note(event, event_text(arguments[:1]))

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
        return any(self._canary in repr((each.co_names, each.co_consts)) for each in codes_in(code))

    def _inside(self, frame: types.FrameType | None = None) -> bool:
        return self._below(self._codes, frame)

    def _below(self, codes: frozenset[types.CodeType] | set[types.CodeType], frame: Any = None) -> bool:
        """Whether one of these is being executed, here or further up."""
        found: types.FrameType | None = frame or sys._getframe(1)
        while found is not None:
            if found.f_code in codes:
                return True
            found = found.f_back
        return False

    def _note(self, event: str, text: str) -> bool:
        self.reached = {"event": event, "shown": text[:MAX_SHOWN]}
        return True

    def _made_in_time(self) -> bool:
        """Whether a file is made, by a command that may still run in the background."""
        for _ in range(_LOOKS):
            if file_named(self._canary):
                return True
            time.sleep(_PAUSE_S)
        return False

    def _kept(self) -> Iterator[str]:
        for name in self._detector.get("places", ()):
            yield repr(getattr(self._module, name, ""))[:MAX_ENTRIES]
