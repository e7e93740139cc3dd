"""Turns a `Launch` into a process in fresh Linux namespaces, through the bubblewrap program.

Level "ns": own user, pid, network, ipc, uts, cgroup and mount namespaces, no /proc, nothing writable but a
bounded /tmp and a small /dev/shm. The program waits at a gate inside bubblewrap until limits are set on it
from outside, so it never runs without them.
"""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path

from pytest_cereval.errors import SandboxError
from pytest_cereval.sandbox import mounts, seccomp
from pytest_cereval.sandbox.bwrap_program import REMEDY, find_program, parts_of, version_of
from pytest_cereval.sandbox.contents import hold
from pytest_cereval.sandbox.namespace import Namespace, NotSetUpError
from pytest_cereval.sandbox.privileges import UnprivilegedStart, give_away
from pytest_cereval.sandbox.process import ChildEnds, Process, open_pipe, start_child
from pytest_cereval.sandbox.sandbox import Launch, Level, Limits


class Bubblewrap:
    """The default backend. Raises `SandboxError` on construction if no usable bubblewrap program is found."""

    level = Level.NAMESPACES

    def __init__(self, program: Path | None = None) -> None:
        self._program, self._version = (program, version_of(program)) if program else find_program()
        self._filter = seccomp.IN_NAMESPACES.program()

    def describe(self) -> dict[str, str]:
        return {
            "level": self.level.value,
            "backend": "bubblewrap",
            "version": ".".join(map(str, self._version)),
            "program": str(self._program),
            "seccomp": "deny list" if self._filter else f"none known for {platform.machine()}",
            "kernel": platform.release(),
            "started_as": "root, which drops to uid 65534" if os.geteuid() == 0 else "an ordinary user",
        }

    def options(self, launch: Launch, limits: Limits) -> list[str | bytes]:
        """Bubblewrap's options for this launch; bytes stand for a descriptor with this content."""
        filter_ = None if launch.nests else self._filter
        seccomp_options: list[str | bytes] = ["--seccomp", filter_] if filter_ else []
        return mounts.options(launch, limits) + seccomp_options

    def start(self, launch: Launch, limits: Limits) -> Process:
        """Start a sealed process; raises `SandboxError` with bubblewrap's own words if that fails."""
        launch = mounts.checked(launch)
        options = self.options(launch, limits)
        if os.geteuid() != 0:
            return Process(lambda ends: self._spawn(options, launch, limits, ends), limits, channel=launch.channel)
        give_away(bind.source for bind in launch.writable)
        sources = [bind.source for bind in launch.binds + launch.writable] + parts_of(self._program)

        def spawn_as_nobody(ends: ChildEnds) -> Namespace:
            start = UnprivilegedStart(lambda: self._spawn(options, launch, limits, ends), sources)
            tree = start.result()
            tree.at_close.callback(start.release)
            return tree

        return Process(spawn_as_nobody, limits, channel=launch.channel)

    def _spawn(self, options: list[str | bytes], launch: Launch, limits: Limits, ends: ChildEnds) -> Namespace:
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            status, status_end = open_pipe(ours, theirs)
            gate_end, gate = open_pipe(ours, ours)
            arguments, held = _hold_contents(options, theirs)
            for name, value in ends.environment():
                arguments += ["--setenv", name, value]
            arguments += ["--json-status-fd", str(status_end), "--block-fd", str(gate_end)]
            command = [str(self._program), *arguments, "--", *launch.argv]
            child = start_child(command, ends, (status_end, gate_end, *held, *launch.descriptors))
            theirs.close()
            tree = Namespace(child, ours.pop_all())
        try:
            tree.enter(status, limits)
            tree.open_gate(gate, gate_end)
        except NotSetUpError:
            tree.abandon()
            said = ends.said() or "it said nothing"
            raise SandboxError(f"bubblewrap could not build the sandbox: {said}", next_step=REMEDY) from None
        except BaseException:
            tree.abandon()
            raise
        return tree


def _hold_contents(options: list[str | bytes], stack: contextlib.ExitStack) -> tuple[list[str], list[int]]:
    """Put each content into a descriptor of its own; return the finished options and the descriptors."""
    arguments, held = [], []
    for option in options:
        if isinstance(option, bytes):
            held.append(hold(option, stack))
            arguments.append(str(held[-1]))
        else:
            arguments.append(option)
    return arguments, held
