"""One function of the reference with its inputs: what the questions about it share. Standard library only."""

from __future__ import annotations

import json
import os
import random
import types
from collections.abc import Sequence
from typing import Any

from .calls import CLASS_STATE, describe, find_function, observe, rebuild, with_pickles
from .equality import Level, comparable, texts
from .observation import canonical, digest, digest_of_text
from .view import View
from .worker import failure

SEED = int(os.environ.get("PYTHONHASHSEED") or 0)
"""Another one in each replay, so that what chance decides is not taken for what the function does."""
MAX_EXAMPLE_TEXT = 2000
"""Trees of an input that may be shown as an example are sent at once if their text is no longer than this."""
Request = dict[str, Any]
Reply = dict[str, Any]


class UnbuiltError(Exception):
    """The arguments of an input cannot be made: said of the code under test, never of ours."""


class Subject:
    """One function with its inputs and, once expected, digests of what each was before the call, and the texts of
    observations that variants are held against."""

    def __init__(self, request: Request) -> None:
        self.function = find_function(request["module"], request["file"], request["qualname"], request["line"])
        self.view = View.of(request)
        self.level = Level()
        self.pickles: list[bytes] = []
        self.entries: list[dict[str, Any]] = []
        self.before: list[str] = []
        self.expected: list[str] = []
        self.lines: list[frozenset[int]] = []
        self.order: list[int] = []
        self.edited: set[int] = set()
        self.plain: types.CodeType | None = None

    def unpacked(self, entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The entries with pickles in place of their numbers."""
        return [with_pickles(entry, self.pickles.__getitem__) for entry in entries]


def glimpse(call: dict[str, Any], function: types.FunctionType, view: View) -> Reply:
    """What is told of an input."""
    random.seed(SEED)
    before, _ = describe(call, view)
    observation = observe(function, call, view)
    shown = canonical(before)
    exact, rough = texts(observation)
    example = {"arguments": _without_receiver(before), "observation": {**observation, "after": None}}
    return {
        "before": digest_of_text(shown),
        "key": digest_of_text(f"[{shown},{rough}]"),
        "behaviour": digest_of_text(exact),
        "rough": digest_of_text(rough),
        "outcome": digest(comparable(observation)[:2]),
        "whole": observation["whole"],
        "printed": bool(observation["printed"]),
        "changed": before != observation["after"],
        "example": example if len(json.dumps(example)) <= MAX_EXAMPLE_TEXT else None,
    }


def _without_receiver(before: Any) -> Any:
    """The arguments with `self` reduced to its class, which is all that an example shows of it."""
    pairs = [pair for pair in before[1:] if pair[0] != CLASS_STATE] if type(before) is list else []
    return [
        "d",
        *([key, [*value[:2], None, None]] if _is_receiver(key, value) else [key, value] for key, value in pairs),
    ]


def _is_receiver(key: Any, value: Any) -> bool:
    return key in ("self", "cls", "mcs") and type(value) is list and value[0] == "o"


def built(entry: dict[str, Any]) -> dict[str, Any]:
    """The arguments of an input; raises `UnbuiltError`, whatever unpickling raises."""
    random.seed(SEED)
    try:
        return rebuild(entry)
    except BaseException as error:
        raise UnbuiltError(failure(error)) from error


def text_of(subject: Subject, entry: dict[str, Any]) -> str:
    """The text of what the function does on one input; raises `UnbuiltError`."""
    return canonical(comparable(observe(subject.function, built(entry), subject.view)))
