"""Turns one prompt into several completions that are decoded together: one call of the model per token of all of them.

That is another way to compute, with other bits than one completion after the other: logits depend on how many
sequences a call holds. So what is drawn together is always the same set of samples in the same order, whichever of them
is needed; then the same prompt and settings give the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pytest_cereval.errors import ModelError
from pytest_cereval.models.generation import ANSWER, REASONS, SEQUENCES, Decoded, Decoder, Generated, Generator
from pytest_cereval.models.grammar import Constraint
from pytest_cereval.models.model import FinishReason, Progress, Sampling
from pytest_cereval.models.sampling import Logits, TokenPicker


class BatchDecoder(Decoder, Protocol):
    """A decoder that can go one token further in several sequences at once."""

    def step(self, tokens: Sequence[int], *, positions: Sequence[int], sequences: Sequence[int]) -> Decoded:
        """Run one token of each of these sequences in one call."""

    def logits_at(self, place: int) -> Logits:
        """Those of the token at this place in the last `step`; valid until the next call."""


@dataclass(slots=True)
class _Answer:
    """One completion on its way; `reason` is None until it ends."""

    sequence: int
    sampling: Sampling
    picker: TokenPicker
    tokens: list[int] = field(default_factory=list)
    reason: FinishReason | None = None
    decode_s: float = 0.0

    def take(self, token: int, *, is_end: bool) -> None:
        """Go on by what was picked."""
        if is_end:
            self.reason = FinishReason.stop_eog
            return
        self.tokens.append(token)
        if len(self.tokens) == self.sampling.max_tokens:
            self.reason = FinishReason.length


def sequences_for(together: int) -> int:
    """How many sequences a decoder must be able to hold for so many answers at once."""
    return SEQUENCES + together - 1


class BatchGenerator:
    """Draws all samples of a prompt at once, from the prompt as the `generator` beside it has read it."""

    def __init__(self, decoder: BatchDecoder, generator: Generator) -> None:
        self._decoder, self._generator = decoder, generator

    def run(
        self,
        prefix: Sequence[int],
        suffix: Sequence[int],
        samplings: Sequence[Sampling],
        progress: Progress | None = None,
        constraints: Sequence[Constraint | None] = (),
    ) -> tuple[Generated, ...]:
        """Generate until each answer has ended, for whatever reason; one that ends leaves the others to go on.

        All of them begin at once, so `timeout_s` runs for all from here. Raises as `Generator.run` does, and
        `ModelError` for a model whose memory cannot hold a prompt twice.
        """
        size = len(prefix) + len(suffix)
        self._generator.check_fit(size, max(each.max_tokens for each in samplings))
        started = time.monotonic()
        deadline = started + min(each.timeout_s for each in samplings)
        outcome, cached, first = self._generator.prefill(tuple(prefix), tuple(suffix), deadline)
        prefill_s = time.monotonic() - started
        limits = constraints or [None] * len(samplings)
        answers = [
            _Answer(ANSWER if number == 0 else SEQUENCES + number - 1, each, TokenPicker(each, limits[number]))
            for number, each in enumerate(samplings)
        ]
        if first is None:
            _end(answers, REASONS[outcome])
        else:
            self._spread(answers, size)
            try:
                self._generate(answers, first, size, deadline, progress)
            finally:
                self._gather(answers)
        return tuple(
            Generated(
                tokens=tuple(answer.tokens),
                finish_reason=answer.reason or FinishReason.error,
                cached_tokens=size if number else cached,
                prefill_s=0.0 if number else prefill_s,
                decode_s=answer.decode_s,
                min_margin=answer.picker.min_margin,
            )
            for number, answer in enumerate(answers)
        )

    def _spread(self, answers: Sequence[_Answer], size: int) -> None:
        for answer in answers[1:]:
            if not self._decoder.copy(ANSWER, answer.sequence, length=size):
                self._generator.forget()
                raise ModelError(
                    "this model's memory cannot start several answers from one prompt",
                    next_step="leave out --cereval-batch; samples are then drawn one after the other",
                )

    def _gather(self, answers: Sequence[_Answer]) -> None:
        """Give the further sequences back; after an odd end no completion may start from what is in the cache."""
        odd = any(each.reason in (None, FinishReason.timeout, FinishReason.ctx_full) for each in answers)
        freed = [self._decoder.remove(each.sequence) for each in answers[1:]]
        if odd or not all(freed):
            self._generator.forget()

    def _generate(
        self, answers: Sequence[_Answer], first: Logits, position: int, deadline: float, progress: Progress | None
    ) -> None:
        begun = time.monotonic()
        going = list(answers)
        rows = [first] * len(going)
        while True:
            for answer, logits in zip(going, rows, strict=True):
                token = answer.picker.pick(logits)
                answer.take(token, is_end=self._decoder.is_end(token))
            now = time.monotonic()
            for answer in going:
                answer.decode_s += (now - begun) / len(going)
            begun = now
            if progress is not None:
                progress(sum(len(each.tokens) for each in answers))
            going = [each for each in going if each.reason is None]
            if not going:
                return
            if now >= deadline:
                _end(going, FinishReason.timeout)
                return
            outcome = self._decoder.step(
                [each.tokens[-1] for each in going],
                positions=[position] * len(going),
                sequences=[each.sequence for each in going],
            )
            if outcome is not Decoded.done:
                _end(going, REASONS[outcome])
                return
            rows = [self._decoder.logits_at(place) for place in range(len(going))]
            position += 1


def _end(answers: Sequence[_Answer], reason: FinishReason) -> None:
    for answer in answers:
        answer.reason = reason
