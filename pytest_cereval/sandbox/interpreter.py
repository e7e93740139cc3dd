"""Turns a path to a Python into what a sandbox must show so that this Python runs inside."""

from __future__ import annotations

import functools
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pytest_cereval.errors import SandboxError
from pytest_cereval.sandbox.mounts import covering, system_binds
from pytest_cereval.sandbox.sandbox import Bind

# -I: neither the environment nor the current directory may change what is asked. realpath and not
# sys.executable, because a virtual environment's python is a link to a binary elsewhere.
_QUESTION = """
import json, os, site, sys, sysconfig
base = getattr(sys, "_base_executable", None) or sys.executable
print(json.dumps({
    "executable": os.path.realpath(base), "version": ".".join(map(str, sys.version_info[:3])),
    "prefix": sys.prefix, "base_prefix": sys.base_prefix, "stdlib": sysconfig.get_path("stdlib"),
    "site": [p for p in site.getsitepackages() if os.path.isdir(p)],
}))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python as found on the host.

    executable: the real binary, links resolved; argv[0] of anything to run with it.
    site: its site-packages. The binds show them; whoever wants them unseen lists them in `Launch.hidden`, and
        whoever wants them importable passes them to the program, since it should run with -I -S.
    """

    executable: str
    version: str
    prefix: str
    base_prefix: str
    stdlib: str
    site: tuple[str, ...]

    def binds(self) -> tuple[Bind, ...]:
        """Every directory it needs, at its own path; what the backend shows anyway (/usr) is left out."""
        needed = [self.base_prefix, self.prefix, self.stdlib, str(Path(self.executable).parent)]
        found: list[Bind] = []
        for path in [*needed, *(str(Path(path).resolve()) for path in needed)]:
            if covering(path, [*system_binds(), *found]) is None:
                found.append(Bind(Path(path).resolve(), path))
        return tuple(found)


@functools.cache
def inspect_interpreter(python: Path) -> Interpreter:
    """Ask the Python at `python` about itself; a shim or a virtual environment leads to the real binary.

    Raises `SandboxError` if it cannot run or is not a Python that answers.
    """
    try:
        done = subprocess.run([python, "-I", "-c", _QUESTION], capture_output=True, text=True, timeout=30, check=True)
        answer = json.loads(done.stdout)
        return Interpreter(**{**answer, "site": tuple(answer["site"])})
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip()[-300:] or f"exit code {error.returncode}"
    except (OSError, subprocess.SubprocessError, ValueError, TypeError, KeyError) as error:
        reason = str(error)
    raise SandboxError(
        f"{python} does not answer as a Python interpreter: {reason}",
        next_step="check --cereval-python, and that this command prints something: " + f"{python} -I -V",
    )
