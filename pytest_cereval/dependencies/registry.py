"""Turns a file of names into what is known to exist outside an environment: a registry's packages at some date.

Names of packages are not names of modules. Where both differ, the file may say so (`PyYAML yaml`), and the best known
cases are listed here. Modules of other versions of Python's own library exist as well, though not in this one.
"""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_cereval.errors import SettingsError

_LINE = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)((?:\s+[^\W\d]\w*)*)\s*(?:#.*)?")
_DATE = re.compile(r"#\s*date:\s*(\d{4}-\d{2}-\d{2})\s*", re.IGNORECASE)
_MAX_BYTES = 200 << 20
_FORMAT = "give a text file with a package name on each line; `# date: YYYY-MM-DD` says when it was taken"

PACKAGE_OF_MODULE: dict[str, str] = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "bson": "pymongo",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "fitz": "PyMuPDF",
    "git": "GitPython",
    "github": "PyGithub",
    "google": "protobuf",
    "gi": "PyGObject",
    "jwt": "PyJWT",
    "Levenshtein": "python-Levenshtein",
    "magic": "python-magic",
    "MySQLdb": "mysqlclient",
    "nacl": "PyNaCl",
    "OpenSSL": "pyOpenSSL",
    "PIL": "Pillow",
    "pkg_resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "pythoncom": "pywin32",
    "ruamel": "ruamel.yaml",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "socks": "PySocks",
    "usb": "pyusb",
    "win32api": "pywin32",
    "win32com": "pywin32",
    "wx": "wxPython",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}
"""Packages of modules that go by another name, for those that answers import most; far from all."""

OTHER_PYTHONS = frozenset(
    {
        *sys.stdlib_module_names,
        *("BaseHTTPServer", "ConfigParser", "Cookie", "HTMLParser", "Queue", "SimpleHTTPServer", "SocketServer"),
        *("StringIO", "Tkinter", "UserDict", "UserList", "UserString", "__builtin__", "anydbm", "cPickle"),
        *("cStringIO", "commands", "cookielib", "copy_reg", "exceptions", "htmlentitydefs", "httplib", "md5"),
        *("robotparser", "sets", "sha", "thread", "urllib2", "urlparse", "xmlrpclib"),
        *("aifc", "asynchat", "asyncore", "audioop", "binhex", "cgi", "cgitb", "chunk", "crypt", "distutils"),
        *("dummy_threading", "formatter", "imghdr", "imp", "lib2to3", "macpath", "mailcap", "msilib", "nis"),
        *("nntplib", "ossaudiodev", "parser", "pipes", "smtpd", "sndhdr", "spwd", "sunau", "symbol", "telnetlib"),
        *("uu", "xdrlib", "annotationlib", "compression"),
    }
)
"""Modules of the standard library of some Python 2 or 3."""


@dataclass(frozen=True, slots=True)
class Registry:
    """What exists according to a snapshot; `given` is false where there is none, and a name may then still exist.

    date: ISO day of the snapshot as the file states it, empty if it does not. sha256: of the file's bytes.
    """

    given: bool = False
    date: str = ""
    sha256: str = ""
    packages: frozenset[str] = field(default=frozenset(), repr=False)
    modules: frozenset[str] = field(default=frozenset(), repr=False)

    def knows(self, module: str) -> bool:
        """Whether some package or another Python brings a top-level module of this name."""
        if module in OTHER_PYTHONS or module in self.modules:
            return True
        package = PACKAGE_OF_MODULE.get(module)
        if package is not None and not self.given:
            return True
        return any(normalised(name) in self.packages for name in (module, package) if name)

    def describe(self) -> dict[str, Any]:
        """For the record of a run: JSON builtins."""
        return {"given": self.given, "date": self.date, "sha256": self.sha256, "packages": len(self.packages)}


def normalised(name: str) -> str:
    """A package's name as an index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_registry(file: Path) -> Registry:
    """A snapshot from a text file; raises `SettingsError` naming the line that is no package name.

    Each line holds a name, and behind it the modules that the package brings where they are called otherwise.
    """
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise SettingsError(f"{file} is over {_MAX_BYTES >> 20} MiB", next_step=_FORMAT)
        content = file.read_bytes()
        text = content.decode("utf-8")
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror}", next_step=_FORMAT) from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file} is not UTF-8 text", next_step=_FORMAT) from error
    packages: set[str] = set()
    modules: set[str] = set()
    date = ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            dated = _DATE.fullmatch(stripped)
            date = dated[1] if dated else date
            continue
        found = _LINE.fullmatch(stripped)
        if found is None:
            raise SettingsError(f"{file}:{number}: not a package name: {stripped[:80]!r}", next_step=_FORMAT)
        packages.add(normalised(found[1]))
        modules.update(found[2].split())
    if not packages:
        raise SettingsError(f"{file} holds no package name", next_step=_FORMAT)
    return Registry(True, date, hashlib.sha256(content).hexdigest(), frozenset(packages), frozenset(modules))
