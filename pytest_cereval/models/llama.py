"""Turns prompts into completions with llama.cpp.

It uses the low-level functions: the high-level class drops token pieces over 32 bytes (long indentation),
detokenises the whole text again at each token, hides what was cached, and reuses prefixes in a way that
changes results.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import struct
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import llama_cpp.llama_cpp as native
import numpy as np

from pytest_cereval.errors import ModelError, SettingsError
from pytest_cereval.models.generation import Decoded, Generated, Generator
from pytest_cereval.models.gguf import read_header
from pytest_cereval.models.hardware import ggml_devices, usable_cores
from pytest_cereval.models.loading import create_context, load_model
from pytest_cereval.models.model import Completion, LoadSettings, Progress, Prompt, Sampling
from pytest_cereval.models.native_log import NativeLog
from pytest_cereval.models.sampling import Logits
from pytest_cereval.models.template import ChatForm, Form, Rendered, plain_form
from pytest_cereval.models.together import BatchGenerator
from pytest_cereval.models.vocabulary import Vocabulary

_PROOF = Prompt(system="This is a self-test.", user="Say ok.")
_OTHER_PROOF = Prompt(system=_PROOF.system, user="Say no.")
_PROOF_TOKENS = 4


_LOG = NativeLog(native)


class LlamaEngine:
    """One loaded model with one context. Not thread-safe; a fault in native code ends the process."""

    def __init__(
        self,
        path: Path,
        settings: LoadSettings,
        *,
        extra_bufts: bool = True,
        log: Callable[[str], None] | None = None,
    ) -> None:
        """Load the model; raises `ModelError` with the end of llama.cpp's log when it cannot.

        `extra_bufts=False` keeps llama.cpp from repacking weights for special instructions. On CPUs that
        announce AMX and do not grant it, the repacked path faults at the first prompt.
        """
        started = time.monotonic()
        self._settings, self._extra_bufts, self._path = settings, extra_bufts, path
        _LOG.listen(log)
        header = read_header(path)
        native.llama_backend_init()
        self._model: Any = None
        self._ctx: Any = None
        self._model = load_model(native, _LOG, path, settings, extra_bufts=extra_bufts)
        self._vocabulary = Vocabulary(native, self._model)
        self._refuse_unsuitable()
        self._form = self._choose_form(header.metadata.get("tokenizer.chat_template"))
        self._n_threads = settings.n_threads or usable_cores()
        self._ctx = create_context(native, _LOG, self._model, settings, self._n_threads)
        self._memory = native.llama_get_memory(self._ctx)
        self.n_ctx = int(native.llama_n_ctx(self._ctx)) // settings.together
        self.n_batch = int(native.llama_n_batch(self._ctx))
        self._batch = native.llama_batch_init(self.n_batch, 0, 1)
        self._deadline: float | None = None
        self._abort = native.ggml_abort_callback(self._out_of_time)
        self._no_abort = native.ggml_abort_callback()
        self._generator = Generator(self)
        self._batched = BatchGenerator(self, self._generator)
        self.load_s = time.monotonic() - started

    # -- answering

    def complete(self, prompt: Prompt, sampling: Sampling, progress: Progress | None = None) -> Completion:
        """Answer one prompt; raises `PromptTooLong` or `ModelError`."""
        started = time.monotonic()
        rendered = self._form(prompt, sampling.thinking)
        prefix, suffix = self._vocabulary.prompt_tokens(rendered)
        constraint = self._vocabulary.grammar(prompt.schema) if prompt.schema else None
        try:
            made = self._generator.run(prefix, suffix, sampling, progress, constraint)
        finally:
            if constraint is not None:
                constraint.close()
        return self._completion(made, rendered, len(prefix) + len(suffix), time.monotonic() - started)

    def complete_all(
        self, prompt: Prompt, samplings: Sequence[Sampling], progress: Progress | None = None
    ) -> tuple[Completion, ...]:
        """Answer one prompt once for each sampling, decoded together; raises as `complete`, and `SettingsError` for
        more answers than the context was made for.
        """
        if len(samplings) > self._settings.together:
            raise SettingsError(
                f"{len(samplings)} answers together: the model was loaded for {self._settings.together}",
                next_step="load it with LoadSettings(together=...)",
            )
        started = time.monotonic()
        rendered = self._form(prompt, samplings[0].thinking)
        prefix, suffix = self._vocabulary.prompt_tokens(rendered)
        with contextlib.ExitStack() as stack:
            constraints = [self._vocabulary.grammar(prompt.schema) for _ in samplings if prompt.schema]
            for constraint in constraints:
                stack.callback(constraint.close)
            made = self._batched.run(prefix, suffix, samplings, progress, constraints)
        size, busy_s = len(prefix) + len(suffix), sum(each.prefill_s + each.decode_s for each in made)
        rest_s = (time.monotonic() - started - busy_s) / len(made)
        return tuple(self._completion(each, rendered, size, each.prefill_s + each.decode_s + rest_s) for each in made)

    def _completion(self, made: Generated, rendered: Rendered, prompt_tokens: int, wall_s: float) -> Completion:
        return Completion(
            text=b"".join(map(self._vocabulary.piece, made.tokens)).decode(errors="replace"),
            finish_reason=made.finish_reason,
            prompt_tokens=prompt_tokens,
            cached_tokens=made.cached_tokens,
            completion_tokens=len(made.tokens),
            prefill_s=made.prefill_s,
            decode_s=made.decode_s,
            wall_s=wall_s,
            rendered_sha256=rendered.sha256,
            tokens_sha256=hashlib.sha256(struct.pack(f"<{len(made.tokens)}i", *made.tokens)).hexdigest(),
            min_margin=made.min_margin,
        )

    def prove(self) -> float:
        """Generate a few tokens from a fresh, a kept and a half kept prompt; returns the seconds this took.

        A model whose memory does not give the same tokens each time is run without any reuse from then on.
        """
        started = time.monotonic()
        sampling = Sampling(max_tokens=min(_PROOF_TOKENS, self.n_ctx))
        made = [self.complete(prompt, sampling) for prompt in (_PROOF, _PROOF, _OTHER_PROOF, _PROOF)]
        if len({made[index].tokens_sha256 for index in (0, 1, 3)}) > 1:
            self._generator.reuse = False
        return time.monotonic() - started

    # -- the decoder that generation drives

    def decode(
        self, tokens: Sequence[int], *, position: int, sequence: int, logits: bool, deadline: float | None
    ) -> Decoded:
        """See `Decoder`. Only prompts are broken off inside a call, and only on the CPU: the callback runs
        per graph node, which for single tokens would cost more than it saves.
        """
        batch = self._batch
        batch.n_tokens = len(tokens)
        for index, token in enumerate(tokens):
            batch.token[index] = token
            batch.pos[index] = position + index
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = sequence
            batch.logits[index] = False
        batch.logits[len(tokens) - 1] = logits
        self._watch(deadline)
        return self._decoded(native.llama_decode(self._ctx, batch), position)

    def step(self, tokens: Sequence[int], *, positions: Sequence[int], sequences: Sequence[int]) -> Decoded:
        """See `BatchDecoder`."""
        batch = self._batch
        batch.n_tokens = len(tokens)
        for index, (token, position, sequence) in enumerate(zip(tokens, positions, sequences, strict=True)):
            batch.token[index] = token
            batch.pos[index] = position
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = sequence
            batch.logits[index] = True
        self._watch(None)
        return self._decoded(native.llama_decode(self._ctx, batch), positions[0])

    def _decoded(self, code: int, position: int) -> Decoded:
        if code in _DECODED:
            return _DECODED[code]
        raise ModelError(
            f"llama_decode returned {code} at position {position}" + _LOG.tail(),
            next_step="report the log lines to llama.cpp if the file's sha256 is right",
        )

    def _watch(self, deadline: float | None) -> None:
        if (deadline is None) != (self._deadline is None):
            native.llama_set_abort_callback(self._ctx, self._no_abort if deadline is None else self._abort, None)
        self._deadline = deadline

    def _out_of_time(self, _data: Any) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def logits(self) -> Logits:
        """See `Decoder`."""
        return self.logits_at(-1)

    def logits_at(self, place: int) -> Logits:
        """See `BatchDecoder`."""
        pointer = native.llama_get_logits_ith(self._ctx, place)
        if not pointer:
            raise ModelError("the model gives no logits" + _LOG.tail(), next_step="use a text generation model")
        return np.ctypeslib.as_array(pointer, shape=(self._vocabulary.size,))

    def is_end(self, token: int) -> bool:
        """See `Decoder`."""
        return self._vocabulary.is_end(token)

    def clear(self) -> None:
        """See `Decoder`."""
        native.llama_memory_clear(self._memory, True)

    def remove(self, sequence: int) -> bool:
        """See `Decoder`."""
        return bool(native.llama_memory_seq_rm(self._memory, sequence, -1, -1))

    def copy(self, source: int, target: int, *, length: int) -> bool:
        """See `Decoder`. Changes bookkeeping only, because both sequences share one buffer (`kv_unified`)."""
        native.llama_memory_seq_cp(self._memory, source, target, -1, -1)
        return bool(native.llama_memory_seq_pos_max(self._memory, target) == length - 1)

    # -- loading

    def _refuse_unsuitable(self) -> None:
        if not native.llama_model_has_decoder(self._model) or native.llama_model_has_encoder(self._model):
            raise ModelError(
                f"{self._path} is not a model that continues text", next_step="use a decoder-only text model"
            )

    def _choose_form(self, template: Any) -> Form:
        if self._settings.plain:
            return plain_form
        if not isinstance(template, str):
            raise ModelError(
                f"{self._path} has no chat template, so it looks like a base model",
                next_step="use the instruct version, or ask without a template: --cereval-plain-prompt",
            )
        return ChatForm(template, bos=self._vocabulary.bos, eos=self._vocabulary.eos)

    def close(self) -> None:
        """Free the context and the model."""
        if self._ctx is not None:
            native.llama_batch_free(self._batch)
            native.llama_free(self._ctx)
        if self._model is not None:
            native.llama_model_free(self._model)
        self._ctx = self._model = None

    # -- what it is

    def describe(self) -> dict[str, Any]:
        """What was loaded, with the settings that took effect, as JSON builtins."""
        desc = ctypes.create_string_buffer(256)
        native.llama_model_desc(self._model, desc, len(desc))
        return {
            "llama_cpp_python": llama_cpp.__version__,
            "llama_cpp": native.llama_version().decode(),
            "system_info": native.llama_print_system_info().decode(),
            "devices": ggml_devices(native._lib),
            "model": desc.value.decode(errors="replace"),
            "n_params": int(native.llama_model_n_params(self._model)),
            "weights_bytes": int(native.llama_model_size(self._model)),
            "n_ctx": self.n_ctx,
            "n_ctx_train": int(native.llama_model_n_ctx_train(self._model)),
            "n_batch": self.n_batch,
            "together": self._settings.together,
            "n_threads": self._n_threads,
            "flash_attn": self._settings.flash_attn,
            "type_k": self._settings.type_k,
            "type_v": self._settings.type_v,
            "n_gpu_layers": self._settings.n_gpu_layers,
            "gpu_offload": supports_gpu_offload(),
            "extra_bufts": self._extra_bufts,
            "prefix_reuse": self._generator.reuse,
            "prompt_form": "plain" if self._settings.plain else "chat_template",
            "load_s": self.load_s,
        }


_DECODED = {0: Decoded.done, 1: Decoded.full, 2: Decoded.aborted}


def supports_gpu_offload() -> bool:
    """Whether this build of llama.cpp can use a GPU that it finds."""
    return bool(native.llama_supports_gpu_offload())
