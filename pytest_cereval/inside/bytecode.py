"""Turns source files of the repository, and texts in their place, into bytecode files, without running them.

Standard library only.
"""

from __future__ import annotations

import base64
import importlib.util
import marshal
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from .serving import serve

_UNCHECKED_HASH = 0b01  # PEP 552: valid for whatever the source is, so no clock decides


def main() -> None:
    """Answer frames `{"id", "file"}` with the file's `bytecode` in base64, or how it `failed`.

    With a `text`, in base64, it is that instead of what the file holds.
    """
    source, sink = int(os.environ["CEREVAL_READ_FD"]), int(os.environ["CEREVAL_WRITE_FD"])
    warnings.simplefilter("ignore")

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        text = base64.b64decode(request["text"]) if "text" in request else Path(request["file"]).read_bytes()
        bytecode = base64.b64encode(compiled(request["file"], text)).decode()
        return {"bytecode": bytecode, "tag": sys.implementation.cache_tag}

    serve(source, sink, answer)


def compiled(file: str, text: bytes) -> bytes:
    """What `importlib` would write beside the file if it held the text, but for the check against it."""
    code = compile(text, file, "exec", dont_inherit=True)
    flags = _UNCHECKED_HASH.to_bytes(4, "little")
    return importlib.util.MAGIC_NUMBER + flags + importlib.util.source_hash(text) + marshal.dumps(code)
