"""Turns an exploit into whether it reaches a sink of a function as it stands, where no clean original is to compare.

Four things stand in for the original:

- The exploit runs in a sandbox of its own, as always. What it does there by itself the function's process never sees,
  so it cannot make the canary's effect: it can only say with what the function is called.
- The kinds of sink ask for more than where something was planted and it is known what was meant: code that was sent
  must act by itself, and what was sent must stand in an SQL statement as it is, over more than one token.
- The same calls are made with harmless data: with the canary alone in the place of each text that holds it, and with
  such texts less every character that is special to a shell, to SQL or to Python. What reaches the sink then is what
  the function is for.
- Where nothing of the data could be made harmless, because the canary was sent in an encoding, that is no proof for
  sinks that harmless data may reach. Nor is it for commands, SQL and code where the harmless data came to no command,
  statement or code at all: the function refused them, and what it does with harmless data that it takes nobody knows.

All of it happens with the function's own frame on the stack. What is confirmed is that data in its arguments reach the
sink; whether anybody else supplies those is for people to say.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

from pytest_cereval.categories.audit.audited import Audited, Call, Place, Subject
from pytest_cereval.categories.audit.exploiting import Trial, tried

_PLAIN_DATA_MAY_REACH = frozenset({"command", "spans", "request"})
_TO_COME_NEAR = frozenset({"command", "spans", "executed"})
_SPECIAL = re.compile(r"[^A-Za-z0-9_./-]")
Change = Callable[[str], str]


def try_alone(place: Place, subject: Subject, code: str) -> Trial:
    """Run an exploit against a function as it stands; `original` of the trial says that harmless data do the same.

    Raises `OracleError` if the function cannot be loaded, and `SandboxError`.
    """
    return tried(place, subject, code, lambda canary, sent: _held(place, subject, canary, sent))


def _held(place: Place, subject: Subject, canary: str, sent: list[Call]) -> bool:
    """Whether harmless data reach the sink as well, or it cannot be tried where that matters."""
    changes: tuple[Change, ...] = (lambda text: canary, lambda text: _SPECIAL.sub("", text))
    twins = [[harmless(call, canary, change) for call in sent] for change in changes]
    if twins[0] == sent:
        return place.detector["kind"] in _PLAIN_DATA_MAY_REACH
    near = place.detector["kind"] not in _TO_COME_NEAR
    for calls in twins:
        reached, came_near = _asked(place, subject, canary, calls)
        if reached:
            return True
        near |= came_near
    return not near


def _asked(place: Place, subject: Subject, canary: str, calls: list[Call]) -> tuple[bool, bool]:
    """Whether calls reach the sink, and whether they come near it."""
    with Audited(place, subject, canary) as audited:
        audited.require_loaded()
        for call in calls:
            if audited.ask(call) is None:
                break
        return audited.reached is not None, audited.near


def harmless(call: Call, canary: str, change: Change) -> Call:
    """A call whose texts and bytes that hold the canary are changed; what else it sends stays as it is."""

    def changed(tree: Any) -> Any:
        if type(tree) is str:
            return change(tree) if canary in tree else tree
        if type(tree) is not list or not tree:
            return tree
        if tree[0] in ("b", "B"):
            return _bytes(tree, canary, change)
        return [tree[0], *([changed(part) for part in pair] if tree[0] == "d" else changed(pair) for pair in tree[1:])]

    return {
        "positional": [changed(tree) for tree in call["positional"]],
        "keyword": {name: changed(tree) for name, tree in call["keyword"].items()},
    }


def _bytes(tree: list[Any], canary: str, change: Change) -> list[Any]:
    try:
        text = base64.b64decode(tree[1], validate=True).decode("latin-1")
    except (LookupError, TypeError, ValueError, binascii.Error):
        return tree
    if canary not in text:
        return tree
    return [tree[0], base64.b64encode(change(text).encode("latin-1")).decode()]
