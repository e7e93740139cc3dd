"""Turns text into the token ids of one model and back, exactly."""

from __future__ import annotations

import ctypes
from typing import Any

from pytest_cereval.models.grammar import Grammar
from pytest_cereval.models.template import Rendered


class Vocabulary:
    """The vocabulary of a loaded model; `native` is llama.cpp's binding, which `llama.py` alone imports."""

    def __init__(self, native: Any, model: Any) -> None:
        self._native = native
        self._vocab = native.llama_model_get_vocab(model)
        self._buffer = ctypes.create_string_buffer(32)
        self.size = int(native.llama_vocab_n_tokens(self._vocab))
        self.bos = self._text(native.llama_vocab_bos(self._vocab))
        self.eos = self._text(native.llama_vocab_eos(self._vocab))
        self._adds_bos = bool(native.llama_vocab_get_add_bos(self._vocab))

    def prompt_tokens(self, rendered: Rendered) -> tuple[list[int], list[int]]:
        """The ids of a prompt up to the user's text, and the rest.

        Special tokens are read in the template's part only: the user's text may quote them. The model's
        beginning-of-sequence token is put first where the model wants one and the template has not written
        it.
        """
        wants_bos = self._adds_bos and not (self.bos and rendered.text.startswith(self.bos))
        prefix = self._tokenize(rendered.head, special=True, bos=wants_bos)
        suffix = self._tokenize(rendered.body, special=False, bos=wants_bos and not prefix)
        suffix += self._tokenize(rendered.tail, special=True, bos=wants_bos and not prefix and not suffix)
        return prefix, suffix

    def is_end(self, token: int) -> bool:
        """Whether the token ends a generation."""
        return bool(self._native.llama_vocab_is_eog(self._vocab, token))

    def grammar(self, schema: str) -> Grammar:
        """What keeps one answer to a JSON schema; raises `ModelError` for a schema that cannot be followed."""
        return Grammar(self._native, self._vocab, schema)

    def piece(self, token: int) -> bytes:
        """The bytes a token stands for, however long, special tokens included."""
        while True:
            length = self._native.llama_token_to_piece(self._vocab, token, self._buffer, len(self._buffer), 0, True)
            if length >= 0:
                return self._buffer.raw[:length]
            self._buffer = ctypes.create_string_buffer(-length)

    def _tokenize(self, text: str, *, special: bool, bos: bool) -> list[int]:
        if not text:
            return []
        data = text.encode()
        room = len(data) + 8
        while True:
            found = (self._native.llama_token * room)()
            count = self._native.llama_tokenize(self._vocab, data, len(data), found, room, bos, special)
            if count >= 0:
                return list(found[:count])
            room = -count

    def _text(self, token: int) -> str:
        if token < 0:
            return ""
        text: bytes = self._native.llama_vocab_get_text(self._vocab, token) or b""
        return text.decode(errors="replace")
