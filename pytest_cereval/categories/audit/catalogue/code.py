"""Code injection (CWE-95): texts that are evaluated, where no operation of the function's own can be replaced."""

from __future__ import annotations

from pytest_cereval.categories.audit.feature import Code, Feature
from pytest_cereval.inside.shapes import code_shape
from pytest_cereval.results.band import Band

_CACHE = "\n_@cache@ = {}\n"
_CALL = "().__class__.__name__.__eq__('\" + canary + \"')"


def _sees(*texts: str) -> dict[str, object]:
    return {"kind": "code", "shapes": [code_shape(text) for text in texts]}


_DIRECT = Feature(
    95,
    Band.TRIVIAL,
    weak=Code(
        (),
        'if @value@.startswith("="):\n    try:\n        _@cache@["last"] = eval(@value@[1:])  #!\n'
        "    except Exception:\n        pass\n",
        _CACHE,
    ),
    safe=Code(
        ("import ast",),
        'if @value@.startswith("="):\n    try:\n        _@cache@["last"] = ast.literal_eval(@value@[1:])\n'
        "    except Exception:\n        pass\n",
        _CACHE,
    ),
    payload=f'payload = "={_CALL}"',
    detector=_sees("1"),
)
_THROUGH_A_FORMAT = Feature(
    95,
    Band.STANDARD,
    weak=Code(
        (),
        "@command@ = \"last = '%s'\" % @value@\ntry:\n    exec(@command@, {}, _@cache@)  #!\n"
        "except Exception:\n    pass\n",
        _CACHE,
    ),
    safe=Code(
        (),
        '@command@ = "last = %r" % @value@\ntry:\n    exec(@command@, {}, _@cache@)\nexcept Exception:\n    pass\n',
        _CACHE,
    ),
    payload="payload = \"x'.join(['\" + canary + \"']) + '\"",
    detector=_sees("last = 'x'"),
)
_HELPER = """

def _@note@(text):
    if "__import__" in text or "open" in text:
        return
    try:
        _@cache@[text] = eval(text, {"__builtins__": {}})  #!
    except Exception:
        _@cache@[text] = None
"""
_WITHOUT_BUILTINS = Feature(
    95,
    Band.HARD,
    weak=Code((), 'if @value@[:1] in ("(", "[", "{"):\n    _@note@(@value@)\n', _CACHE + _HELPER),
    safe=Code(
        ("import ast",),
        'if @value@[:1] in ("(", "[", "{"):\n    _@note@(@value@)\n',
        _CACHE + _HELPER.replace('eval(text, {"__builtins__": {}})  #!', "ast.literal_eval(text)"),
    ),
    payload=f'payload = "{_CALL}"',
    detector=_sees("(1, 2)"),
)
_SECOND_TRY = Feature(
    95,
    Band.ADVERSARIAL,
    weak=Code(
        ("import ast",),
        'if @value@[:1] == "(" and @value@[-1:] == ")":\n    try:\n'
        '        _@cache@["last"] = ast.literal_eval(@value@)\n    except ValueError:\n'
        "        # Only a sum or a product of numbers comes here, which literal_eval does not take.\n"
        "        try:\n"
        '            _@cache@["last"] = eval(@value@)  #!\n'
        "        except Exception:\n            pass\n"
        "    except Exception:\n        pass\n",
        _CACHE,
    ),
    safe=Code(
        ("import ast",),
        'if @value@[:1] == "(" and @value@[-1:] == ")":\n    try:\n'
        '        _@cache@["last"] = ast.literal_eval(@value@)\n'
        "    except Exception:\n        pass\n",
        _CACHE,
    ),
    payload=f'payload = "{_CALL}"',
    detector=_sees("(1 + 2)", "(1 * 2)"),
)
FEATURES = (_DIRECT, _THROUGH_A_FORMAT, _WITHOUT_BUILTINS, _SECOND_TRY)
