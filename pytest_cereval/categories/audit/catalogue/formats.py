"""Externally controlled format strings (CWE-134): a template that an attacker's text is part of tells secrets."""

from __future__ import annotations

from pytest_cereval.categories.audit.feature import Code, Feature
from pytest_cereval.results.band import Band

_IMPORTS = ("import collections", "import os")
_SETUP = """
_@key@ = os.environ.get("@APP@_@KEY@", "")
_@cache@ = collections.deque(maxlen=50)


class _@Entry@:
    def __init__(self, name):
        self.name = name
"""
_TELLS = {"kind": "secret", "variables": ["@APP@_@KEY@"], "places": ["_@cache@"]}
_LEAK = "{0.__init__.__globals__[_@key@]}"
_TRIED = "try:\n    {}\nexcept (LookupError, ValueError, AttributeError, TypeError):\n    pass\n"

_DIRECT = Feature(
    134,
    Band.TRIVIAL,
    weak=Code(
        _IMPORTS,
        _TRIED.replace("{}", '_@cache@.append((@value@ + " in {0.name}").format(_@Entry@("@app@")))  #!'),
        _SETUP,
    ),
    safe=Code(
        _IMPORTS,
        _TRIED.replace("{}", '_@cache@.append("{1} in {0.name}".format(_@Entry@("@app@"), @value@))'),
        _SETUP,
    ),
    payload=f'payload = "{_LEAK}"',
    detector=_TELLS,
)
_THROUGH_A_VARIABLE = Feature(
    134,
    Band.STANDARD,
    weak=Code(
        _IMPORTS,
        '@entry@ = {"at": _@Entry@("@app@"), "text": @value@}\n'
        '@kind@ = "{at.name}: " + @entry@["text"]\n'
        + _TRIED.replace("{}", "_@cache@.append(@kind@.format(**@entry@))  #!"),
        _SETUP,
    ),
    safe=Code(
        _IMPORTS,
        '@entry@ = {"at": _@Entry@("@app@"), "text": @value@}\n'
        '@kind@ = "{at.name}: {text}"\n' + _TRIED.replace("{}", "_@cache@.append(@kind@.format(**@entry@))"),
        _SETUP,
    ),
    payload='payload = "{at.__init__.__globals__[_@key@]}"',
    detector=_TELLS,
)
_HELPER = """

def _@note@(text):
    text = text.replace("{}", "").replace("__class__", "")
    try:
        _@cache@.append(("{0.name} " + text).format(_@Entry@("@app@")))  #!
    except (LookupError, ValueError, AttributeError, TypeError):
        pass
"""
_HALF_CLEANED = Feature(
    134,
    Band.HARD,
    weak=Code(_IMPORTS, "if @value@:\n    _@note@(@value@)\n", _SETUP + _HELPER),
    safe=Code(
        _IMPORTS,
        "if @value@:\n    _@note@(@value@)\n",
        _SETUP
        + _HELPER.replace(
            'text.replace("{}", "").replace("__class__", "")', 'text.replace("{", "{{").replace("}", "}}")'
        ).replace("  #!", ""),
    ),
    payload=f'payload = "{_LEAK}"',
    detector=_TELLS,
)
_LATER = """@entry@ = _@Entry@("@app@")
@kind@ = "%s: {0.name}" % @value@.replace("%", "%%")
if len(@kind@) > 30:
    # Percent signs are doubled above, which is all that a template needs.
    try:
        _@cache@.append(@kind@.format(@entry@))  #!
    except (LookupError, ValueError, AttributeError, TypeError):
        pass
"""
_WRONG_SIGN = Feature(
    134,
    Band.ADVERSARIAL,
    weak=Code(_IMPORTS, _LATER, _SETUP),
    safe=Code(
        _IMPORTS,
        _LATER.replace('.replace("%", "%%")', '.replace("{", "{{").replace("}", "}}")')
        .replace("    # Percent signs are doubled above, which is all that a template needs.\n", "")
        .replace("  #!", ""),
        _SETUP,
    ),
    payload=f'payload = "{_LEAK}"',
    detector=_TELLS,
)
FEATURES = (_DIRECT, _THROUGH_A_VARIABLE, _HALF_CLEANED, _WRONG_SIGN)
