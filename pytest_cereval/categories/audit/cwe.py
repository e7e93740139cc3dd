"""Says which weakness an answer may call by which number: names and near relatives of the classes that are planted."""

from __future__ import annotations

NAMES = {
    22: "path traversal",
    78: "operating system command injection",
    89: "SQL injection",
    95: "code injection by evaluation",
    134: "externally controlled format string",
    208: "comparison whose time tells",
    377: "insecure temporary file",
    502: "deserialisation of untrusted data",
    776: "recursive entity expansion",
    798: "hard-coded credential",
    918: "server-side request forgery",
    1333: "inefficient regular expression",
}
"""By CWE id, what each planted class is called here."""

# Parents in MITRE's research view (1000) that still say what is wrong, and children or twins that say the same here.
_ALSO = {
    22: (*range(23, 41), 73, 706),
    78: (77, 88),
    89: (943, 564),
    95: (94, 96, 913),
    134: (74, 94, 200, 668, 913, 915, 1336),
    208: (203, 385, 697, 1254),
    377: (378, 379, 59, 340, 668),
    502: (913, 915),
    776: (405, 409, 611, 674, 827, 400),
    798: (259, 321, 344, 547, 671, 1391),
    918: (441, 610),
    1333: (400, 407, 730, 1176),
}


def is_named(claimed: int, planted: int) -> bool:
    """Whether a CWE id that an answer gives is the planted one or a near relative of it."""
    return claimed == planted or claimed in _ALSO[planted]
