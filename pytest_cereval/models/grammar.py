"""Keeps an answer to a JSON schema, by llama.cpp's own grammars; one object for one completion."""

from __future__ import annotations

import ctypes
from typing import Any, Protocol

import numpy as np

from pytest_cereval.errors import ModelError
from pytest_cereval.models.sampling import Logits

_TOKEN = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)], align=True)


class Constraint(Protocol):
    """Says which tokens may come next."""

    def allows(self, token: int) -> bool:
        """Whether this one may."""

    def masked(self, logits: Logits) -> Logits:
        """A copy of the logits in which all that may not come are minus infinity."""

    def accept(self, token: int) -> None:
        """Tell that this one came."""


class Grammar:
    """A `Constraint` from a JSON schema; `native` is llama.cpp's binding, `vocabulary` that of the loaded model."""

    def __init__(self, native: Any, vocabulary: Any, schema: str) -> None:
        """Raises `ModelError` for a schema that llama.cpp makes no grammar of."""
        from llama_cpp.llama_grammar import json_schema_to_gbnf

        try:
            rules = json_schema_to_gbnf(schema)
        except Exception as error:
            raise ModelError(f"no grammar can be made of the schema {schema[:200]!r}: {error}") from error
        self._native = native
        self._sampler = native.llama_sampler_init_grammar(vocabulary, rules.encode(), b"root")
        if not self._sampler:
            raise ModelError(f"llama.cpp refuses the grammar of the schema {schema[:200]!r}")

    def allows(self, token: int) -> bool:
        """See `Constraint`. One token costs microseconds, where the whole vocabulary costs milliseconds."""
        return bool(np.isfinite(self._applied(np.array([token], np.int32), np.zeros(1, np.float32))[0]))

    def masked(self, logits: Logits) -> Logits:
        """See `Constraint`."""
        return self._applied(np.arange(len(logits), dtype=np.int32), logits)

    def accept(self, token: int) -> None:
        """See `Constraint`."""
        self._native.llama_sampler_accept(self._sampler, token)

    def close(self) -> None:
        """Free the grammar."""
        if self._sampler:
            self._native.llama_sampler_free(self._sampler)
        self._sampler = None

    def _applied(self, tokens: np.ndarray[Any, Any], logits: Logits) -> Logits:
        data = np.zeros(len(tokens), _TOKEN)
        data["id"], data["logit"] = tokens, logits
        pointer = data.ctypes.data_as(self._native.llama_token_data_p)
        array = self._native.llama_token_data_array(pointer, len(data), -1, False)
        self._native.llama_sampler_apply(self._sampler, ctypes.byref(array))
        if array.size != len(data):
            raise ModelError("llama.cpp's grammar dropped tokens instead of marking them")
        order = np.argsort(data["id"], kind="stable") if array.sorted else slice(None)
        found: Logits = np.ascontiguousarray(data["logit"][order])
        return found
