"""What is promised of several answers to one prompt that are decoded in one batch."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.asking import model_key, samples_of
from pytest_cereval.errors import ModelCrashed, ModelError, PromptTooLong, SettingsError
from pytest_cereval.models.generation import Generator
from pytest_cereval.models.hosted import HostedModel
from pytest_cereval.models.llama import LlamaEngine
from pytest_cereval.models.model import Completion, FinishReason, LoadSettings, Prompt, Sampling
from pytest_cereval.models.together import BatchGenerator
from tests.models.hosts import Open
from tests.tiny_gguf import write_tiny_gguf

OTHER, PROMPT = Prompt("Be exact.", "Say something else."), Prompt("Be exact.", "Sort a list.")
DRAWN = samples_of(Sampling(temperature=0.9, seed=3, max_tokens=40), 3)
LOAD = LoadSettings(n_ctx=1024, n_threads=1, together=3)
SCHEMA = json.dumps({"type": "object", "properties": {"bug": {"type": "boolean"}}, "required": ["bug"]})


def _said(completion: Completion) -> tuple[str, str, FinishReason, float | None]:
    return completion.text, completion.tokens_sha256, completion.finish_reason, completion.min_margin


@pytest.fixture(scope="module")
def engine(open_engine: Callable[..., LlamaEngine], tiny_gguf: Path) -> LlamaEngine:
    return open_engine(tiny_gguf, LOAD)


@pytest.fixture(scope="module")
def endless(open_engine: Callable[..., LlamaEngine], endless_gguf: Path) -> LlamaEngine:
    return open_engine(endless_gguf, LOAD)


def test_the_same_batch_gives_the_same_bits_whatever_came_before(
    open_engine: Callable[..., LlamaEngine], engine: LlamaEngine, tiny_gguf: Path
) -> None:
    fresh = open_engine(tiny_gguf, LOAD)
    expected = [_said(each) for each in fresh.complete_all(PROMPT, DRAWN)]
    assert len({digest for _, digest, _, _ in expected}) == 3
    engine.complete_all(OTHER, DRAWN)
    for _ in range(2):
        assert [_said(each) for each in engine.complete_all(PROMPT, DRAWN)] == expected
    engine.complete(PROMPT, DRAWN[1])
    engine.complete_all(OTHER, DRAWN[:2])
    assert [_said(each) for each in engine.complete_all(PROMPT, DRAWN)] == expected


def test_room_for_more_answers_changes_no_bit_of_one_that_is_decoded_alone(
    open_engine: Callable[..., LlamaEngine], engine: LlamaEngine, tiny_gguf: Path
) -> None:
    alone = open_engine(tiny_gguf, replace(LOAD, together=1))
    for prompt in (PROMPT, OTHER):
        engine.complete_all(prompt, DRAWN)
        assert _said(engine.complete(prompt, DRAWN[2])) == _said(alone.complete(prompt, DRAWN[2]))


def test_each_sample_draws_by_its_own_seed(engine: LlamaEngine) -> None:
    """The first token comes from the prompt's logits, which are the same in a batch and alone."""
    together = engine.complete_all(PROMPT, [replace(each, max_tokens=1) for each in DRAWN])
    alone = [engine.complete(PROMPT, replace(each, max_tokens=1)) for each in DRAWN]
    assert [each.tokens_sha256 for each in together] == [each.tokens_sha256 for each in alone]
    hot = engine.complete_all(PROMPT, [replace(DRAWN[0], max_tokens=1, seed=seed, temperature=4.0) for seed in (1, 2)])
    assert hot[0].tokens_sha256 != hot[1].tokens_sha256


def test_one_answer_that_ends_leaves_the_others_to_go_on(
    open_engine: Callable[..., LlamaEngine], tmp_path: Path
) -> None:
    path = write_tiny_gguf(tmp_path / "brief.gguf", gain={"<|im_end|>": 3.0, "<|endoftext|>": 0.0})
    samples = samples_of(Sampling(temperature=1.0, seed=0, max_tokens=60), 6)
    made = open_engine(path, replace(LOAD, together=6)).complete_all(PROMPT, samples)
    lengths = [each.completion_tokens for each in made]
    assert len(set(lengths)) > 2, lengths
    for each in made:
        ended = FinishReason.length if each.completion_tokens == 60 else FinishReason.stop_eog
        assert each.finish_reason is ended
    assert FinishReason.stop_eog in {each.finish_reason for each in made}


def test_the_prompt_is_read_once_and_times_add_up(engine: LlamaEngine) -> None:
    engine.complete(OTHER, DRAWN[0])
    first, *others = engine.complete_all(PROMPT, DRAWN)
    assert first.cached_tokens < first.prompt_tokens
    assert first.prefill_s > 0
    assert {each.cached_tokens for each in others} == {first.prompt_tokens}
    assert {each.prefill_s for each in others} == {0.0}
    assert all(0 < each.decode_s <= each.wall_s for each in (first, *others))


def test_progress_counts_the_tokens_of_all(endless: LlamaEngine) -> None:
    told: list[int] = []
    endless.complete_all(PROMPT, [replace(each, max_tokens=5) for each in DRAWN], told.append)
    assert told == [3, 6, 9, 12, 15]


def test_every_answer_has_the_context_to_itself(endless: LlamaEngine) -> None:
    used = endless.complete(PROMPT, Sampling(max_tokens=1)).prompt_tokens
    made = endless.complete_all(PROMPT, [replace(each, max_tokens=1024 - used, temperature=0.0) for each in DRAWN])
    assert [(each.completion_tokens, each.finish_reason) for each in made] == [(1024 - used, FinishReason.length)] * 3
    with pytest.raises(PromptTooLong, match=f"{used} prompt tokens .* the context holds 1024"):
        endless.complete_all(PROMPT, [replace(each, max_tokens=1025 - used) for each in DRAWN])


def test_the_limit_of_time_ends_all_that_are_left_and_spoils_nothing(endless: LlamaEngine) -> None:
    expected = [_said(each) for each in endless.complete_all(PROMPT, DRAWN)]
    late = [replace(each, max_tokens=900, timeout_s=0.05) for each in DRAWN]
    assert {each.finish_reason for each in endless.complete_all(PROMPT, late)} == {FinishReason.timeout}
    assert [_said(each) for each in endless.complete_all(PROMPT, DRAWN)] == expected


def test_an_answer_broken_off_spoils_nothing(endless: LlamaEngine) -> None:
    expected = [_said(each) for each in endless.complete_all(PROMPT, DRAWN)]

    def enough(tokens: int) -> None:
        if tokens > 20:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        endless.complete_all(PROMPT, DRAWN, enough)
    assert [_said(each) for each in endless.complete_all(PROMPT, DRAWN)] == expected
    assert _said(endless.complete(OTHER, DRAWN[0])) == _said(endless.complete(OTHER, DRAWN[0]))


def test_each_answer_keeps_to_the_schema(engine: LlamaEngine) -> None:
    made = engine.complete_all(replace(PROMPT, schema=SCHEMA), [replace(each, max_tokens=200) for each in DRAWN])
    assert all(isinstance(json.loads(each.text)["bug"], bool) for each in made)


def test_more_answers_than_there_is_room_for_are_refused(engine: LlamaEngine) -> None:
    with pytest.raises(SettingsError, match="4 answers together: the model was loaded for 3"):
        engine.complete_all(PROMPT, samples_of(DRAWN[0], 4))


class _ForgetfulDecoder:
    """An engine whose memory copies nothing."""

    def __init__(self, engine: LlamaEngine) -> None:
        self.n_ctx, self.n_batch = engine.n_ctx, engine.n_batch
        self.decode, self.logits, self.is_end = engine.decode, engine.logits, engine.is_end
        self.clear, self.remove, self.step, self.logits_at = (
            engine.clear,
            engine.remove,
            engine.step,
            engine.logits_at,
        )

    def copy(self, source: int, target: int, *, length: int) -> bool:
        return False


def test_a_memory_that_cannot_copy_is_told(engine: LlamaEngine) -> None:
    decoder = _ForgetfulDecoder(engine)
    with pytest.raises(ModelError, match="cannot start several answers") as raised:
        BatchGenerator(decoder, Generator(decoder)).run([60, 61], [62], DRAWN)
    assert "--cereval-batch" in raised.value.next_step


def test_a_host_answers_all_samples_of_a_prompt_at_once(open_model: Open, engine: LlamaEngine, tiny_gguf: Path) -> None:
    model = open_model(tiny_gguf, LOAD)
    told: list[int] = []
    made = model.complete_all(PROMPT, DRAWN, told.append)
    assert [_said(each) for each in made] == [_said(each) for each in engine.complete_all(PROMPT, DRAWN)]
    assert model.describe()["loaded"]["together"] == 3
    with pytest.raises(PromptTooLong, match="the context holds 1024"):
        model.complete_all(PROMPT, [replace(each, max_tokens=1024) for each in DRAWN])


def test_a_host_that_dies_loses_the_whole_batch_and_no_more(
    tmp_path: Path, tiny_gguf: Path, host_with: Callable[[str], tuple[str, ...]]
) -> None:
    mark = tmp_path / "died"
    change = f"""
mark, step = {str(mark)!r}, LlamaEngine.step
def dying(*a, **k):
    if not os.path.exists(mark):
        open(mark, 'w').close()
        os.kill(os.getpid(), signal.SIGSEGV)
    return step(*a, **k)
LlamaEngine.step = dying
"""
    model = HostedModel(tiny_gguf, LOAD, cache_dir=tmp_path / "cache", command=host_with(change))
    try:
        with pytest.raises(ModelCrashed, match="killed by SIGSEGV"):
            model.complete_all(PROMPT, DRAWN)
        assert len(model.complete_all(PROMPT, DRAWN)) == 3
    finally:
        model.close()


def test_a_key_holds_how_an_answer_was_decoded_and_with_which_others() -> None:
    known: dict[str, Any] = {"kind": "llama.cpp", "sha256": "0" * 64, "load_settings": {"n_ctx": 1024, "together": 3}}
    alone = known | {"load_settings": {"n_ctx": 1024, "together": 1}}
    assert model_key(known, DRAWN[0]) == model_key(alone, DRAWN[0])
    keys = [model_key(known, DRAWN[0]), *(model_key(known, DRAWN[0], DRAWN[:count]) for count in (2, 3))]
    keys.append(model_key(known, DRAWN[0], [DRAWN[0], replace(DRAWN[1], seed=99)]))
    keys.append(model_key(known, DRAWN[1], DRAWN))
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("together", [0, 254])
def test_a_number_of_answers_that_cannot_be_held_is_refused(together: int) -> None:
    with pytest.raises(SettingsError, match=f"together={together} cannot be used") as raised:
        LoadSettings(together=together)
    assert raised.value.next_step == "give between 1 and 253"
