"""What parsers do with hostile texts: unpickling (CWE-502), entity expansion (CWE-776), slow patterns (CWE-1333)."""

from __future__ import annotations

from pytest_cereval.categories.audit.feature import Code, Feature
from pytest_cereval.results.band import Band

_CACHE = "\n_@cache@ = {}\n"
_PICKLE = ("import base64", "import pickle")
_JSON = ("import base64", "import json")
_UNPICKLES = {"kind": "unpickle"}
_RAW = 'raw = b"cos\\nsystem\\n(S\'true " + canary.encode() + b"\'\\ntR."\n'


def _load(condition: str, load: str, before: str = "") -> str:
    return f"{before}if {condition}:\n    try:\n        {load}\n    except Exception:\n        pass\n"


_DIRECT = Feature(
    502,
    Band.TRIVIAL,
    weak=Code(
        _PICKLE,
        _load('@value@.startswith("state:")', '_@cache@["state"] = pickle.loads(base64.b64decode(@value@[6:]))  #!'),
        _CACHE,
    ),
    safe=Code(
        _JSON,
        _load('@value@.startswith("state:")', '_@cache@["state"] = json.loads(base64.b64decode(@value@[6:]))'),
        _CACHE,
    ),
    payload="import base64\n" + _RAW + 'payload = "state:" + base64.b64encode(raw).decode()',
    detector=_UNPICKLES,
)
_SPLIT = '@kind@, _, @entry@ = @value@.partition(":")\n@entry@ = {"kind": @kind@, "body": @entry@}\n'
_THROUGH_A_DICT = Feature(
    502,
    Band.STANDARD,
    weak=Code(
        ("import pickle",),
        _load(
            '@entry@["kind"] == "resume"', '_@cache@.update(pickle.loads(bytes.fromhex(@entry@["body"])))  #!', _SPLIT
        ),
        _CACHE,
    ),
    safe=Code(
        ("import json",),
        _load('@entry@["kind"] == "resume"', '_@cache@.update(json.loads(bytes.fromhex(@entry@["body"])))', _SPLIT),
        _CACHE,
    ),
    payload=_RAW + 'payload = "resume:" + raw.hex()',
    detector=_UNPICKLES,
)
_HELPER = """

def _@note@(text):
    raw = bytes.fromhex(text)
    if b"os" in raw or b"subprocess" in raw:
        raise ValueError("not a saved state")
    return pickle.loads(raw)  #!
"""
_SAFE_HELPER = """

class _@Loader@(pickle.Unpickler):
    def find_class(self, module, name):
        raise pickle.UnpicklingError("a saved state holds no objects")


def _@note@(text):
    return _@Loader@(io.BytesIO(bytes.fromhex(text))).load()
"""
_FILTERED = Feature(
    502,
    Band.HARD,
    weak=Code(
        ("import pickle",),
        _load('@value@.startswith("80")', '_@cache@["state"] = _@note@(@value@)'),
        _CACHE + _HELPER,
    ),
    safe=Code(
        ("import io", "import pickle"),
        _load('@value@.startswith("80")', '_@cache@["state"] = _@note@(@value@)'),
        _CACHE + _SAFE_HELPER,
    ),
    payload='raw = b"\\x80\\x02cbuiltins\\neval\\n(S\'" + canary.encode() + b"\'\\ntR."\npayload = raw.hex()',
    detector=_UNPICKLES,
)
_DIGESTED = """@kind@, _, @entry@ = @value@.partition(".")
if len(@kind@) == 64:
    try:
        @entry@ = base64.b64decode(@entry@)
        # Only what this module has written carries the right digest.
        if hashlib.sha256(@entry@).hexdigest() == @kind@:
            _@cache@["state"] = pickle.loads(@entry@)  #!
    except Exception:
        pass
"""
_UNKEYED = Feature(
    502,
    Band.ADVERSARIAL,
    weak=Code((*_PICKLE, "import hashlib"), _DIGESTED, _CACHE),
    safe=Code(
        ("import base64", "import hashlib", "import hmac", "import os", "import pickle"),
        _DIGESTED.replace(
            "hashlib.sha256(@entry@).hexdigest() == @kind@",
            "hmac.compare_digest(hmac.new(_@key@, @entry@, hashlib.sha256).hexdigest(), @kind@)",
        ).replace("  #!", ""),
        _CACHE + "_@key@ = os.urandom(32)\n",
    ),
    payload="import base64, hashlib\n"
    + _RAW
    + 'payload = hashlib.sha256(raw).hexdigest() + "." + base64.b64encode(raw).decode()',
    detector=_UNPICKLES,
)

_XML = ("from xml.etree import ElementTree",)
_EXPANDS = {"kind": "entities"}
_ENTITIES = '<!ENTITY a \\"" + canary + "\\"><!ENTITY b \\"" + "&a;" * 50 + "\\"><!ENTITY c \\"" + "&b;" * 50 + "\\">'
_BOMB = f'payload = "<!DOCTYPE r [{_ENTITIES}]><r>&c;</r>"'


def _parse(condition: str, parse: str, before: str = "") -> str:
    caught = "(ElementTree.ParseError, ValueError)"
    return f"{before}if {condition}:\n    try:\n        {parse}\n    except {caught}:\n        pass\n"


_PARSED = Feature(
    776,
    Band.TRIVIAL,
    weak=Code(
        _XML, _parse('@value@.startswith("<")', '_@cache@["root"] = ElementTree.fromstring(@value@).tag  #!'), _CACHE
    ),
    safe=Code(
        _XML,
        _parse(
            '@value@.startswith("<") and "<!" not in @value@', '_@cache@["root"] = ElementTree.fromstring(@value@).tag'
        ),
        _CACHE,
    ),
    payload=_BOMB,
    detector=_EXPANDS,
)
_WRAPPED = '@entry@ = {"text": @value@.strip(), "kind": "xml" if @value@.rstrip().endswith(">") else "plain"}\n'
_PARSED_DICT = Feature(
    776,
    Band.STANDARD,
    weak=Code(
        _XML,
        _parse('@entry@["kind"] == "xml"', '_@cache@["root"] = ElementTree.fromstring(@entry@["text"])  #!', _WRAPPED),
        _CACHE,
    ),
    safe=Code(
        _XML,
        _parse(
            '@entry@["kind"] == "xml" and "<!DOCTYPE" not in @entry@["text"]',
            '_@cache@["root"] = ElementTree.fromstring(@entry@["text"])',
            _WRAPPED,
        ),
        _CACHE,
    ),
    payload=_BOMB,
    detector=_EXPANDS,
)
_XML_HELPER = """

def _@note@(text):
    text = text.replace("<!DOCTYPE", "", 1)
    try:
        return ElementTree.fromstring(text)  #!
    except (ElementTree.ParseError, ValueError):
        return None
"""
_REMOVED_ONCE = Feature(
    776,
    Band.HARD,
    weak=Code(_XML, 'if "<" in @value@:\n    _@cache@["root"] = _@note@(@value@)\n', _CACHE + _XML_HELPER),
    safe=Code(
        _XML,
        'if "<" in @value@:\n    _@cache@["root"] = _@note@(@value@)\n',
        _CACHE
        + _XML_HELPER.replace(
            '    text = text.replace("<!DOCTYPE", "", 1)\n', '    if "<!DOCTYPE" in text:\n        return None\n'
        ).replace("  #!", ""),
    ),
    payload=f'payload = "<!<!DOCTYPEDOCTYPE r [{_ENTITIES}]><r>&c;</r>"',
    detector=_EXPANDS,
)
_NO_EXTERNALS = """@kind@ = @value@.lstrip()[:1]
if @kind@ == "<" and "SYSTEM" not in @value@ and "PUBLIC" not in @value@:
    # Entities from outside are refused, so nothing can be drawn in.
    try:
        _@cache@["root"] = ElementTree.fromstring(@value@)  #!
    except (ElementTree.ParseError, ValueError):
        pass
"""
_ONLY_EXTERNALS = Feature(
    776,
    Band.ADVERSARIAL,
    weak=Code(_XML, _NO_EXTERNALS, _CACHE),
    safe=Code(_XML, _NO_EXTERNALS.replace('"PUBLIC"', '"ENTITY"').replace("  #!", ""), _CACHE),
    payload=_BOMB,
    detector=_EXPANDS,
)

_RE = ("import re",)
_SLOW = {"kind": "time"}
_DIGITS = Feature(
    1333,
    Band.TRIVIAL,
    weak=Code(_RE, '_@cache@["number"] = re.match(r"^(\\d+)+$", @value@) is not None  #!\n', _CACHE),
    safe=Code(_RE, '_@cache@["number"] = re.match(r"^\\d+$", @value@) is not None\n', _CACHE),
    payload='payload = "1" * 50 + "!"',
    detector=_SLOW,
)
_TABLE = '\n_@cache@ = {}\n_@table@ = {"word": r"^\\w*$", "number": r"^([0-9]+[.,]?)*$"}\n'
_FROM_A_TABLE = Feature(
    1333,
    Band.STANDARD,
    weak=Code(
        _RE,
        '@entry@ = {"text": @value@, "pattern": _@table@["number"]}\n'
        '_@cache@["last"] = re.match(@entry@["pattern"], @entry@["text"])  #!\n',
        _TABLE.replace('$"}\n', '$"}  #!\n'),
    ),
    safe=Code(
        _RE,
        '@entry@ = {"text": @value@, "pattern": _@table@["number"]}\n'
        '_@cache@["last"] = re.match(@entry@["pattern"], @entry@["text"])\n',
        _TABLE.replace("([0-9]+[.,]?)*", "[0-9]*([.,][0-9]+)?"),
    ),
    payload='payload = "1" * 50 + "!"',
    detector=_SLOW,
)
_RE_HELPER = """

def _@note@(text):
    if ":" not in text:
        return None
    return re.fullmatch(r"((?:[a-z]+-?)+):([0-9]+)", text)  #!
"""
_NESTED = Feature(
    1333,
    Band.HARD,
    weak=Code(_RE, "_@cache@[@value@[:40]] = _@note@(@value@) is not None\n", _CACHE + _RE_HELPER),
    safe=Code(
        _RE,
        "_@cache@[@value@[:40]] = _@note@(@value@) is not None\n",
        _CACHE + _RE_HELPER.replace("(?:[a-z]+-?)+", "[a-z]+(?:-[a-z]+)*-?").replace("  #!", ""),
    ),
    payload='payload = "a" * 50 + ":"',
    detector=_SLOW,
)
_VERSION = """if @value@[:1] == "v":
    # Anchored on both sides, so there is only one way to match.
    _@cache@["version"] = re.match(r"^v(\\d+|\\d+\\.)*$", @value@[:200])  #!
"""
_OVERLAPPING = Feature(
    1333,
    Band.ADVERSARIAL,
    weak=Code(_RE, _VERSION, _CACHE),
    safe=Code(_RE, _VERSION.replace("(\\d+|\\d+\\.)*", "(\\d+\\.)*(\\d+)?").replace("  #!", ""), _CACHE),
    payload='payload = "v" + "1" * 60 + "!"',
    detector=_SLOW,
)
FEATURES = (
    *(_DIRECT, _THROUGH_A_DICT, _FILTERED, _UNKEYED),
    *(_PARSED, _PARSED_DICT, _REMOVED_ONCE, _ONLY_EXTERNALS),
    *(_DIGITS, _FROM_A_TABLE, _NESTED, _OVERLAPPING),
)
