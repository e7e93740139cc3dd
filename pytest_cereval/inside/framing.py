"""Carries JSON messages over a pair of file descriptors: a 4-byte length, then UTF-8 JSON.

The one wire format between a trusted process and its children (sandboxed workers, the model host). The reader trusts
nothing: lengths, depth, duplicate keys, non-finite numbers and huge integers are refused.
"""

from __future__ import annotations

import json
import os
import select
import struct
import time
from typing import Any

MAX_FRAME_BYTES = 4 << 20
_HEADER = struct.Struct(">I")


class FrameError(Exception):
    """The peer sent something that is not a message: too long, not JSON, not an object, forbidden values."""


class FrameClosed(Exception):
    """The peer closed its end, between messages or inside one."""


class FrameTimeout(Exception):
    """The deadline passed before a whole message had come."""


def write_frame(
    fd: int, message: dict[str, Any], *, deadline: float | None = None, limit: int = MAX_FRAME_BYTES
) -> None:
    """Send one message, by `deadline` (monotonic seconds) if one is given and `fd` does not block.

    Raises `FrameError` if it is over `limit` bytes, `FrameClosed` if nobody reads any more, and `FrameTimeout` if the
    reader does not keep up.
    """
    body = body_of(message)
    if len(body) > limit:
        raise FrameError(f"message of {len(body)} bytes is over the limit of {limit}")
    view = memoryview(_HEADER.pack(len(body)) + body)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            if not _ready(fd, select.POLLOUT, deadline):
                raise FrameTimeout("the reader did not keep up before the deadline") from None
        except OSError as error:
            raise FrameClosed(str(error)) from error


def read_frame(fd: int, *, deadline: float | None = None, limit: int = MAX_FRAME_BYTES) -> dict[str, Any]:
    """Receive one message, by `deadline` on `time.monotonic()`'s clock if one is given.

    Raises `FrameClosed`, `FrameTimeout` or `FrameError`; after any of them the channel must not be used again.
    """
    return parse_message(read_body(fd, deadline=deadline, limit=limit))


def read_body(fd: int, *, deadline: float | None = None, limit: int = MAX_FRAME_BYTES) -> bytes:
    """As `read_frame`, but the message as it came, for `parse_message`."""
    (length,) = _HEADER.unpack(_read_exactly(fd, _HEADER.size, deadline))
    if length > limit:
        raise FrameError(f"message of {length} bytes is over the limit of {limit}")
    return _read_exactly(fd, length, deadline)


def body_of(message: dict[str, Any]) -> bytes:
    """The bytes that carry a message; the same for the same content in the same order."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode()


def parse_message(body: bytes) -> dict[str, Any]:
    """Decode one JSON object strictly; raises `FrameError` for anything else, whatever the bytes are."""
    try:
        message = json.loads(body, object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"not a message: {type(error).__name__}: {str(error)[:200]}") from error
    if type(message) is not dict:
        raise FrameError(f"not a message: a JSON {type(message).__name__} instead of an object")
    return message


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate keys")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _ready(fd: int, event: int, deadline: float | None) -> bool:
    """Wait for an event by the deadline; poll rather than select, which cannot watch descriptors from 1024 on."""
    poll = select.poll()
    poll.register(fd, event)
    left = None if deadline is None else deadline - time.monotonic()
    return (left is None or left > 0) and bool(poll.poll(None if left is None else left * 1000))


def _read_exactly(fd: int, count: int, deadline: float | None) -> bytes:
    chunks: list[bytes] = []
    while count:
        if deadline is not None and not _ready(fd, select.POLLIN, deadline):
            raise FrameTimeout("no whole message before the deadline")
        try:
            chunk = os.read(fd, min(count, 1 << 20))
        except OSError as error:
            raise FrameClosed(str(error)) from error
        if not chunk:
            raise FrameClosed("the other end closed the channel")
        chunks.append(chunk)
        count -= len(chunk)
    return b"".join(chunks)
