"""Answers questions about the reference: what its recorded calls do, and which variants of its body they tell apart.

Runs trusted code only (the repository and variants of it that we made), in a sandbox all the same. One warm process
imports the repository once and forks for every question; a variant is compiled alone, and its code object takes the
place of the function's. Candidates never meet this process.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import os
import random
import signal
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

from .bodies import check_fits, compiled_function, same_code
from .calls import describe, find_function, observe, rebuild
from .equality import comparable, difference
from .forks import in_fork, time_limit
from .framing import FrameClosed, FrameError, read_frame, write_frame
from .observation import canonical, digest
from .proposals import MAX_CALLS, codes_in, propose
from .reached import lines_of
from .worker import failure, set_path

BRANCH_HOOK = "__cereval_branch__"
EDIT_CPU_S = 0.5
MAX_EXAMPLE_TEXT = 2000
"""Trees of an input that may be shown as an example are sent at once if their text is no longer than this."""
_CHUNK = 10
Request = dict[str, Any]
Reply = dict[str, Any]


class Subject:
    """One function with its inputs and, once expected, the texts of observations that variants are held against."""

    def __init__(self, request: Request) -> None:
        self.function = find_function(request["module"], request["file"], request["qualname"], request["line"])
        self.entries: list[dict[str, Any]] = request["entries"]
        self.expected: list[str] = []
        self.lines: list[frozenset[int]] = []
        self.order: list[int] = []


def main() -> None:
    """Serve requests by their `op` until the channel closes."""
    source, sink = int(os.environ["CEREVAL_READ_FD"]), int(os.environ["CEREVAL_WRITE_FD"])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    subjects: dict[str, Subject] = {}
    on_subject: dict[str, Callable[[Subject, Request], Reply]] = {
        "glance": glance,
        "arguments": arguments,
        "replay": replay,
        "expect": expect,
        "variant": try_variant,
        "extend": extend,
    }
    while True:
        try:
            request = read_frame(source)
        except FrameClosed:
            return
        try:
            if request["op"] == "path":
                content = _prepare(request)
            elif request["op"] == "subject":
                subjects.clear()
                subjects[request["key"]] = Subject(request)
                content = {}
            elif request["op"] == "entries":
                subjects[request["key"]].entries += request["entries"]
                content = {}
            else:
                content = on_subject[request["op"]](subjects[request["key"]], request)
        except BaseException as error:  # noqa: BLE001 - imports and lookups run the repository's code
            content = {"failed": failure(error)}
        try:
            write_frame(sink, {"id": request["id"], **content})
        except FrameError as error:
            write_frame(sink, {"id": request["id"], "failed": str(error)})


def _prepare(request: Request) -> Reply:
    """Set the path and import all modules, so that what a function sees never depends on which ones came before it."""
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
        except Exception:  # noqa: BLE001 - said again, and then reported, when its functions are asked for
            continue
    return {"imported": True}


def glance(subject: Subject, request: Request) -> Reply:
    """What the first `count` inputs are and do, as digests, with the trees of those that are short enough to be shown.

    A call that takes its process down costs only itself. `files` are those of all modules loaded in the end.
    """
    replies: list[Reply] = []
    files = set(loaded_files())
    numbers = list(range(request["count"]))
    chunks = [numbers[start : start + _CHUNK] for start in range(0, len(numbers), _CHUNK)]
    while chunks:
        chunk = chunks.pop(0)
        found = in_fork(functools.partial(_glances, subject, chunk), request["cpu_s"])
        if "replies" not in found and len(chunk) > 1:
            chunks[:0] = [[number] for number in chunk]
        else:
            replies += found.get("replies", [found])
            files.update(found.get("files", ()))
    return {"replies": replies, "files": sorted(files)}


def _glances(subject: Subject, numbers: list[int]) -> Reply:
    before = set(loaded_files())
    replies = [_glance(subject, number) for number in numbers]
    return {"replies": replies, "files": sorted(set(loaded_files()) - before)}


def _glance(subject: Subject, number: int) -> Reply:
    random.seed(0)
    try:
        call = rebuild(subject.entries[number])
    except BaseException as error:  # noqa: BLE001 - unpickling runs the repository's code
        return {"unbuilt": failure(error)}
    return _glimpse(call, subject.function)[0]


def _glimpse(call: dict[str, Any], function: types.FunctionType) -> tuple[Reply, str]:
    """What is told of an input, and the text that variants are held against."""
    before, _ = describe(call)
    observation = observe(function, call)
    seen = comparable(observation)
    text = canonical(seen)
    example = {"arguments": _without_receiver(before), "observation": {**observation, "after": None}}
    told = {
        "before": digest(before),
        "key": digest([before, seen]),
        "behaviour": digest(seen),
        "outcome": digest(seen[:2]),
        "whole": observation["whole"],
        "example": example if len(json.dumps(example)) <= MAX_EXAMPLE_TEXT else None,
    }
    return told, text


def _without_receiver(before: Any) -> Any:
    """The arguments with `self` reduced to its class, which is all that an example shows of it."""
    pairs = before[1:] if type(before) is list else []
    return [
        "d",
        *([key, [*value[:2], None, None]] if _is_receiver(key, value) else [key, value] for key, value in pairs),
    ]


def _is_receiver(key: Any, value: Any) -> bool:
    return key in ("self", "cls", "mcs") and type(value) is list and value[0] == "o"


def arguments(subject: Subject, request: Request) -> Reply:
    """Digests of the argument trees of the inputs from `start` on; null where they cannot be rebuilt."""

    def work() -> Reply:
        found: list[str | None] = []
        for entry in subject.entries[request["start"] :]:
            try:
                found.append(digest(describe(rebuild(entry))[0]))
            except BaseException:  # noqa: BLE001 - unpickling runs the repository's code
                found.append(None)
        return {"arguments": found}

    return in_fork(work, request["cpu_s"])


def replay(subject: Subject, request: Request) -> Reply:
    """Replay the inputs in `order`, in one fork: a digest for each, and with `full` the trees as well."""
    return in_fork(lambda: {"replies": [_one(subject, i, request["full"]) for i in request["order"]]}, request["cpu_s"])


def _one(subject: Subject, number: int, full: bool) -> Reply:
    random.seed(0)
    try:
        call = rebuild(subject.entries[number])
    except BaseException as error:  # noqa: BLE001 - unpickling runs the repository's code
        return {"unbuilt": failure(error)}
    before, shown = describe(call) if full else (None, False)
    observation = observe(subject.function, call)
    found = {"behaviour": digest(comparable(observation))}
    return found | ({"before": before, "shown": shown, "observation": observation} if full else {})


def expect(subject: Subject, request: Request) -> Reply:
    """Remember what the reference does on every input and which lines it goes through; `cpu_s` is how long it took."""

    def work() -> Reply:
        started = os.times()
        traced = [_traced(subject.function, entry) for entry in subject.entries]
        ended = os.times()
        return {"traced": traced, "cpu_s": ended.user + ended.system - started.user - started.system}

    reply = in_fork(work, request["cpu_s"])
    for text, lines in reply.pop("traced", []):
        subject.expected.append(text)
        subject.lines.append(frozenset(lines))
    subject.order = list(range(len(subject.expected)))
    return reply


def _traced(function: types.FunctionType, entry: dict[str, Any]) -> tuple[str, list[int]]:
    with lines_of(function) as lines:
        text = _text(function, entry)
    return text, sorted(lines)


def _text(function: types.FunctionType, entry: dict[str, Any]) -> str:
    random.seed(0)
    return canonical(comparable(observe(function, rebuild(entry))))


def try_variant(subject: Subject, request: Request) -> Reply:
    """Run the inputs with another body: `differs` is the number of one that tells it apart, or null.

    With `span` only inputs that reach a line between its two are run. `branches` lists the outcomes that the branch
    hook saw, as (decision, truth), for variants that carry it.
    """
    try:
        code = compiled_function(request["source"], request["qualname"])
        check_fits(subject.function, code)
    except (SyntaxError, ValueError) as error:
        return {"unbuildable": failure(error)}
    if same_code(code, subject.function.__code__):
        return {"equivalent": "same bytecode"}
    numbers = [number for number in subject.order if number >= request["start"]]
    if request.get("span") and _is_traceable(subject.function, request["span"]):
        numbers = [number for number in numbers if _reaches(subject.lines[number], request["span"])]

    def work() -> Reply:
        branches: set[tuple[int, bool]] = set()
        subject.function.__globals__[BRANCH_HOOK] = _branch_hook(branches)
        subject.function.__code__ = code
        for number in numbers:
            text = _text(subject.function, subject.entries[number])
            if text != subject.expected[number] and _differ(subject.expected[number], text):
                return {"differs": number, "branches": sorted(branches)}
        return {"differs": None, "branches": sorted(branches)}

    reply = in_fork(work, request["cpu_s"]) if numbers else {"differs": None, "branches": []}
    if reply.get("differs") is not None:
        # What told one variant apart is likely to tell the next.
        subject.order.remove(reply["differs"])
        subject.order.insert(0, reply["differs"])
    return reply


def _reaches(lines: frozenset[int], span: list[int]) -> bool:
    return any(span[0] <= line <= span[1] for line in lines)


def _is_traceable(function: types.FunctionType, span: list[int]) -> bool:
    """Whether a trace can report a line of the span at all; what the compiler folds away leaves none."""
    lines = {line for code in codes_in(function.__code__) for _, _, line in code.co_lines() if line}
    return _reaches(frozenset(lines), span)


def _differ(expected: str, observed: str) -> bool:
    left, right = (
        dict(zip(("kind", "value", "after"), json.loads(text), strict=True)) for text in (expected, observed)
    )
    return difference(left, right) is not None


def extend(subject: Subject, request: Request) -> Reply:
    """Append edits on which the reference behaves as on recorded calls: returns, or raises a class known to be meant.

    Edited are inputs that reach one of the `spans`, or any where none does. Replies with each edit, the numbers of the
    inputs that it is made of, and what is told of it.
    """
    spans = request["spans"]
    bases = [n for n in subject.order if any(_reaches(subject.lines[n], span) for span in spans)]
    lonely = any(not any(_reaches(subject.lines[n], span) for n in bases) for span in spans)
    bases = sorted(bases) + (sorted(set(subject.order) - set(bases)) if lonely or not bases else [])

    def work() -> Reply:
        expected = [json.loads(text) for text in subject.expected]
        known = {seen[1][1] for seen in expected if seen[0] == "raised"}
        seen = set(subject.expected)
        found = []
        calls = [rebuild(subject.entries[number]) for number in bases[:MAX_CALLS]]
        for base, edit, donor in propose(calls, subject.function, request["limit"]):
            new = {"base": bases[base], "edit": edit, "donor": bases[donor] if donor is not None else None}
            tried = _try_edit(subject.function, edited_entry(subject.entries, new), known, seen)
            if tried is not None:
                found.append({**new, **tried})
        return {"found": found}

    reply = in_fork(work, request["cpu_s"])
    found = reply.pop("found", [])
    for new in found:
        subject.order.append(len(subject.entries))
        subject.entries.append(edited_entry(subject.entries, new))
        subject.expected.append(new.pop("text"))
        subject.lines.append(frozenset(new.pop("lines")))
    return reply | {"found": found}


def edited_entry(entries: Sequence[dict[str, Any]], new: Reply) -> dict[str, Any]:
    """The entry of an edit: `base` and `donor` are numbers of entries, the donor's may be null."""
    donor = entries[new["donor"]] if new["donor"] is not None else None
    return {"base": entries[new["base"]], "edit": new["edit"], "donor": donor}


def _try_edit(function: types.FunctionType, entry: dict[str, Any], known: set[str], seen: set[str]) -> Reply | None:
    random.seed(0)
    try:
        with time_limit(EDIT_CPU_S), lines_of(function) as lines:
            told, text = _glimpse(rebuild(entry), function)
        kind, value, _ = json.loads(text)
        meant = kind == "returned" or value[1] in known or raises_itself(function, entry)
    except BaseException:  # noqa: BLE001 - an edit that cannot be applied, or that hangs, is no input
        return None
    if not meant or not told["whole"] or text in seen:
        return None
    seen.add(text)
    return {"told": told, "text": text, "lines": sorted(lines)}


def raises_itself(function: types.FunctionType, entry: dict[str, Any]) -> bool:
    """Whether the exception comes from a `raise` that names its class in the function's own code."""
    call = rebuild(entry)
    try:
        function(*call["positional"], *call["star"], **call["keyword"], **call["double_star"])
    except Exception as error:  # noqa: BLE001 - whatever it raises is looked at
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        own = trace is not None and trace.tb_frame.f_code is function.__code__
        return own and type(error).__name__ in function.__code__.co_names
    return False


def _branch_hook(branches: set[tuple[int, bool]]) -> Callable[[int, Any], Any]:
    def hook(number: int, value: Any) -> Any:
        branches.add((number, bool(value)))
        return value

    return hook


def loaded_files() -> list[str]:
    """Files of all imported modules, so that the judge knows which installed packages the reference needs."""
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return sorted({file for file in files if isinstance(file, str)})


if __name__ == "__main__":
    main()
