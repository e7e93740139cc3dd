"""What the records of the model package promise."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cereval.errors import CerevalError, ModelCrashed, ModelError, PromptTooLong, SettingsError
from pytest_cereval.models.model import (
    Completion,
    FinishReason,
    LoadSettings,
    Prompt,
    Sampling,
    prompt_sha256,
)
from pytest_cereval.models.wire import complete_request, error_from, error_message, read_complete_request

_COUNTS = st.integers(0, 2**40)
_TIMES = st.floats(0, 1e6)
_TEXTS = st.text(st.characters(codec="utf-8"))
completions = st.builds(
    Completion,
    text=_TEXTS,
    finish_reason=st.sampled_from(FinishReason),
    prompt_tokens=_COUNTS,
    cached_tokens=_COUNTS,
    completion_tokens=_COUNTS,
    prefill_s=_TIMES,
    decode_s=_TIMES,
    wall_s=_TIMES,
    rendered_sha256=_TEXTS,
    tokens_sha256=_TEXTS,
    min_margin=st.none() | st.floats(allow_nan=False, allow_infinity=False),
)


@given(completions)
def test_a_completion_survives_json(completion: Completion) -> None:
    assert Completion.from_dict(json.loads(json.dumps(completion.to_dict()))) == completion


@given(completions, st.sampled_from(list(Completion.__dataclass_fields__)), st.data())
def test_a_completion_with_a_wrong_field_is_refused_by_name(
    completion: Completion, field: str, data: st.DataObject
) -> None:
    broken = completion.to_dict()
    if data.draw(st.booleans()):
        del broken[field]
    else:
        broken[field] = data.draw(st.sampled_from([[], {}, True]))
    with pytest.raises(ModelError, match=field):
        Completion.from_dict(broken)


def test_an_unknown_finish_reason_is_refused_with_the_known_ones() -> None:
    data = Completion("", FinishReason.length, 1, 0, 0, 0, 0, 0, "", "", None).to_dict()
    with pytest.raises(ModelError, match="'bored' is none of stop_eog, length, ctx_full, timeout, error"):
        Completion.from_dict({**data, "finish_reason": "bored"})


@given(st.builds(Prompt, system=_TEXTS, user=_TEXTS), st.integers(0, 2**63), st.booleans())
def test_a_request_survives_the_wire(prompt: Prompt, seed: int, thinking: bool) -> None:
    sampling = Sampling(temperature=0.7, seed=seed, max_tokens=7, thinking=thinking, timeout_s=1.5)
    assert read_complete_request(json.loads(json.dumps(complete_request(prompt, sampling)))) == (
        prompt,
        sampling,
    )


@pytest.mark.parametrize("kind", [ModelError, ModelCrashed, PromptTooLong, SettingsError])
def test_an_error_crosses_processes_with_its_class_and_its_next_step(kind: type[CerevalError]) -> None:
    back = error_from(json.loads(json.dumps(error_message(kind("what was wrong", next_step="do this")))))
    assert type(back) is kind
    assert str(back) == "what was wrong\n  → do this"


def test_a_foreign_error_crosses_as_a_model_error_that_names_it() -> None:
    assert str(error_from(error_message(ZeroDivisionError("by zero")))) == "ZeroDivisionError: by zero"


def test_the_digest_of_a_prompt_keeps_its_two_texts_apart() -> None:
    assert prompt_sha256(Prompt("ab", "c")) != prompt_sha256(Prompt("a", "bc"))


def test_a_prompt_that_is_no_unicode_text_is_refused() -> None:
    with pytest.raises(ModelError, match=r"'\\udc80', which is not a character UTF-8 can carry"):
        Prompt("", "x\udc80")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temperature": -1.0}, r"temperature=-1.0 .*\n.*0 or a positive number"),
        ({"temperature": math.nan}, "temperature=nan"),
        ({"seed": -1}, "seed=-1"),
        ({"max_tokens": 0}, r"max_tokens=0 .*\n.*at least 1"),
        ({"timeout_s": 0.0}, r"timeout_s=0.0 .*\n.*seconds"),
    ],
)
def test_sampling_that_makes_no_sense_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Sampling(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_ctx": 0}, "n_ctx=0"),
        ({"n_ctx": 300, "n_batch": 512}, r"n_batch=512 .*\n.*between 1 and n_ctx \(300\)"),
        ({"n_gpu_layers": -2}, "n_gpu_layers=-2"),
        ({"n_threads": 0}, "n_threads=0"),
        ({"type_k": "q9"}, r"type_k='q9' .*\n.*q8_0"),
        ({"flash_attn": False}, "type_v='q8_0' without flash attention"),
    ],
)
def test_load_settings_that_cannot_work_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        LoadSettings(**values)


def test_an_exact_cache_needs_no_flash_attention() -> None:
    assert LoadSettings(flash_attn=False, type_k="q8_0", type_v="f16").type_v == "f16"
