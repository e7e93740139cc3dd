"""Turns one `Model` into a service for other processes on this machine, so that many test workers share one
load.

A Unix socket with a random token: other users are turned away, and a process of the same user has to be told. The
socket's name lives in Linux' abstract namespace (unix(7)), so that a process that is killed leaves no file behind, and
programs in a sandbox with a network of its own do not see it. Requests wait for each other at the model's own lock.
"""

from __future__ import annotations

import hmac
import logging
import os
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

from pytest_cereval.errors import CerevalError, ModelError
from pytest_cereval.inside import framing
from pytest_cereval.models.model import Completion, Model, Prompt, Sampling
from pytest_cereval.models.wire import ABSTRACT, error_message, native_address, read_complete_request

OnCompletion = Callable[[Prompt, Sampling, Completion], None]

_GREETING_S = 10.0
_CLOSING_S = 10.0
_log = logging.getLogger(__name__)


class Broker:
    """Serves a model until `close`; `address` and `token` are what a `RemoteModel` needs."""

    def __init__(self, model: Model, on_completion: OnCompletion | None = None) -> None:
        """Start to listen.

        `on_completion` is called in the serving thread after each completion, before the client has it.
        """
        self._model, self._on_completion = model, on_completion
        self.address = f"{ABSTRACT}cereval-{secrets.token_hex(16)}"
        self.token = secrets.token_hex(32)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(native_address(self.address))
        self._listener.listen(64)
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._closed = False
        self._acceptor = threading.Thread(target=self._accept, name="cereval-broker", daemon=True)
        self._acceptor.start()

    def close(self) -> None:
        """Stop serving; the model is left to its owner. Calling it twice is fine."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            open_now = dict(self._connections)
        _hang_up(self._listener)
        for connection in open_now:
            _hang_up(connection)
        until = time.monotonic() + _CLOSING_S
        for thread in (self._acceptor, *open_now.values()):
            thread.join(max(0.0, until - time.monotonic()))
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if not _is_this_user(connection):
                connection.close()
                continue
            thread = threading.Thread(target=self._serve, args=(connection,), name="cereval-client", daemon=True)
            with self._lock:
                if self._closed:
                    connection.close()
                    return
                self._connections[connection] = thread
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                self._converse(connection.fileno())
        except (framing.FrameClosed, framing.FrameError, framing.FrameTimeout) as error:
            _log.debug("a client of the model went away: %s", error)
        finally:
            with self._lock:
                self._connections.pop(connection, None)

    def _converse(self, fd: int) -> None:
        greeting = framing.read_frame(fd, deadline=time.monotonic() + _GREETING_S)
        if not hmac.compare_digest(str(greeting.get("token")).encode(), self.token.encode()):
            refusal = ModelError("the token is not this run's", next_step="pass the broker's token on to the client")
            framing.write_frame(fd, error_message(refusal))
            return
        framing.write_frame(fd, {"welcome": True})
        while True:
            framing.write_frame(fd, self._answer(framing.read_frame(fd), fd))

    def _answer(self, request: dict[str, Any], fd: int) -> dict[str, Any]:
        try:
            if request.get("do") == "describe":
                return {"description": self._model.describe()}
            prompt, sampling = read_complete_request(request)
            completion = self._model.complete(prompt, sampling, lambda tokens: _tell(fd, tokens))
            if self._on_completion is not None:
                self._on_completion(prompt, sampling, completion)
            return {"completion": completion.to_dict()}
        except CerevalError as error:
            return error_message(error)
        except Exception as error:  # noqa: BLE001 (the client waits for an answer, whatever went wrong here)
            _log.exception("the broker failed at a request")
            return error_message(error)


def _tell(fd: int, tokens: int) -> None:
    try:
        framing.write_frame(fd, {"progress": tokens})
    except framing.FrameClosed:
        # An answer under way is not worth breaking off: that would cost the next client a load.
        _log.debug("a client of the model left while it was answered")


def _is_this_user(connection: socket.socket) -> bool:
    """Whether a process of this user is at the other end, as the kernel says (`SO_PEERCRED` in unix(7))."""
    form = struct.Struct("3i")
    _, user, _ = form.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, form.size))
    return bool(user == os.getuid())


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        _log.debug("a connection was closed already")
