"""Server-side request forgery (CWE-918): references that are fetched; nothing gets out of the sandbox."""

from __future__ import annotations

from pytest_cereval.categories.audit.feature import Code, Feature
from pytest_cereval.results.band import Band

_URL = ("import urllib.request",)
_SPLIT = ("import urllib.parse", "import urllib.request")
_CACHE = "\n_@cache@ = {}\n"
_HOSTS = '\n_@cache@ = {}\n_@table@ = ("schemas.example.org", "registry.example.org")\n'
_ASKS = {"kind": "request"}


def _fetch(condition: str, url: str, before: str = "", mark: str = "  #!", comment: str = "") -> str:
    opened = f"with urllib.request.urlopen({url}, timeout=1) as @file@:{mark}"
    return (
        f"{before}if {condition}:\n{comment}    try:\n        {opened}\n"
        f"            _@cache@[{url}] = @file@.read(1000)\n    except Exception:\n        pass\n"
    )


_KNOWN = '@value@[:7] == "http://" and urllib.parse.urlsplit(@value@).hostname in _@table@'
_DIRECT = Feature(
    918,
    Band.TRIVIAL,
    weak=Code(_URL, _fetch('@value@[:7] == "http://"', "@value@"), _CACHE),
    safe=Code(
        _SPLIT,
        _fetch(
            "@entry@ in _@table@",
            '"http://" + @entry@ + "/index"',
            '@entry@ = @value@[7:].partition("/")[0] if @value@[:7] == "http://" else ""\n',
            "",
        ),
        _HOSTS,
    ),
    payload='payload = "http://" + canary + ".example/x"',
    detector=_ASKS,
)
_PARTS = (
    '@kind@, _, @entry@ = @value@.partition("@")\n'
    '@path@ = "http://%(host)s/%(name)s.json" % {"host": @entry@, "name": @kind@}\n'
)
_FORMATTED = Feature(
    918,
    Band.STANDARD,
    weak=Code(_URL, _fetch("@entry@", "@path@", _PARTS), _CACHE),
    safe=Code(_URL, _fetch("@entry@ in _@table@", "@path@", _PARTS, ""), _HOSTS),
    payload='payload = "x@" + canary + ".example"',
    detector=_ASKS,
)
_HELPER = """

def _@note@(url):
    if not url.startswith("http://schemas.example.org"):
        return None
    try:
        with urllib.request.urlopen(url, timeout=1) as reply:  #!
            return reply.read(1000)
    except Exception:
        return None
"""
_PREFIX = Feature(
    918,
    Band.HARD,
    weak=Code(_URL, 'if "://" in @value@:\n    _@cache@[@value@] = _@note@(@value@)\n', _CACHE + _HELPER),
    safe=Code(
        _URL,
        'if "://" in @value@:\n    _@cache@[@value@] = _@note@(@value@)\n',
        _CACHE + _HELPER.replace('.org")', '.org/")').replace("  #!", ""),
    ),
    payload='payload = "http://schemas.example.org." + canary + ".example/x"',
    detector=_ASKS,
)
_COMMENT = "    # Only our own hosts are asked.\n"
_SOMEWHERE = Feature(
    918,
    Band.ADVERSARIAL,
    weak=Code(
        _URL,
        _fetch('@value@[:7] == "http://" and any(host in @value@ for host in _@table@)', "@value@", comment=_COMMENT),
        _HOSTS,
    ),
    safe=Code(
        _SPLIT,
        "try:\n    @kind@ = "
        + _KNOWN
        + "\nexcept ValueError:\n    @kind@ = False\n"
        + _fetch("@kind@", "@value@", mark=""),
        _HOSTS,
    ),
    payload='payload = "http://" + canary + ".example/schemas.example.org"',
    detector=_ASKS,
)
FEATURES = (_DIRECT, _FORMATTED, _PREFIX, _SOMEWHERE)
