"""Classes that are only to be identified: hard-coded credentials (CWE-798), comparisons whose time tells (CWE-208).

No sandbox can show that a constant is known to others, or measure nanoseconds on a busy machine without chance, so
an answer is held to the class and the line.
"""

from __future__ import annotations

from pytest_cereval.categories.audit.feature import Code, Feature
from pytest_cereval.results.band import Band

_HMAC = ("import hmac",)
_BOTH = ("import hmac", "import os")
_CONSTANT = '\n_@cache@ = {}\n_@key@ = "@hex@"  #!\n'
_ENVIRONMENT = '\n_@cache@ = {}\n_@key@ = os.environ.get("@APP@_@KEY@", "")\n'
_COMPARED = '_@cache@["trusted"] = hmac.compare_digest(@value@.encode("utf-8", "replace"), _@key@.encode())'
_PLAINLY = '_@cache@["trusted"] = bool(_@key@) and @value@ == _@key@  #!\n'
_NESTED = (
    'if len(@value@) > 15:\n    @entry@ = {"text": @value@.encode("utf-8", "replace")}\n'
    '    _@cache@["trusted"] = hmac.compare_digest(@entry@["text"], _@key@.encode())'
)
_LATER = (
    'if len(@value@) > 15:\n    @entry@ = {"text": @value@}\n    _@cache@["trusted"] = @entry@["text"] == _@key@  #!\n'
)

FEATURES = (
    Feature(
        798,
        Band.STANDARD,
        weak=Code(_HMAC, f"{_COMPARED}  #!\n", _CONSTANT),
        safe=Code(_BOTH, f"{_COMPARED}\n", _ENVIRONMENT),
    ),
    Feature(
        798,
        Band.HARD,
        weak=Code(_HMAC, f"{_NESTED}  #!\n", _CONSTANT),
        safe=Code(_BOTH, f"{_NESTED}\n", _ENVIRONMENT),
    ),
    Feature(
        208,
        Band.STANDARD,
        weak=Code(("import os",), _PLAINLY, _ENVIRONMENT),
        safe=Code(_BOTH, f"{_COMPARED}\n", _ENVIRONMENT),
    ),
    Feature(
        208,
        Band.HARD,
        weak=Code(("import os",), _LATER, _ENVIRONMENT),
        safe=Code(_BOTH, f"{_NESTED}\n", _ENVIRONMENT),
    ),
)
