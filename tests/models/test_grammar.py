"""Answers that are kept to a JSON schema while they are generated."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_cereval.errors import ModelError
from pytest_cereval.models.llama import LlamaEngine
from pytest_cereval.models.model import FinishReason, LoadSettings, Prompt, Sampling, prompt_sha256

SCHEMA = json.dumps({"type": "object", "properties": {"bug": {"type": "boolean"}}, "required": ["bug"]})
FREE = Prompt("Answer.", "Is there a bug?")
BOUND = replace(FREE, schema=SCHEMA)


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_an_answer_is_what_the_schema_says(
    open_engine: Callable[..., LlamaEngine], tiny_gguf: Path, temperature: float
) -> None:
    engine = open_engine(tiny_gguf, LoadSettings(n_ctx=1024, n_threads=1))
    completion = engine.complete(BOUND, Sampling(max_tokens=200, temperature=temperature))

    assert completion.finish_reason is FinishReason.stop_eog
    assert isinstance(json.loads(completion.text)["bug"], bool)


def test_a_model_with_random_weights_says_no_such_thing_by_itself(
    open_engine: Callable[..., LlamaEngine], tiny_gguf: Path
) -> None:
    engine = open_engine(tiny_gguf, LoadSettings(n_ctx=1024, n_threads=1))

    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(engine.complete(FREE, Sampling(max_tokens=200)).text)


def test_the_same_question_gets_the_same_answer_again(open_engine: Callable[..., LlamaEngine], tiny_gguf: Path) -> None:
    engine = open_engine(tiny_gguf, LoadSettings(n_ctx=1024, n_threads=1))
    first, between, second = (engine.complete(prompt, Sampling(max_tokens=60)) for prompt in (BOUND, FREE, BOUND))

    assert first.tokens_sha256 == second.tokens_sha256 != between.tokens_sha256


def test_a_schema_that_is_none_is_refused(open_engine: Callable[..., LlamaEngine], tiny_gguf: Path) -> None:
    engine = open_engine(tiny_gguf, LoadSettings(n_ctx=1024, n_threads=1))

    with pytest.raises(ModelError, match="no grammar can be made of the schema"):
        engine.complete(replace(FREE, schema="{"), Sampling(max_tokens=10))


def test_a_schema_makes_another_question() -> None:
    assert prompt_sha256(BOUND) != prompt_sha256(FREE)
