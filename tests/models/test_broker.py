"""How one model serves many threads and processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.errors import CerevalError, ModelCrashed, ModelError, PromptTooLong
from pytest_cereval.models.broker import Broker
from pytest_cereval.models.hosted import HostedModel
from pytest_cereval.models.model import (
    Completion,
    FinishReason,
    LoadSettings,
    Model,
    Progress,
    Prompt,
    Sampling,
)
from pytest_cereval.models.remote import RemoteModel

SHORT = Sampling(max_tokens=12)


class EchoModel:
    """Answers with the question; raises what it is told to; counts how many ask at the same time."""

    def __init__(self) -> None:
        self.errors: dict[str, Exception] = {}
        self.asked: list[tuple[Prompt, Sampling]] = []
        self.finished: list[str] = []
        self.hold = threading.Event()
        self.hold.set()

    def describe(self) -> dict[str, Any]:
        return {"kind": "echo"}

    def complete(self, prompt: Prompt, sampling: Sampling, progress: Progress | None = None) -> Completion:
        self.asked.append((prompt, sampling))
        if prompt.user in self.errors:
            raise self.errors[prompt.user]
        if progress is not None:
            progress(1)
            self.hold.wait(10)
            progress(2)
        self.finished.append(prompt.user)
        return Completion(prompt.user, FinishReason.stop_eog, 1, 0, 2, 0.0, 0.0, 0.0, "r", "t", None)

    def close(self) -> None:
        raise AssertionError("the broker must not close a model that it does not own")


@pytest.fixture
def echo() -> EchoModel:
    return EchoModel()


@pytest.fixture
def served(echo: EchoModel) -> Iterator[Broker]:
    broker = Broker(echo)
    yield broker
    broker.close()


@pytest.fixture
def connect(served: Broker) -> Iterator[Callable[[], RemoteModel]]:
    clients: list[RemoteModel] = []

    def connect_one() -> RemoteModel:
        clients.append(RemoteModel(served.address, served.token))
        return clients[-1]

    yield connect_one
    for client in clients:
        client.close()


def test_prompt_settings_progress_and_completion_cross(connect: Callable[[], RemoteModel], echo: EchoModel) -> None:
    client: Model = connect()
    seen: list[int] = []
    prompt = Prompt("sys", "naïve\n\t'\"")
    sampling = Sampling(temperature=0.5, seed=9, max_tokens=3, thinking=True, timeout_s=2.5)
    assert client.complete(prompt, sampling, seen.append).text == prompt.user
    assert echo.asked == [(prompt, sampling)]
    assert seen == [1, 2]
    assert client.describe() == {"kind": "echo"}


@pytest.mark.parametrize("kind", [ModelError, ModelCrashed, PromptTooLong])
def test_an_error_crosses_and_the_connection_goes_on(
    connect: Callable[[], RemoteModel], echo: EchoModel, kind: type[CerevalError]
) -> None:
    echo.errors["bad"] = kind("it broke", next_step="mend it")
    client = connect()
    with pytest.raises(kind, match=r"^it broke\n  → mend it$"):
        client.complete(Prompt("", "bad"), SHORT)
    assert client.complete(Prompt("", "good"), SHORT).text == "good"


def test_a_bug_in_the_model_reaches_the_client_as_an_error(connect: Callable[[], RemoteModel], echo: EchoModel) -> None:
    echo.errors["bad"] = ZeroDivisionError("by zero")
    with pytest.raises(ModelError, match="ZeroDivisionError: by zero"):
        connect().complete(Prompt("", "bad"), SHORT)


def test_a_client_without_the_token_is_turned_away(served: Broker, echo: EchoModel) -> None:
    stranger = RemoteModel(served.address, "guess")
    with pytest.raises(ModelError, match="token is not this run's"):
        stranger.complete(Prompt("", "x"), SHORT)
    assert echo.asked == []


_STRANGER = """
import os, socket, sys
os.setuid(65534)
connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
connection.connect("\\0" + sys.argv[1][1:])
print(len(connection.recv(1)))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_is_turned_away_before_a_word(served: Broker, connect: Callable[[], RemoteModel]) -> None:
    command = [sys.executable, "-c", _STRANGER, served.address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "0\n"
    assert connect().complete(Prompt("", "x"), SHORT).text == "x"


def test_a_process_that_is_killed_leaves_no_socket_behind() -> None:
    serve = "import time; from pytest_cereval.models.broker import Broker; print(Broker(None).address, flush=True)"
    killed = subprocess.Popen([sys.executable, "-c", f"{serve}; time.sleep(60)"], stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    address = killed.stdout.readline().strip()
    listed = Path("/proc/net/unix")
    assert address in listed.read_text()
    killed.kill()
    killed.communicate()
    assert address not in listed.read_text()


def test_a_client_that_leaves_in_the_middle_disturbs_nobody(
    connect: Callable[[], RemoteModel], echo: EchoModel
) -> None:
    echo.hold.clear()
    with pytest.raises(KeyboardInterrupt):
        connect().complete(Prompt("", "left"), SHORT, _interrupt)
    echo.hold.set()
    assert connect().complete(Prompt("", "next"), SHORT).text == "next"
    until = time.monotonic() + 10
    while "left" not in echo.finished and time.monotonic() < until:
        time.sleep(0.01)
    assert sorted(echo.finished) == ["left", "next"]


def _interrupt(_tokens: int) -> None:
    raise KeyboardInterrupt


def test_a_client_that_was_interrupted_asks_anew(connect: Callable[[], RemoteModel]) -> None:
    client = connect()
    with pytest.raises(KeyboardInterrupt):
        client.complete(Prompt("", "first"), SHORT, _interrupt)
    assert client.complete(Prompt("", "second"), SHORT).text == "second"


def test_each_completion_is_reported_once_before_the_client_has_it(echo: EchoModel) -> None:
    reported: list[tuple[str, int, str]] = []
    broker = Broker(echo, lambda prompt, sampling, made: reported.append((prompt.user, sampling.seed, made.text)))
    client = RemoteModel(broker.address, broker.token)
    try:
        client.complete(Prompt("", "a"), Sampling(seed=3))
        assert reported == [("a", 3, "a")]
    finally:
        client.close()
        broker.close()


def test_after_closing_clients_learn_that_nobody_answers(echo: EchoModel) -> None:
    broker = Broker(echo)
    client = RemoteModel(broker.address, broker.token)
    assert client.complete(Prompt("", "x"), SHORT).text == "x"
    broker.close()
    broker.close()
    with pytest.raises(ModelError, match=r"process that serves the model .* cannot be asked"):
        client.complete(Prompt("", "x"), SHORT)
    client.close()


_CLIENT = """
import json, sys
from pytest_cereval.models.model import Prompt, Sampling
from pytest_cereval.models.remote import RemoteModel
client = RemoteModel(sys.argv[1], sys.argv[2])
made = [client.complete(Prompt("Be exact.", f"Question {n}."), Sampling(max_tokens=12)) for n in range(6)]
print(json.dumps([one.text for one in made]))
client.close()
"""


def test_threads_and_processes_share_one_load_and_get_the_same_answers(
    tiny_gguf: Path, settings: LoadSettings, tmp_path: Path, load_log: Path
) -> None:
    model = HostedModel(tiny_gguf, settings, cache_dir=tmp_path)
    broker = Broker(model)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _CLIENT, broker.address, broker.token]
    here: dict[int, str] = {}

    def ask(number: int) -> None:
        client = RemoteModel(broker.address, broker.token)
        here[number] = client.complete(Prompt("Be exact.", f"Question {number}."), SHORT).text
        client.close()

    try:
        clients = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(2)]
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        there = [json.loads(client.communicate(timeout=60)[0]) for client in clients]
    finally:
        broker.close()
        model.close()
    assert there[0] == there[1] == [here[number] for number in range(6)]
    assert len(load_log.read_text().splitlines()) == 1
