"""Model files and host commands that the tests of this package share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_cereval.models.hosted import HostedModel
from pytest_cereval.models.llama import LlamaEngine
from pytest_cereval.models.model import LoadSettings
from tests.models.hosts import Open
from tests.tiny_gguf import WIDE_TOKEN, write_tiny_gguf

END_TOKENS = ("<|endoftext|>", "<|im_end|>")

_WRAPPED_HOST = """
import os, resource, signal, sys, time
from pytest_cereval.models import host
from pytest_cereval.models.llama import LlamaEngine
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
{change}
sys.exit(host.main())
"""


@pytest.fixture(scope="session")
def endless_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, but it never ends by itself."""
    path = tmp_path_factory.mktemp("endless") / "endless.gguf"
    return write_tiny_gguf(path, gain=dict.fromkeys(END_TOKENS, 0.0))


@pytest.fixture(scope="session")
def indenting_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as the endless one, but it likes to say forty spaces in one token."""
    path = tmp_path_factory.mktemp("indenting") / "indenting.gguf"
    return write_tiny_gguf(path, gain={**dict.fromkeys(END_TOKENS, 0.0), WIDE_TOKEN: 8.0})


@pytest.fixture(scope="session")
def settings() -> LoadSettings:
    """The defaults, with a context that fits the tiny model; one thread, because it has nothing to share."""
    return LoadSettings(n_ctx=4096, n_threads=1)


@pytest.fixture
def load_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which hosts write a line per load: process id, path."""
    log = tmp_path / "loads.log"
    log.touch()
    monkeypatch.setenv("CEREVAL_LOAD_LOG", str(log))
    return log


@pytest.fixture
def host_with(tmp_path: Path) -> Callable[[str], tuple[str, ...]]:
    """Builds the command for a host in which the given lines have run before it starts to serve."""

    def build(change: str) -> tuple[str, ...]:
        script = tmp_path / f"host{len(list(tmp_path.glob('host*.py')))}.py"
        script.write_text(_WRAPPED_HOST.format(change=change), encoding="utf-8")
        return (sys.executable, str(script))

    return build


@pytest.fixture
def open_model(tmp_path: Path, settings: LoadSettings) -> Iterator[Open]:
    opened: list[HostedModel] = []

    def open_one(path: Path, load: LoadSettings = settings, **options: object) -> HostedModel:
        opened.append(HostedModel(path, load, cache_dir=tmp_path / "cache", **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for model in opened:
        model.close()


@pytest.fixture(scope="module")
def open_engine(settings: LoadSettings) -> Iterator[Callable[..., LlamaEngine]]:
    opened: list[LlamaEngine] = []

    def open_one(path: Path, load: LoadSettings = settings) -> LlamaEngine:
        opened.append(LlamaEngine(path, load))
        return opened[-1]

    yield open_one
    for engine in opened:
        engine.close()


@pytest.fixture(scope="module")
def engine(open_engine: Callable[..., LlamaEngine], tiny_gguf: Path) -> LlamaEngine:
    return open_engine(tiny_gguf)
