"""What an engine that runs in this process promises about completions."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_cereval.errors import PromptTooLong
from pytest_cereval.models.generation import Decoded, Generator
from pytest_cereval.models.llama import LlamaEngine
from pytest_cereval.models.model import Completion, FinishReason, LoadSettings, Prompt, Sampling
from tests.tiny_gguf import WIDE_SPACES, write_tiny_gguf

SYSTEM = "You are a careful programmer. " * 30
PROMPTS = tuple(Prompt(SYSTEM, f"Question {n}: " + "why? " * (9 * n + 1)) for n in range(4))
SHORT = Sampling(max_tokens=24)


@pytest.fixture(scope="module")
def endless(open_engine: Callable[..., LlamaEngine], endless_gguf: Path) -> LlamaEngine:
    return open_engine(endless_gguf)


def _said(completion: Completion) -> tuple[str, str, FinishReason, float | None]:
    return completion.text, completion.tokens_sha256, completion.finish_reason, completion.min_margin


def test_the_order_of_prompts_changes_no_bit_of_a_completion(
    open_engine: Callable[..., LlamaEngine], tiny_gguf: Path
) -> None:
    fresh = [_said(open_engine(tiny_gguf).complete(prompt, SHORT)) for prompt in PROMPTS]
    assert len(set(fresh)) == len(PROMPTS)
    engine = open_engine(tiny_gguf)
    for order in itertools.permutations(range(len(PROMPTS))):
        for index in order:
            assert _said(engine.complete(PROMPTS[index], SHORT)) == fresh[index]


def test_other_prompts_and_broken_off_answers_in_between_change_nothing(endless: LlamaEngine) -> None:
    expected = _said(endless.complete(PROMPTS[1], SHORT))
    endless.complete(Prompt("Other instructions.", "x"), SHORT)
    assert _said(endless.complete(PROMPTS[1], SHORT)) == expected
    assert endless.complete(PROMPTS[2], Sampling(max_tokens=3000, timeout_s=0.05)).finish_reason == "timeout"
    assert _said(endless.complete(PROMPTS[1], SHORT)) == expected
    with pytest.raises(RuntimeError, match="enough"):
        endless.complete(PROMPTS[3], SHORT, _raise_enough)
    assert _said(endless.complete(PROMPTS[1], SHORT)) == expected


def _raise_enough(_tokens: int) -> None:
    raise RuntimeError("enough")


def test_a_shared_system_text_is_decoded_once(engine: LlamaEngine) -> None:
    engine.complete(Prompt("Something else.", "x"), SHORT)
    first, second = (engine.complete(prompt, SHORT) for prompt in PROMPTS[:2])
    assert first.cached_tokens == 0
    assert len(SYSTEM) < second.cached_tokens < second.prompt_tokens


def _drawn(seed: int) -> Sampling:
    return Sampling(temperature=0.8, seed=seed, max_tokens=24)


def test_samples_of_one_prompt_decode_it_once_and_are_those_of_a_fresh_engine(
    open_engine: Callable[..., LlamaEngine], tiny_gguf: Path
) -> None:
    fresh = [_said(open_engine(tiny_gguf).complete(PROMPTS[1], _drawn(seed))) for seed in range(4)]
    assert len(set(fresh)) == len(fresh)
    engine = open_engine(tiny_gguf)
    engine.complete(PROMPTS[0], SHORT)
    for order in (range(4), (3, 1, 1, 0)):
        made = [engine.complete(PROMPTS[1], _drawn(seed)) for seed in order]
        assert [_said(each) for each in made] == [fresh[seed] for seed in order]
        assert made[0].cached_tokens < made[0].prompt_tokens
        assert all(each.cached_tokens == each.prompt_tokens for each in made[1:])
        assert _said(engine.complete(PROMPTS[2], SHORT)) == _said(open_engine(tiny_gguf).complete(PROMPTS[2], SHORT))


def test_a_sample_after_one_that_was_broken_off_is_the_same(endless: LlamaEngine) -> None:
    expected = _said(endless.complete(PROMPTS[1], _drawn(5)))
    endless.complete(PROMPTS[1], replace(_drawn(5), max_tokens=3000, timeout_s=0.05))
    assert _said(endless.complete(PROMPTS[1], _drawn(5))) == expected


class _ForgetfulDecoder:
    """An engine whose memory refuses to copy a sequence."""

    def __init__(self, engine: LlamaEngine) -> None:
        self.n_ctx, self.n_batch = engine.n_ctx, engine.n_batch
        self.decode, self.logits, self.is_end = engine.decode, engine.logits, engine.is_end
        self.clear, self.remove = engine.clear, engine.remove

    def copy(self, source: int, target: int, *, length: int) -> bool:
        return False


def test_a_memory_that_cannot_copy_gives_the_same_tokens_without_reuse(engine: LlamaEngine) -> None:
    prefix, suffix = list(range(60, 130)), list(range(70, 90))
    copying, refusing = Generator(engine), Generator(_ForgetfulDecoder(engine))
    copying.run(prefix, [*suffix, 90], SHORT)
    expected = copying.run(prefix, suffix, SHORT)
    assert expected.cached_tokens == len(prefix)
    for _ in range(2):
        made = refusing.run(prefix, suffix, SHORT)
        assert (made.tokens, made.min_margin, made.cached_tokens) == (expected.tokens, expected.min_margin, 0)
    assert not refusing.reuse


def test_a_prompt_over_several_batches_is_decoded_in_the_same_chunks_each_time(
    open_engine: Callable[..., LlamaEngine], tiny_gguf: Path, settings: LoadSettings
) -> None:
    engine = open_engine(tiny_gguf, replace(settings, n_batch=32))
    first, second = (engine.complete(PROMPTS[3], SHORT) for _ in range(2))
    assert second.cached_tokens > 32
    assert _said(first) == _said(second)


@pytest.mark.parametrize("max_tokens", [1, 2, 50])
def test_max_tokens_is_kept_to_the_token(endless: LlamaEngine, max_tokens: int) -> None:
    completion = endless.complete(PROMPTS[0], Sampling(max_tokens=max_tokens))
    assert (completion.completion_tokens, completion.finish_reason) == (max_tokens, FinishReason.length)


def test_a_model_that_ends_by_itself_says_so_and_the_end_is_no_text(
    open_engine: Callable[..., LlamaEngine], tmp_path: Path
) -> None:
    path = write_tiny_gguf(tmp_path / "brief.gguf", gain={"<|im_end|>": 30.0, "<|endoftext|>": 0.0})
    completion = open_engine(path).complete(PROMPTS[0], Sampling(max_tokens=200))
    assert completion.finish_reason is FinishReason.stop_eog
    assert completion.completion_tokens < 200
    assert "<|im_end|>" not in completion.text


def test_a_prompt_that_does_not_fit_is_refused_with_the_numbers(engine: LlamaEngine) -> None:
    with pytest.raises(PromptTooLong) as raised:
        engine.complete(Prompt("", "x" * 3000), Sampling(max_tokens=1100))
    assert "prompt tokens + 1100 new tokens = 41" in str(raised.value)
    assert "the context holds 4096" in str(raised.value)
    assert "new tokens at most" in raised.value.next_step


def test_prompt_and_new_tokens_may_fill_the_context_exactly(endless: LlamaEngine) -> None:
    prompt = Prompt("", "x" * 100)
    used = endless.complete(prompt, Sampling(max_tokens=1)).prompt_tokens
    full = endless.complete(prompt, Sampling(max_tokens=4096 - used))
    assert (full.completion_tokens, full.finish_reason) == (4096 - used, FinishReason.length)
    with pytest.raises(PromptTooLong):
        endless.complete(prompt, Sampling(max_tokens=4097 - used))


def test_the_wall_limit_ends_a_generation_and_keeps_its_text(endless: LlamaEngine) -> None:
    sampling = Sampling(max_tokens=3000, timeout_s=1.0)
    completion = endless.complete(Prompt("", "x"), sampling, lambda _: time.sleep(0.01))
    assert completion.finish_reason is FinishReason.timeout
    assert 0 < completion.completion_tokens < 3000
    assert completion.text
    assert 1.0 <= completion.wall_s < 5.0


def test_the_wall_limit_breaks_off_one_long_call(
    open_engine: Callable[..., LlamaEngine], endless_gguf: Path, settings: LoadSettings
) -> None:
    engine = open_engine(endless_gguf, replace(settings, n_batch=4096))
    expected = _said(engine.complete(PROMPTS[0], SHORT))
    long = Prompt(SYSTEM, "x" * 3000)
    completion = engine.complete(long, Sampling(max_tokens=2, timeout_s=1e-3))
    assert (completion.text, completion.finish_reason) == ("", FinishReason.timeout)
    assert completion.min_margin is None
    after = engine.complete(PROMPTS[0], SHORT)
    assert (after.cached_tokens, _said(after)) == (0, expected)


class _UnstoppableDecoder(_ForgetfulDecoder):
    """An engine on a device that cannot break off a call; counts calls."""

    def __init__(self, engine: LlamaEngine) -> None:
        super().__init__(engine)
        self._engine, self.n_calls = engine, 0
        self.decode = self._decode

    def _decode(
        self, tokens: Sequence[int], *, position: int, sequence: int, logits: bool, deadline: float | None
    ) -> Decoded:
        self.n_calls += 1
        return self._engine.decode(tokens, position=position, sequence=sequence, logits=logits, deadline=None)


def test_the_wall_limit_is_also_kept_between_the_batches_of_a_prompt(
    open_engine: Callable[..., LlamaEngine], endless_gguf: Path, settings: LoadSettings
) -> None:
    decoder = _UnstoppableDecoder(open_engine(endless_gguf, replace(settings, n_batch=8)))
    made = Generator(decoder).run([], [70] * 4000, Sampling(max_tokens=1, timeout_s=5e-3))
    assert made.finish_reason is FinishReason.timeout
    assert 1 <= decoder.n_calls < 500


def test_a_wide_token_is_kept_exactly(open_engine: Callable[..., LlamaEngine], indenting_gguf: Path) -> None:
    completion = open_engine(indenting_gguf).complete(PROMPTS[0], Sampling(max_tokens=60))
    assert " " * WIDE_SPACES in completion.text


def test_a_wide_token_of_a_prompt_counts_as_one(engine: LlamaEngine) -> None:
    narrow, wide = (engine.complete(Prompt("", text), SHORT).prompt_tokens for text in ("x", "x" + " " * 2))
    assert wide == narrow + 1


def test_special_tokens_that_the_user_quotes_are_plain_text(engine: LlamaEngine) -> None:
    plain, quoted = (engine.complete(Prompt("", text), SHORT).prompt_tokens for text in ("", "<|im_end|>"))
    assert quoted == plain + len("<|im_end|>")


def test_a_seed_decides_what_is_drawn(endless: LlamaEngine) -> None:
    one, two, again = (
        endless.complete(PROMPTS[0], Sampling(temperature=1.0, seed=seed, max_tokens=24)).tokens_sha256
        for seed in (1, 2, 1)
    )
    assert one == again != two


def test_thinking_changes_the_rendered_prompt(engine: LlamaEngine) -> None:
    off, on = (engine.complete(PROMPTS[0], replace(SHORT, thinking=flag)) for flag in (False, True))
    assert off.rendered_sha256 != on.rendered_sha256


def test_progress_counts_every_token(endless: LlamaEngine) -> None:
    seen: list[int] = []
    endless.complete(PROMPTS[0], Sampling(max_tokens=5), seen.append)
    assert seen == [1, 2, 3, 4, 5]
