"""Turns prompts, settings and errors into JSON objects and back, for models that live in another process."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from pytest_cereval.errors import CerevalError, ModelError
from pytest_cereval.models.model import LoadSettings, Prompt, Sampling

ABSTRACT = "@"
"""The first character of addresses without a file, here and in /proc/net/unix."""


def native_address(address: str) -> str:
    """An address as the socket module takes it: an abstract one begins with a zero byte."""
    return f"\0{address.removeprefix(ABSTRACT)}" if address.startswith(ABSTRACT) else address


def complete_request(prompt: Prompt, sampling: Sampling) -> dict[str, Any]:
    """The message that asks for one completion."""
    return {"do": "complete", "prompt": dataclasses.asdict(prompt), "sampling": dataclasses.asdict(sampling)}


def read_complete_request(message: dict[str, Any]) -> tuple[Prompt, Sampling]:
    """The inverse of `complete_request`."""
    return Prompt(**message["prompt"]), Sampling(**message["sampling"])


def complete_all_request(prompt: Prompt, samplings: Sequence[Sampling]) -> dict[str, Any]:
    """The message that asks for several completions of one prompt, decoded together."""
    each = [dataclasses.asdict(sampling) for sampling in samplings]
    return {"do": "complete_all", "prompt": dataclasses.asdict(prompt), "samplings": each}


def read_complete_all_request(message: dict[str, Any]) -> tuple[Prompt, tuple[Sampling, ...]]:
    """The inverse of `complete_all_request`."""
    return Prompt(**message["prompt"]), tuple(Sampling(**each) for each in message["samplings"])


def load_settings(data: dict[str, Any]) -> LoadSettings:
    """The inverse of `dataclasses.asdict` for `LoadSettings`."""
    return LoadSettings(**data)


def error_message(error: Exception) -> dict[str, Any]:
    """The message that carries an error; one that is not ours crosses as a `ModelError` with its type's
    name.
    """
    if isinstance(error, CerevalError):
        return {"error": type(error).__name__, "what": error.what, "next_step": error.next_step}
    return {"error": "ModelError", "what": f"{type(error).__name__}: {error}", "next_step": ""}


def error_from(message: dict[str, Any]) -> CerevalError:
    """The inverse of `error_message`: the same class with the same text."""
    kind = _error_classes().get(str(message["error"]), ModelError)
    return kind(str(message.get("what", "")), next_step=str(message.get("next_step", "")))


def _error_classes() -> dict[str, type[CerevalError]]:
    found: dict[str, type[CerevalError]] = {}
    waiting: list[type[CerevalError]] = [CerevalError]
    while waiting:
        kind = waiting.pop()
        found[kind.__name__] = kind
        waiting.extend(kind.__subclasses__())
    return found
