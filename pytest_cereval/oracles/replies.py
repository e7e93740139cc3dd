"""Turns what a candidate's worker sends into checked records; the boundary between untrusted messages and the
judge.

A reply can only say "this call did that", and only in the shape that an honest worker uses: exactly these
keys, bounded depth and size, JSON atoms that an encoder makes. Anything else is a `ProtocolError`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from pytest_cereval.inside.watching import EVENTS
from pytest_cereval.sandbox.output import printable

MAX_DEPTH = 260
"""Lists within lists: an encoder's depth of 50 makes at most five lists a level."""
MAX_ITEMS = 200_000
MAX_NOTE = 2000
_LARGEST = 1 << 53
_KEYS = {"kind", "value", "after", "printed", "whole"}
_NOTES = ("failed", "unbuilt", "too_big")
_FREE = {list, bool, str, type(None)}


class ProtocolError(Exception):
    """A reply that no honest worker sends; the text says what is odd about it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """`kind` is ready, finished, observation, failed, unbuilt or too_big; the last three carry a `note`.

    `events` are names of what the calls started, with `finished` only.
    """

    kind: str
    note: str = ""
    events: tuple[str, ...] = ()
    observation: dict[str, Any] | None = None


def checked(message: dict[str, Any], number: str, allowed: tuple[str, ...]) -> Reply:
    """The reply to the request `number`, one of the `allowed` kinds; raises `ProtocolError`."""
    if message.get("id") != number or type(message["id"]) is not str:
        raise ProtocolError("a reply to something that was not asked")
    kinds = [key for key in message if key != "id"]
    if len(kinds) != 1 or kinds[0] not in allowed:
        raise ProtocolError(f"a reply with the keys {shown_keys(kinds)}")
    kind, content = kinds[0], message[kinds[0]]
    if kind in _NOTES:
        if type(content) is not str or len(content) > MAX_NOTE:
            raise ProtocolError(f"a reply whose {kind!r} is no short text")
        return Reply(kind, safe(content))
    if kind == "observation":
        return Reply(kind, observation=_observation(content))
    if kind == "finished":
        if type(content) is not list or not all(type(each) is str and each in EVENTS for each in content):
            raise ProtocolError("a reply whose 'finished' is no list of known events")
        return Reply(kind, events=tuple(sorted(set(content))))
    if content is not True:
        raise ProtocolError(f"a reply whose {kind!r} is not true")
    return Reply(kind)


def safe(text: str) -> str:
    """Text from a worker without anything that could rewrite the report it appears in."""
    return printable(text.encode("utf-8", "backslashreplace"))


def shown_keys(keys: list[str]) -> str:
    """A few keys of a message, safe to print."""
    return safe(", ".join(key[:40] for key in sorted(keys)[:5])) or "nothing"


def _observation(content: Any) -> dict[str, Any]:
    if type(content) is not dict or content.keys() != _KEYS:
        raise ProtocolError("an observation of another shape")
    if content["kind"] not in ("returned", "raised") or type(content["whole"]) is not bool:
        raise ProtocolError("an observation with other values than there are")
    _check_tree([content["value"], content["after"], content["printed"]])
    if content["kind"] == "raised":
        value = content["value"]
        if type(value) is not list or len(value) != 3 or value[0] != "e" or type(value[1]) is not str:
            raise ProtocolError("an exception of another shape")
    return content


def _check_tree(tree: Any) -> None:
    """Bounds, and nothing but lists with atoms that an encoder makes; level by level, since depth is what is not
    trusted.
    """
    level = [tree]
    depth = items = 0
    while level:
        items += len(level)
        if depth > MAX_DEPTH or items > MAX_ITEMS:
            raise ProtocolError("a value that is too deep or too big")
        for kind in {*map(type, level)} - _FREE:
            if kind is not int or any(type(node) is int and abs(node) >= _LARGEST for node in level):
                raise ProtocolError(f"a value that holds a JSON {kind.__name__} out of its range")
        level = [*itertools.chain.from_iterable(node for node in level if type(node) is list)]
        depth += 1
