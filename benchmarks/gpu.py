"""Measures loading, reading and writing with random weights in the shape of Qwen3.6-35B-A3B; nothing is fetched.

    python benchmarks/gpu.py [--full] [--keep=DIR] [--prompt=1500] [--new=500] [--json=FILE]

Without a GPU, or without --full, a tiny model of the same architecture goes the same way. The tensors have the types
that Q4_K_M gives them (most Q4_K, the head and a part of the values and of the experts Q6_K), so bytes per token are
those of the real file; what it says is noise. Two runs are compared token by token. `llama-bench` is run beside it
where it is on the PATH. Needs the package `gguf`; --full needs 22 GB of disk and about 24 GB of GPU memory.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType, TokenType

from pytest_cereval.models.llama import LlamaEngine, supports_gpu_offload
from pytest_cereval.models.model import Completion, LoadSettings, Prompt, Sampling
from pytest_cereval.results.provenance import machine, versions

Bytes = npt.NDArray[np.uint8]
_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
)
_SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_BLOCK = {GGMLQuantizationType.Q4_K: 144, GGMLQuantizationType.Q6_K: 210}
_PER_BLOCK = 256
_POOL_BLOCKS = 1 << 16


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes as the header names them."""

    layers: int
    width: int
    heads: int
    kv_heads: int
    head_width: int
    rope: int
    sections: tuple[int, int, int, int]
    experts: int
    used: int
    expert_width: int
    state: int
    groups: int
    time_rank: int
    vocabulary: int
    context: int

    @property
    def inner(self) -> int:
        """Width of a recurrent layer's values."""
        return self.state * self.time_rank


FULL = Shape(40, 2048, 16, 2, 256, 64, (11, 11, 10, 0), 256, 8, 512, 128, 16, 32, 248_320, 262_144)
TINY = Shape(4, 256, 2, 1, 128, 32, (6, 5, 5, 0), 4, 2, 256, 32, 2, 8, 1024, 8192)
_INTERVAL = 4


def main() -> int:
    """Print and write the figures; exit code 1 if two runs differ in a token."""
    given = _arguments()
    full = given.full and supports_gpu_offload()
    if given.full and not full:
        print("this build of llama.cpp uses no GPU: measuring the tiny model instead", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=given.keep) as folder:
        path = Path(folder) / "random.gguf"
        begun = time.monotonic()
        write(path, FULL if full else TINY)
        figures: dict[str, Any] = {"shape": asdict(FULL if full else TINY), "bytes": path.stat().st_size}
        figures["written_s"] = time.monotonic() - begun
        figures |= measure(path, given.prompt, given.new) | {"llama_bench": _llama_bench(path, given.prompt, given.new)}
    figures |= {"machine": machine(), "versions": versions()}
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n")
    for name in ("bytes", "load_s", "prefill_tokens_per_s", "decode_tokens_per_s", "held_bytes", "repeats"):
        print(f"{name:22} {figures[name]}")
    return 0 if figures["repeats"] else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="the real shape; needs a GPU")
    parser.add_argument("--keep", type=Path, help="the folder for the model while it is measured")
    parser.add_argument("--prompt", type=int, default=1500, help="tokens to read, about")
    parser.add_argument("--new", type=int, default=500, help="tokens to write")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def measure(path: Path, prompt_tokens: int, new_tokens: int) -> dict[str, Any]:
    """Two runs of one prompt in the plugin's own loop, each after another prompt, so that nothing of it is kept."""
    before = _held()
    begun = time.monotonic()
    engine = LlamaEngine(path, LoadSettings(n_ctx=prompt_tokens + new_tokens + 512))
    loaded = time.monotonic() - begun
    engine.prove()
    asked = Prompt("s", "x" * (prompt_tokens - 16))
    made: list[Completion] = []
    for _ in range(2):
        engine.complete(Prompt("t", "y"), Sampling(max_tokens=4))
        made.append(engine.complete(asked, Sampling(max_tokens=new_tokens)))
    held = {name: value - before.get(name, 0) for name, value in _held().items()}
    described = engine.describe()
    engine.close()
    best = made[-1]
    return {
        "load_s": loaded,
        "prompt_tokens": best.prompt_tokens,
        "completion_tokens": best.completion_tokens,
        "prefill_tokens_per_s": (best.prompt_tokens - best.cached_tokens) / best.prefill_s,
        "decode_tokens_per_s": best.completion_tokens / best.decode_s,
        "held_bytes": held,
        "repeats": made[0].tokens_sha256 == made[1].tokens_sha256,
        "engine": described,
    }


def _held() -> dict[str, int]:
    """Memory in use: of this process, and of the first GPU as its driver says."""
    status = Path("/proc/self/status").read_text("ascii").splitlines()
    held = {"resident": next(int(line.split()[1]) << 10 for line in status if line.startswith("VmRSS:"))}
    if shutil.which("nvidia-smi"):
        command = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.strip():
            held["gpu"] = int(done.stdout.split()[0]) << 20
    return held


def _llama_bench(path: Path, prompt: int, new: int) -> Any:
    program = shutil.which("llama-bench")
    if program is None:
        return "not on the PATH"
    command = [program, "-m", str(path), "-p", str(prompt), "-n", str(new), "-fa", "1", "-o", "json"]
    command += ["-ctk", "q8_0", "-ctv", "q8_0", "-ngl", "99" if supports_gpu_offload() else "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr[-500:]


def write(path: Path, shape: Shape) -> None:
    """Write the model; tensors go to disk one by one, so memory stays small."""
    writer = GGUFWriter(path, "qwen35moe")
    _header(writer, shape)
    tensors = list(_tensors(shape))
    for name, sizes, kind in tensors:
        floats = kind is GGMLQuantizationType.F32
        size = int(np.prod(sizes)) * 4 if floats else int(np.prod(sizes)) // _PER_BLOCK * _BLOCK[kind]
        stored = sizes if floats else (*sizes[:-1], sizes[-1] // _PER_BLOCK * _BLOCK[kind])
        dtype = np.dtype(np.float32 if floats else np.uint8)
        writer.add_tensor_info(name, stored, dtype, size, raw_dtype=None if floats else kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    random = np.random.default_rng(0)
    pools = {kind: _pool(kind, random) for kind in _BLOCK}
    for name, sizes, kind in tensors:
        count = int(np.prod(sizes))
        if kind is GGMLQuantizationType.F32:
            writer.write_tensor_data(_floats(name, count, random))
        else:
            writer.write_tensor_data(np.resize(pools[kind], count // _PER_BLOCK * _BLOCK[kind]))
    writer.close()


def _header(writer: GGUFWriter, shape: Shape) -> None:
    writer.add_name("random")
    writer.add_file_type(LlamaFileType.MOSTLY_Q4_K_M)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head_width)
    writer.add_value_length(shape.head_width)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e7)
    writer.add_rope_dimension_count(shape.rope)
    writer.add_rope_dimension_sections(list(shape.sections))
    writer.add_expert_count(shape.experts)
    writer.add_expert_used_count(shape.used)
    writer.add_expert_feed_forward_length(shape.expert_width)
    writer.add_expert_shared_feed_forward_length(shape.expert_width)
    writer.add_ssm_conv_kernel(4)
    writer.add_ssm_state_size(shape.state)
    writer.add_ssm_group_count(shape.groups)
    writer.add_ssm_time_step_rank(shape.time_rank)
    writer.add_ssm_inner_size(shape.inner)
    writer.add_full_attention_interval(_INTERVAL)
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(byte) for byte in shown] + [chr(256 + index) for index in range(256 - len(shown))]
    tokens = [*letters, *_SPECIAL]
    tokens += [f"<unused{number}>" for number in range(shape.vocabulary - len(tokens))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen35")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL if text in _SPECIAL else TokenType.NORMAL for text in tokens])
    writer.add_token_merges(["\u0120 \u0120"])
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(258)
    writer.add_add_bos_token(False)
    writer.add_chat_template(_TEMPLATE)


Tensor = tuple[str, tuple[int, ...], GGMLQuantizationType]


def _tensors(shape: Shape) -> Iterator[Tensor]:
    """Names, sizes as numpy has them, and types."""
    few, more, exact = GGMLQuantizationType.Q4_K, GGMLQuantizationType.Q6_K, GGMLQuantizationType.F32
    yield "token_embd.weight", (shape.vocabulary, shape.width), few
    yield "output_norm.weight", (shape.width,), exact
    yield "output.weight", (shape.vocabulary, shape.width), more
    for layer in range(shape.layers):
        eighth = shape.layers // 8
        rich = layer < eighth or layer >= 7 * eighth or (layer - eighth) % 3 == 2
        attends = (layer + 1) % _INTERVAL == 0
        for name, sizes, kind in (
            *_norms(shape, exact),
            *(_attention(shape, few, more if rich else few, exact) if attends else _recurrent(shape, few, exact)),
            *_experts(shape, few, more if rich else few, exact),
        ):
            yield f"blk.{layer}.{name}", sizes, kind


def _norms(shape: Shape, exact: GGMLQuantizationType) -> tuple[Tensor, ...]:
    return ("attn_norm.weight", (shape.width,), exact), ("post_attention_norm.weight", (shape.width,), exact)


def _attention(
    shape: Shape, few: GGMLQuantizationType, more: GGMLQuantizationType, exact: GGMLQuantizationType
) -> tuple[Tensor, ...]:
    wide = shape.heads * shape.head_width
    return (
        ("attn_q.weight", (2 * wide, shape.width), few),
        ("attn_k.weight", (shape.kv_heads * shape.head_width, shape.width), few),
        ("attn_v.weight", (shape.kv_heads * shape.head_width, shape.width), more),
        ("attn_output.weight", (shape.width, wide), few),
        ("attn_q_norm.weight", (shape.head_width,), exact),
        ("attn_k_norm.weight", (shape.head_width,), exact),
    )


def _recurrent(shape: Shape, few: GGMLQuantizationType, exact: GGMLQuantizationType) -> tuple[Tensor, ...]:
    mixed = 2 * shape.groups * shape.state + shape.inner
    return (
        ("attn_qkv.weight", (mixed, shape.width), few),
        ("attn_gate.weight", (shape.inner, shape.width), few),
        ("ssm_conv1d.weight", (mixed, 4), exact),
        ("ssm_dt.bias", (shape.time_rank,), exact),
        ("ssm_a", (shape.time_rank,), exact),
        ("ssm_beta.weight", (shape.time_rank, shape.width), few),
        ("ssm_alpha.weight", (shape.time_rank, shape.width), few),
        ("ssm_norm.weight", (shape.state,), exact),
        ("ssm_out.weight", (shape.width, shape.inner), few),
    )


def _experts(
    shape: Shape, few: GGMLQuantizationType, more: GGMLQuantizationType, exact: GGMLQuantizationType
) -> tuple[Tensor, ...]:
    inner, width = shape.expert_width, shape.width
    return (
        ("ffn_gate_inp.weight", (shape.experts, width), exact),
        ("ffn_gate_exps.weight", (shape.experts, inner, width), few),
        ("ffn_up_exps.weight", (shape.experts, inner, width), few),
        ("ffn_down_exps.weight", (shape.experts, width, inner), more),
        ("ffn_gate_inp_shexp.weight", (width,), exact),
        ("ffn_gate_shexp.weight", (inner, width), few),
        ("ffn_up_shexp.weight", (inner, width), few),
        ("ffn_down_shexp.weight", (width, inner), more),
    )


def _pool(kind: GGMLQuantizationType, random: np.random.Generator) -> Bytes:
    """Random blocks whose scales (half floats, see ggml-common.h) make weights of about 0.02."""
    blocks = random.integers(0, 256, (_POOL_BLOCKS, _BLOCK[kind]), np.uint8)
    if kind is GGMLQuantizationType.Q4_K:
        blocks[:, 0:4] = np.array([6e-5, 4e-4], np.float16).view(np.uint8)
    else:
        blocks[:, 208:210] = np.array([1e-5], np.float16).view(np.uint8)
    return blocks.reshape(-1)


def _floats(name: str, count: int, random: np.random.Generator) -> npt.NDArray[np.float32]:
    if name.endswith("norm.weight"):
        return np.ones(count, np.float32)
    noise = (random.standard_normal(count) * 0.3).astype(np.float32)
    return -np.abs(noise) - np.float32(0.1) if name.endswith("ssm_a") else noise


if __name__ == "__main__":
    sys.exit(main())
