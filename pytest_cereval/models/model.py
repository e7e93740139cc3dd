"""Defines what a model is to the rest of the package: plain text and settings in, one `Completion` out.

Everything here is records and one protocol, so that a model can be a process on this machine, a socket to
one, or a file of recorded answers, and nobody above can tell the difference.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from pytest_cereval.errors import ModelError, SettingsError

# Called with the number of tokens generated so far.
Progress = Callable[[int], None]

CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0")
_EXACT_CACHE_TYPES = ("f32", "f16", "bf16")
MAX_TOGETHER = 253
"""llama.cpp holds 256 sequences (`LLAMA_MAX_SEQ`), of which two keep prompts."""


class FinishReason(StrEnum):
    """Why a completion ended where it did."""

    stop_eog = "stop_eog"  # the model said that it was done
    length = "length"  # `max_tokens` were generated
    ctx_full = "ctx_full"  # llama.cpp found no room for one more token
    timeout = "timeout"  # the wall limit passed
    error = "error"  # for the record of an attempt that a fault of ours ended


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked: instructions that many prompts share, and the question itself.

    Where there is a `schema`, a JSON schema as text, the answer is kept to it while it is generated.
    """

    system: str
    user: str
    schema: str = ""

    def __post_init__(self) -> None:
        try:
            (self.system + self.user).encode()
        except UnicodeEncodeError as error:
            raise ModelError(
                f"a prompt holds {error.object[error.start]!r}, which is not a character UTF-8 can carry",
                next_step="decode the source with its declared encoding before it goes into a prompt",
            ) from error


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is drawn. Temperature 0 takes the likeliest token; above it, `seed` decides the draw.

    `timeout_s` is the wall limit for one completion in seconds, prompt processing included.
    """

    temperature: float = 0.0
    seed: int = 0
    max_tokens: int = 4096
    thinking: bool = False
    timeout_s: float = 900.0

    def __post_init__(self) -> None:
        _require(0.0 <= self.temperature < float("inf"), "temperature", self.temperature, "0 or a positive number")
        _require(self.seed >= 0, "seed", self.seed, "0 or a positive whole number")
        _require(self.max_tokens >= 1, "max_tokens", self.max_tokens, "at least 1")
        _require(0.0 < self.timeout_s < float("inf"), "timeout_s", self.timeout_s, "a positive number of seconds")


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """How a model is loaded; all of it can change bits of a completion, so all of it is recorded.

    `n_ctx` counts tokens of prompt and completion together, `n_batch` the tokens decoded in one call;
    `n_gpu_layers=-1` puts every layer on the GPU that is there; `n_threads=None` uses one thread per usable
    core. `plain` asks a base model without its chat template. `together` is how many answers to one prompt are
    decoded in one call; each has a context of `n_ctx` tokens, so the cache grows with it.
    """

    n_ctx: int = 16384
    n_gpu_layers: int = -1
    flash_attn: bool = True
    type_k: str = "q8_0"
    type_v: str = "q8_0"
    n_threads: int | None = None
    n_batch: int = 512
    plain: bool = False
    together: int = 1

    def __post_init__(self) -> None:
        _require(self.n_ctx >= 256, "n_ctx", self.n_ctx, "at least 256 tokens")
        _require(1 <= self.n_batch <= self.n_ctx, "n_batch", self.n_batch, f"between 1 and n_ctx ({self.n_ctx})")
        _require(self.n_gpu_layers >= -1, "n_gpu_layers", self.n_gpu_layers, "-1 (all layers), 0 or more")
        _require(self.n_threads is None or self.n_threads >= 1, "n_threads", self.n_threads, "at least 1")
        most = min(self.n_batch, MAX_TOGETHER)
        _require(1 <= self.together <= most, "together", self.together, f"between 1 and {most}")
        for name, value in (("type_k", self.type_k), ("type_v", self.type_v)):
            _require(value in CACHE_TYPES, name, value, "one of " + ", ".join(CACHE_TYPES))
        if not self.flash_attn and self.type_v not in _EXACT_CACHE_TYPES:
            raise SettingsError(
                f"type_v={self.type_v!r} without flash attention: llama.cpp cannot create such a context",
                next_step="leave flash attention on (--cereval-flash-attn=on), or give --cereval-type-v=f16",
            )


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer with what it cost; times in seconds.

    `prompt_tokens` includes the `cached_tokens` that were taken over from an earlier prompt;
    `completion_tokens` leaves out the end-of-generation token. The digests are sha256 in hex: of the
    rendered prompt as UTF-8, and of the token ids as little-endian 32-bit numbers. `min_margin` is the
    smallest gap between the best and the second-best logit over the completion: near zero, another machine
    may well give another text. Of answers decoded together, the first one bears the reading of the prompt and
    each its share of the calls it was part of, so that sums of times are times.
    """

    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    prefill_s: float
    decode_s: float
    wall_s: float
    rendered_sha256: str
    tokens_sha256: str
    min_margin: float | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON builtins; `from_dict` gives back an equal record."""
        return {**dataclasses.asdict(self), "finish_reason": self.finish_reason.value}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Completion:
        """Read what `to_dict` wrote; raises `ModelError` naming the first field that does not fit."""
        for name, kinds in _COMPLETION_FIELDS.items():
            if name not in data or type(data[name]) not in kinds:
                found = repr(data[name])[:80] if name in data else "nothing"
                raise ModelError(
                    f"not a completion: field {name!r} holds {found}",
                    next_step="record the completion again with this version",
                )
        if data["finish_reason"] not in FinishReason.__members__:
            raise ModelError(
                f"not a completion: finish_reason {data['finish_reason']!r} is none of " + ", ".join(FinishReason),
                next_step="record the completion again with this version",
            )
        values = {name: data[name] for name in _COMPLETION_FIELDS}
        return cls(**{**values, "finish_reason": FinishReason(data["finish_reason"])})


class Model(Protocol):
    """Something that answers prompts, one at a time."""

    def describe(self) -> dict[str, Any]:
        """What answers here, as JSON builtins, complete enough to find or build the same again."""

    def complete(self, prompt: Prompt, sampling: Sampling, progress: Progress | None = None) -> Completion:
        """Answer one prompt; raises `PromptTooLong`, `ModelCrashed` (one attempt lost) or `ModelError`."""

    def close(self) -> None:
        """Give back memory, processes and sockets; calling it twice is fine."""


class BatchModel(Model, Protocol):
    """A model that can also draw several answers to one prompt at once."""

    def complete_all(
        self, prompt: Prompt, samplings: Sequence[Sampling], progress: Progress | None = None
    ) -> tuple[Completion, ...]:
        """One answer for each sampling, in order, decoded together; raises as `complete` does, for all at once.

        `progress` is told the tokens of all of them.
        """


def prompt_sha256(prompt: Prompt) -> str:
    """The digest under which a prompt's answers are recorded: sha256 of system, a zero byte, user.

    A schema, where there is one, follows behind another zero byte.
    """
    text = f"{prompt.system}\0{prompt.user}" + (f"\0{prompt.schema}" if prompt.schema else "")
    return hashlib.sha256(text.encode()).hexdigest()


def _require(holds: bool, name: str, value: object, accepted: str) -> None:
    if not holds:
        raise SettingsError(f"{name}={value!r} cannot be used", next_step=f"give {accepted}")


_NUMBER = (int, float)
_COMPLETION_FIELDS: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "finish_reason": (str,),
    "prompt_tokens": (int,),
    "cached_tokens": (int,),
    "completion_tokens": (int,),
    "prefill_s": _NUMBER,
    "decode_s": _NUMBER,
    "wall_s": _NUMBER,
    "rendered_sha256": (str,),
    "tokens_sha256": (str,),
    "min_margin": (*_NUMBER, type(None)),
}
