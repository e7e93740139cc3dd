"""What a model in a process of its own promises when all goes well."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cereval.errors import ModelError, PromptTooLong
from pytest_cereval.models.model import FinishReason, Prompt, Sampling
from tests.models.hosts import PROMPT, SHORT, SLOW_TOKENS, Open, loads


def test_nothing_is_loaded_before_the_first_request(open_model: Open, tiny_gguf: Path, load_log: Path) -> None:
    model = open_model(tiny_gguf)
    assert model.describe()["loaded"] is None
    assert loads(load_log) == []


def test_many_threads_share_one_load_and_get_their_own_answers(
    open_model: Open, tiny_gguf: Path, load_log: Path
) -> None:
    model = open_model(tiny_gguf)
    prompts = [Prompt("Be exact.", f"Question {n}.") for n in range(8)]
    expected = [model.complete(prompt, SHORT).text for prompt in prompts]
    answers: dict[int, str] = {}

    def ask(index: int) -> None:
        answers[index] = model.complete(prompts[index], SHORT).text

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answers[index] for index in range(8)] == expected
    assert len(loads(load_log)) == 1
    assert model.describe()["n_loads"] == 1


def test_the_description_identifies_file_settings_and_what_took_effect(open_model: Open, tiny_gguf: Path) -> None:
    described = open_model(tiny_gguf, spec="as the user wrote it").describe_loaded()
    digest = hashlib.sha256(tiny_gguf.read_bytes()).hexdigest()
    assert described["spec"] == "as the user wrote it"
    assert (described["sha256"], described["size_bytes"]) == (digest, tiny_gguf.stat().st_size)
    assert described["parts"] == [{"file": "tiny.gguf", "sha256": digest}]
    assert described["gguf"]["metadata"]["general.architecture"] == "qwen35moe"
    assert described["load_settings"]["type_v"] == "q8_0"
    assert described["loaded"]["n_threads"] == 1
    assert described["loaded"]["self_proof_s"] > 0
    assert (described["extra_bufts_disabled"], described["n_crashes"]) == (False, 0)
    assert json.loads(json.dumps(described)) == described


def test_a_timeout_is_an_answer_and_not_a_crash(open_model: Open, endless_gguf: Path) -> None:
    model = open_model(endless_gguf)
    completion = model.complete(PROMPT, Sampling(max_tokens=3900, timeout_s=0.05))
    assert completion.finish_reason is FinishReason.timeout
    assert model.describe()["n_crashes"] == 0


def test_progress_is_told_while_an_answer_grows(
    open_model: Open, endless_gguf: Path, host_with: Callable[[str], tuple[str, ...]]
) -> None:
    model = open_model(endless_gguf, command=host_with(SLOW_TOKENS))
    seen: list[int] = []
    completion = model.complete(PROMPT, Sampling(max_tokens=60), seen.append)
    assert completion.completion_tokens == 60
    assert seen == sorted(set(seen))
    # At most four a second: 60 tokens take 1.2 s and more on a busy machine.
    assert 1 <= len(seen) <= 4 * completion.wall_s + 1
    assert seen[0] > 1


def test_errors_of_the_engine_keep_their_class_and_the_host(open_model: Open, tiny_gguf: Path) -> None:
    model = open_model(tiny_gguf)
    with pytest.raises(PromptTooLong, match="the context holds 4096"):
        model.complete(Prompt("", "x" * 5000), SHORT)
    assert model.complete(PROMPT, SHORT).completion_tokens > 0
    assert model.describe()["n_loads"] == 1


def test_a_prompt_of_many_megabytes_is_too_long_as_well(open_model: Open, tiny_gguf: Path) -> None:
    with pytest.raises(PromptTooLong, match="over the limit of"):
        open_model(tiny_gguf).complete(Prompt("", "x" * (5 << 20)), SHORT)


def test_a_model_llama_cpp_refuses_is_an_error_with_its_words(
    open_model: Open, tiny_gguf: Path, tmp_path: Path
) -> None:
    path = tmp_path / "unknown.gguf"
    path.write_bytes(tiny_gguf.read_bytes().replace(b"qwen35moe", b"qwen35xyz"))
    with pytest.raises(ModelError, match=r"llama.cpp cannot load(.|\n)*unknown model architecture"):
        open_model(path).complete(PROMPT, SHORT)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("os.getsid(0) == os.getpid()", "True"),
        ("os.environ['GGML_NO_BACKTRACE']", "1"),
        ("os.environ['GOMP_SPINCOUNT']", "1000"),
        ("os.environ['FROM_THE_CALLER']", "yes"),
    ],
)
def test_a_host_runs_in_a_session_and_an_environment_of_its_own(
    open_model: Open,
    tiny_gguf: Path,
    host_with: Callable[[str], tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
    expression: str,
    expected: str,
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    command = host_with(f"sys.exit(str({expression}))")
    model = open_model(tiny_gguf, command=command, environment={"FROM_THE_CALLER": "yes"})
    with pytest.raises(ModelError, match=rf"exit status 1\n +{expected}\n"):
        model.complete(PROMPT, SHORT)


def test_a_wait_policy_of_the_users_own_is_left_alone(
    open_model: Open,
    tiny_gguf: Path,
    host_with: Callable[[str], tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    model = open_model(tiny_gguf, command=host_with("sys.exit(str('GOMP_SPINCOUNT' in os.environ))"))
    with pytest.raises(ModelError, match=r"exit status 1\n +False\n"):
        model.complete(PROMPT, SHORT)
