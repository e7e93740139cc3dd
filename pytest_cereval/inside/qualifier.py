"""Answers questions about the reference: what its recorded calls do, and which variants of its body they tell apart.

Runs trusted code only (the repository and variants of it that we made), in a sandbox all the same. One warm process
imports the repository once and forks for every question; a variant is compiled alone, and its code object takes the
place of the function's. Candidates never meet this process.
"""

from __future__ import annotations

import base64
import functools
import gc
import importlib
import os
import signal
from collections.abc import Callable

from .extension import adopt, extend, tell
from .forks import in_fork
from .looks import arguments, glance, replay
from .ran import Ran
from .serving import serve
from .sharing import share
from .subject import Reply, Request, Subject
from .trials import cover, expect, keep, try_variant
from .worker import failure, set_path

RARELY = 200_000
"""Objects made between two collections: trees have no cycles, and looking for some takes a good part of the time."""


def main() -> None:
    """Serve requests by their `op` until the channel closes.

    With `targets` in the one for the path it is noted from then on which of these functions are run, and which files
    below `root` are read: `ran` in each reply are the numbers of those that are new for the function in question, in
    that one of those on import.
    """
    source, sink = int(os.environ["CEREVAL_READ_FD"]), int(os.environ["CEREVAL_WRITE_FD"])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    share()
    gc.set_threshold(RARELY, *gc.get_threshold()[1:])
    subjects: dict[str, Subject] = {}
    ran = Ran([])
    on_subject: dict[str, Callable[[Subject, Request], Reply]] = {
        "glance": glance,
        "arguments": arguments,
        "replay": replay,
        "expect": expect,
        "keep": keep,
        "variant": try_variant,
        "cover": cover,
        "extend": extend,
        "adopt": adopt,
        "tell": tell,
    }

    def answer(request: Request) -> Reply:
        nonlocal ran
        if request["op"] == "path":
            if request["targets"]:
                ran = Ran(request["targets"], request["root"])
                ran.watch()
            content = _prepare(request)
        else:
            content = answer_about_subject(request)
        return content | {"ran": news} if (news := ran.news()) else content

    def answer_about_subject(request: Request) -> Reply:
        if request["op"] == "subject":
            ran.clear()
            return _find(subjects, request)
        subject = subjects[request["key"]]
        if request["op"] == "pickles":
            subject.pickles += map(base64.b64decode, request["pickles"])
            return {}
        unpacked = {name: subject.unpacked(request[name]) for name in ("entries", "lent") if name in request}
        if request["op"] == "entries":
            subject.entries += unpacked["entries"]
            return {}
        return on_subject[request["op"]](subject, request | unpacked)

    serve(source, sink, answer)


def _find(subjects: dict[str, Subject], request: Request) -> Reply:
    """Take up another function; `unreachable` says why that cannot be done."""
    subjects.clear()
    try:
        subjects[request["key"]] = Subject(request)
    except BaseException as error:  # noqa: BLE001 - imports and lookups run the repository's code
        return {"unreachable": failure(error)}
    return {}


def _prepare(request: Request) -> Reply:
    """Set the path and import all modules, so that what a function sees never depends on which ones came before it.

    Each process tries them in a fork, though another has: what the fork imports of others' packages comes first then.
    """
    set_path(request["path"], request["site"])
    modules: list[str] = request["modules"]
    if not _survives(modules, request["cpu_s"]):
        modules = [name for name in modules if _survives([name], request["cpu_s"])]
    content = _import(modules)
    gc.collect()
    gc.freeze()  # so that collections in children do not copy the parent's pages
    return content


def _survives(modules: list[str], cpu_s: float) -> bool:
    return "imported" in in_fork(functools.partial(_import, modules), cpu_s)


def _import(modules: list[str]) -> Reply:
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception:  # noqa: BLE001, S112 - said again, and then reported, when its functions are asked for
            continue
    return {"imported": True}


if __name__ == "__main__":
    main()
