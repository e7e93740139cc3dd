"""Turns a module of the repository into the names of what it imports from outside the repository.

Runs in a fork of the nursery that ends afterwards, so that nothing of the repository stays. Standard library only.
"""

from __future__ import annotations

import importlib
import os
import sys

from .framing import read_frame, write_frame
from .location import located
from .worker import failure, set_path


def main() -> None:
    """Answer one frame, `{"module", "path", "site", "outside"}`, with the `names` in order of import."""
    source, sink = int(os.environ["CEREVAL_READ_FD"]), int(os.environ["CEREVAL_WRITE_FD"])
    request = located(read_frame(source))
    set_path(request["path"], request["site"])
    before = set(sys.modules)
    failed = ""
    try:
        importlib.import_module(request["module"])
    except BaseException as error:  # noqa: BLE001 - what was imported until then is worth knowing, too
        failed = failure(error)
    names = [name for name in sys.modules if name not in before and _is_below(name, request["outside"])]
    write_frame(sink, {"id": request["id"], "names": names, "failed": failed})


def _is_below(name: str, folders: list[str]) -> bool:
    """Whether a module comes from a file below one of the folders."""
    origin = getattr(getattr(sys.modules[name], "__spec__", None), "origin", None)
    return isinstance(origin, str) and any(origin.startswith(f"{folder.rstrip('/')}/") for folder in folders)
