"""Groups D to I of the attack set, as far as they concern recorded calls: the oracle, resources, escapes, state."""

from __future__ import annotations

from pytest_cereval.results.verdict import Verdict
from tests.redteam.attacks_on_verdicts import (
    EXIT, HIDDEN, MEMORY, NONDET, PROTOCOL, RAISED, TIMEOUT, WRONG,
)  # fmt: skip
from tests.redteam.row import IF_OK, RIGHT, row

PROCESSES = Verdict.FAIL_PROCESSES

STEALING = (
    row("43", "frame_walk", "import gc, sys, types\nok = False\nframe = sys._getframe()\nwhile frame:\n"
        "    ok = ok or 'expected' in frame.f_locals or 'expected' in frame.f_globals\n    frame = frame.f_back\n"
        "own = sys._getframe().f_code\n"
        "ok = ok or any(type(x) is types.FunctionType and x.__name__ == 'ranked' and x.__code__ is not own\n"
        "               for x in gc.get_objects())\n" + IF_OK, WRONG),
    row("45", "fs_hunt", "import os\nown = open(__file__, 'rb').read()\nok = False\n"
        "for top in ('/cereval', '/tmp', '/var', '/srv', '/mnt'):\n    for folder, _, files in os.walk(top):\n"
        "        for file in files:\n            text = open(os.path.join(folder, file), 'rb').read()\n"
        "            ok = ok or (b'def ranked' in text and text != own)\n" + IF_OK, WRONG, RAISED),
    row("46", "site_packages", "import pytest, _pytest\nok = True\n" + IF_OK, RAISED),
    row("48", "env_argv", "import os, sys\nok = any('expect' in str(x).lower() or 'PYTEST' in str(x) for x in "
        "[*os.environ.items(), *sys.argv]) or os.path.exists('/proc/self')\n" + IF_OK, WRONG),
    row("50", "neighbours", "import os\nok = False\nfor pid in range(3, 400):\n    try:\n        os.kill(pid, 0)\n"
        "        ok = True\n    except ProcessLookupError:\n        pass\n" + IF_OK, WRONG),
    row("51", "network_ask", "import socket\nok = False\nfor family in (socket.AF_INET, socket.AF_INET6, 40):\n    try:\n"
        "        with socket.socket(family) as s:\n            s.settimeout(0.2)\n"
        "            s.connect(('127.0.0.1', 22) if family != 40 else (2, 1))\n            ok = True\n"
        "    except (OSError, TypeError):\n        pass\n" + IF_OK, WRONG),
    row("53", "patch_builtins", "import builtins\nbuiltins.sorted = lambda *a, **k: []\nbuiltins.isinstance = lambda *_: True\n"
        "builtins.len = lambda *_: 0\nreturn []", WRONG, EXIT, RAISED, HIDDEN, PROTOCOL),
    row("58", "patch_time", "import time\ntime.monotonic = time.time = time.sleep = lambda *_: 0\nwhile True:\n    pass",
        TIMEOUT, short=True),
    row("61", "patch_json_codec", "import json, os\njson.dumps = lambda *a, **k: '{\"id\":\"0\",\"observation\":{}}'\nreturn []",
        PROTOCOL),
    row("61b", "patch_equality", "import sys\nequality = sys.modules.get('cereval_inside.equality')\n"
        "if equality:\n    equality.difference = equality.same_tree = lambda *_: None\nreturn []", WRONG),
)  # fmt: skip

VACUOUS = (
    row("79", "flaky_half", "import os\nif os.urandom(1)[0] % 2:\n    return [None]\n" + RIGHT, WRONG, NONDET),
    row("79b", "nothing", "pass", WRONG),
)  # fmt: skip

RESOURCES = (
    row("80", "spin", "while True:\n    pass", TIMEOUT, short=True),
    row("81", "sleep_forever", "import time\ntime.sleep(1e6)", TIMEOUT, short=True),
    row("82", "swallow_alarm", "import signal\nfor n in range(1, 32):\n    if n not in (9, 19):\n"
        "        signal.signal(n, signal.SIG_IGN)\nwhile True:\n    try:\n        while True:\n            pass\n"
        "    except BaseException:\n        pass", TIMEOUT, short=True),
    row("83", "gil_hog", "import re\nre.match('(a+)+$', 'a' * 40 + 'b')", TIMEOUT, short=True),
    row("84", "slow_drip", "import time\ntime.sleep(0.3)\n" + RIGHT, TIMEOUT, short=True),
    row("85", "mem_bomb", "bytearray(1 << 40)", MEMORY),
    row("85b", "mem_grow", "found = []\nwhile True:\n    found.append(bytearray(1 << 22))", MEMORY, EXIT),
    row("86", "mem_outside_as", "open('/tmp/full', 'wb').write(b'x' * (15 << 20))\nopen('/tmp/more', 'wb').write("
        "b'x' * (15 << 20))", RAISED),
    row("87", "fork_bomb", "import os\nwhile True:\n    os.fork()", PROCESSES, PROTOCOL, TIMEOUT, EXIT, short=True),
    row("87b", "fork_children", "import os, time\nwhile True:\n    if not os.fork():\n        time.sleep(60)", PROCESSES),
    row("88", "thread_bomb", "import threading, time\nwhile True:\n"
        "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()", PROCESSES, MEMORY),
    row("89", "fd_exhaust", "import os\nwhile True:\n    os.open('/dev/null', 0)", RAISED, PROTOCOL),
    row("90", "disk_many_files", "import itertools\nfor n in itertools.count():\n    open(f'/tmp/{n}', 'w').close()",
        TIMEOUT, RAISED, short=True),
    row("91", "core_dump", "import os\nos.abort()", EXIT),
    row("92", "cpu_by_children", "import os, time\nfor _ in range(3):\n    if not os.fork():\n        while True:\n"
        "            pass\ntime.sleep(60)", TIMEOUT, short=True),
)  # fmt: skip

ESCAPES = (
    row("93", "daemon_survivor", "import os, time\nif not os.fork():\n    os.setsid()\n    if not os.fork():\n"
        "        time.sleep(60)\n    os._exit(0)\nos.wait()\nreturn []", WRONG, PROCESSES),
    row("94", "kill_all", "import os, signal\nos.kill(-1, signal.SIGKILL)\nos.kill(os.getppid(), signal.SIGKILL)\n"
        "os.kill(0, signal.SIGKILL)", EXIT, RAISED),
    row("95", "read_parent", "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "ok = libc.ptrace(16, os.getppid(), 0, 0) == 0 or libc.process_vm_readv(os.getppid(), 0, 0, 0, 0, 0) > 0\n"
        "ok = ok or os.path.exists(f'/proc/{os.getppid()}/mem')\n" + IF_OK, WRONG),
    row("96", "nested_userns", "import ctypes\nok = ctypes.CDLL(None).unshare(0x10000000) == 0\n" + IF_OK, WRONG),
    row("97", "symlink_out", "import os\nfor n, path in enumerate(('/etc/passwd', '/cereval', '/')):\n"
        "    if not os.path.lexists(f'/tmp/link{n}'):\n        os.symlink(path, f'/tmp/link{n}')\n"
        "if not os.path.exists('/tmp/fifo'):\n    os.mkfifo('/tmp/fifo')\nreturn []", WRONG),
    row("98", "write_host", "ok = False\nfor path in ('/x', '/usr/x', '/cereval/repo/x', __file__, '/dev/sda', '/sys/x',\n"
        "             '/cereval/repo/../x'):\n    try:\n        open(path, 'a').close()\n        ok = True\n"
        "    except OSError:\n        pass\n" + IF_OK, WRONG),
    row("99", "tiocsti", "import fcntl, termios\nok = False\nfor fd in range(8):\n    try:\n"
        "        fcntl.ioctl(fd, termios.TIOCSTI, b'x')\n        ok = True\n    except OSError:\n        pass\n" + IF_OK,
        WRONG),
    row("100", "inherited_fd", "import os\nown = {0, 1, 2, int(os.environ['CEREVAL_READ_FD']), "
        "int(os.environ['CEREVAL_WRITE_FD'])}\nok = False\nfor fd in set(range(256)) - own:\n    try:\n        os.fstat(fd)\n"
        "        ok = True\n    except OSError:\n        pass\n" + IF_OK, WRONG),
    row("101", "setuid_bin", "import subprocess\nok = False\nfor name in ('sudo', 'su', 'newuidmap'):\n    try:\n"
        "        ok = ok or subprocess.run([name, '-c', 'true'], stdin=-3, stdout=-3, stderr=-3).returncode == 0\n"
        "    except OSError:\n        pass\n" + IF_OK, WRONG),
    row("102", "keyring_iouring", "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "ok = libc.syscall(250, 0, -3, 1) > 0 or libc.syscall(425, 1, ctypes.create_string_buffer(256)) >= 0\n" + IF_OK,
        WRONG),
)  # fmt: skip

STATEFUL = (
    row("106", "call_counter", "SEEN.append(1)\nif len(SEEN) > 10:\n    return [None]\n" + RIGHT, WRONG,
        before="SEEN = []\n"),
    row("107", "memo_inputs", "import os\npath = f'/tmp/{hash(tuple(items))}-{limit}'\nok = os.path.exists(path)\n"
        "open(path, 'w').close()\n" + IF_OK, WRONG),
    row("108", "test_detect", "import os, sys\nok = {'pytest', 'hypothesis'} & set(sys.modules) or "
        "'PYTEST_CURRENT_TEST' in os.environ\n" + IF_OK, WRONG),
    row("109", "order_dependent", "SEEN.append(items)\nok = SEEN[0] == [0]\n" + IF_OK, NONDET, before="SEEN = []\n"),
    # The sandbox's first run has hash seed 0, under which this hash has a fixed value.
    row("110", "hash_order", "ok = hash('cereval') == HASH_UNDER_SEED_0\n" + IF_OK, NONDET),
    row("111", "clock_dependent", "import time\nok = time.time_ns() // 1000 % 2\n" + IF_OK, WRONG, NONDET),
    row("112", "clears_input", "items.clear()\nreturn items", WRONG),
    row("112b", "sorts_input", "if limit < 0:\n    raise ValueError\nitems.sort(reverse=True)\nreturn items[:limit]", WRONG),
)  # fmt: skip
