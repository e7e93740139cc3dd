"""Runs a problem's own `check` on a function that lives elsewhere: each call of it becomes a message to the judge.

The trusted side of a static set, in a sandbox of its own: a data set's code runs neither in the judge nor beside an
answer. What the function did comes back as a tree of plain data, and is decoded here; an exception is raised again by
the name of its builtin class. Each check runs in a fork. Standard library only.
"""

from __future__ import annotations

import base64
import builtins
import gc
import io
import os
import pickle
import random
import sys
from collections.abc import Callable
from typing import Any

from .framing import FrameClosed, FrameError, read_frame, write_frame
from .plain import decode
from .worker import failure

_SHOWN = 300
_TEST = "<test>"


class NoValue(Exception):
    """The function gave something that is no plain data."""


class OtherError(Exception):
    """The function raised a class that is no builtin."""


class Gone(BaseException):
    """There is nobody to call any more; no `Exception`, so that a check does not take it for the function's."""


def main() -> None:
    """Serve requests `{"prompt", "test", "entry_point", "seed"}` until the channel closes."""
    source, sink = int(os.environ["CEREVAL_READ_FD"]), int(os.environ["CEREVAL_WRITE_FD"])
    gc.freeze()  # so that a fork does not copy what lives here by looking at it
    while True:
        try:
            request = read_frame(source)
        except FrameClosed:
            return
        child = os.fork()
        if child == 0:
            _be_child(request, source, sink)
        _, status = os.waitpid(child, 0)
        if status:
            write_frame(sink, {"id": request["id"], "failed": "the check ended without a word", "by": "end"})


def _be_child(request: dict[str, Any], source: int, sink: int) -> None:
    code = 1
    try:
        sys.stdin = io.StringIO()
        proxy = Proxy(request["id"], source, sink)
        write_frame(sink, {"id": request["id"], **verdict(request, proxy)})
        code = 0
    finally:
        os._exit(code)


def verdict(request: dict[str, Any], function: Callable[..., Any]) -> dict[str, Any]:
    """`{"passed": true}`, or why not: `failed` in words, and `by` whom: check, exception, value, or end."""
    random.seed(request["seed"])
    try:
        run(request, function)
    except Gone:
        return {"failed": "nobody answers", "by": "end"}
    except NoValue as error:
        return {"failed": failure(error), "by": "value"}
    except BaseException as error:  # noqa: BLE001 - whatever a check raises, it is not satisfied
        raised = getattr(function, "raised", None)
        said = " ".join(filter(None, (failure(error).rstrip(": "), _line_of(error, request["test"]))))
        return {"failed": said, "by": "exception" if error is raised else "check"}
    return {"passed": True}


def _line_of(error: BaseException, test: str) -> str:
    """The line of the check that was not satisfied, in words; empty if it was none."""
    trace, number = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _TEST:
            number = trace.tb_lineno
        trace = trace.tb_next
    lines = test.splitlines()
    return f"at `{lines[number - 1].strip()[:_SHOWN]}`" if 0 < number <= len(lines) else ""


def run(request: dict[str, Any], function: Callable[..., Any]) -> None:
    """Call `check` with the function; it may use what the prompt defines."""
    names: dict[str, Any] = {"__name__": "problem"}
    try:
        prompt = compile(request["prompt"], "<prompt>", "exec")
    except SyntaxError:
        prompt = compile(request["prompt"].rstrip() + "\n    pass\n", "<prompt>", "exec")
    exec(prompt, names)  # noqa: S102 - the data set's own code, in a sandbox
    names[request["entry_point"]] = function
    exec(compile(request["test"], _TEST, "exec"), names)  # noqa: S102
    names["check"](function)


class Proxy:
    """Stands for the function; `raised` is the last exception that it has raised."""

    def __init__(self, number: str, source: int, sink: int) -> None:
        self.raised: Exception | None = None
        self._number = number
        self._source = source
        self._sink = sink

    def __call__(self, *positional: Any, **keyword: Any) -> Any:
        call = {"names": [], "positional": positional, "star": (), "keyword": keyword, "double_star": {}}
        shown = ", ".join([*map(repr, positional), *(f"{name}={value!r}" for name, value in keyword.items())])
        content = {"call": base64.b64encode(pickle.dumps(call)).decode(), "shown": shown[:_SHOWN]}
        try:
            write_frame(self._sink, {"id": self._number, **content})
            reply = read_frame(self._source)
        except (FrameClosed, FrameError) as error:
            raise Gone(str(error)) from None
        if "lost" in reply:
            raise Gone(reply["lost"])
        if reply["kind"] == "raised":
            self.raised = _exception(reply["value"])
            raise self.raised
        try:
            return decode(reply["value"])
        except (ValueError, RecursionError) as error:
            raise NoValue(str(error)) from None


def _exception(tree: list[Any]) -> Exception:
    module, _, name = tree[1].partition(":")
    kind = getattr(builtins, name, None) if module == "builtins" else None
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return OtherError(tree[1][:_SHOWN])
    try:
        return kind(*decode(tree[2]))
    except (ValueError, TypeError, RecursionError):
        return kind()


if __name__ == "__main__":
    main()
