"""The strongest level that starts is taken, never one below what the user accepted, and refusals say why."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cereval.errors import SandboxError
from pytest_cereval.sandbox import bwrap_program, landlock
from pytest_cereval.sandbox.bubblewrap import Bubblewrap
from pytest_cereval.sandbox.choose import LADDER, choose_sandbox
from pytest_cereval.sandbox.fallback import Fallback
from pytest_cereval.sandbox.interpreter import Interpreter, inspect_interpreter
from pytest_cereval.sandbox.sandbox import Launch, Level, Limits, Sandbox


def broken(words: str) -> Callable[[], Sandbox]:
    def build() -> Sandbox:
        raise SandboxError(words, next_step=f"mend {words}")

    return build


def without(*levels: Level) -> tuple[tuple[Level, Callable[[], Sandbox]], ...]:
    return tuple((level, broken(f"{level} is broken") if level in levels else build) for level, build in LADDER)


def fake_bwrap(folder: Path, script: str) -> Path:
    program = folder / "bwrap"
    program.write_text(f"#!/bin/sh\nif [ $1 = --version ]; then echo bubblewrap 0.11.0; exit; fi\n{script}\n")
    program.chmod(0o755)
    return program


def test_levels_are_ordered() -> None:
    assert sorted(Level, key=lambda level: level.rank) == [Level.UNSAFE, Level.LANDLOCK, Level.NAMESPACES]


def test_the_strongest_level_is_taken(namespaces: Sandbox) -> None:
    assert choose_sandbox(Level.UNSAFE).level is Level.NAMESPACES


@pytest.mark.parametrize("minimum", [Level.LANDLOCK, Level.UNSAFE])
def test_a_weaker_level_is_taken_only_if_accepted(minimum: Level) -> None:
    gone = [level for level in Level if level.rank > minimum.rank]

    assert choose_sandbox(minimum, without(*gone)).level is minimum


def test_without_namespaces_the_default_is_a_refusal_that_names_the_option() -> None:
    with pytest.raises(SandboxError) as caught:
        choose_sandbox(ladder=without(Level.NAMESPACES))

    assert caught.value.what == "no sandbox of level ns starts here. ns: ns is broken"
    assert caught.value.next_step == (
        "mend ns is broken; or accept a weaker level, marked in every verdict: --cereval-sandbox=landlock|unsafe"
    )


def test_a_refusal_names_the_reason_of_every_level_that_was_tried() -> None:
    with pytest.raises(SandboxError) as caught:
        choose_sandbox(Level.LANDLOCK, without(*Level))

    assert "ns: ns is broken; landlock: landlock is broken" in caught.value.what
    assert caught.value.next_step.endswith("--cereval-sandbox=unsafe")
    assert "unsafe is broken" not in str(caught.value)


def test_a_level_in_which_python_cannot_start_is_passed_over(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    blocked = fake_bwrap(tmp_path, "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1")
    ladder = ((Level.NAMESPACES, lambda: Bubblewrap(blocked)), *LADDER[1:])

    with pytest.raises(SandboxError, match="setting up uid map: Permission denied") as caught:
        choose_sandbox(ladder=ladder)

    assert "apparmor_restrict_unprivileged_userns" in caught.value.next_step
    assert choose_sandbox(Level.UNSAFE, ladder).level is not Level.NAMESPACES


def test_a_bubblewrap_that_dies_half_way_is_an_error_and_not_a_verdict(
    tmp_path: Path, launch: Callable[..., Launch]
) -> None:
    tmp_path.chmod(0o755)
    script = """
while [ $# -gt 0 ]; do [ "$1" = --json-status-fd ] && status=$2; shift; done
sleep 0.2 & eval "printf '{ \\"child-pid\\": %d }\\n' $! >&$status"; echo "no such mount"; exit 1
""".replace(">&$status", ">/proc/self/fd/$status")

    with pytest.raises(SandboxError, match="could not build the sandbox: no such mount"):
        Bubblewrap(fake_bwrap(tmp_path, script)).start(launch(""), Limits())


def test_an_old_bubblewrap_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho bubblewrap 0.4.1\n")
    program.chmod(0o755)

    with pytest.raises(SandboxError, match=r"bubblewrap 0\.4\.1.*too old") as caught:
        Bubblewrap(program)
    assert "install bubblewrap 0.8 or newer" in caught.value.next_step


def test_a_missing_bubblewrap_is_refused_with_the_way_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bwrap_program, "_bundled", lambda: [Path("/no/such/bwrap")])
    if Path("/usr/bin/bwrap").exists():
        pytest.skip("this system has one")

    with pytest.raises(SandboxError, match="no usable bubblewrap program: /usr/bin/bwrap does not run") as caught:
        Bubblewrap()
    assert "apt install bubblewrap" in caught.value.next_step


def test_an_old_kernel_is_refused_for_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "abi", lambda: 4)

    with pytest.raises(SandboxError, match="Landlock ABI 4, and at least 6 is needed"):
        Fallback(Level.LANDLOCK)


def test_landlock_is_refused_where_sockets_could_not_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "abi", lambda: 6)
    monkeypatch.setattr("platform.machine", lambda: "riscv64")

    with pytest.raises(SandboxError, match="level landlock cannot be had without namespaces on riscv64"):
        Fallback(Level.LANDLOCK)


def test_every_level_describes_itself(any_level: Sandbox) -> None:
    described = any_level.describe()

    assert described["level"] == any_level.level
    assert all(described.values())
    assert {"backend", "seccomp", "kernel", "started_as"} <= set(described)


def test_a_virtual_environment_leads_to_the_real_interpreter(tmp_path: Path, python: Interpreter) -> None:
    venv.create(tmp_path / "env", symlinks=True)

    found = inspect_interpreter(tmp_path / "env" / "bin" / "python")

    assert found.executable == python.executable == os.path.realpath(sys.executable)
    assert (found.prefix, found.base_prefix) == (str(tmp_path / "env"), sys.base_prefix)
    assert found.version == ".".join(map(str, sys.version_info[:3]))
    assert found.site == (str(next((tmp_path / "env").glob("lib/*/site-packages"))),)
    assert str(tmp_path / "env") in {bind.target for bind in found.binds()}


def test_a_system_interpreter_needs_no_binds() -> None:
    if not Path("/usr/bin/python3").exists():
        pytest.skip("no system interpreter")

    assert inspect_interpreter(Path("/usr/bin/python3")).binds() == ()


@pytest.mark.parametrize(
    ("program", "words"),
    [("/bin/false", "exit code 1"), ("/bin/echo", "Expecting value"), ("/no/such/python", "No such file")],
)
def test_what_is_not_a_python_is_refused(program: str, words: str) -> None:
    with pytest.raises(SandboxError, match=f"{program} does not answer as a Python interpreter: .*{words}") as caught:
        inspect_interpreter(Path(program))
    assert "--cereval-python" in caught.value.next_step


AS_ORDINARY_USER = """
import sys
sys.path[:0] = {paths!r}
from pathlib import Path
from pytest_cereval.sandbox.bubblewrap import Bubblewrap
from pytest_cereval.sandbox.interpreter import inspect_interpreter
from pytest_cereval.sandbox.sandbox import Launch, Limits, Level
from pytest_cereval.sandbox.choose import LADDER, choose_sandbox
from pytest_cereval.sandbox.selftest import self_test
python = inspect_interpreter(Path(sys.executable))
for level in Level:
    sandbox = choose_sandbox(level, [step for step in LADDER if step[0] is level])
    self_test(sandbox, python)
    code = "import os\\nprint(os.getuid())\\nwhile True: pass"
    launch = Launch((python.executable, "-u", "-c", code), python.binds())
    with sandbox.start(launch, Limits(wall_s=1)) as process:
        end = process.wait()
    print(sandbox.level, sandbox.describe()["started_as"], end.status, end.output.strip())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests already run as an ordinary user")
def test_an_ordinary_user_gets_the_same_sandboxes(tmp_path: Path) -> None:
    system = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if system is None or subprocess.run([system, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]).returncode:
        pytest.skip("no interpreter that an ordinary user could run")
    package = Path(bwrap_program.__file__).parents[2]
    paths = [str(package), *(path for path in sys.path if path.endswith("site-packages"))]

    reachable = f"import os, sys; sys.exit(not all(os.access(path, os.R_OK | os.X_OK) for path in {paths}))"
    ordinary = {"user": 1234, "group": 1234, "extra_groups": [], "cwd": "/", "env": {}}
    if subprocess.run([system, "-c", reachable], check=False, **ordinary).returncode:  # type: ignore[call-overload]
        pytest.skip("the environment lies where an ordinary user cannot reach it")

    done = subprocess.run(
        [system, "-c", AS_ORDINARY_USER.format(paths=paths)],
        capture_output=True, text=True, user=1234, group=1234, extra_groups=[], cwd="/", env={}, timeout=60,
    )  # fmt: skip

    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "ns an ordinary user timed_out 65534",
        "landlock an ordinary user timed_out 1234",
        "unsafe an ordinary user timed_out 1234",
    ]
