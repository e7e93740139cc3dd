"""Turns prompt tokens into completion tokens through a decoder, and keeps the shared start of prompts
between them, and the last prompt as a whole for further samples of it.

Logits depend on how many tokens one call decodes. So the cut between prefix and suffix and the size of
every chunk follow from the prompt alone, and each prompt starts from the same state of the cache: whether
the prefix was still there or had to be decoded again, the bits are the same.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from pytest_cereval.errors import ModelError, PromptTooLong
from pytest_cereval.models.grammar import Constraint
from pytest_cereval.models.model import FinishReason, Progress, Sampling
from pytest_cereval.models.sampling import Logits, TokenPicker

ANSWER = 0
"""The sequence that a completion is generated in."""
_SHARED = 1  # the sequence that keeps the prefix
PROMPT = 2
"""The sequence that keeps the last prompt as a whole."""
SEQUENCES = 3
"""How many sequences a decoder must be able to hold."""


class Decoded(Enum):
    """What became of one decode call."""

    done = "done"
    full = "full"
    aborted = "aborted"


class Decoder(Protocol):
    """What generation needs of llama.cpp, with nothing of its types."""

    n_ctx: int
    n_batch: int

    def decode(
        self, tokens: Sequence[int], *, position: int, sequence: int, logits: bool, deadline: float | None
    ) -> Decoded:
        """Run up to `n_batch` tokens; `deadline` (monotonic) lets a long call be broken off where that is
        possible.
        """

    def logits(self) -> Logits:
        """Those of the last token decoded with `logits=True`; valid until the next decode."""

    def is_end(self, token: int) -> bool:
        """Whether the token ends a generation."""

    def clear(self) -> None:
        """Forget all sequences."""

    def remove(self, sequence: int) -> bool:
        """Forget one sequence; False when the model's memory cannot."""

    def copy(self, source: int, target: int, *, length: int) -> bool:
        """Let `target` start with the `length` tokens of `source`; False when the model's memory cannot."""


@dataclass(frozen=True, slots=True)
class Generated:
    """The tokens of one completion, without the end-of-generation token, and how they came about."""

    tokens: tuple[int, ...]
    finish_reason: FinishReason
    cached_tokens: int
    prefill_s: float
    decode_s: float
    min_margin: float | None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A prompt that `PROMPT` holds, with the logits of its last token."""

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    logits: Logits


class Generator:
    """Generates one completion at a time; remembers the prefix and the prompt of the one before."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._kept: tuple[int, ...] = ()
        self._asked: _Asked | None = None
        self.reuse = True

    def run(
        self,
        prefix: Sequence[int],
        suffix: Sequence[int],
        sampling: Sampling,
        progress: Progress | None = None,
        constraint: Constraint | None = None,
    ) -> Generated:
        """Generate until the model ends, `max_tokens` or the wall limit.

        Raises `PromptTooLong` with the numbers when prompt and `max_tokens` do not fit the context
        together, and `ModelError` for a prompt of no tokens.
        """
        self.check_fit(len(prefix) + len(suffix), sampling.max_tokens)
        started = time.monotonic()
        deadline = started + sampling.timeout_s
        outcome, cached, first = self.prefill(tuple(prefix), tuple(suffix), deadline)
        picker = TokenPicker(sampling, constraint)
        tokens: list[int] = []
        prefilled = time.monotonic()
        reason = (
            REASONS[outcome]
            if first is None
            else self._generate(tokens, first, len(prefix) + len(suffix), picker, sampling, deadline, progress)
        )
        if reason in (FinishReason.timeout, FinishReason.ctx_full):
            # An aborted call leaves the cache in a state that no completion may start from.
            self.forget()
        return Generated(
            tokens=tuple(tokens),
            finish_reason=reason,
            cached_tokens=cached,
            prefill_s=prefilled - started,
            decode_s=time.monotonic() - prefilled,
            min_margin=picker.min_margin,
        )

    def check_fit(self, prompt_tokens: int, max_tokens: int) -> None:
        """Raises `PromptTooLong` with the numbers, and `ModelError` for a prompt of no tokens."""
        room = self._decoder.n_ctx
        if prompt_tokens == 0:
            raise ModelError("the prompt has no tokens", next_step="ask something")
        if prompt_tokens + max_tokens > room:
            raise PromptTooLong(
                f"prompt and completion do not fit: {prompt_tokens} prompt tokens + {max_tokens} new tokens "
                f"= {prompt_tokens + max_tokens}, the context holds {room}",
                next_step="enlarge the context (--cereval-ctx=N), "
                f"or ask for {max(0, room - prompt_tokens)} new tokens at most"
                " (--cereval-max-tokens=N)",
            )

    def prefill(
        self, prefix: tuple[int, ...], suffix: tuple[int, ...], deadline: float
    ) -> tuple[Decoded, int, Logits | None]:
        """What became of it, how many tokens were there already, and the logits of the last one if it is done."""
        asked = self._asked
        if asked is not None and (asked.prefix, asked.suffix) == (prefix, suffix):
            if self._decoder.remove(ANSWER) and self._decoder.copy(PROMPT, ANSWER, length=len(prefix + suffix)):
                return Decoded.done, len(prefix + suffix), asked.logits
            self.forget()
        elif asked is not None and not self._decoder.remove(PROMPT):
            self.forget()
        self._asked = None
        outcome, cached = self._prefill_anew(prefix, suffix, deadline)
        if outcome is not Decoded.done:
            return outcome, cached, None
        first = self._decoder.logits().copy()  # also waits for a device that computes behind our back
        if self.reuse and self._decoder.copy(ANSWER, PROMPT, length=len(prefix + suffix)):
            self._asked = _Asked(prefix, suffix, first)
        return outcome, cached, first

    def _prefill_anew(self, prefix: tuple[int, ...], suffix: tuple[int, ...], deadline: float) -> tuple[Decoded, int]:
        cached = self._take_kept(prefix)
        if not cached:
            self.forget()
            target = _SHARED if self.reuse and suffix else ANSWER
            outcome = self._decode(prefix, 0, target, deadline, logits=not suffix)
            if outcome is not Decoded.done:
                return outcome, 0
            if target == _SHARED and prefix:
                if not self._decoder.copy(_SHARED, ANSWER, length=len(prefix)):
                    self.reuse = False
                    return self._prefill_anew(prefix, suffix, deadline)
                self._kept = prefix
        return self._decode(suffix, len(prefix), ANSWER, deadline, logits=True), cached

    def _take_kept(self, prefix: tuple[int, ...]) -> int:
        if not prefix or prefix != self._kept:
            return 0
        if self._decoder.remove(ANSWER) and self._decoder.copy(_SHARED, ANSWER, length=len(prefix)):
            return len(prefix)
        self.reuse = False
        return 0

    def forget(self) -> None:
        """Start from nothing with the next prompt."""
        self._kept = ()
        self._asked = None
        self._decoder.clear()

    def _decode(self, tokens: Sequence[int], position: int, sequence: int, deadline: float, *, logits: bool) -> Decoded:
        size = self._decoder.n_batch
        for start in range(0, len(tokens), size):
            if time.monotonic() >= deadline:
                return Decoded.aborted
            chunk = tokens[start : start + size]
            outcome = self._decoder.decode(
                chunk,
                position=position + start,
                sequence=sequence,
                logits=logits and start + size >= len(tokens),
                deadline=deadline,
            )
            if outcome is not Decoded.done:
                return outcome
        return Decoded.done

    def _generate(
        self,
        tokens: list[int],
        logits: Logits,
        position: int,
        picker: TokenPicker,
        sampling: Sampling,
        deadline: float,
        progress: Progress | None,
    ) -> FinishReason:
        while True:
            token = picker.pick(logits)
            if self._decoder.is_end(token):
                return FinishReason.stop_eog
            tokens.append(token)
            if progress is not None:
                progress(len(tokens))
            if len(tokens) == sampling.max_tokens:
                return FinishReason.length
            if time.monotonic() >= deadline:
                return FinishReason.timeout
            outcome = self._decoder.decode([token], position=position, sequence=ANSWER, logits=True, deadline=None)
            if outcome is not Decoded.done:
                return REASONS[outcome]
            logits = self._decoder.logits()
            position += 1


REASONS = {Decoded.full: FinishReason.ctx_full, Decoded.aborted: FinishReason.timeout}
