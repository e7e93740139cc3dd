"""Functions in which a pattern matcher suspects something as they stand, rightly and wrongly."""

from __future__ import annotations

import json
import os
import pickle
import shlex
import sqlite3
import subprocess
import urllib.request
from typing import Any
from xml.etree import ElementTree

_BOOKS = sqlite3.connect(":memory:", check_same_thread=False)
_BOOKS.execute("CREATE TABLE books (title TEXT, author TEXT)")


def greet(name: str) -> int:
    """A shell reads the name."""
    return os.system("echo Hello " + name + " >/dev/null")


def greet_quoted(name: str) -> int:
    """A shell reads the name as one word."""
    return os.system("echo Hello " + shlex.quote(name) + " >/dev/null")


def note(name: str) -> int:
    """Makes a file of the given name: that is what it is for."""
    return subprocess.call("touch -- " + shlex.quote(name), shell=True, cwd="/tmp")


def made(settings: str) -> int:
    """Makes a folder that settings name: that is what it is for, and nothing else can be sent."""
    return os.system("mkdir -p -- /tmp/" + shlex.quote(json.loads(settings)["name"]))


def evaluated(text: str) -> Any:
    """Whatever a text is evaluated to."""
    return eval(text)


def field(record: dict[str, Any], name: str) -> Any:
    """A value by name, by code that is made of it, if the name is one."""
    if not name.isidentifier():
        raise ValueError(name)
    return eval(f"record.get({name!r})")


def restored(data: bytes) -> Any:
    """What was saved."""
    return pickle.loads(data)


def by(author: str) -> list[str]:
    """Titles by author, by a statement that the author is a part of."""
    found = _BOOKS.execute("SELECT title FROM books WHERE author = '" + author.lower() + "'")
    return [row[0] for row in found]


def ordered(column: str, author: str) -> list[str]:
    """Titles in the order of a column that is named; the author is bound."""
    found = _BOOKS.execute("SELECT title FROM books WHERE author = ? ORDER BY " + column, (author,))
    return [row[0] for row in found]


def fetched(url: str) -> bytes:
    """What is behind an address."""
    with urllib.request.urlopen(url, timeout=1) as reply:
        return reply.read()


def parsed(text: str) -> str:
    """The tag of a document."""
    return ElementTree.fromstring(text).tag


def digest(text: str) -> str:
    """What no run can show to be weak."""
    import hashlib

    return hashlib.md5(text.encode()).hexdigest()


def harmless(text: str) -> str:
    """Nothing to suspect."""
    return text.strip()
