"""Turns a header and the machine's free memory into a refusal, if the model certainly cannot be held."""

from __future__ import annotations

from collections.abc import Callable

from pytest_cereval.errors import ModelError
from pytest_cereval.models.gguf import GgufHeader
from pytest_cereval.models.hardware import available_memory
from pytest_cereval.models.model import LoadSettings

# Bytes per element of a cache, with the scale of a block of 32 spread over it.
_CACHE_BYTES = {
    "f32": 4.0,
    "f16": 2.0,
    "bf16": 2.0,
    "q8_0": 34 / 32,
    "q5_1": 24 / 32,
    "q5_0": 22 / 32,
    "q4_1": 20 / 32,
    "q4_0": 18 / 32,
}


def check_memory(
    header: GgufHeader,
    settings: LoadSettings,
    *,
    available: int | None = None,
    gpu_offload: Callable[[], bool] | None = None,
) -> None:
    """Raise `ModelError` with the figures when the weights alone exceed the memory of a CPU-only build.

    Anything less certain is left to llama.cpp: a GPU may take the weights, and other processes may end.
    `available` (bytes) and `gpu_offload` are what the machine says unless given.
    """
    room = available if available is not None else available_memory()
    if room is None or header.total_size <= room or (gpu_offload or _llama_offloads)():
        return
    cache = cache_bytes(header, settings)
    more = f" and a cache of {_gib(cache)}" if cache is not None else ""
    raise ModelError(
        f"{header.path} does not fit into memory: weights of {_gib(header.total_size)}{more}, "
        f"{_gib(room)} are available, and this llama.cpp build uses no GPU",
        next_step="use a smaller quantisation, or install llama-cpp-python built for this machine's GPU",
    )


def cache_bytes(header: GgufHeader, settings: LoadSettings) -> int | None:
    """An upper estimate of the K and V cache in bytes: every layer counted, except where the header says
    which.

    None when the header gives the shapes per layer.
    """
    prefix = f"{header.metadata.get('general.architecture')}."
    found = [
        header.metadata.get(prefix + name)
        for name in ("block_count", "embedding_length", "attention.head_count", "attention.head_count_kv")
    ]
    layers, width, heads, kv_heads = (value if isinstance(value, int) else 0 for value in found)
    if not (layers and width and heads and kv_heads):
        return None
    key = header.metadata.get(prefix + "attention.key_length", width // heads)
    value = header.metadata.get(prefix + "attention.value_length", width // heads)
    interval = header.metadata.get(prefix + "full_attention_interval", 1)
    if not (isinstance(key, int) and isinstance(value, int) and isinstance(interval, int) and interval > 0):
        return None
    per_token = key * _CACHE_BYTES[settings.type_k] + value * _CACHE_BYTES[settings.type_v]
    return int(settings.n_ctx * settings.together * -(-layers // interval) * kv_heads * per_token)


def _llama_offloads() -> bool:
    # Loading the native library is worth it only in the rare case that the file is larger than free memory.
    from pytest_cereval.models.llama import supports_gpu_offload

    return supports_gpu_offload()


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
