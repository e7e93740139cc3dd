"""Operating system command injection (CWE-78): a log or an export by way of a shell."""

from __future__ import annotations

from pytest_cereval.categories.audit.feature import Code, Feature
from pytest_cereval.results.band import Band

_SEES = {"kind": "command"}
_TRIED = "try:\n    {}\nexcept (OSError, ValueError):\n    pass\n"

_DIRECT = Feature(
    78,
    Band.TRIVIAL,
    weak=Code(("import os",), _TRIED.format('os.system("echo " + @value@ + " >>/tmp/@app@-@table@.log 2>&1")  #!')),
    safe=Code(
        ("import os", "import shlex"),
        _TRIED.format('os.system("echo " + shlex.quote(@value@) + " >>/tmp/@app@-@table@.log 2>&1")'),
    ),
    payload='payload = "x; touch /tmp/" + canary + " #"',
    detector=_SEES,
)
_THROUGH_A_LIST = Feature(
    78,
    Band.STANDARD,
    weak=Code(
        ("import subprocess",),
        '@command@ = ["echo", @value@, "|", "cksum"]\n'
        + _TRIED.format(
            'subprocess.run(" ".join(@command@), shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  #!'
        ),
    ),
    safe=Code(
        ("import subprocess",),
        '@command@ = ["/bin/echo", "--", @value@]\n'
        + _TRIED.format("subprocess.run(@command@, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)"),
    ),
    payload='payload = "x; touch /tmp/" + canary + "; true"',
    detector=_SEES,
)
_WEAK_HELPER = """

def _@note@(text):
    for mark in ";|&<>":
        text = text.replace(mark, " ")
    try:
        os.system("echo " + text + " >>/tmp/@app@-@table@.log 2>/dev/null")  #!
    except ValueError:
        pass
"""
_HALF_CLEANED = Feature(
    78,
    Band.HARD,
    weak=Code(("import os",), "if @value@:\n    _@note@(@value@)\n", _WEAK_HELPER),
    safe=Code(
        ("import os", "import shlex"),
        "if @value@:\n    _@note@(@value@)\n",
        _WEAK_HELPER.replace('" + text + "', '" + shlex.quote(text) + "').replace("  #!", ""),
    ),
    payload='payload = "x $(touch /tmp/" + canary + ")"',
    detector=_SEES,
)
_QUOTED_WRONG = Feature(
    78,
    Band.ADVERSARIAL,
    weak=Code(
        ("import os", "import shlex"),
        '@folder@ = shlex.quote(os.environ.get("@APP@_LOGS", "/tmp"))\n'
        'if @value@.endswith(".log"):\n'
        "    # Both parts are quoted, so the shell takes each of them as one word.\n"
        "    @command@ = 'test -e ' + @folder@ + '/\"' + @value@.replace('\"', \"\") + '\"'\n"
        "    try:\n"
        "        os.system(@command@)  #!\n"
        "    except ValueError:\n"
        "        pass\n",
    ),
    safe=Code(
        ("import os", "import shlex"),
        '@folder@ = shlex.quote(os.environ.get("@APP@_LOGS", "/tmp"))\n'
        'if @value@.endswith(".log"):\n'
        "    @command@ = 'test -e ' + @folder@ + '/' + shlex.quote(@value@)\n"
        "    try:\n"
        "        os.system(@command@)\n"
        "    except ValueError:\n"
        "        pass\n",
    ),
    payload='payload = "$(touch /tmp/" + canary + ").log"',
    detector=_SEES,
)
FEATURES = (_DIRECT, _THROUGH_A_LIST, _HALF_CLEANED, _QUOTED_WRONG)
