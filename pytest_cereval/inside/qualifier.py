"""Answers questions about the reference: what its recorded calls do, and which variants of its body they tell apart.

Runs trusted code only (the repository and variants of it that we made), in a sandbox all the same. One warm process
imports the repository once and forks for every question; a variant is compiled alone, and its code object takes the
place of the function's. Candidates never meet this process.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import time
import types
from collections.abc import Callable, Iterator
from typing import Any

from .calls import describe, find_function, observe, rebuild
from .edits import propose
from .equality import comparable, difference
from .framing import FrameClosed, FrameError, read_frame, write_frame
from .observation import canonical, digest
from .worker import failure, set_path

BRANCH_HOOK = "__cereval_branch__"
FORK_FRAME_BYTES = 64 << 20
EDIT_SECONDS = 0.5


class Subject:
    """One function with its calls and, once replayed, the observations that variants are held against."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.function = find_function(request["module"], request["file"], request["qualname"], request["line"])
        self.calls: list[dict[str, Any]] = request["calls"]
        self.expected: list[dict[str, Any]] = []
        self.canonical: list[str] = []
        self.edited: list[dict[str, Any]] = []


def main() -> None:
    """Serve requests by their `op` until the channel closes."""
    source, sink = int(os.environ["CEREVAL_READ_FD"]), int(os.environ["CEREVAL_WRITE_FD"])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    subjects: dict[str, Subject] = {}
    operations: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {
        "path": lambda request: set_path(request["path"], request["site"]),
        "subject": lambda request: _load(subjects, request),
        "forget": lambda request: {"forgotten": subjects.pop(request["key"], None) is not None},
        "replay": lambda request: replay(subjects[request["key"]], request),
        "expect": lambda request: expect(subjects[request["key"]], request),
        "variant": lambda request: try_variant(subjects[request["key"]], request),
        "extend": lambda request: extend(subjects[request["key"]], request),
        "pick": lambda request: pick(subjects[request["key"]], request),
    }
    while True:
        try:
            request = read_frame(source)
        except FrameClosed:
            return
        try:
            content = operations[request["op"]](request) or {}
        except BaseException as error:  # noqa: BLE001 - imports and lookups run the repository's code
            content = {"failed": failure(error)}
        try:
            write_frame(sink, {"id": request["id"], **content})
        except FrameError as error:
            write_frame(sink, {"id": request["id"], "failed": str(error)})


def _load(subjects: dict[str, Subject], request: dict[str, Any]) -> dict[str, Any]:
    subjects[request["key"]] = Subject(request)
    return {}


def replay(subject: Subject, request: dict[str, Any]) -> dict[str, Any]:
    """Replay the calls in `order`, in one fork: a digest for each, and with `full` the trees as well."""

    def work() -> dict[str, Any]:
        replies = [_one(subject, index, full=request["full"]) for index in request["order"]]
        return {"replies": replies, "files": loaded_files() if request["full"] else []}

    return in_fork(work, request["timeout_s"])


def _one(subject: Subject, index: int, *, full: bool) -> dict[str, Any]:
    random.seed(0)
    try:
        call = rebuild(subject.calls[index])
    except BaseException as error:  # noqa: BLE001 - unpickling runs the repository's code
        return {"unbuilt": failure(error)}
    if not full:
        return {"digest": digest(comparable(observe(subject.function, call)))}
    before, shown = describe(call)
    observation = observe(subject.function, call)
    return {"before": before, "shown": shown, "observation": observation, "digest": digest(comparable(observation))}


def expect(subject: Subject, request: dict[str, Any]) -> dict[str, Any]:
    """Keep only the calls of the final set and remember what the reference does on them."""
    subject.calls = [subject.calls[index] for index in request["keep"]]

    def work() -> dict[str, Any]:
        return {"expected": [_one(subject, index, full=True)["observation"] for index in range(len(subject.calls))]}

    reply = in_fork(work, request["timeout_s"])
    subject.expected = reply.get("expected", [])
    subject.canonical = [canonical(comparable(observation)) for observation in subject.expected]
    return {"digests": [digest(comparable(observation)) for observation in subject.expected]}


def try_variant(subject: Subject, request: dict[str, Any]) -> dict[str, Any]:
    """Run the calls with another body: `differs` is the index of the first call that tells it apart, or null.

    `branches` lists the outcomes that the branch hook saw, as (decision, truth), for variants that carry it.
    """
    try:
        code = compiled_function(request["source"], request["qualname"])
        _check_fits(subject.function, code)
    except (SyntaxError, ValueError) as error:
        return {"unbuildable": failure(error)}

    def work() -> dict[str, Any]:
        branches: set[tuple[int, bool]] = set()
        subject.function.__globals__[BRANCH_HOOK] = _branch_hook(branches)
        subject.function.__code__ = code
        differs = None
        for index in range(request.get("start", 0), len(subject.calls)):
            random.seed(0)
            observed = observe(subject.function, rebuild(subject.calls[index]))
            if canonical(comparable(observed)) != subject.canonical[index] and difference(
                subject.expected[index], observed
            ):
                differs = index
                break
        return {"differs": differs, "branches": sorted(branches)}

    if code.co_code == subject.function.__code__.co_code and _same_constants(code, subject.function.__code__):
        return {"equivalent": "same bytecode"}
    return in_fork(work, request["timeout_s"])


def extend(subject: Subject, request: dict[str, Any]) -> dict[str, Any]:
    """Append edited calls on which the reference behaves as it does on recorded ones: returns, or raises a known class.

    Replies with how many there are; `pick` tells more of those that turn out to be useful.
    """

    def work() -> dict[str, Any]:
        known = {expected["value"][1] for expected in subject.expected if expected["kind"] == "raised"}
        proposals = propose([rebuild(entry) for entry in subject.calls], subject.function, request["limit"])
        seen = set(subject.canonical)
        found = []
        for number, edit, donor in proposals:
            base = subject.calls[number]
            entry = {"call": base["call"], "edit": edit, "donor": subject.calls[donor]["call"] if donor is not None else None}
            reply = _try_edit(subject, entry, known, seen)
            if reply is not None:
                found.append({"entry": entry, **reply})
        return {"found": found}

    reply = in_fork(work, request["timeout_s"])
    for new in reply.get("found", ()):
        subject.calls.append(new["entry"])
        subject.expected.append(new["observation"])
        subject.canonical.append(canonical(comparable(new["observation"])))
        subject.edited.append(new)
    return {"found": len(subject.edited), "failed": reply.get("failed")}


def pick(subject: Subject, request: dict[str, Any]) -> dict[str, Any]:
    """The edited calls of the given numbers (0 is the first edited one), with what the reference does on them."""
    return {"picked": [subject.edited[number] for number in request["numbers"]]}


def _try_edit(
    subject: Subject, entry: dict[str, Any], known: set[str], seen: set[str]
) -> dict[str, Any] | None:
    random.seed(0)
    try:
        with time_limit(EDIT_SECONDS):
            call = rebuild(entry)
            before, shown = describe(call)
            observation = observe(subject.function, call)
    except BaseException:  # noqa: BLE001 - an edit that cannot be applied, or that hangs, is no input
        return None
    text = canonical(comparable(observation))
    strange = observation["kind"] == "raised" and observation["value"][1] not in known
    if strange or not observation["whole"] or text in seen:
        return None
    seen.add(text)
    return {"before": before, "shown": shown, "observation": observation}


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` in the main thread after `seconds`; trusted code only, since it can be caught."""

    def ring(number: int, frame: types.FrameType | None) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _branch_hook(branches: set[tuple[int, bool]]) -> Callable[[int, Any], Any]:
    def hook(number: int, value: Any) -> Any:
        branches.add((number, bool(value)))
        return value

    return hook


def compiled_function(source: str, qualname: str) -> types.CodeType:
    """The code object of the function `qualname` inside compiled, never executed, source text."""
    code = compile(source, "<variant>", "exec", dont_inherit=True)
    for name in qualname.split("."):
        inner = [const for const in code.co_consts if isinstance(const, types.CodeType) and const.co_name == name]
        if not inner:
            raise ValueError(f"no {name} in the variant")
        code = inner[-1]
    return code


def _check_fits(function: types.FunctionType, code: types.CodeType) -> None:
    if code.co_freevars != function.__code__.co_freevars:
        raise ValueError(f"free variables {code.co_freevars} instead of {function.__code__.co_freevars}")


def _same_constants(left: types.CodeType, right: types.CodeType) -> bool:
    if (left.co_names, left.co_varnames, len(left.co_consts)) != (right.co_names, right.co_varnames, len(right.co_consts)):
        return False
    for a, b in zip(left.co_consts, right.co_consts, strict=True):
        if isinstance(a, types.CodeType) and isinstance(b, types.CodeType):
            if a.co_code != b.co_code or not _same_constants(a, b):
                return False
        elif type(a) is not type(b) or repr(a) != repr(b):
            return False
    return left.co_exceptiontable == right.co_exceptiontable if hasattr(left, "co_exceptiontable") else True


def in_fork(work: Callable[[], dict[str, Any]], timeout_s: float) -> dict[str, Any]:
    """Run `work` in a forked child and return what it returns; `{"timed_out"}` or `{"died"}` if it does not."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        _be_child(work, read_end, write_end)
    os.close(write_end)
    deadline = time.monotonic() + timeout_s
    try:
        return read_frame(read_end, deadline=deadline, limit=FORK_FRAME_BYTES)
    except FrameClosed:
        return {"died": True}
    except Exception as error:  # noqa: BLE001 - a timeout, or a reply that is no message
        return {"timed_out": True, "why": failure(error)}
    finally:
        os.close(read_end)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _be_child(work: Callable[[], dict[str, Any]], read_end: int, write_end: int) -> None:
    try:
        os.close(read_end)
        try:
            content = work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
            content = {"failed": failure(error)}
        try:
            write_frame(write_end, content, limit=FORK_FRAME_BYTES)
        except FrameError as error:
            write_frame(write_end, {"failed": str(error)})
    finally:
        os._exit(0)


def loaded_files() -> list[str]:
    """Files of all imported modules, so that the judge knows which installed packages the reference needs."""
    return sorted({file for module in list(sys.modules.values()) if isinstance(file := getattr(module, "__file__", None), str)})


if __name__ == "__main__":
    main()
