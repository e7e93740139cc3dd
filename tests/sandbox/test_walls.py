"""A program cannot reach, read or write what is outside; it inherits nothing and gains nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cereval.sandbox.process import Process
from pytest_cereval.sandbox.sandbox import Bind, End, Limits, Sandbox

from .conftest import Run, Talk, processes_with


def test_signals_reach_nothing_outside(talk: Talk) -> None:
    process = talk("""
        import signal
        for target in (os.getppid(), -1, 0):
            try:
                if target == 0: signal.signal(signal.SIGTERM, signal.SIG_IGN)
                os.kill(target, signal.SIGTERM)
            except OSError: pass
        tell({"alive": True})
    """)

    assert process.receive(timeout_s=10) == {"alive": True}


def test_the_process_that_started_it_cannot_be_signalled(confined: Sandbox, run_in: Callable[..., End]) -> None:
    code = f"""
        import os
        try: os.kill({os.getpid()}, 0); print("signalled")
        except OSError: print("refused")
    """

    assert run_in(confined, code).output == "refused\n"


REFUSED_CALLS = {
    "ptrace": "libc.ptrace(16, os.getppid(), 0, 0)",
    "reading other memory": "libc.process_vm_readv(os.getppid(), None, 0, None, 0, 0)",
    "a user namespace": "libc.unshare(0x10000000)",
    "a mount namespace": "libc.unshare(0x00020000)",
    "a user namespace by clone": "libc.syscall(CLONE, 0x10000000 | 17, 0, 0, 0, 0)",
    "mounting": "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
    "key rings": "libc.syscall(KEYCTL, 0, -3, 0)",
    "io_uring": "libc.syscall(425, 1, None)",
    "bpf": "libc.syscall(BPF, 0, None, 0)",
}


@pytest.mark.parametrize("call", REFUSED_CALLS.values(), ids=REFUSED_CALLS)
def test_the_kernel_refuses(confined: Sandbox, run_in: Callable[..., End], call: str) -> None:
    code = f"""
        import ctypes, os
        CLONE, KEYCTL, BPF = (56, 250, 321) if os.uname().machine == "x86_64" else (220, 219, 280)
        libc = ctypes.CDLL(None, use_errno=True)
        result = {call}
        if result == 0: os._exit(99)
        print(result, ctypes.get_errno())
    """

    assert run_in(confined, code).output == "-1 1\n"


def test_no_privilege_can_be_gained(any_level: Sandbox, run_in: Callable[..., End]) -> None:
    code = """
        import ctypes, os
        try: os.setuid(0); print("root")
        except OSError: pass
        print(ctypes.CDLL(None).prctl(39, 0, 0, 0, 0), os.getuid() == os.geteuid() != 0)
    """

    assert run_in(any_level, code).output == "1 True\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user cannot leave its groups")
def test_root_gives_up_its_groups(any_level: Sandbox, run_in: Callable[..., End]) -> None:
    assert run_in(any_level, "import os; print(os.getgroups())").output == "[]\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has an identity to give up")
def test_root_gives_up_its_identity_and_keeps_its_own(any_level: Sandbox, talk_in: Callable[..., Process]) -> None:
    process = talk_in(any_level, "tell({}); ask()  # token-of-identity")
    process.receive(timeout_s=10)

    inside = processes_with("token-of-identity")
    uids = {Path(f"/proc/{pid}/status").read_text().split("Uid:")[1].split()[0] for pid in inside}

    assert uids == {"65534"}
    assert os.getresuid() == (0, 0, 0)
    assert any(Path("/root").iterdir())


def test_the_network_is_out_of_reach(confined: Sandbox, run_in: Callable[..., End]) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        udp.bind(("127.0.0.1", 0))
        code = f"""
            import socket
            stream, datagram = {tcp.getsockname()[1]}, {udp.getsockname()[1]}
            for port, kind in ((stream, socket.SOCK_STREAM), (datagram, socket.SOCK_DGRAM)):
                try:
                    client = socket.socket(socket.AF_INET, kind)
                    client.connect(("127.0.0.1", port)); client.send(b"x")
                except OSError: pass
            for family in (40, 16, 17):
                try: socket.socket(family, socket.SOCK_DGRAM); print("family", family)
                except OSError: pass
            a, b = socket.socketpair(); a.send(b"between us"); print(b.recv(20).decode())
        """
        end = run_in(confined, code)
        tcp.setblocking(False)
        udp.setblocking(False)

        assert end.output == "between us\n"
        with pytest.raises(BlockingIOError):
            tcp.accept()
        with pytest.raises(BlockingIOError):
            udp.recv(10)


def test_a_program_may_use_sockets_within_its_own_namespaces(run: Run) -> None:
    code = """
        import socket
        server = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(server.getsockname()); client.send(b"at home")
        print(server.accept()[0].recv(10).decode())
    """

    assert run(code).output == "at home\n"


def test_files_outside_cannot_be_read(confined: Sandbox, run_in: Callable[..., End], open_dir: Path) -> None:
    secret = open_dir / "secret"
    secret.write_text("the answer")
    code = f"""
        for path in ({str(secret)!r}, "/etc/passwd", "/proc/1/environ", "/proc/self/maps"):
            try: print(path, open(path).read(10))
            except OSError: pass
    """

    assert run_in(confined, code).output == ""


def test_nothing_but_tmp_can_be_written(confined: Sandbox, run_in: Callable[..., End], open_dir: Path) -> None:
    (open_dir / "old").write_text("old")
    (open_dir / "hidden").mkdir()
    code = """
        import os
        for folder in ("/", "/usr", "/usr/lib", "/etc", "/dev", "/root", os.path.dirname(os.__file__),
                       "/cereval", "/cereval/open", "/cereval/masked", "/cereval/masked/hidden"):
            for attempt in (lambda: open(folder + "/new", "w"), lambda: os.mkdir(folder + "/newdir"),
                            lambda: os.symlink("/", folder + "/newlink"), lambda: open(folder + "/old", "a"),
                            lambda: os.unlink(folder + "/old"), lambda: os.chmod(folder + "/old", 0)):
                try: attempt(); print("did it in", folder)
                except OSError: pass
        open("here", "w").write("may"); print(open("here").read())
    """

    end = run_in(
        confined,
        code,
        binds=(Bind(open_dir, "/cereval/open"), Bind(open_dir, "/cereval/masked")),
        data=(("/cereval/masked/old", b"data"),),
        hidden=("/cereval/masked/hidden",),
    )

    assert end.output == "may\n"
    assert sorted(entry.name for entry in open_dir.rglob("*")) == ["hidden", "old"]


def test_devices_are_only_the_harmless_ones(run: Run) -> None:
    code = """
        import os
        print(sorted(name for name in os.listdir("/dev") if os.path.exists("/dev/" + name)))
        print(len(os.urandom(4)), open("/dev/zero", "rb").read(2))
        for name in ("/dev/tty", "/dev/console", "/dev/ptmx"):
            try: os.open(name, os.O_RDWR); print("opened", name)
            except OSError: pass
        print([os.isatty(fd) for fd in (0, 1, 2)], os.read(0, 10))
    """

    lines = run(code).output.splitlines()

    assert lines[0] == "['full', 'null', 'ptmx', 'pts', 'random', 'shm', 'tty', 'urandom', 'zero']"
    assert lines[1] == "4 b'\\x00\\x00'"
    assert [line for line in lines if line.startswith("opened") and "ptmx" not in line] == []
    assert lines[-1] == "[False, False, False] b''"


def test_other_processes_cannot_be_seen(confined: Sandbox, run_in: Callable[..., End]) -> None:
    code = """
        import os
        try: print([name for name in os.listdir("/proc") if name.isdigit()])
        except OSError: print([])
    """

    assert run_in(confined, code).output == "[]\n"


def test_no_descriptor_is_inherited_but_the_channel(any_level: Sandbox, talk_in: Callable[..., Process]) -> None:
    with Path("/etc/hostname").open("rb") as left_open:
        os.set_inheritable(left_open.fileno(), True)
        process = talk_in(
            any_level,
            """
            def there(fd):
                try: return bool(os.fstat(fd))
                except OSError: return False
            tell({"fds": [fd for fd in range(1024) if there(fd)], "ours": sorted([0, 1, 2, READ, WRITE])})
            """,
        )

        seen = process.receive(timeout_s=10)

    assert seen["fds"] == seen["ours"]


def test_the_environment_is_fixed_and_can_be_extended(
    any_level: Sandbox, run_in: Callable[..., End], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "secret")
    code = """
        import os
        print([os.environ.get(name) for name in ("LC_ALL", "TZ", "PYTHONHASHSEED", "EXTRA", "API_TOKEN")])
        print(os.environ["HOME"] == os.environ["TMPDIR"] == os.getcwd(), "CEREVAL_READ_FD" in os.environ)
    """

    end = run_in(any_level, code, env=(("EXTRA", "yes"), ("PYTHONHASHSEED", "7")))

    assert end.output == ("['C.UTF-8', 'UTC', '7', 'yes', None]\nTrue False\n")


def test_identity_and_host_name_do_not_depend_on_the_machine(run: Run) -> None:
    code = "import os; print(os.getuid(), os.getgid(), os.uname().nodename, os.getpid() < 10)"

    assert run(code).output == "65534 65534 sandbox True\n"


def test_a_writable_bind_is_written_and_the_rest_of_the_host_is_not(
    any_level: Sandbox, run_in: Callable[..., End], open_dir: Path
) -> None:
    inner = open_dir / "out"
    inner.mkdir()

    end = run_in(
        any_level,
        "import sys, os; open(os.path.dirname(sys.argv[1]) + '/out/new', 'w').write('made')",
        writable=(Bind(inner, "/cereval/out"),),
        limits=Limits(),
    )

    assert end.code == 0, end.output
    assert (inner / "new").read_text() == "made"
