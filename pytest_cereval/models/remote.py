"""Turns a broker's address and token into a `Model`: the side of a test worker."""

from __future__ import annotations

import socket
import threading
from typing import Any

from pytest_cereval.errors import ModelError
from pytest_cereval.inside import framing
from pytest_cereval.models.model import Completion, Progress, Prompt, Sampling
from pytest_cereval.models.wire import complete_request, error_from, native_address


class RemoteModel:
    """A model served by a `Broker` in another process; connects at the first request, works from any
    thread.
    """

    def __init__(self, address: str, token: str) -> None:
        self._address, self._token = address, token
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None

    def describe(self) -> dict[str, Any]:
        """What the broker's model says of itself."""
        return dict(self._ask({"do": "describe"}, None)["description"])

    def complete(self, prompt: Prompt, sampling: Sampling, progress: Progress | None = None) -> Completion:
        """Answer one prompt, after those of other clients; raises what the broker's model raises.

        There is no time limit here: waiting for others is no fault, and the model's own limits end each
        answer.
        """
        return Completion.from_dict(self._ask(complete_request(prompt, sampling), progress)["completion"])

    def close(self) -> None:
        """Hang up; the model goes on."""
        with self._lock:
            self._hang_up()

    def _ask(self, request: dict[str, Any], progress: Progress | None) -> dict[str, Any]:
        with self._lock:
            answered = False
            try:
                message = self._exchange(request, progress)
                answered = True
            finally:
                # A half-read answer must not be taken for the next one.
                if not answered:
                    self._hang_up()
        if "error" in message:
            raise error_from(message)
        return message

    def _exchange(self, request: dict[str, Any], progress: Progress | None) -> dict[str, Any]:
        try:
            fd = self._connected()
            framing.write_frame(fd, request)
            while "progress" in (message := framing.read_frame(fd)):
                if progress is not None:
                    progress(message["progress"])
        except (OSError, framing.FrameClosed, framing.FrameError) as error:
            raise ModelError(
                f"the process that serves the model at {self._address} cannot be asked: {error}",
                next_step="look at how the main process ended; its message comes first",
            ) from error
        return message

    def _connected(self) -> int:
        if self._connection is None:
            self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._connection.connect(native_address(self._address))
            framing.write_frame(self._connection.fileno(), {"token": self._token})
            message = framing.read_frame(self._connection.fileno())
            if "error" in message:
                raise error_from(message)
        return self._connection.fileno()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
