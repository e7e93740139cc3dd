"""Turns a file and settings into llama.cpp's model and a context for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_cereval.errors import ModelError
from pytest_cereval.models.model import LoadSettings
from pytest_cereval.models.native_log import NativeLog
from pytest_cereval.models.together import sequences_for

_ALL_LAYERS = 0x7FFFFFFF
_FLASH_ATTN = {True: 1, False: 0}
_CACHE_TYPES = {"f32": 0, "f16": 1, "bf16": 30, "q8_0": 8, "q5_1": 7, "q5_0": 6, "q4_1": 3, "q4_0": 2}


def load_model(native: Any, log: NativeLog, path: Path, settings: LoadSettings, *, extra_bufts: bool) -> Any:
    """The model; `native` is llama.cpp's binding, which `llama.py` alone imports. Raises `ModelError`."""
    params = native.llama_model_default_params()
    wanted = settings.n_gpu_layers
    params.n_gpu_layers = _ALL_LAYERS if wanted == -1 else wanted
    params.use_extra_bufts = extra_bufts
    model = native.llama_model_load_from_file(str(path).encode(), params)
    if not model:
        raise ModelError(
            f"llama.cpp cannot load {path}" + log.tail(),
            next_step="check the file's sha256 and that llama-cpp-python knows this architecture",
        )
    return model


def create_context(native: Any, log: NativeLog, model: Any, settings: LoadSettings, n_threads: int) -> Any:
    """A context whose cells all sequences share, with room for `settings.together` answers of `n_ctx` tokens.

    Raises `ModelError`.
    """
    params = native.llama_context_default_params()
    trained = int(native.llama_model_n_ctx_train(model))
    each = min(settings.n_ctx, trained) if trained > 0 else settings.n_ctx
    params.n_ctx = each * settings.together
    params.n_batch = params.n_ubatch = min(settings.n_batch, each)
    params.n_seq_max = sequences_for(settings.together)
    params.kv_unified = True
    params.n_threads = params.n_threads_batch = n_threads
    params.flash_attn_type = _FLASH_ATTN[settings.flash_attn]
    params.type_k, params.type_v = _CACHE_TYPES[settings.type_k], _CACHE_TYPES[settings.type_v]
    context = native.llama_init_from_model(model, params)
    if not context:
        raise ModelError(
            f"llama.cpp cannot create a context of {params.n_ctx} tokens" + log.tail(),
            next_step="give a smaller --cereval-ctx=N, or, if the log speaks of block sizes, --cereval-type-k=f16 "
            "--cereval-type-v=f16",
        )
    return context
