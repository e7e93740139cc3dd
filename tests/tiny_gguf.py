"""Writes a 1 MB language model with random weights that loads in milliseconds and behaves like a hybrid one.

The architecture is `qwen35moe`: recurrent layers, one attention layer, experts. What it says is noise, but
it is the same noise each time, and all that can go wrong around a model goes wrong with it too.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gguf import GGUFWriter, LlamaFileType, TokenType

CHAT_TEMPLATE = (
    "{%- for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}"
    "{%- else %}{{ '<think>\n' }}{%- endif %}{%- endif %}"
)
WIDE_SPACES = 40
WIDE_TOKEN = "\u0120" * WIDE_SPACES
SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>")
CONTEXT_LENGTH = 4096

_Array = npt.NDArray[np.float32]
_WIDTH, _LAYERS, _ATTENTION_EVERY = 64, 4, 4
_HEADS, _KV_HEADS, _HEAD_WIDTH, _ROPE_WIDTH = 2, 1, 64, 32
_CONV, _STATE, _GROUPS, _TIME_RANK = 4, 32, 1, 2
_EXPERTS, _EXPERTS_USED, _EXPERT_WIDTH = 4, 2, 32


def write_tiny_gguf(
    path: Path,
    *,
    seed: int = 0,
    chat_template: str | None = CHAT_TEMPLATE,
    gain: dict[str, float] | None = None,
    with_weights: bool = True,
) -> Path:
    """Write the model to `path`; the same arguments give the same bytes.

    `gain` multiplies the logits of the named tokens: with 0 the model never says one, with 5 often.
    `with_weights=False` writes a file that holds the vocabulary only.
    """
    writer = GGUFWriter(path, "qwen35moe")
    tokens = _write_vocabulary(writer, chat_template)
    _write_shape(writer)
    if with_weights:
        _write_weights(writer, np.random.default_rng(seed), tokens, gain or {})
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _write_shape(writer: GGUFWriter) -> None:
    writer.add_name("tiny-random")
    writer.add_type("model")
    writer.add_file_type(LlamaFileType.ALL_F32)
    writer.add_context_length(CONTEXT_LENGTH)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(_LAYERS)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_KV_HEADS)
    writer.add_key_length(_HEAD_WIDTH)
    writer.add_value_length(_HEAD_WIDTH)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e7)
    writer.add_rope_dimension_count(_ROPE_WIDTH)
    writer.add_rope_dimension_sections([6, 5, 5, 0])
    writer.add_expert_count(_EXPERTS)
    writer.add_expert_used_count(_EXPERTS_USED)
    writer.add_expert_feed_forward_length(_EXPERT_WIDTH)
    writer.add_expert_shared_feed_forward_length(_EXPERT_WIDTH)
    writer.add_ssm_conv_kernel(_CONV)
    writer.add_ssm_state_size(_STATE)
    writer.add_ssm_group_count(_GROUPS)
    writer.add_ssm_time_step_rank(_TIME_RANK)
    writer.add_ssm_inner_size(_STATE * _TIME_RANK)
    writer.add_full_attention_interval(_ATTENTION_EVERY)


def _write_vocabulary(writer: GGUFWriter, chat_template: str | None) -> list[str]:
    letters = _byte_letters()
    space = letters[ord(" ")]
    tokens = [letters[byte] for byte in range(256)] + [space * 2, space * WIDE_SPACES]
    types = [TokenType.NORMAL] * len(tokens)
    first_special = len(tokens)
    for text in SPECIAL_TOKENS:
        tokens.append(text)
        types.append(TokenType.CONTROL if text.startswith("<|") else TokenType.USER_DEFINED)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen35")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([f"{space} {space}"])
    writer.add_bos_token_id(first_special)
    writer.add_pad_token_id(first_special)
    writer.add_eos_token_id(first_special + 2)
    writer.add_add_bos_token(False)
    if chat_template is not None:
        writer.add_chat_template(chat_template)
    return tokens


def _byte_letters() -> dict[int, str]:
    """The printable stand-ins for bytes that GPT-2's tokenizer uses."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {byte: chr(byte) for byte in shown} | {byte: chr(256 + index) for index, byte in enumerate(hidden)}


def _write_weights(writer: GGUFWriter, random: np.random.Generator, tokens: list[str], gain: dict[str, float]) -> None:
    def noise(*shape: int) -> _Array:
        return (random.standard_normal(shape) * 0.3).astype(np.float32)

    def ones(*shape: int) -> _Array:
        return np.ones(shape, np.float32)

    # Shapes are those of numpy, the reverse of ggml's.
    output = noise(len(tokens), _WIDTH)
    for text, factor in gain.items():
        output[tokens.index(text)] *= factor
    writer.add_tensor("token_embd.weight", noise(len(tokens), _WIDTH))
    writer.add_tensor("output_norm.weight", ones(_WIDTH))
    writer.add_tensor("output.weight", output)
    for layer in range(_LAYERS):
        add = _adder(writer, f"blk.{layer}.")
        add("attn_norm.weight", ones(_WIDTH))
        add("post_attention_norm.weight", ones(_WIDTH))
        if (layer + 1) % _ATTENTION_EVERY == 0:
            _write_attention(add, noise, ones)
        else:
            _write_recurrent(add, noise)
        _write_experts(add, noise)


def _adder(writer: GGUFWriter, prefix: str) -> Callable[[str, _Array], Any]:
    return lambda name, data: writer.add_tensor(prefix + name, data)


def _write_attention(
    add: Callable[[str, _Array], Any], noise: Callable[..., _Array], ones: Callable[..., _Array]
) -> None:
    add("attn_q.weight", noise(_HEAD_WIDTH * _HEADS * 2, _WIDTH))
    add("attn_k.weight", noise(_HEAD_WIDTH * _KV_HEADS, _WIDTH))
    add("attn_v.weight", noise(_HEAD_WIDTH * _KV_HEADS, _WIDTH))
    add("attn_output.weight", noise(_WIDTH, _HEAD_WIDTH * _HEADS))
    add("attn_q_norm.weight", ones(_HEAD_WIDTH))
    add("attn_k_norm.weight", ones(_HEAD_WIDTH))


def _write_recurrent(add: Callable[[str, _Array], Any], noise: Callable[..., _Array]) -> None:
    keys, values = _STATE * _GROUPS, _STATE * _TIME_RANK
    add("attn_qkv.weight", noise(2 * keys + values, _WIDTH))
    add("attn_gate.weight", noise(values, _WIDTH))
    add("ssm_conv1d.weight", noise(2 * keys + values, _CONV))
    add("ssm_dt.bias", noise(_TIME_RANK))
    add("ssm_a", -np.abs(noise(_TIME_RANK)) - np.float32(0.1))
    add("ssm_beta.weight", noise(_TIME_RANK, _WIDTH))
    add("ssm_alpha.weight", noise(_TIME_RANK, _WIDTH))
    add("ssm_norm.weight", np.ones(_STATE, np.float32))
    add("ssm_out.weight", noise(_WIDTH, values))


def _write_experts(add: Callable[[str, _Array], Any], noise: Callable[..., _Array]) -> None:
    add("ffn_gate_inp.weight", noise(_EXPERTS, _WIDTH))
    add("ffn_gate_exps.weight", noise(_EXPERTS, _EXPERT_WIDTH, _WIDTH))
    add("ffn_up_exps.weight", noise(_EXPERTS, _EXPERT_WIDTH, _WIDTH))
    add("ffn_down_exps.weight", noise(_EXPERTS, _WIDTH, _EXPERT_WIDTH))
    add("ffn_gate_inp_shexp.weight", noise(_WIDTH))
    add("ffn_gate_shexp.weight", noise(_EXPERT_WIDTH, _WIDTH))
    add("ffn_up_shexp.weight", noise(_EXPERT_WIDTH, _WIDTH))
    add("ffn_down_shexp.weight", noise(_WIDTH, _EXPERT_WIDTH))
