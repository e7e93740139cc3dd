"""Answers what the inputs of a function are and do: at a glance, by their arguments, and in replays.

Standard library only.
"""

from __future__ import annotations

import functools
import sys

from .calls import describe, observe
from .equality import texts
from .forks import in_fork
from .observation import canonical, digest, digest_of_text
from .sharing import shared
from .subject import Reply, Request, Subject, UnbuiltError, built, glimpse

_CHUNK = 10


def glance(subject: Subject, request: Request) -> Reply:
    """What the first `count` inputs are and do, as digests, with the trees of those that are short enough to be shown.

    A call that takes its process down costs only itself. `files` are those of all modules loaded in the end, in order,
    `shared` the names of installed ones that inputs needed.
    """
    replies: list[Reply] = []
    files = loaded_files()
    numbers = list(range(request["count"]))
    chunks = [numbers[start : start + _CHUNK] for start in range(0, len(numbers), _CHUNK)]
    while chunks:
        chunk = chunks.pop(0)
        found = in_fork(functools.partial(_glances, subject, chunk), request["cpu_s"])
        if "replies" not in found and len(chunk) > 1:
            # One of them takes the fork down, or a fault of ours does: alone each shows which.
            chunks[:0] = [[number] for number in chunk]
        elif "failed" in found:
            return found
        else:
            replies += found.get("replies", [found])
            files += found.get("files", ())
    return {"replies": replies, "files": list(dict.fromkeys(files)), "shared": shared()}


def _glances(subject: Subject, numbers: list[int]) -> Reply:
    before = set(loaded_files())
    replies = [_glance(subject, number) for number in numbers]
    return {"replies": replies, "files": [file for file in loaded_files() if file not in before]}


def _glance(subject: Subject, number: int) -> Reply:
    try:
        call = built(subject.entries[number])
    except UnbuiltError as error:
        return {"unbuilt": str(error)}
    return glimpse(call, subject.function, subject.view)


def arguments(subject: Subject, request: Request) -> Reply:
    """Digests of the argument trees of the given `entries`; null where they cannot be rebuilt."""

    def work() -> Reply:
        found: list[str | None] = []
        for entry in request["entries"]:
            try:
                found.append(digest(describe(built(entry), subject.view)[0]))
            except UnbuiltError:
                found.append(None)
        return {"arguments": found}

    return in_fork(work, request["cpu_s"])


def replay(subject: Subject, request: Request) -> Reply:
    """Replay the inputs in `order`, in one fork: a digest for each, and with `full` the trees as well."""
    return in_fork(lambda: {"replies": [_one(subject, i, request["full"]) for i in request["order"]]}, request["cpu_s"])


def _one(subject: Subject, number: int, full: bool) -> Reply:
    try:
        call = built(subject.entries[number])
    except UnbuiltError as error:
        return {"unbuilt": str(error)}
    before, shown = describe(call, subject.view) if full else (None, False)
    observation = observe(subject.function, call, subject.view)
    exact, rough = texts(observation)
    found = {"behaviour": digest_of_text(exact), "rough": digest_of_text(rough)}
    if not full:
        return found
    key = digest_of_text(f"[{canonical(before)},{rough}]")
    return found | {"before": before, "shown": shown, "observation": observation, "key": key}


def loaded_files() -> list[str]:
    """Files of all modules in the order of import, so that the judge knows which installed ones the reference needs."""
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return list(dict.fromkeys(file for file in files if isinstance(file, str)))
