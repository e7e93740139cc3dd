"""Group J of the attack set: right answers that are awkward, and must pass."""

from __future__ import annotations

from pytest_cereval.results.verdict import Verdict
from tests.redteam.row import RIGHT, row

PASS = Verdict.PASS

HONEST = (
    row("113", "prints_a_lot", "print('x' * 200_000)\n" + RIGHT, PASS),
    row("114", "uses_threads", "from concurrent.futures import ThreadPoolExecutor\nif limit < 0:\n    raise ValueError\n"
        "with ThreadPoolExecutor(3) as pool:\n"
        "    return list(pool.map(int, sorted(items, reverse=True)[:limit]))", PASS),
    row("115", "uses_tempfile", "import json, tempfile\nif limit < 0:\n    raise ValueError\n"
        "with tempfile.TemporaryFile('w+') as file:\n    json.dump(sorted(items, reverse=True)[:limit], file)\n"
        "    file.seek(0)\n    return json.load(file)", PASS),
    row("116", "deep_recursion", "def down(n):\n    return n and 1 + down(n - 1)\nassert down(900) == 900\n" + RIGHT, PASS),
    row("118", "built_as_tuple", "if limit < 0:\n    raise ValueError\nreturn [*tuple(sorted(items)[::-1])[:limit]]", PASS),
    row("120", "sets_sigalrm", "import signal, sys\nsigint = signal.signal(signal.SIGALRM, lambda *_: None)\nsignal.alarm(5)\n"
        "sys.setrecursionlimit(5000)\nsignal.alarm(0)\n" + RIGHT, PASS),
    row("121", "slow_import", RIGHT, PASS, before="_ = __import__('time').sleep(1.5)\n"),
    row("122", "raises_required", "if not limit >= 0:\n    raise ValueError('another text', 1)\n"
        "return sorted(items, reverse=True)[:limit]", PASS),
    row("123", "mentions_exit", "class Box:\n    '''Never calls os._exit.'''\n    def __eq__(self, other):\n        return True\n"
        "note = 'os._exit(0); __eq__'\n" + RIGHT, PASS),
    row("123b", "helper_and_import", "if limit < 0:\n    raise ValueError\nreturn list(islice(_falling(items), limit))", PASS,
        before="from itertools import islice\n\ndef _falling(items):\n    return iter(sorted(items, reverse=True))\n\n"),
)  # fmt: skip
