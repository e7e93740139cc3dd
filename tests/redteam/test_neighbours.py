"""Workers forked from one warm interpreter: none can see, disturb or outlive another, nor the one they come from."""

from __future__ import annotations

import ast
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pytest_cereval.oracles.recorded import JudgeSetting, RecordedCallOracle
from pytest_cereval.oracles.warm import WarmWorkers
from pytest_cereval.results.verdict import Verdict
from pytest_cereval.sandbox.pidfd import pid_of
from tests.oracles.judging import FILE, Place, call, place
from tests.redteam.agents import LIMITS, Agent

OPENED = """
    import ctypes, os, socket, threading
    for folder in ('/tmp', '/dev/shm'):
        open(folder + '/secret', 'w').write('secret')
    hidden = socket.socket(socket.AF_UNIX)
    hidden.bind(chr(0) + 'cereval-neighbour')
    hidden.listen()
    local = socket.create_server(('127.0.0.1', 4711))
    kept = [hidden, local]
    import builtins
    builtins.kept = kept
    child = os.fork()
    if child == 0:
        import time
        time.sleep(60)
    found = sorted(os.listdir('/tmp')), os.listdir('/dev/shm'), child
"""
LOOKED = """
    import os, socket
    found = []
    for folder in ('/tmp', '/dev/shm', '/dev/pts'):
        found += [name for name in os.listdir(folder) if name not in KEPT]
    for address, family in ((chr(0) + 'cereval-neighbour', socket.AF_UNIX), (('127.0.0.1', 4711), socket.AF_INET)):
        try:
            socket.socket(family).connect(address)
            found.append(address)
        except OSError:
            pass
    for pid in range(1, 4000):
        try:
            os.kill(pid, 0)
            found.append(pid)
        except OSError:
            pass
"""
STRUCK = """
    import os, signal
    for pid in (-1, *range(3, 4000)):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    for number in range(1, 65):
        try:
            os.kill(1, number)
        except OSError:
            pass
    found = 'struck'
"""
SYSTEM_CALLS = """
    import ctypes, os
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(64)
    tried = {
        'umount file': lambda: libc.umount2(b'/cereval/repo/target/shop.py', 2),
        'umount repository': lambda: libc.umount2(b'/cereval/repo', 2),
        'umount tmp': lambda: libc.umount2(b'/tmp', 2),
        'mount': lambda: libc.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None),
        'move': lambda: libc.mount(b'/cereval/repo/target/shop.py', b'/tmp', None, 8192, None),
        'bind': lambda: libc.mount(b'/cereval/repo', b'/tmp', None, 4096, None),
        'chroot': lambda: libc.chroot(b'/tmp'),
        'sethostname': lambda: libc.sethostname(b'x', 1),
        'setuid': lambda: libc.setuid(0),
        **{f'unshare {flag:x}': lambda flag=flag: libc.unshare(flag)
           for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)},
        **{f'clone {flag:x}': lambda flag=flag: min(0, libc.syscall(56, flag | 17, 0, 0, 0, 0))
           for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)},
        **{f'ptrace {pid}': lambda pid=pid: libc.ptrace(16, pid, 0, 0) for pid in (1, os.getppid())},
        **{f'read {pid}': lambda pid=pid: libc.syscall(310, pid, buffer, 1, buffer, 1, 0) for pid in (1, os.getppid())},
        'setns': lambda: libc.setns(os.pidfd_open(1), 0x20000000),
        'pidfd_getfd': lambda: min(0, libc.syscall(438, os.pidfd_open(1), 3, 0)),
    }
    found = [name for name, attempt in tried.items() if attempt() == 0]
"""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return place(tmp_path_factory.mktemp("neighbours"))


@pytest.fixture(scope="module")
def workers(target: Place) -> Iterator[WarmWorkers]:
    with closing(WarmWorkers(target.setting, ())) as warm:
        yield warm


@pytest.fixture
def agents(target: Place, workers: WarmWorkers) -> Iterator[tuple[Agent, Agent]]:
    """Two at the same time, from the same parent."""
    with Agent(target, workers) as one, Agent(target, workers) as other:
        yield one, other


def kept(target: Place) -> list[str]:
    """What every sandbox shows below /tmp, where the interpreter or the package lies there."""
    shown = [bind.target.split("/") for bind in target.setting.interpreter.binds()]
    return [parts[2] for parts in shown if parts[1] == "tmp"]


def test_a_neighbour_is_neither_seen_nor_reached(target: Place, agents: tuple[Agent, Agent]) -> None:
    one, other = agents
    assert "'secret'" in one.does(OPENED)

    assert other.does(LOOKED.replace("KEPT", repr(kept(target)))) == "[1, 2]"
    assert one.does("found = open('/tmp/secret').read()") == "'secret'"


def test_a_neighbour_and_the_parent_cannot_be_killed(
    target: Place, workers: WarmWorkers, agents: tuple[Agent, Agent]
) -> None:
    one, other = agents

    assert one.does(STRUCK) == "'struck'"

    assert other.does("found = 1 + 1") == "2"
    assert one.does("found = 2 + 2") == "4"
    with Agent(target, workers) as third:
        assert third.does("found = 3 + 3") == "6"


def test_what_one_does_to_its_interpreter_is_not_there_for_the_next(target: Place, workers: WarmWorkers) -> None:
    with Agent(target, workers) as one:
        one.does(
            "import builtins, json, sys, os\n"
            "builtins.poison = 1\nsys.poison = 1\njson.poison = 1\nsys.modules['random'] = None\n"
            "os.environ['POISON'] = 'x'\nopen('/tmp/poison', 'w').close()\nfound = 1"
        )
    with Agent(target, workers) as after:
        found = after.does(
            "import builtins, json, os, random, sys\n"
            "found = [hasattr(p, 'poison') for p in (builtins, sys, json)], 'POISON' in os.environ, "
            "os.path.exists('/tmp/poison'), random.__name__"
        )
    assert found == "([False, False, False], False, False, 'random')"


def test_no_call_gives_back_a_right_or_reaches_a_parent(agents: tuple[Agent, Agent]) -> None:
    assert agents[0].does(SYSTEM_CALLS) == "[]"


def test_nothing_but_its_own_descriptors_is_open(agents: tuple[Agent, Agent]) -> None:
    code = "import os\nfound = []\nfor fd in range(4096):\n    try:\n        os.fstat(fd)\n        found.append(fd)\n"
    assert agents[0].does(f"{code}    except OSError:\n        pass") == "[0, 1, 2, 3, 4]"
    assert (
        agents[0].does("import os\nfound = os.getpid(), os.getppid(), os.getsid(0), os.getuid()") == "(2, 1, 2, 65534)"
    )


# A text that only the reference's function holds, and one that the same file holds elsewhere, each in two parts so
# that the search does not find itself.
OF_THE_REFERENCE, OF_THE_FILE = ("a negative li", "mit: "), ("Twice what a fun", "ction returns.")
MEMORY = """
    import ctypes, gc, os, sys
    libc = ctypes.CDLL(None, use_errno=True)
    read_end, write_end = os.pipe()
    START, REST = b'{start}', b'{rest}'
    def page(address):
        if libc.write(write_end, ctypes.c_void_p(address), 4096) == 4096:
            return os.read(read_end, 4096)
        return b''
    seen, hits = set(), 0
    for thing in [*gc.get_objects()[::50], *map(str, sys.modules), *(m.__dict__ for m in sys.modules.values() if m)]:
        base = id(thing) >> 20
        for block in range(base - 1, base + 2):
            if block in seen:
                continue
            seen.add(block)
            text = b''.join(page((block << 20) + at) for at in range(0, 1 << 20, 4096))
            at = text.find(START)
            while at >= 0:
                hits += text[at + len(START) : at + len(START) + len(REST)] == REST
                at = text.find(START, at + 1)
    found = hits, len(seen)
"""
FILES = """
    import os
    START, REST = b'{start}', b'{rest}'
    hits = []
    for top, _, names in os.walk('/cereval'):
        for name in names:
            text = open(os.path.join(top, name), 'rb').read()
            if any(part.startswith(REST) for part in text.split(START)[1:]):
                hits.append(name)
    found = sorted(hits)
"""


def test_the_reference_is_in_no_file_that_a_worker_can_read(agents: tuple[Agent, Agent]) -> None:
    start, rest = OF_THE_REFERENCE
    assert agents[0].does(FILES.format(start=start, rest=rest)) == "[]"
    start, rest = OF_THE_FILE
    assert agents[0].does(FILES.format(start=start, rest=rest)) == "['shop.py']"


def test_the_reference_is_nowhere_in_a_workers_memory(agents: tuple[Agent, Agent]) -> None:
    (start, rest), (seen_start, seen_rest) = OF_THE_REFERENCE, OF_THE_FILE

    hits, scanned = ast.literal_eval(agents[0].does(MEMORY.format(start=start, rest=rest)))
    seen, _ = ast.literal_eval(agents[0].does(MEMORY.format(start=seen_start, rest=seen_rest)))

    assert scanned > 10
    assert seen, "the search does not see what is there"
    assert not hits


def test_two_hash_seeds_are_used_and_chance_is_fresh(target: Place, workers: WarmWorkers) -> None:
    code = "import random, uuid\nfound = hash('cereval'), random.Random().random(), uuid.uuid4().hex"
    with Agent(target, workers) as one, Agent(target, workers) as two, Agent(target, workers, hash_seed=7) as three:
        told = [agent.does(code).strip("()").split(", ") for agent in (one, two, three)]
    assert told[0][0] == told[1][0] != told[2][0]
    assert len({chance for _, chance, _ in told}) == len({name for _, _, name in told}) == 3


def test_limits_are_those_of_the_check(target: Place, workers: WarmWorkers) -> None:
    with Agent(target, workers) as agent:
        assert agent.does("import resource\nfound = resource.getrlimit(resource.RLIMIT_AS)[1] >> 20") == "1024"
        forks = (
            "import os, time\nmade = 0\ntry:\n    while True:\n        if not os.fork():\n            time.sleep(9)\n"
            "        made += 1\nexcept OSError:\n    pass\nfound = made"
        )
        assert 5 <= int(agent.does(forks)) <= 16
        filled = (
            "try:\n    open('/tmp/x', 'wb').write(bytes(1 << 26))\nexcept OSError as error:\n    found = error.errno"
        )
        assert agent.does(filled) in ("28", "27")


def test_a_killed_parent_ends_its_forks_and_is_no_verdict(target: Place) -> None:
    slow = "def ranked(items, limit=3):\n    import time\n    time.sleep(0.1)\n    return sorted(items)[::-1][:limit]\n"
    hidden = target.inputs("ranked", [call([n, 1, 2], 2, names="items limit") for n in range(8)])
    with closing(WarmWorkers(target.setting, ())) as warm:
        judge = RecordedCallOracle(JudgeSetting(target.setting), warm)
        warm.start(FILE, target.text, hash_seed=0, limits=LIMITS).finish()
        (parent,) = warm._nurseries.values()
        timer = threading.Timer(0.3, lambda: os.kill(pid_of(parent._itself), 9))
        timer.start()
        finding = judge.judge(target.functions["ranked"], hidden, target.candidate("ranked", slow))
        timer.join()
        assert warm._nurseries[0] is not parent
    assert finding.verdict is Verdict.PASS, finding


def test_hundreds_of_checks_leave_nothing_behind(target: Place, workers: WarmWorkers) -> None:
    def held() -> tuple[int, int, int]:
        descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        return descriptors, threading.active_count(), len(descendants(os.getpid()))

    with Agent(target, workers):
        pass
    before, memory = held(), resident()
    for _ in range(200):
        workers.start(FILE, target.text, hash_seed=0, limits=LIMITS).finish()
    deadline = time.monotonic() + 5
    while held() != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert held() == before
    assert resident() - memory < 8 << 20


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            children = [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
        found += children + [below for child in children for below in descendants(child)]
    return found
