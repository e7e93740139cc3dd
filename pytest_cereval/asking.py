"""Gets answers for tasks: from the record where it holds them, else from the one model, one question ahead.

While one answer is judged the model already works on the next question, so that judging costs no waiting.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from pytest_cereval.errors import ModelError
from pytest_cereval.evaluate import Answer
from pytest_cereval.models.model import Completion, Model, Sampling
from pytest_cereval.tasks.task import Task

Known = dict[str, dict[str, dict[str, Any]]]
"""Completions by task id and number of the sample, as text: what xdist can carry to its workers."""


class Asker:
    """Answers by task and sample, asked in the background by one thread.

    Without a model only what is `known` can be had, and `source` says where that comes from.
    """

    def __init__(
        self, model: Model | None, samplings: Sequence[Sampling], known: Mapping[str, Any], source: str = ""
    ) -> None:
        self._model = model
        self._samplings = tuple(samplings)
        self._known = known
        self._source = source
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="cereval-ask")
        self._asked: dict[tuple[str, int], Future[Completion]] = {}

    def prepare(self, task: Task) -> None:
        """Begin to ask what is neither known nor on its way already."""
        if self._model is None:
            return
        for sample in range(len(self._samplings)):
            if self._found(task.id, sample) is None and (task.id, sample) not in self._asked:
                self._submit(self._model, task, sample)

    def answer(self, task: Task, sample: int) -> Answer:
        """Wait for one answer; raises what asking raised (`ModelError` and its kinds)."""
        found = self._found(task.id, sample)
        if found is not None:
            return Answer(Completion.from_dict(found), reused=True)
        if self._model is None:
            raise ModelError(
                f"{self._source} holds no answer to {task.name} (task {task.id}, sample {sample})",
                next_step="ask for it: give --cereval-model and --cereval-resume instead of --cereval-score",
            )
        if (task.id, sample) not in self._asked:
            self._submit(self._model, task, sample)
        return Answer(self._asked.pop((task.id, sample)).result(), reused=False)

    def close(self) -> None:
        """Forget what was asked ahead; a question that the model is working on is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _submit(self, model: Model, task: Task, sample: int) -> None:
        asked = self._pool.submit(model.complete, task.prompt, self._samplings[sample])
        self._asked[task.id, sample] = asked

    def _found(self, task_id: str, sample: int) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._known.get(task_id, {}).get(str(sample))
        return found


def samples_of(base: Sampling, count: int) -> tuple[Sampling, ...]:
    """How each of `count` samples is drawn: sample i with seed `base.seed + i`, the first one as a single one is."""
    return tuple(
        Sampling(base.temperature, base.seed + number, base.max_tokens, base.thinking, base.timeout_s)
        for number in range(count)
    )


def model_key(description: Mapping[str, Any], sampling: Sampling, together: Sequence[Sampling] = ()) -> str:
    """A digest of everything that decides a completion besides the prompt: weights, load settings, sampling.

    `together` are all samplings of a batch that this one is decoded in, because they decide its bits as well.
    """
    decisive = {name: description.get(name) for name in ("kind", "sha256", "parts", "load_settings")}
    # Room for more answers changes no bit of one that is decoded alone.
    decisive["load_settings"] = {
        name: value for name, value in (decisive["load_settings"] or {}).items() if name != "together"
    } or None
    engine = importlib.metadata.version("llama-cpp-python")
    batch = [[_plain(each) for each in together]] if together else []
    text = json.dumps([decisive, engine, _plain(sampling), *batch], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(sampling: Sampling) -> dict[str, Any]:
    return {
        "temperature": sampling.temperature,
        "seed": sampling.seed,
        "max_tokens": sampling.max_tokens,
        "thinking": sampling.thinking,
    }
