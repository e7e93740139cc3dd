"""Serves one function to an exploit's data: rebuilds a recorded call, changes its arguments, calls, and says whether
the sink was reached.

It holds what watches, and no code of the answer ever runs in it, unless the function itself runs its data as code:
then the sink has been reached. Standard library only.
"""

from __future__ import annotations

import io
import json
import os
import random
import sys
from typing import Any

from .calls import Function, find_function, observe, rebuild
from .framing import read_frame, write_frame
from .location import located
from .plain import decode
from .serving import serve
from .sinks import ReachedError, Sinks
from .taps import TimeUpError, tap_sqlite, tap_xml, time_limit
from .view import View
from .worker import set_path

CALL_CPU_S = 2.0
"""Processor time of one call; beyond it a call is stopped, and that counts where time is the sink."""
_MAX_REPLY = 100_000


def main() -> None:
    """Load what the first frame names, then answer calls until the channel closes."""
    source, sink = int(os.environ["CEREVAL_READ_FD"]), int(os.environ["CEREVAL_WRITE_FD"])
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    request = located(read_frame(source))
    served = _Served(request)
    write_frame(sink, {"id": request["id"], "ready": True})
    serve(source, sink, served.answer)


class _Served:
    """One function, its recorded call, and what watches."""

    def __init__(self, request: dict[str, Any]) -> None:
        detector = request["detector"]
        os.environ.update(dict.fromkeys(detector.get("variables", ()), request["secret"]))
        heard: list[Sinks] = []
        tap_sqlite(heard)
        tap_xml(heard)
        set_path(request["path"], request["site"])
        self._function: Function = find_function(
            request["module"], request["file"], request["qualname"], request["line"]
        )
        self._view = View.of(request)
        self._entry = request["entry"]
        self._cpu_s: float = request["cpu_s"]
        self._sinks = Sinks(self._function, detector, request["canary"], request["secret"])
        heard.append(self._sinks)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """One call with an attacker's data: `kind`, `value`, what was `reached` or null, and if it came `near`."""
        random.seed(0)
        call = rebuild(self._entry)
        positional, keyword = [decode(item) for item in request["positional"]], _decoded(request["keyword"])
        replace(call, positional, keyword)
        self._sinks.arm([positional, keyword])
        try:
            with time_limit(self._sinks, self._cpu_s):
                observation = observe(self._function, call, self._view)
        except (ReachedError, TimeUpError):  # outside of the call proper, while its result was looked at
            observation = {"kind": "raised", "value": ["e", "stopped", None]}
        finally:
            self._sinks.disarm()
        self._sinks.look(observation)
        value = observation["value"] if observation["kind"] == "returned" else _raised(observation["value"])
        shown = value if len(json.dumps(value)) <= _MAX_REPLY else ["…"]
        told = {"reached": self._sinks.reached, "near": self._sinks.near}
        return {"kind": observation["kind"], "value": shown, **told}


def replace(call: dict[str, Any], positional: list[Any], keyword: dict[str, Any]) -> None:
    """Put an attacker's arguments in the place of a recorded call's; raises `TypeError` where they do not fit.

    Positional ones come after the receiver, which stays.
    """
    names: list[str] = call["names"]
    values = list(call["positional"])
    first = 1 if names[:1] in (["self"], ["cls"], ["mcs"]) else 0
    for number, value in enumerate(positional):
        place = first + number
        if place >= len(names):
            raise TypeError(f"{len(positional)} positional arguments, and the function takes {len(names) - first}")
        values[place : place + 1] = [value]
    call["keyword"] = dict(call["keyword"])
    for name, value in keyword.items():
        if name in names[first:] and names.index(name) < len(values):
            values[names.index(name)] = value
        elif name in names[:first]:
            raise TypeError(f"{name!r} is the receiver, which stays as it was recorded")
        else:
            call["keyword"][name] = value
    call["positional"] = values


def _raised(tree: Any) -> str:
    """The class of an exception; what stops a call at its sink is ours and stays unnamed."""
    name = str(tree[1])
    return "stopped" if name.endswith((":ReachedError", ":TimeUpError")) else name


def _decoded(trees: dict[str, Any]) -> dict[str, Any]:
    return {name: decode(tree) for name, tree in trees.items()}


if __name__ == "__main__":
    main()
