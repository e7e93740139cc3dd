"""Turns requests from many threads into one stream of completions: prompt after prompt, all samples of one together.

A prompt that is asked for the first time is asked for all its samples, in order, so that the model reads it once even
where several workers take turns. Which answer a request gets does not depend on who came first. In a batch all samples
are always drawn, also where only some are needed, because each has a part in the bits of the others.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from pytest_cereval.errors import ModelError
from pytest_cereval.models.model import BatchModel, Completion, Progress, Prompt, Sampling, prompt_sha256

Seen = Callable[[str, int], None]
Kept = Callable[[Prompt, int, Completion], None]
Wanted = Callable[[str, int], bool]
_CLOSING_S = 10.0


@dataclass(frozen=True, slots=True)
class _Job:
    """What one call of the model is to bring: completions of a prompt, by number of the sample."""

    prompt: Prompt
    digest: str
    answers: dict[int, Future[Completion]]


class Stream:
    """A `Model` that is asked by one thread, and tells what it is doing.

    `seen(prompt digest, tokens)` is told on the way, `kept(prompt, sample, completion)` before anybody has the answer.
    `wanted(prompt digest, sample)` says which samples of a prompt are still to be asked. With `batch`, all samples of a
    prompt are decoded together.
    """

    def __init__(
        self,
        model: BatchModel,
        samplings: Sequence[Sampling],
        *,
        seen: Seen,
        kept: Kept,
        wanted: Wanted,
        batch: bool = False,
    ) -> None:
        self._model = model
        self._samplings = tuple(samplings)
        self._batch = batch
        self._seen, self._kept, self._wanted = seen, kept, wanted
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._promised: dict[tuple[str, int], Future[Completion]] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="cereval-stream", daemon=True)
        self._thread.start()

    def describe(self) -> dict[str, Any]:
        """See `Model`."""
        return self._model.describe()

    def complete(self, prompt: Prompt, sampling: Sampling, progress: Progress | None = None) -> Completion:
        """See `Model`; progress is told to `seen` alone. Raises `ModelError` for a sampling that is not this run's."""
        if sampling not in self._samplings:
            raise ModelError(f"{sampling} is not how this run asks", next_step="ask with the run's own settings")
        key = (prompt_sha256(prompt), self._samplings.index(sampling))
        with self._lock:
            if key not in self._promised:
                self._promise(prompt, *key)
            answer = self._promised.pop(key)
        return answer.result()

    def close(self) -> None:
        """See `Model`; whoever still waits gets a `ModelError`."""
        with self._lock:
            self._closed = True
        self._model.close()
        self._jobs.put(None)
        self._thread.join(_CLOSING_S)

    def _promise(self, prompt: Prompt, digest: str, first: int) -> None:
        """Queue the sample that is asked for, and after it those that will be."""
        answers: dict[int, Future[Completion]] = {}
        for sample in range(0 if self._batch else first, len(self._samplings)):
            key = (digest, sample)
            if sample == first or (key not in self._promised and self._wanted(*key)):
                answers[sample] = self._promised[key] = Future()
        for each in [answers] if self._batch else [{sample: answer} for sample, answer in answers.items()]:
            self._jobs.put(_Job(prompt, digest, each))

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                completions = self._ask(job)
            except BaseException as error:  # noqa: BLE001 - the one who waits is told, whatever it is
                for answer in job.answers.values():
                    answer.set_exception(error)
            else:
                for sample, answer in job.answers.items():
                    answer.set_result(completions[sample])

    def _ask(self, job: _Job) -> dict[int, Completion]:
        if self._closed:
            raise ModelError("the run ended before this was asked", next_step="run again with --cereval-resume")

        def told(tokens: int) -> None:
            self._seen(job.digest, tokens)

        if self._batch:
            drawn = dict(enumerate(self._model.complete_all(job.prompt, self._samplings, told)))
        else:
            drawn = {sample: self._model.complete(job.prompt, self._samplings[sample], told) for sample in job.answers}
        for sample in job.answers:
            self._kept(job.prompt, sample, drawn[sample])
        return drawn
