"""What is read from model files, and what is said about files that are none."""

from __future__ import annotations

import contextlib
import shutil
import struct
from pathlib import Path

import pytest
from gguf import GGUFWriter
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_cereval.errors import ModelError
from pytest_cereval.models.digest import file_sha256
from pytest_cereval.models.gguf import GgufArray, read_header
from pytest_cereval.models.memory import cache_bytes, check_memory
from pytest_cereval.models.model import LoadSettings
from tests.tiny_gguf import CHAT_TEMPLATE, write_tiny_gguf


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gguf")


def _metadata_file(path: Path, architecture: str | None, kind: str | None = None) -> Path:
    writer = GGUFWriter(path, architecture or "llama")
    if kind:
        writer.add_type(kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def test_a_header_tells_metadata_tensor_types_and_the_exact_size(tiny_gguf: Path) -> None:
    header = read_header(tiny_gguf)
    assert header.metadata["general.architecture"] == "qwen35moe"
    assert header.metadata["qwen35moe.rope.freq_base"] == 1e7
    assert header.metadata["tokenizer.ggml.add_bos_token"] is False
    assert header.metadata["tokenizer.chat_template"] == CHAT_TEMPLATE
    tokens = header.metadata["tokenizer.ggml.tokens"]
    assert isinstance(tokens, GgufArray)
    assert (tokens.item_type, tokens.count) == (8, 263)
    assert header.tensor_types == {"F32": 76}
    assert header.data_end == header.file_size == header.total_size == tiny_gguf.stat().st_size


def test_a_vocabulary_that_differs_in_one_token_has_another_digest(tiny_gguf: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.gguf"
    changed.write_bytes(tiny_gguf.read_bytes().replace(b"<think>", b"<thunk>", 1))
    key = "tokenizer.ggml.tokens"
    assert read_header(changed).metadata[key] != read_header(tiny_gguf).metadata[key]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_file_cut_off_anywhere_is_refused_with_its_size(tiny_gguf: Path, scratch: Path, data: st.DataObject) -> None:
    whole = tiny_gguf.read_bytes()
    size = data.draw(st.integers(4, len(whole) - 1))
    cut = scratch / "cut.gguf"
    cut.write_bytes(whole[:size])
    with pytest.raises(ModelError, match=rf"cut.gguf is cut off: it has {size:,} bytes and needs at least"):
        read_header(cut)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_header_gives_a_header_or_a_model_error(tiny_gguf: Path, scratch: Path, data: st.DataObject) -> None:
    damaged = bytearray(tiny_gguf.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, 12_000))
        damaged[at : at + 4] = data.draw(st.binary(min_size=4, max_size=4))
    path = scratch / "damaged.gguf"
    path.write_bytes(damaged)
    # Anything but a header or a ModelError, such as a struct.error, ends this test.
    with contextlib.suppress(ModelError):
        assert read_header(path).tensor_types


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04rest", r"is not a GGUF file: it starts with b'PK\\x03\\x04' instead of b'GGUF'"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "is GGUF version 1; versions 2 and 3 can be read"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "is big-endian GGUF version 3"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 0), "names no architecture"),
        (
            b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<I", 77),
            "speaks of value type 77",
        ),
        (
            b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 9, 1),
            "an array of type 9",
        ),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 60), "is cut off"),
    ],
)
def test_a_file_that_is_no_model_is_refused_with_what_was_found(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        read_header(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no model file .*nowhere.gguf\n.*--cereval-model"):
        read_header(tmp_path / "nowhere.gguf")


def test_a_directory_is_refused_with_the_models_in_it(tmp_path: Path) -> None:
    (tmp_path / "inside.gguf").touch()
    with pytest.raises(ModelError, match=r"is a directory, not a model file\n.*inside.gguf"):
        read_header(tmp_path)


def test_a_vocabulary_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no weights, only a vocabulary"):
        read_header(write_tiny_gguf(tmp_path / "vocab.gguf", with_weights=False))


@pytest.mark.parametrize(("architecture", "kind"), [("clip", None), ("llama", "mmproj"), ("llama", "adapter")])
def test_a_projector_or_adapter_is_refused(tmp_path: Path, architecture: str, kind: str | None) -> None:
    with pytest.raises(ModelError, match="is not a language model"):
        read_header(_metadata_file(tmp_path / "part.gguf", architecture, kind))


def test_a_split_model_needs_all_its_parts_and_is_named_by_the_first(tiny_gguf: Path, tmp_path: Path) -> None:
    first, second = (tmp_path / f"big-0000{n}-of-00002.gguf" for n in (1, 2))
    shutil.copy(tiny_gguf, first)
    with pytest.raises(ModelError, match=r"1 of 2 parts .* are missing: big-00002-of-00002.gguf"):
        read_header(first)
    shutil.copy(tiny_gguf, second)
    header = read_header(first)
    assert header.parts == (first, second)
    assert header.tensor_types == {"F32": 152}
    assert header.total_size == 2 * tiny_gguf.stat().st_size
    with pytest.raises(ModelError, match=r"not the first part of a split model\n.*big-00001-of-00002.gguf"):
        read_header(second)
    second.write_bytes(second.read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"big-00002-of-00002\.gguf is cut off"):
        read_header(first)


def test_a_header_for_the_record_carries_digests_in_place_of_long_values(tiny_gguf: Path) -> None:
    recorded = read_header(write_tiny_gguf(tiny_gguf.with_name("long.gguf"), chat_template="x" * 5000)).to_dict()
    assert recorded["metadata"]["tokenizer.chat_template"]["length"] == 5000
    assert recorded["metadata"]["tokenizer.ggml.tokens"]["count"] == 263


def test_a_digest_is_computed_once_per_version_of_a_file(tmp_path: Path) -> None:
    model, cache = tmp_path / "m.gguf", tmp_path / "cache"
    model.write_bytes(b"one")
    first = file_sha256(model, cache)
    assert first == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    memory = next(cache.iterdir())
    memory.write_text(memory.read_text().replace(first, "from the cache"))
    assert file_sha256(model, cache) == "from the cache"
    model.write_bytes(b"three")
    assert len(file_sha256(model, cache)) == 64
    memory.write_text("{ damaged")
    assert len(file_sha256(model, cache)) == 64
    assert [entry.name for entry in cache.iterdir()] == [memory.name]


def test_a_model_larger_than_memory_is_refused_on_a_cpu_build_only(tiny_gguf: Path) -> None:
    header = read_header(tiny_gguf)
    with pytest.raises(ModelError, match=r"weights of 0.0 GiB and a cache of 0.0 GiB, 0.0 GiB are available"):
        check_memory(header, LoadSettings(), available=header.total_size - 1, gpu_offload=lambda: False)
    check_memory(header, LoadSettings(), available=header.total_size - 1, gpu_offload=lambda: True)
    check_memory(header, LoadSettings(), available=header.total_size, gpu_offload=lambda: False)
    check_memory(header, LoadSettings())


def test_the_cache_estimate_counts_attention_layers(tiny_gguf: Path) -> None:
    # 1 attention layer of 4, 1 KV head of 64 + 64 elements, 34 bytes per 32 elements.
    assert cache_bytes(read_header(tiny_gguf), LoadSettings(n_ctx=1024)) == 1024 * 128 * 34 // 32
