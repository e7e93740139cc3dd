"""Gets answers for tasks: from the store where it holds them, else from the one model, one question ahead.

While one answer is judged the model already works on the next question, so that judging costs no waiting.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from pytest_cereval.evaluate import Answer
from pytest_cereval.models.model import Completion, Model, Progress, Prompt, Sampling, prompt_sha256
from pytest_cereval.tasks.task import Task

Seen = Callable[[str, int], None]
Kept = Callable[[Prompt, Completion], None]


class WatchedModel:
    """A model that tells what it is doing: `seen(prompt digest, tokens)` on the way, `kept` with each completion."""

    def __init__(self, model: Model, *, seen: Seen, kept: Kept) -> None:
        self._model = model
        self._seen = seen
        self._kept = kept

    def describe(self) -> dict[str, Any]:
        """See `Model`."""
        return self._model.describe()

    def complete(self, prompt: Prompt, sampling: Sampling, progress: Progress | None = None) -> Completion:
        """See `Model`."""
        digest = prompt_sha256(prompt)

        def report(tokens: int) -> None:
            self._seen(digest, tokens)
            if progress is not None:
                progress(tokens)

        completion = self._model.complete(prompt, sampling, report)
        self._kept(prompt, completion)
        return completion

    def close(self) -> None:
        """See `Model`."""
        self._model.close()


class Asker:
    """Answers by task, asked in the background by one thread."""

    def __init__(self, model: Model, sampling: Sampling, known: Mapping[str, dict[str, Any]]) -> None:
        self._model = model
        self._sampling = sampling
        self._known = known
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="cereval-ask")
        self._asked: dict[str, Future[Completion]] = {}

    def prepare(self, task: Task) -> None:
        """Begin to ask, if the answer is not known or on its way already."""
        if task.id not in self._known and task.id not in self._asked:
            self._asked[task.id] = self._pool.submit(self._model.complete, task.prompt, self._sampling)

    def answer(self, task: Task) -> Answer:
        """Wait for the answer; raises what asking raised (`ModelError` and its kinds)."""
        if task.id in self._known:
            return Answer(Completion.from_dict(self._known[task.id]), reused=True)
        self.prepare(task)
        return Answer(self._asked.pop(task.id).result(), reused=False)

    def close(self) -> None:
        """Forget what was asked ahead; a question that the model is working on is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def model_key(description: Mapping[str, Any], sampling: Sampling) -> str:
    """A digest of everything that decides a completion besides the prompt: weights, load settings, sampling."""
    decisive = {name: description.get(name) for name in ("kind", "sha256", "parts", "load_settings")}
    engine = importlib.metadata.version("llama-cpp-python")
    text = json.dumps([decisive, engine, _plain(sampling)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(sampling: Sampling) -> dict[str, Any]:
    return {
        "temperature": sampling.temperature,
        "seed": sampling.seed,
        "max_tokens": sampling.max_tokens,
        "thinking": sampling.thinking,
    }
