"""How hosts end: with `close`, at once, and never later than their parent."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cereval.errors import ModelCrashed, ModelError
from pytest_cereval.models.model import Sampling
from tests.models.hosts import PROMPT, SHORT, SLOW_TOKENS, Open, gone, loads


def test_closing_ends_the_host_and_later_requests(open_model: Open, tiny_gguf: Path, load_log: Path) -> None:
    model = open_model(tiny_gguf)
    model.complete(PROMPT, SHORT)
    model.close()
    model.close()
    assert gone(loads(load_log)[0], 5)
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
    while not loads(load_log) and time.monotonic() < until:
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
    assert gone(loads(load_log)[0], 5)
