"""Serves one function of one checkout: loads it, then turns each recorded call it is sent into an
observation.

The candidate's side of the judge: nothing here has authority. A reply can only mean "this call did that".
Standard library only (cloudpickle is needed by the pickles of some inputs).
"""

from __future__ import annotations

import io
import os
import random
import sys
from typing import Any

from .calls import find_function, observe, rebuild
from .framing import FrameClosed, FrameError, read_frame, write_frame
from .location import located
from .view import View
from .watching import Events


def main() -> None:
    """Load what the first frame names, reply, then answer calls until the channel closes.

    A frame without an input asks whether the worker is still there and has sent nothing unasked: the reply
    comes behind whatever was written before it.
    """
    source, sink = int(os.environ["CEREVAL_READ_FD"]), int(os.environ["CEREVAL_WRITE_FD"])
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a worker is ended by a signal, which would lose the rest
    request = located(read_frame(source))
    try:
        function, view = load(request), View.of(request)
    except BaseException as error:  # noqa: BLE001 - importing a candidate may raise anything, SystemExit included
        write_frame(sink, {"id": request["id"], "failed": failure(error)})
        return
    write_frame(sink, {"id": request["id"], "ready": True})
    events = Events()
    events.begin()
    while True:
        try:
            request = read_frame(source)
        except FrameClosed:
            return
        content = answer(function, request["input"], view) if "input" in request else {"finished": events.names()}
        reply(sink, request["id"], content)


def load(request: dict[str, Any]) -> Any:
    """Import the module named in `request` and find the function in it."""
    set_path(request["path"], request["site"])
    return find_function(request["module"], request["file"], request["qualname"], request["line"])


def set_path(paths: list[str], site: list[str]) -> None:
    """Let the checkout come first and installed packages last; `.pth` files are never read."""
    sys.path[:0] = paths
    sys.path += site


def answer(function: Any, entry: dict[str, Any], view: View) -> dict[str, Any]:
    """One observation, or `unbuilt` when the arguments cannot be made in this checkout."""
    random.seed(0)
    try:
        arguments = rebuild(entry)
    except BaseException as error:  # noqa: BLE001 - unpickling runs the checkout's code
        return {"unbuilt": failure(error)}
    return {"observation": observe(function, arguments, view)}


def failure(error: BaseException) -> str:
    """An exception as one bounded line, without trusting its methods."""
    name = type(error).__name__
    try:
        text = str(BaseException.__str__(error))
    except BaseException:  # noqa: BLE001 - arguments of an exception may refuse to be shown
        text = ""
    return f"{name}: {text}"[:500]


def reply(sink: int, number: str, content: dict[str, Any]) -> None:
    """Send a reply; one that does not fit a frame is replaced by a note that says so."""
    try:
        write_frame(sink, {"id": number, **content})
    except FrameError as error:
        write_frame(sink, {"id": number, "too_big": str(error)})


if __name__ == "__main__":
    main()
