"""Turns framed requests on two file descriptors into completions: the process that holds the model.

Started by `hosted.py` as `python -m pytest_cereval.models.host`, because a fault in native code ends the
process it happens in. It reads from the descriptor in `CEREVAL_READ_FD`, writes to the one in
`CEREVAL_WRITE_FD`, loads one model, proves itself with a few tokens, and then answers one request at a
time. It ends when its parent is gone.
"""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_cereval.errors import CerevalError, ModelError
from pytest_cereval.inside import framing
from pytest_cereval.models.wire import error_message, load_settings, read_complete_all_request, read_complete_request

if TYPE_CHECKING:
    from pytest_cereval.models.llama import LlamaEngine

_PROGRESS_EVERY_S = 0.25
_LOOK_FOR_PARENT_EVERY_MS = 1000


def main() -> int:
    """Serve until the parent closes its end; the exit status is 0 unless something unforeseen happened."""
    read_fd, write_fd = int(os.environ["CEREVAL_READ_FD"]), int(os.environ["CEREVAL_WRITE_FD"])
    threading.Thread(target=_end_with_parent, args=(read_fd, os.getppid()), daemon=True).start()
    try:
        request = framing.read_frame(read_fd)
        try:
            engine, ready = _load(request)
        except CerevalError as error:
            framing.write_frame(write_fd, error_message(error))
            return 0
        framing.write_frame(write_fd, {"ready": ready})
        while True:
            framing.write_frame(write_fd, _answer(engine, framing.read_frame(read_fd), write_fd))
    except framing.FrameClosed:
        return 0


def _load(request: dict[str, Any]) -> tuple[LlamaEngine, dict[str, Any]]:
    try:
        from pytest_cereval.models.llama import LlamaEngine
    except (ImportError, OSError, RuntimeError) as error:
        raise ModelError(
            f"llama-cpp-python cannot be imported: {error}",
            next_step="install it for this machine: pip install --force-reinstall llama-cpp-python",
        ) from error
    engine = LlamaEngine(
        Path(request["path"]),
        load_settings(request["load"]),
        extra_bufts=request["extra_bufts"],
        log=_show,
    )
    _count_load(request["path"])
    self_proof_s = engine.prove()
    return engine, {**engine.describe(), "self_proof_s": self_proof_s}


def _show(line: str) -> None:
    # Standard error is the log file that the parent quotes from when this process dies.
    sys.stderr.write(line)
    sys.stderr.flush()


def _count_load(path: str) -> None:
    """Append a line to the file named by `CEREVAL_LOAD_LOG`, so that loads can be counted from outside."""
    log = os.environ.get("CEREVAL_LOAD_LOG")
    if log:
        with Path(log).open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()} {path}\n")


def _answer(engine: LlamaEngine, request: dict[str, Any], write_fd: int) -> dict[str, Any]:
    told = time.monotonic()

    def tell(tokens: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _PROGRESS_EVERY_S:
            told = time.monotonic()
            framing.write_frame(write_fd, {"progress": tokens})

    try:
        if request["do"] == "complete_all":
            asked, samplings = read_complete_all_request(request)
            return {"completions": [each.to_dict() for each in engine.complete_all(asked, samplings, tell)]}
        prompt, sampling = read_complete_request(request)
        return {"completion": engine.complete(prompt, sampling, tell).to_dict()}
    except CerevalError as error:
        return error_message(error)


def _end_with_parent(read_fd: int, parent: int) -> None:
    """End this process when the other end of `read_fd` closes or the parent changes, whatever the main
    thread does.

    `PR_SET_PDEATHSIG` would be shorter, but it fires when the *thread* that started this process ends.
    """
    poller = select.poll()
    poller.register(read_fd, 0)  # hang-ups are reported without being asked for
    while not poller.poll(_LOOK_FOR_PARENT_EVERY_MS) and os.getppid() == parent:
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
