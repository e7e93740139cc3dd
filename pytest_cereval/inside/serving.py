"""Turns frames of questions into frames of answers until the channel closes. Standard library only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .framing import FrameClosed, FrameError, read_frame, write_frame
from .location import located
from .worker import failure


def serve(source: int, sink: int, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answer each question under its id; `failed` says what went wrong where there is no answer, or too long a one."""
    while True:
        try:
            request = located(read_frame(source))
        except FrameClosed:
            return
        try:
            content = answer(request)
        except BaseException as error:  # noqa: BLE001 - the other side must hear of it
            content = {"failed": failure(error)}
        try:
            write_frame(sink, {"id": request["id"], **content})
        except FrameError as error:
            write_frame(sink, {"id": request["id"], "failed": str(error)})
