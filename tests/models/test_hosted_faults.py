"""What a crash, a fault at start-up, silence or an interruption costs: one attempt at most."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cereval.errors import ModelCrashed, ModelError
from pytest_cereval.models.model import Prompt, Sampling
from tests.models.hosts import PROMPT, SHORT, SLOW_TOKENS, Open, gone, loads

FAULT_WITH_EXTRA_BUFTS = """
prove = LlamaEngine.prove
def faulty(engine):
    if engine.describe()["extra_bufts"]:
        os.kill(os.getpid(), signal.SIGSEGV)
    return prove(engine)
LlamaEngine.prove = faulty
"""


def test_a_crash_costs_one_attempt_and_a_restart(
    open_model: Open, endless_gguf: Path, load_log: Path, host_with: Callable[[str], tuple[str, ...]]
) -> None:
    model = open_model(endless_gguf, command=host_with(SLOW_TOKENS))
    before = model.complete(PROMPT, SHORT)
    with pytest.raises(ModelCrashed, match=r"died while it answered: killed by SIGKILL(.|\n)*this attempt is lost"):
        model.complete(PROMPT, Sampling(max_tokens=500), lambda _: os.kill(loads(load_log)[-1], signal.SIGKILL))
    after = model.complete(PROMPT, SHORT)
    assert (after.text, after.tokens_sha256) == (before.text, before.tokens_sha256)
    assert len(loads(load_log)) == 2
    described = model.describe()
    assert (described["n_loads"], described["n_crashes"]) == (2, 1)


def test_a_host_that_dies_between_requests_costs_no_attempt(open_model: Open, tiny_gguf: Path, load_log: Path) -> None:
    model = open_model(tiny_gguf)
    before = model.complete(PROMPT, SHORT)
    os.kill(loads(load_log)[0], signal.SIGKILL)
    assert gone(loads(load_log)[0], 5)
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
    assert gone(loads(load_log)[0], 5)
    assert model.complete(PROMPT, SHORT).completion_tokens > 0
    assert model.describe()["n_crashes"] == 1


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
