"""Root gives up its identity in one thread, and what that thread mounts is seen by nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_cereval.errors import SandboxError
from pytest_cereval.sandbox import privileges
from pytest_cereval.sandbox.privileges import UNPRIVILEGED_ID, UnprivilegedStart

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to give up")


def test_only_the_starting_thread_changes(open_dir: Path) -> None:
    open_dir.parent.chmod(0o700)
    (open_dir / "file").write_text("reached")
    closed = open_dir.parent / "closed"
    closed.mkdir(mode=0o755)

    def look() -> tuple[str, list[str], str]:
        status = Path("/proc/thread-self/status").read_text()
        uids = next(line for line in status.splitlines() if line.startswith("Uid:"))
        return (
            uids,
            sorted(entry.name for entry in open_dir.parent.iterdir()),
            (open_dir / "file").read_text(),
        )

    start = UnprivilegedStart(look, [open_dir])
    uids, names, text = start.result()
    start.release()

    assert uids.split()[1:] == [str(UNPRIVILEGED_ID)] * 4
    assert (names, text) == (["open"], "reached")
    assert sorted(entry.name for entry in open_dir.parent.iterdir()) == ["closed", "open"]
    assert os.getresuid() == (0, 0, 0)


GROUPS = """
import os, sys
sys.path[:0] = {paths!r}
from pytest_cereval.sandbox.privileges import UnprivilegedStart
start = UnprivilegedStart(os.getgroups, [])
print(start.result(), os.getgroups())
start.release()
"""


def test_groups_are_given_up_too() -> None:
    code = GROUPS.format(paths=[path for path in sys.path if path])

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, extra_groups=[4, 27], timeout=30
    )

    assert (done.stdout, done.stderr) == ("[] [4, 27]\n", "")


def test_what_the_start_raises_reaches_the_caller() -> None:
    def fail() -> None:
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        UnprivilegedStart(fail, []).result()


SHARED = """
import ctypes, sys, threading
sys.path[:0] = {paths!r}
from pathlib import Path
from pytest_cereval.sandbox.privileges import make_reachable
libc = ctypes.CDLL(None, use_errno=True)
assert libc.unshare(0x00020000) == 0
assert libc.mount(None, b"/", None, ctypes.c_ulong(0x4000 | 1 << 18), None) == 0  # private
assert libc.mount(None, b"/", None, ctypes.c_ulong(0x4000 | 1 << 20), None) == 0  # shared, as systemd has it
before = Path("/proc/self/mountinfo").read_text()
seen = []
def act():
    make_reachable([Path({source!r})])
    seen.append(Path("/proc/thread-self/mountinfo").read_text() != before)
thread = threading.Thread(target=act); thread.start(); thread.join()
print(seen, Path("/proc/self/mountinfo").read_text() == before)
"""


def test_mounts_do_not_spread_where_the_root_is_shared(open_dir: Path) -> None:
    open_dir.parent.chmod(0o700)
    code = SHARED.format(paths=[path for path in sys.path if path], source=str(open_dir))

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)

    if "AssertionError" in done.stderr:
        pytest.skip("root may not mount here")
    assert (done.stdout, done.stderr) == ("[True] True\n", "")


def test_a_container_without_mounts_is_refused_with_a_way_out(open_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoMounts:
        def unshare(self, _: int) -> int:
            return -1

    open_dir.parent.chmod(0o700)
    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: NoMounts())

    with pytest.raises(SandboxError, match=f"{open_dir} is then out of reach") as caught:
        privileges.make_reachable([open_dir])
    assert "run as an ordinary user" in caught.value.next_step
