"""Turns a model file into a `Model` that survives its own crashes: the parent's side of the host process.

The host is started with the first request and holds the model until `close`. If it dies while it starts, it
is started once more with llama.cpp's repacked weights off, which is what CPUs need that announce AMX and do
not grant it. If it dies while it answers, that attempt is lost and the next request starts a new host.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_cereval.errors import ModelCrashed, ModelError, PromptTooLong
from pytest_cereval.inside import framing
from pytest_cereval.models.digest import file_sha256
from pytest_cereval.models.gguf import read_header
from pytest_cereval.models.host_process import HOST_COMMAND, HostProcess
from pytest_cereval.models.model import Completion, LoadSettings, Progress, Prompt, Sampling
from pytest_cereval.models.wire import complete_all_request, complete_request, error_from

_SECONDS_PER_GIGABYTE = 60.0  # a slow network disk; a host that needs longer to load hangs
_START_LIMIT_S = 300.0


class HostedModel:
    """A `Model` in a process of its own, loaded once and asked one prompt at a time, from any thread."""

    def __init__(
        self,
        path: Path,
        load: LoadSettings,
        *,
        spec: str = "",
        cache_dir: Path,
        command: Sequence[str] = HOST_COMMAND,
        environment: Mapping[str, str] | None = None,
        slack_s: float = 30.0,
    ) -> None:
        """Check the file's header, nothing more; raises `ModelError`.

        `spec` is what the user wrote. `slack_s` is how long after `Sampling.timeout_s` a silent host is
        killed.
        """
        self._path, self._settings, self._spec, self._cache_dir = path, load, spec or str(path), cache_dir
        self._command, self._environment = tuple(command), dict(environment or {})
        self._slack_s = slack_s
        self._header = read_header(path)
        self._lock = threading.Lock()
        self._host: HostProcess | None = None
        self._newest: HostProcess | None = None  # also while it loads, so that `close` need not wait for that
        self._closed = False
        self._extra_bufts = True
        self._loaded: dict[str, Any] | None = None
        self._n_loads = self._n_crashes = 0

    def describe(self) -> dict[str, Any]:
        """The file, the settings and, after the first load, what took effect. The first call reads the
        whole file.
        """
        return {
            "kind": "llama.cpp",
            "spec": self._spec,
            "file": self._path.name,
            "size_bytes": self._header.total_size,
            "sha256": file_sha256(self._path, self._cache_dir),
            "parts": [{"file": part.name, "sha256": file_sha256(part, self._cache_dir)} for part in self._header.parts],
            "gguf": self._header.to_dict(),
            "load_settings": dataclasses.asdict(self._settings),
            "loaded": self._loaded,
            "extra_bufts_disabled": not self._extra_bufts,
            "n_loads": self._n_loads,
            "n_crashes": self._n_crashes,
        }

    def describe_loaded(self) -> dict[str, Any]:
        """As `describe`, with the model loaded first if it is not."""
        with self._lock:
            self._running_host()
        return self.describe()

    def complete(self, prompt: Prompt, sampling: Sampling, progress: Progress | None = None) -> Completion:
        """Answer one prompt, loading the model first if need be.

        Raises `PromptTooLong`, `ModelCrashed` when the host died or fell silent (only this attempt is
        lost), and `ModelError` when the model cannot be loaded or asked.
        """
        message = self._answered(complete_request(prompt, sampling), sampling.timeout_s, progress)
        return Completion.from_dict(message["completion"])

    def complete_all(
        self, prompt: Prompt, samplings: Sequence[Sampling], progress: Progress | None = None
    ) -> tuple[Completion, ...]:
        """See `BatchModel`; raises as `complete` does, and then all of these attempts are lost."""
        limit = max(each.timeout_s for each in samplings)
        message = self._answered(complete_all_request(prompt, samplings), limit, progress)
        return tuple(map(Completion.from_dict, message["completions"]))

    def _answered(self, request: dict[str, Any], timeout_s: float, progress: Progress | None) -> dict[str, Any]:
        with self._lock:
            host = self._running_host()
            answered = False
            try:
                message = self._ask(host, request, timeout_s, progress)
                answered = True
            finally:
                # Also after Ctrl-C: the answer to this request must not be taken for the next one's.
                if not answered:
                    self._end_host()
        if "error" in message:
            raise error_from(message)
        return message

    def close(self) -> None:
        """End the host; an answer under way in another thread ends with `ModelCrashed`."""
        self._closed = True
        if self._newest is not None:
            self._newest.kill()
        with self._lock:
            self._end_host()

    def _ask(
        self, host: HostProcess, request: dict[str, Any], timeout_s: float, progress: Progress | None
    ) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s + self._slack_s
        try:
            host.send(request)
            while True:
                message = host.receive(deadline)
                if "progress" not in message:
                    return message
                if progress is not None:
                    progress(message["progress"])
        except framing.FrameTimeout as error:
            self._n_crashes += 1
            raise ModelCrashed(
                f"the model's process gave no answer {self._slack_s:.0f} s after the limit of "
                f"{timeout_s:.0f} s and was ended",
                next_step="this attempt is lost; the next one loads the model again",
            ) from error
        except framing.FrameClosed as error:
            self._n_crashes += 1
            raise ModelCrashed(
                f"the model's process died while it answered: {host.obituary()}",
                next_step="this attempt is lost; the next one loads the model again",
            ) from error
        except framing.FrameError as error:
            raise PromptTooLong(f"the prompt cannot be sent: {error}", next_step="ask about less text") from error

    def _running_host(self) -> HostProcess:
        if self._closed:
            raise ModelError(f"the model {self._spec} was closed", next_step="resolve it again")
        if self._host is not None and not self._host.alive():
            self._n_crashes += 1
            self._end_host()
        return self._host or self._start()

    def _start(self) -> HostProcess:
        host, ready = self._launch()
        if ready is None and self._extra_bufts and host.died_of_a_fault():
            self._extra_bufts = False
            host.close()
            host, ready = self._launch()
        if ready is None:
            fate = host.obituary()
            host.close()
            raise ModelError(
                f"the model's process died while it loaded {self._path}: {fate}",
                next_step="check the file's sha256; 'killed by SIGKILL' usually means out of memory",
            )
        self._host, self._loaded = host, ready
        return host

    def _launch(self) -> tuple[HostProcess, dict[str, Any] | None]:
        """A new host with what it says of itself once it is ready, or None instead if it died."""
        limit = _START_LIMIT_S + _SECONDS_PER_GIGABYTE * self._header.total_size / 1e9
        host = self._newest = HostProcess(self._command, self._environment)
        self._n_loads += 1
        request = {
            "path": str(self._path),
            "load": dataclasses.asdict(self._settings),
            "extra_bufts": self._extra_bufts,
        }
        try:
            host.send(request)
            message = host.receive(time.monotonic() + limit)
        except framing.FrameClosed:
            return host, None
        except framing.FrameTimeout as error:
            host.close()
            raise ModelError(
                f"{self._path} was not loaded after {limit:.0f} s", next_step="copy it to a faster disk"
            ) from error
        except BaseException:
            host.close()
            raise
        if "ready" in message:
            return host, dict(message["ready"])
        host.close()
        raise error_from(message)

    def _end_host(self) -> None:
        if self._host is not None:
            self._host.close()
            self._host = None
