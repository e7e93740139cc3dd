"""Measures the plugin's token loop against a raw loop through llama.cpp's C API, same library, same context, in turns.

    python benchmarks/token_loop.py MODEL.gguf [--new=200] [--rounds=5] [--threads=N] [--at-least=0.97]

The raw loop calls `llama_decode` and llama.cpp's own greedy sampler and does nothing else: no text, no margin, no
digest, no limits. Both read the same prompt and must say the same tokens, and take turns in going first. The median
over the rounds of the ratio of tokens per second should be at least 0.97; `between_calls_us` is what our loop itself
takes for each token, in processor time, and does not depend on what else runs. `llama-bench` is run beside it where it
is on the PATH.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as native

from pytest_cereval.models.llama import LlamaEngine
from pytest_cereval.models.model import LoadSettings, Prompt, Sampling
from pytest_cereval.models.sampling import TokenPicker
from pytest_cereval.results.provenance import machine, versions

_PROMPT = Prompt("You are a careful programmer.", "Write a Python function that merges two sorted lists. Explain it.")


def main() -> int:
    """Print the ratio; exit code 1 if it is below the limit or the loops say different tokens."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--new", type=int, default=200, help="tokens to write in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="one per usable core if not given")
    parser.add_argument("--at-least", type=float, default=0.97)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    engine = LlamaEngine(given.model, LoadSettings(n_ctx=4096, n_threads=given.threads))
    engine.prove()
    ours: list[float] = []
    raw: list[float] = []
    said: set[str] = set()

    def go_ours() -> None:
        made = engine.complete(_PROMPT, Sampling(max_tokens=given.new))
        ours.append(made.completion_tokens / made.decode_s)
        said.add(made.tokens_sha256)
        engine.clear()
        _generator(engine).forget()

    def go_raw() -> None:
        tokens, seconds = _raw(engine, given.new)
        raw.append(len(tokens) / seconds)
        said.add(hashlib.sha256(struct.pack(f"<{len(tokens)}i", *tokens)).hexdigest())

    for number in range(given.rounds):
        for go in (go_ours, go_raw) if number % 2 == 0 else (go_raw, go_ours):
            go()
    ratio = statistics.median(one / other for one, other in zip(ours, raw, strict=True))
    figures = {
        "ours_tokens_per_s": ours,
        "raw_tokens_per_s": raw,
        "ratio": ratio,
        "between_calls_us": _between_calls_us(engine),
        "same_tokens": len(said) == 1,
        "llama_bench": _llama_bench(given.model, given.new),
        "machine": machine(),
        "versions": versions(),
    }
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"ours {statistics.median(ours):.2f}, raw {statistics.median(raw):.2f} tokens/s, ratio {ratio:.3f}")
    print(
        f"between two calls of the model our loop takes {figures['between_calls_us']:.0f} us of processor time a token"
    )
    print("both loops say the same" if len(said) == 1 else "THE LOOPS SAY DIFFERENT TOKENS")
    return int(ratio < given.at_least or len(said) != 1)


def _raw(engine: LlamaEngine, new: int) -> tuple[list[int], float]:
    """The same prompt in the same pieces, then token by token as a C program would; seconds of the second part."""
    inner: Any = engine
    context, model = inner._ctx, inner._model
    vocabulary = native.llama_model_get_vocab(model)
    prefix, suffix = inner._vocabulary.prompt_tokens(inner._form(_PROMPT, False))
    engine.clear()
    position = 0
    for part in (prefix, suffix):
        for start in range(0, len(part), engine.n_batch):
            piece = part[start : start + engine.n_batch]
            engine.decode(piece, position=position, sequence=0, logits=True, deadline=None)
            position += len(piece)
    sampler = native.llama_sampler_init_greedy()
    one = native.llama_batch_init(1, 0, 1)
    one.n_tokens, one.n_seq_id[0], one.seq_id[0][0], one.logits[0] = 1, 1, 0, True
    tokens: list[int] = []
    native.llama_synchronize(context)
    begun = time.monotonic()
    while len(tokens) < new:
        token = native.llama_sampler_sample(sampler, context, -1)
        if native.llama_vocab_is_eog(vocabulary, token):
            break
        tokens.append(token)
        if len(tokens) == new:
            break
        one.token[0], one.pos[0] = token, position
        native.llama_decode(context, one)
        position += 1
    seconds = time.monotonic() - begun
    native.llama_batch_free(one)
    native.llama_sampler_free(sampler)
    engine.clear()
    inner._generator.forget()
    return tokens, seconds


def _generator(engine: Any) -> Any:
    return engine._generator


def _between_calls_us(engine: LlamaEngine, count: int = 2000) -> float:
    """Processor time of what the loop does for one token beside `llama_decode`, in microseconds."""
    engine.complete(_PROMPT, Sampling(max_tokens=2))
    picker = TokenPicker(Sampling())
    begun = time.process_time()
    for _ in range(count):
        engine.is_end(picker.pick(engine.logits()))
        time.monotonic()
    return 1e6 * (time.process_time() - begun) / count


def _llama_bench(path: Path, new: int) -> Any:
    program = shutil.which("llama-bench")
    if program is None:
        return "not on the PATH"
    command = [program, "-m", str(path), "-p", "0", "-n", str(new), "-fa", "1", "-ctk", "q8_0", "-ctv", "q8_0"]
    done = subprocess.run([*command, "-o", "json"], capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr[-500:]


if __name__ == "__main__":
    sys.exit(main())
