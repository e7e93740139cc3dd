"""Turns what the user wrote after `--cereval-model` into a `Model`, with every cheap check made and nothing
loaded.
"""

from __future__ import annotations

import re
from pathlib import Path

from pytest_cereval.errors import ModelError
from pytest_cereval.models.demo import DEMO_MODELS, Fetch, Tell, demo_model_path
from pytest_cereval.models.gguf import read_header, split_parts
from pytest_cereval.models.hosted import HostedModel
from pytest_cereval.models.memory import check_memory
from pytest_cereval.models.model import BatchModel, LoadSettings
from pytest_cereval.models.replay import ReplayModel

ACCEPTED = "a .gguf file, " + ", ".join(f"demo:{name}" for name in DEMO_MODELS) + ", hf:OWNER/REPO/FILE, replay:FILE"
_HUB_FILE = re.compile(r"^(?P<repo>[^/]+/[^/]+)/(?P<file>.+)$")


def resolve_model(
    spec: str, *, cache_dir: Path, load: LoadSettings, fetch: Fetch | None = None, tell: Tell | None = None
) -> BatchModel:
    """The model for `spec`: a path, `demo:NAME`, `hf:OWNER/REPO/FILE` or `replay:FILE`.

    Missing, damaged, truncated and far too large files are refused here with a `ModelError`. `demo:` and
    `hf:` download into `cache_dir` if need be; `tell` receives a line per step.
    """
    if not spec:
        raise ModelError("no model is named", next_step=f"give {ACCEPTED}")
    kind, _, name = spec.partition(":")
    if kind == "replay":
        return ReplayModel(Path(name).expanduser())
    if kind == "demo":
        path = _demo(name, cache_dir, fetch, tell)
    elif kind == "hf":
        path = _from_hub(name, cache_dir)
    else:
        path = Path(spec).expanduser()
    check_memory(read_header(path), load)
    return HostedModel(path, load, spec=spec, cache_dir=cache_dir)


def _demo(name: str, cache_dir: Path, fetch: Fetch | None, tell: Tell | None) -> Path:
    if name not in DEMO_MODELS:
        raise ModelError(f"there is no demo model {name!r}", next_step=f"give one of {', '.join(DEMO_MODELS)}")
    return demo_model_path(DEMO_MODELS[name], cache_dir / "models", fetch=fetch, tell=tell)


def _from_hub(name: str, cache_dir: Path) -> Path:
    match = _HUB_FILE.match(name)
    if match is None:
        raise ModelError(f"hf:{name} names no file", next_step="give hf:OWNER/REPO/FILE.gguf")
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        raise ModelError(
            f"hf:{name} needs huggingface_hub, which is not installed",
            next_step="pip install 'pytest-cereval[hf]', or download the file and give its path",
        ) from error
    try:
        parts = [
            Path(hf_hub_download(repo_id=match["repo"], filename=part.as_posix(), cache_dir=cache_dir / "hub"))
            for part in split_parts(Path(match["file"]))
        ]
    except Exception as error:  # each HTTP stack below raises its own kinds
        raise ModelError(
            f"hf:{name} cannot be downloaded: {type(error).__name__}: {error}",
            next_step="check the names and the network, or download the file and give its path",
        ) from error
    return parts[0]
