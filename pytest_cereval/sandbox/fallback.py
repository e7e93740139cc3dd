"""Turns a `Launch` into a process without namespaces: confined by Landlock and seccomp, or not at all.

Level "landlock" keeps file contents, sockets, signals and the process group in, but has no view of its own:
process ids, file names and the size of /tmp are the host's. Level "unsafe" only sets limits; it is for code
that is trusted. Both change inside paths as `stand_in` says.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from pytest_cereval.errors import SandboxError
from pytest_cereval.sandbox import landlock, mounts, seccomp, stand_in
from pytest_cereval.sandbox.accounting import tasks_of
from pytest_cereval.sandbox.contents import hold
from pytest_cereval.sandbox.group import Group
from pytest_cereval.sandbox.limits import resource_limits
from pytest_cereval.sandbox.privileges import UNPRIVILEGED_ID, UnprivilegedStart, give_away
from pytest_cereval.sandbox.process import ChildEnds, Process, open_pipe, start_child
from pytest_cereval.sandbox.sandbox import Launch, Level, Limits

_LAUNCHER = Path(__file__).with_name("launcher.py")


class Fallback:
    """Both weaker levels. Raises `SandboxError` on construction where a level's promises cannot be kept."""

    def __init__(self, level: Level) -> None:
        self.level = level
        self._abi = landlock.require() if level is Level.LANDLOCK else 0
        self._filter = seccomp.WITHOUT_NAMESPACES.program() if level is Level.LANDLOCK else None
        if level is Level.NAMESPACES or (self._abi and not self._filter):
            raise SandboxError(
                f"level {level} cannot be had without namespaces on {platform.machine()}",
                next_step="install bubblewrap",
            )

    def describe(self) -> dict[str, str]:
        return {
            "level": self.level.value,
            "backend": f"Landlock ABI {self._abi}" if self._abi else "plain process",
            "seccomp": "deny list" if self._filter else "none",
            "kernel": platform.release(),
            "started_as": "root, which drops to uid 65534" if os.geteuid() == 0 else "an ordinary user",
        }

    def start(self, launch: Launch, limits: Limits) -> Process:
        """Start the program; raises `SandboxError` if it could not be confined or executed."""
        launch = mounts.checked(launch)
        place = stand_in.build(launch)
        as_root = os.geteuid() == 0
        try:
            plan = self._plan(place, launch, limits, UNPRIVILEGED_ID if as_root else os.geteuid())
            if as_root:
                give_away([place.tmp, *(bind.source for bind in launch.writable)])

            def spawn(ends: ChildEnds) -> Group:
                tree = self._spawn_as_nobody(plan, place, ends) if as_root else self._spawn(plan, ends)
                tree.at_close.callback(place.remove)
                return tree

            return Process(spawn, limits, channel=launch.channel)
        except BaseException:
            place.remove()
            raise

    def _plan(self, place: stand_in.StandIn, launch: Launch, limits: Limits, uid: int) -> dict[str, Any]:
        """What the launcher is told, but for the channel."""
        rules = None
        if self._abi:
            system = [bind.source for bind in mounts.system_binds()]
            rules = landlock.ruleset([*system, *place.read], [place.tmp, *place.write], place.unread)
        return {
            "argv": [place.rewritten(part) for part in launch.argv],
            "env": place.environment(launch),
            "cwd": place.rewritten(launch.cwd),
            # The kernel counts all tasks of the user, so the bound moves with what runs already.
            "limits": resource_limits(limits, tasks_already=tasks_of(uid)),
            "landlock": rules,
            "seccomp": base64.b64encode(self._filter).decode() if self._filter else None,
        }

    def _spawn_as_nobody(self, plan: dict[str, Any], place: stand_in.StandIn, ends: ChildEnds) -> Group:
        own_python = (Path(sys.base_prefix), Path(sys.executable).resolve().parent, _LAUNCHER)
        start = UnprivilegedStart(lambda: self._spawn(plan, ends), [place.root, *place.read, *place.write, *own_python])
        tree = start.result()
        tree.at_close.callback(start.release)
        return tree

    def _spawn(self, plan: dict[str, Any], ends: ChildEnds) -> Group:
        plan = {**plan, "env": plan["env"] | dict(ends.environment())}
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            status, status_end = open_pipe(ours, theirs)
            config = hold(json.dumps(plan).encode(), theirs)
            python = [os.path.realpath(sys.executable), "-I", "-S", "-B"]
            command = [*python, str(_LAUNCHER), str(config), str(status_end)]
            child = start_child(command, ends, (config, status_end))
            theirs.close()
            reason = _read_all(status)
        tree = Group(child, contextlib.ExitStack())
        if reason:
            tree.kill()
            child.wait()
            raise SandboxError(
                f"the program could not be confined or executed: {reason}",
                next_step=f"check that this user can execute {plan['argv'][0]}, or use --cereval-sandbox=ns",
            )
        return tree


def _read_all(status: int) -> str:
    """What the launcher said before it became the program; it waits for nothing, so this cannot hang."""
    found = b""
    while chunk := os.read(status, 4096):
        found += chunk
    return found.decode("utf-8", "replace")
