"""The self-test passes on what holds and names each promise that a backend weakened on purpose breaks."""

from __future__ import annotations

import dataclasses
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_cereval.errors import SandboxError
from pytest_cereval.sandbox import seccomp
from pytest_cereval.sandbox.bubblewrap import Bubblewrap
from pytest_cereval.sandbox.fallback import Fallback
from pytest_cereval.sandbox.interpreter import Interpreter
from pytest_cereval.sandbox.process import Process
from pytest_cereval.sandbox.sandbox import Launch, Level, Limits, Sandbox
from pytest_cereval.sandbox.selftest import LIMITS, PROMISES, promises, self_test

Options = list[str | bytes]


class Weakened(Bubblewrap):
    """Bubblewrap with its options, limits or arguments changed on the way."""

    def __init__(
        self,
        edit: Callable[[Options], Options] = lambda options: options,
        wrap: tuple[str, ...] = (),
        **limits: Any,
    ) -> None:
        super().__init__()
        self._edit, self._wrap, self._limits = edit, wrap, limits

    def options(self, launch: Launch, limits: Limits) -> Options:
        return self._edit(super().options(launch, limits))

    def start(self, launch: Launch, limits: Limits) -> Process:
        argv = (*self._wrap, *launch.argv)
        return super().start(dataclasses.replace(launch, argv=argv), dataclasses.replace(limits, **self._limits))


def without(*dropped: str) -> Callable[[Options], Options]:
    return lambda options: [option for option in options if option not in dropped]


def adding(*added: str) -> Callable[[Options], Options]:
    def edit(options: Options) -> Options:
        place = options.index("--dev")  # before everything becomes read-only
        return [*options[:place], *added, *options[place:]]

    return edit


def sharing_the_network(options: Options) -> Options:
    parts: Options = ["--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup"]
    return [*parts, *without("--unshare-all")(options)]


def writable_root(options: Options) -> Options:
    root = max(i for i, option in enumerate(options) if option == "--remount-ro" and options[i + 1] == "/")
    return options[:root] + options[root + 2 :]


def nested_namespaces(options: Options) -> Options:
    return without("--disable-userns", "--seccomp", seccomp.IN_NAMESPACES.program() or "")(options)  # type: ignore[arg-type]


TMP = tempfile.gettempdir()
LEAK = ("/bin/sh", "-c", 'exec 9</dev/null; exec "$@"', "sh")
WEAKENED: dict[str, tuple[str, Callable[[], Sandbox]]] = {
    "network": ("tcp", lambda: Weakened(sharing_the_network)),
    "host_files": ("the host's secret", lambda: Weakened(adding("--ro-bind", TMP, TMP))),
    "host_writes": ("'/'", lambda: Weakened(writable_root)),
    "process_list": ("seen: 2", lambda: Weakened(adding("--proc", "/proc"))),
    "user_namespaces": ("True", lambda: Weakened(nested_namespaces)),
    "temporary_space": ("where 7 is the bound", lambda: Weakened(tmp_mb=64)),
    "processes": ("where 31 is the bound", lambda: Weakened(processes=100)),
    "memory": ("where 512 is the bound", lambda: Weakened(memory_mb=2000)),
    "file_size": ("where 2 is the bound", lambda: Weakened(file_mb=64)),
    "open_files": ("where 64 is the bound", lambda: Weakened(files=500)),
    "environment": ("API_TOKEN", lambda: Weakened(adding("--setenv", "API_TOKEN", "secret"))),
    "descriptors": ("[9]", lambda: Weakened(wrap=LEAK)),
}


@pytest.mark.parametrize("promise", WEAKENED)
def test_a_broken_promise_is_named_with_what_was_seen(namespaces: Sandbox, python: Interpreter, promise: str) -> None:
    seen, build = WEAKENED[promise]

    with pytest.raises(SandboxError, match="does not keep what it promises") as caught:
        self_test(build(), python)

    assert f"{promise} (promised: {PROMISES[promise].text}" in caught.value.what
    assert seen in caught.value.what
    assert "do not trust a verdict" in caught.value.next_step


class SurvivableLandlock(Fallback):
    """Landlock without the filter that keeps processes in their group."""

    def __init__(self) -> None:
        super().__init__(Level.LANDLOCK)
        self._filter = seccomp.Filter(seccomp.SURFACE, ()).program()


def test_a_survivor_is_named(python: Interpreter) -> None:
    try:
        sandbox = SurvivableLandlock()
    except SandboxError as error:
        pytest.skip(error.what)

    try:
        with pytest.raises(SandboxError, match=r"survivors \(promised: no process outlives the launch; seen: \["):
            self_test(sandbox, python)
    finally:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and b"/cereval/probe.py" in _command_line(entry):
                os.kill(int(entry.name), 9)


def _command_line(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""


class RootLandlock(Fallback):
    """Landlock that does not give up root."""

    def _spawn_as_nobody(self, plan: Any, place: Any, ends: Any) -> Any:
        return self._spawn(plan, ends)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can stay root")
def test_running_as_root_is_named(python: Interpreter) -> None:
    try:
        sandbox = RootLandlock(Level.LANDLOCK)
    except SandboxError as error:
        pytest.skip(error.what)

    with pytest.raises(SandboxError) as caught:
        self_test(sandbox, python)

    # The kernel does not enforce the limit on processes for root, which is why root matters.
    assert "user (promised: nothing inside runs as the kernel's uid 0" in caught.value.what
    assert "processes (promised" in caught.value.what


def test_every_level_keeps_its_promises_within_a_second(any_level: Sandbox, python: Interpreter) -> None:
    self_test(any_level, python)
    begin = time.process_time()
    self_test(any_level, python)

    assert time.process_time() - begin < 1


def test_a_weaker_level_is_not_taken_for_a_stronger_one(python: Interpreter) -> None:
    class Pretender(Fallback):
        def start(self, launch: Launch, limits: Limits) -> Process:
            self.level = Level.NAMESPACES
            return super().start(launch, limits)

    with pytest.raises(SandboxError) as caught:
        self_test(Pretender(Level.UNSAFE), python)

    for promise in ("network", "host_files", "process_list", "temporary_space", "survivors"):
        assert f"{promise} (promised" in caught.value.what
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and b"/probe.py" in _command_line(entry):
            os.kill(int(entry.name), 9)


def test_promises_grow_with_the_level() -> None:
    ladder = (Level.UNSAFE, Level.LANDLOCK, Level.NAMESPACES)
    unsafe, landlock, namespaces = (set(promises(level)) for level in ladder)

    assert unsafe < landlock < namespaces == set(PROMISES)
    assert namespaces - landlock == {"temporary_space"}
    assert not {"network", "host_files", "host_writes", "survivors"} & unsafe


@pytest.mark.parametrize("name", PROMISES)
def test_each_promise_can_be_broken(name: str) -> None:
    kept = {
        "network": [], "canary": "", "writes": [], "foreign_processes": 0, "signal_parent": False,
        "user_namespace": False, "survivors": [], "run_as_root": [], "foreign_variables": [], "inherited": [],
        "tmp_mb": LIMITS.tmp_mb, "processes": LIMITS.processes, "memory_mb": LIMITS.memory_mb,
        "file_mb": LIMITS.file_mb, "open_files": LIMITS.files,
    }  # fmt: skip
    broken = {
        "network": ["tcp"], "canary": "secret", "writes": ["/"], "foreign_processes": 1,
        "signal_parent": True,
        "user_namespace": True, "survivors": [1], "run_as_root": [1], "foreign_variables": ["X"],
        "inherited": [5], "tmp_mb": 8, "processes": 32, "memory_mb": 544, "file_mb": 3, "open_files": 65,
    }  # fmt: skip

    assert PROMISES[name].breach(kept) == ""
    assert PROMISES[name].breach(broken) != ""


def test_an_interpreter_that_cannot_start_inside_is_an_error_of_ours(namespaces: Sandbox, python: Interpreter) -> None:
    lost = dataclasses.replace(python, executable="/usr/no-python")

    with pytest.raises(SandboxError, match=r"did not come to its end .*/usr/no-python"):
        self_test(namespaces, lost)
