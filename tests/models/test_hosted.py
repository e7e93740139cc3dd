"""What a model in a process of its own promises when all goes well and when it does not."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_cereval.errors import ModelCrashed, ModelError, PromptTooLong
from pytest_cereval.models.hosted import HostedModel
from pytest_cereval.models.model import FinishReason, LoadSettings, Prompt, Sampling

PROMPT = Prompt("Be exact.", "Sort a list.")
SHORT = Sampling(max_tokens=12)
SLOW_TOKENS = "is_end = LlamaEngine.is_end\nLlamaEngine.is_end = lambda *a: time.sleep(0.02) or is_end(*a)"
FAULT_WITH_EXTRA_BUFTS = """
prove = LlamaEngine.prove
def faulty(engine):
    if engine.describe()["extra_bufts"]:
        os.kill(os.getpid(), signal.SIGSEGV)
    return prove(engine)
LlamaEngine.prove = faulty
"""

Open = Callable[..., HostedModel]


@pytest.fixture
def open_model(tmp_path: Path, settings: LoadSettings) -> Iterator[Open]:
    opened: list[HostedModel] = []

    def open_one(path: Path, load: LoadSettings = settings, **options: object) -> HostedModel:
        opened.append(HostedModel(path, load, cache_dir=tmp_path / "cache", **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for model in opened:
        model.close()


def _loads(log: Path) -> list[int]:
    return [int(line.split()[0]) for line in log.read_text().splitlines()]


def _gone(pid: int, within_s: float) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
        except (FileNotFoundError, ProcessLookupError):
            return True
        # A killed process cannot be waited for before its last thread has ended.
        if state == "Z" and threads <= 1:
            return True
        time.sleep(0.02)
    return False


def test_nothing_is_loaded_before_the_first_request(
    open_model: Open, tiny_gguf: Path, load_log: Path
) -> None:
    model = open_model(tiny_gguf)
    assert model.describe()["loaded"] is None
    assert _loads(load_log) == []


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
    assert len(_loads(load_log)) == 1
    assert model.describe()["n_loads"] == 1


def test_the_description_identifies_file_settings_and_what_took_effect(
    open_model: Open, tiny_gguf: Path
) -> None:
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


def test_a_crash_costs_one_attempt_and_a_restart(
    open_model: Open, endless_gguf: Path, load_log: Path, host_with: Callable[[str], tuple[str, ...]]
) -> None:
    model = open_model(endless_gguf, command=host_with(SLOW_TOKENS))
    before = model.complete(PROMPT, SHORT)
    with pytest.raises(
        ModelCrashed, match=r"died while it answered: killed by SIGKILL(.|\n)*this attempt is lost"
    ):
        model.complete(
            PROMPT, Sampling(max_tokens=500), lambda _: os.kill(_loads(load_log)[-1], signal.SIGKILL)
        )
    after = model.complete(PROMPT, SHORT)
    assert (after.text, after.tokens_sha256) == (before.text, before.tokens_sha256)
    assert len(_loads(load_log)) == 2
    described = model.describe()
    assert (described["n_loads"], described["n_crashes"]) == (2, 1)


def test_a_host_that_dies_between_requests_costs_no_attempt(
    open_model: Open, tiny_gguf: Path, load_log: Path
) -> None:
    model = open_model(tiny_gguf)
    before = model.complete(PROMPT, SHORT)
    os.kill(_loads(load_log)[0], signal.SIGKILL)
    assert _gone(_loads(load_log)[0], 5)
    assert model.complete(PROMPT, SHORT).text == before.text
    assert model.describe()["n_crashes"] == 1


def test_a_fault_at_start_up_is_survived_without_extra_buffer_types_and_recorded(
    open_model: Open, tiny_gguf: Path, host_with: Callable[[str], tuple[str, ...]]
) -> None:
    model = open_model(tiny_gguf, command=host_with(FAULT_WITH_EXTRA_BUFTS))
    assert model.complete(PROMPT, SHORT).completion_tokens > 0
    described = model.describe()
    assert described["extra_bufts_disabled"] is True
    assert described["loaded"]["extra_bufts"] is False
    assert (described["n_loads"], described["n_crashes"]) == (2, 0)


def test_a_host_that_faults_twice_at_start_up_is_an_error_with_its_log(
    open_model: Open, tiny_gguf: Path, host_with: Callable[[str], tuple[str, ...]]
) -> None:
    model = open_model(tiny_gguf, command=host_with("LlamaEngine.prove = lambda engine: os.abort()"))
    with pytest.raises(ModelError, match=r"died while it loaded .*tiny.gguf: killed by SIGABRT\n +\w+"):
        model.complete(PROMPT, SHORT)
    assert model.describe()["n_loads"] == 2


def test_a_host_that_exits_at_start_up_is_not_tried_again(
    open_model: Open, tiny_gguf: Path, host_with: Callable[[str], tuple[str, ...]]
) -> None:
    model = open_model(tiny_gguf, command=host_with("sys.exit('no such thing')"))
    with pytest.raises(ModelError, match=r"exit status 1\n +no such thing"):
        model.complete(PROMPT, SHORT)
    assert model.describe()["n_loads"] == 1


def test_a_silent_host_is_ended_when_its_time_and_some_more_have_passed(
    open_model: Open, tiny_gguf: Path, host_with: Callable[[str], tuple[str, ...]], load_log: Path
) -> None:
    hang = "run = LlamaEngine.complete\nLlamaEngine.complete = "
    hang += "lambda e, p, *a: time.sleep(60) if p.user == 'hang' else run(e, p, *a)"
    model = open_model(tiny_gguf, command=host_with(hang), slack_s=0.2)
    started = time.monotonic()
    with pytest.raises(ModelCrashed, match="gave no answer 0 s after the limit of 0 s"):
        model.complete(Prompt("", "hang"), Sampling(max_tokens=5, timeout_s=0.3))
    assert time.monotonic() - started < 10
    assert _gone(_loads(load_log)[0], 5)
    assert model.complete(PROMPT, SHORT).completion_tokens > 0
    assert model.describe()["n_crashes"] == 1


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


def test_an_interrupted_request_is_not_answered_to_the_next_one(
    open_model: Open, endless_gguf: Path, host_with: Callable[[str], tuple[str, ...]]
) -> None:
    model = open_model(endless_gguf, command=host_with(SLOW_TOKENS))
    expected = model.complete(PROMPT, SHORT)

    def interrupt(_tokens: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.complete(Prompt("", "another"), Sampling(max_tokens=500), interrupt)
    assert model.complete(PROMPT, SHORT).text == expected.text


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


def test_closing_ends_the_host_and_later_requests(open_model: Open, tiny_gguf: Path, load_log: Path) -> None:
    model = open_model(tiny_gguf)
    model.complete(PROMPT, SHORT)
    model.close()
    model.close()
    assert _gone(_loads(load_log)[0], 5)
    with pytest.raises(ModelError, match="was closed"):
        model.complete(PROMPT, SHORT)


def test_closing_does_not_wait_for_a_load(
    open_model: Open, tiny_gguf: Path, load_log: Path, host_with: Callable[[str], tuple[str, ...]]
) -> None:
    model = open_model(tiny_gguf, command=host_with("LlamaEngine.prove = lambda engine: time.sleep(60)"))
    errors: list[Exception] = []

    def ask() -> None:
        try:
            model.complete(PROMPT, SHORT)
        except ModelError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    until = time.monotonic() + 20
    while not _loads(load_log) and time.monotonic() < until:
        time.sleep(0.02)
    model.close()
    thread.join(10)
    assert not thread.is_alive()
    assert "killed by SIGKILL" in str(errors[0])


def test_closing_ends_an_answer_under_way(
    open_model: Open, endless_gguf: Path, host_with: Callable[[str], tuple[str, ...]]
) -> None:
    model = open_model(endless_gguf, command=host_with(SLOW_TOKENS))
    growing, errors = threading.Event(), list[Exception]()

    def ask() -> None:
        try:
            model.complete(PROMPT, Sampling(max_tokens=3000), lambda _: growing.set())
        except ModelCrashed as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert growing.wait(20)
    model.close()
    thread.join(10)
    assert not thread.is_alive()
    assert len(errors) == 1


@pytest.mark.parametrize("change", [SLOW_TOKENS, "LlamaEngine.complete = lambda *a: time.sleep(60)"])
def test_a_host_does_not_outlive_its_parent(
    endless_gguf: Path,
    load_log: Path,
    tmp_path: Path,
    host_with: Callable[[str], tuple[str, ...]],
    change: str,
) -> None:
    command = host_with(f"LlamaEngine.prove = lambda engine: 0.0\n{change}")
    script = f"""
from pathlib import Path
from pytest_cereval.models.hosted import HostedModel
from pytest_cereval.models.model import LoadSettings, Prompt, Sampling
path, cache_dir = Path({str(endless_gguf)!r}), Path({str(tmp_path)!r})
load = LoadSettings(n_ctx=4096, n_threads=1)
model = HostedModel(path, load, cache_dir=cache_dir, command={command!r})
model.describe_loaded()
print("loaded", flush=True)
model.complete(Prompt("", "x"), Sampling(max_tokens=3000))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"loaded\n"
        time.sleep(0.2)
        parent.kill()
    assert _gone(_loads(load_log)[0], 5)


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
