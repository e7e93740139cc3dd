"""Path traversal (CWE-22) and predictable temporary files (CWE-377): notes and spools kept beside the work."""

from __future__ import annotations

from pytest_cereval.categories.audit.feature import Code, Feature
from pytest_cereval.results.band import Band

_OS = ("import os", "import tempfile")
_FOLDER = """
_@store@ = os.path.join(tempfile.gettempdir(), "@app@-@table@")
_@cache@ = {}
"""
_BELOW = {"kind": "path", "base": "/tmp/@app@-@table@"}  # noqa: S108 - inside the sandbox
_READ = """try:
    with open(@@, encoding="utf-8") as @file@:  #!
        _@cache@["last"] = @file@.readline()
except (OSError, ValueError):
    pass
"""
_CHECKED = """@path@ = os.path.realpath(os.path.join(_@store@, @value@.replace("\\0", "")))
if os.path.dirname(@path@) == os.path.realpath(_@store@):
    try:
        with open(@path@, encoding="utf-8") as @file@:
            _@cache@["last"] = @file@.readline()
    except (OSError, ValueError):
        pass
"""

_DIRECT = Feature(
    22,
    Band.TRIVIAL,
    weak=Code(_OS, _READ.replace("@@", "os.path.join(_@store@, @value@)"), _FOLDER),
    safe=Code(_OS, _CHECKED, _FOLDER),
    payload='payload = "../" + canary',
    detector=_BELOW,
)
_THROUGH_A_FORMAT = Feature(
    22,
    Band.STANDARD,
    weak=Code(
        _OS,
        '@entry@ = {"folder": _@store@, "name": @value@}\n'
        '@path@ = "{folder}/{name}".format(**@entry@)\n' + _READ.replace("@@", "@path@"),
        _FOLDER,
    ),
    safe=Code(
        _OS,
        '@entry@ = {"folder": _@store@, "name": os.path.basename(@value@)}\n'
        '@path@ = "{folder}/note-{name}".format(**@entry@)\n' + _READ.replace("@@", "@path@").replace("  #!", ""),
        _FOLDER,
    ),
    payload='payload = "../" + canary',
    detector=_BELOW,
)
_HELPER = """

def _@note@(name):
    name = name.replace("../", "").lstrip("/")
    try:
        with open(os.path.join(_@store@, name), encoding="utf-8") as file:  #!
            _@cache@[name] = file.readline()
    except (OSError, ValueError):
        pass
"""
_STRIPPED_ONCE = Feature(
    22,
    Band.HARD,
    weak=Code(_OS, "if @value@ not in _@cache@:\n    _@note@(@value@)\n", _FOLDER + _HELPER),
    safe=Code(
        _OS,
        "if @value@ not in _@cache@:\n    _@note@(@value@)\n",
        _FOLDER
        + _HELPER.replace('name.replace("../", "").lstrip("/")', 'name.replace("/", "_").lstrip(".")').replace(
            "  #!", ""
        ),
    ),
    payload='payload = "....//" + canary',
    detector=_BELOW,
)
_PREFIX = """@path@ = os.path.normpath(os.path.join(_@store@, @value@))
# What leaves the folder is not opened.
if @path@.startswith(_@store@):
    try:
        with open(@path@, encoding="utf-8") as @file@:  #!
            _@cache@["last"] = @file@.readline()
    except (OSError, ValueError):
        pass
"""
_ONLY_A_PREFIX = Feature(
    22,
    Band.ADVERSARIAL,
    weak=Code(_OS, _PREFIX, _FOLDER),
    safe=Code(
        _OS,
        _PREFIX.replace(".startswith(_@store@)", ".startswith(_@store@ + os.sep)").replace("  #!", ""),
        _FOLDER,
    ),
    payload='payload = "../@app@-@table@-" + canary',
    detector=_BELOW,
)

_TMP = ("import os", "import re", "import tempfile")
_PREDICTABLE = {"kind": "tempfile"}
_APPEND = """try:
    with open(@@, "a", encoding="utf-8") as @file@:  #!
        @file@.write("checked\\n")
except (OSError, ValueError):
    pass
"""
_SPOOL_SAFE = Code(
    ("import re", "import tempfile"),
    """try:
    with tempfile.NamedTemporaryFile("a", prefix=re.sub(r"\\W", "_", @value@)[:40], encoding="utf-8") as @file@:
        @file@.write("checked\\n")
except (OSError, ValueError):
    pass
""",
)
_TMP_DIRECT = Feature(
    377,
    Band.TRIVIAL,
    weak=Code(
        _TMP,
        _APPEND.replace("@@", 'os.path.join(tempfile.gettempdir(), re.sub(r"\\W", "_", @value@)[:60] + ".tmp")'),
    ),
    safe=_SPOOL_SAFE,
    payload="payload = canary",
    detector=_PREDICTABLE,
)
_TMP_FORMAT = Feature(
    377,
    Band.STANDARD,
    weak=Code(
        _TMP,
        '@path@ = "{}/@app@-{}.tmp".format(tempfile.gettempdir(), re.sub(r"\\W", "_", @value@)[:60])\n'
        + _APPEND.replace("@@", "@path@"),
    ),
    safe=_SPOOL_SAFE,
    payload="payload = canary",
    detector=_PREDICTABLE,
)
_TMP_HELPER = """

def _@note@(label):
    name = re.sub(r"\\W", "_", label)[:60]
    path = os.path.join(tempfile.gettempdir(), "@app@-" + name)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)  #!
        os.write(handle, b"checked\\n")
        os.close(handle)
    except OSError:
        pass
"""
_TMP_OPENED = Feature(
    377,
    Band.HARD,
    weak=Code(_TMP, "if @value@:\n    _@note@(@value@)\n", _TMP_HELPER),
    safe=Code(
        _TMP,
        "if @value@:\n    _@note@(@value@)\n",
        _TMP_HELPER.replace('os.path.join(tempfile.gettempdir(), "@app@-" + name)', '"@app@-" + name')
        .replace(
            "        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)  #!\n",
            "        handle, path = tempfile.mkstemp(prefix=path)\n",
        )
        .replace("        os.close(handle)\n", "        os.close(handle)\n        os.unlink(path)\n"),
    ),
    payload="payload = canary",
    detector=_PREDICTABLE,
)
_TMP_DECOY = Feature(
    377,
    Band.ADVERSARIAL,
    weak=Code(
        _TMP,
        "@folder@ = tempfile.gettempdir()\nif len(@value@) > 12:\n"
        "    # The process id makes the name unique, and O_TRUNC empties what is left of an earlier run.\n"
        '    @path@ = os.path.join(@folder@, "%d-%s" % (os.getpid(), re.sub(r"\\W", "_", @value@)[:60]))\n'
        "    try:\n"
        "        os.close(os.open(@path@, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))  #!\n"
        "        os.unlink(@path@)\n"
        "    except OSError:\n"
        "        pass\n",
    ),
    safe=Code(
        _TMP,
        "@folder@ = tempfile.gettempdir()\nif len(@value@) > 12:\n"
        '    @path@ = os.path.join(@folder@, "%d-%s" % (os.getpid(), re.sub(r"\\W", "_", @value@)[:60]))\n'
        "    try:\n"
        "        os.close(os.open(@path@, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))\n"
        "        os.unlink(@path@)\n"
        "    except OSError:\n"
        "        pass\n",
    ),
    payload="payload = canary",
    detector=_PREDICTABLE,
)
FEATURES = (
    *(_DIRECT, _THROUGH_A_FORMAT, _STRIPPED_ONCE, _ONLY_A_PREFIX),
    *(_TMP_DIRECT, _TMP_FORMAT, _TMP_OPENED, _TMP_DECOY),
)
