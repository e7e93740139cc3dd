"""How models are loaded into this process, and what is said when they cannot be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.errors import ModelError
from pytest_cereval.models import llama
from pytest_cereval.models.llama import LlamaEngine
from pytest_cereval.models.model import LoadSettings, Prompt, Sampling
from tests.tiny_gguf import write_tiny_gguf

SHORT = Sampling(max_tokens=24)


def test_a_model_without_a_template_can_be_asked_plainly_only(
    open_engine: Callable[..., LlamaEngine], tmp_path: Path, settings: LoadSettings
) -> None:
    path = write_tiny_gguf(tmp_path / "base.gguf", chat_template=None)
    with pytest.raises(ModelError, match=r"looks like a base model\n.*--cereval-plain-prompt"):
        open_engine(path)
    completion = open_engine(path, replace(settings, plain=True)).complete(Prompt("ab", "cd"), SHORT)
    assert completion.prompt_tokens == len("ab\n\ncd\n")


def test_an_empty_prompt_is_refused(
    open_engine: Callable[..., LlamaEngine], tmp_path: Path, settings: LoadSettings
) -> None:
    path = write_tiny_gguf(tmp_path / "mute.gguf", chat_template="{{ messages[0].content }}")
    with pytest.raises(ModelError, match="the prompt has no tokens"):
        open_engine(path).complete(Prompt("", ""), SHORT)


def test_a_self_proof_leaves_reuse_on_when_it_is_sound(engine: LlamaEngine) -> None:
    assert engine.prove() > 0
    assert engine.describe()["prefix_reuse"] is True


def test_what_was_loaded_is_described_with_what_took_effect(engine: LlamaEngine) -> None:
    described = engine.describe()
    assert described["n_ctx"] == 4096
    assert (described["flash_attn"], described["type_k"], described["type_v"]) == (True, "q8_0", "q8_0")
    assert described["n_params"] > 100_000
    assert described["devices"]


def test_the_context_is_not_larger_than_the_model_was_trained_for(
    open_engine: Callable[..., LlamaEngine], tiny_gguf: Path
) -> None:
    assert open_engine(tiny_gguf, LoadSettings(n_ctx=16384, n_threads=1)).n_ctx == 4096


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        (LoadSettings(n_ctx=1024, n_threads=1), ("enabled", "K (q8_0)", "V (q8_0)")),
        (
            LoadSettings(n_ctx=1024, n_threads=1, flash_attn=False, type_k="f16", type_v="f32"),
            ("disabled", "K (f16)", "V (f32)"),
        ),
    ],
)
def test_llama_cpp_confirms_flash_attention_and_cache_types(
    tiny_gguf: Path, load: LoadSettings, expected: tuple[str, ...]
) -> None:
    lines: list[str] = []
    engine = LlamaEngine(tiny_gguf, load, log=lines.append)
    assert engine.complete(Prompt("", "x"), SHORT).completion_tokens > 0
    engine.close()
    [flash_attn] = [line for line in lines if "flash_attn" in line and "=" in line]
    [cache] = [line for line in lines if "K (" in line]
    assert expected[0] in flash_attn
    assert all(kind in cache for kind in expected[1:])


@pytest.mark.parametrize("extra_bufts", [True, False])
def test_extra_buffer_types_are_switched_where_llama_cpp_looks(
    tiny_gguf: Path, settings: LoadSettings, monkeypatch: pytest.MonkeyPatch, extra_bufts: bool
) -> None:
    native = vars(llama)["native"]
    load, seen = native.llama_model_load_from_file, []

    def spy(path: bytes, params: Any) -> Any:
        seen.append((params.use_extra_bufts, params.n_gpu_layers))
        return load(path, params)

    monkeypatch.setattr(native, "llama_model_load_from_file", spy)
    LlamaEngine(tiny_gguf, settings, extra_bufts=extra_bufts).close()
    assert seen == [(extra_bufts, 0x7FFFFFFF)]


def test_a_file_llama_cpp_cannot_load_is_an_error_with_its_log(
    open_engine: Callable[..., LlamaEngine], tiny_gguf: Path, tmp_path: Path
) -> None:
    path = tmp_path / "unknown.gguf"
    path.write_bytes(tiny_gguf.read_bytes().replace(b"qwen35moe", b"qwen35xyz"))
    with pytest.raises(ModelError, match=r"llama.cpp cannot load .*unknown.gguf(.|\n)*unknown model architecture"):
        open_engine(path)
