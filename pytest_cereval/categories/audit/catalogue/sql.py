"""SQL injection (CWE-89): statistics and look-ups in a small database."""

# ruff: noqa: S608 - the weakness is what is wanted here
from __future__ import annotations

from pytest_cereval.categories.audit.feature import Code, Feature
from pytest_cereval.inside.shapes import sql_shape
from pytest_cereval.results.band import Band

_IMPORTS = ("import sqlite3",)
_STORE = """
_@store@ = sqlite3.connect(":memory:", check_same_thread=False)
_@store@.execute("CREATE TABLE @table@ (name TEXT, hits INTEGER)")
"""


def _sees(*statements: str) -> dict[str, object]:
    return {"kind": "sql", "shapes": [sql_shape(statement) for statement in statements]}


def _body(*lines: str) -> str:
    inner = "\n".join(f"    {line}" for line in lines)
    return f"try:\n{inner}\nexcept (sqlite3.Error, ValueError):\n    pass\n"


_DIRECT = Feature(
    89,
    Band.TRIVIAL,
    weak=Code(_IMPORTS, _body("""_@store@.execute("INSERT INTO @table@ VALUES ('" + @value@ + "', 1)")  #!"""), _STORE),
    safe=Code(_IMPORTS, _body("""_@store@.execute("INSERT INTO @table@ VALUES (?, 1)", (@value@,))"""), _STORE),
    payload="""payload = "x', 1), ('" + canary""",
    detector=_sees("INSERT INTO t VALUES ('x', 1)"),
)
_THROUGH_A_DICT = Feature(
    89,
    Band.STANDARD,
    weak=Code(
        _IMPORTS,
        '@entry@ = {"name": @value@, "hits": 1}\n'
        "@query@ = \"SELECT hits FROM @table@ WHERE name = '%(name)s'\" % @entry@\n"
        + _body('@entry@["hits"] += len(_@store@.execute(@query@).fetchall())  #!'),
        _STORE,
    ),
    safe=Code(
        _IMPORTS,
        '@entry@ = {"name": @value@, "hits": 1}\n'
        '@query@ = "SELECT hits FROM @table@ WHERE name = :name"\n'
        + _body('@entry@["hits"] += len(_@store@.execute(@query@, @entry@).fetchall())'),
        _STORE,
    ),
    payload="""payload = "x' UNION SELECT '" + canary""",
    detector=_sees("SELECT hits FROM t WHERE name = 'x'"),
)
_HALF_CLEANED = Feature(
    89,
    Band.HARD,
    weak=Code(
        _IMPORTS,
        "_@note@(@value@)\n",
        _STORE
        + """

def _@note@(text):
    text = text.replace(";", "").replace("--", "").strip()
    if not text:
        return
    try:
        _@store@.execute(f"UPDATE @table@ SET hits = hits + 1 WHERE name = '{text}'")  #!
    except (sqlite3.Error, ValueError):
        pass
""",
    ),
    safe=Code(
        _IMPORTS,
        "_@note@(@value@)\n",
        _STORE
        + """

def _@note@(text):
    text = text.replace(";", "").replace("--", "").strip()
    if not text:
        return
    try:
        _@store@.execute("UPDATE @table@ SET hits = hits + 1 WHERE name = ?", (text,))
    except (sqlite3.Error, ValueError):
        pass
""",
    ),
    payload="""payload = "x' OR name = '" + canary""",
    detector=_sees("UPDATE t SET hits = hits + 1 WHERE name = 'x'"),
)
_ON_AN_EDGE = Feature(
    89,
    Band.ADVERSARIAL,
    weak=Code(
        _IMPORTS,
        '@key@ = @value@.replace("\'", "\'\'")\n'
        + _body(
            '_@store@.execute("INSERT INTO @table@ VALUES (?, ?)", (@key@[:80], len(@key@)))',
            'if @key@.startswith("order:"):',
            "    # Quotes are doubled above, so the text cannot leave its place.",
            '    _@store@.execute("SELECT name FROM @table@ ORDER BY %s" % @key@[6:])  #!',
        ),
        _STORE,
    ),
    safe=Code(
        _IMPORTS,
        '@key@ = @value@.replace("\'", "\'\'")\n'
        + _body(
            '_@store@.execute("INSERT INTO @table@ VALUES (?, ?)", (@key@[:80], len(@key@)))',
            'if @key@.startswith("order:"):',
            '    @query@ = {"hits": "hits DESC", "name": "name"}.get(@key@[6:], "rowid")',
            '    _@store@.execute("SELECT name FROM @table@ ORDER BY %s" % @query@)',
        ),
        _STORE,
    ),
    payload="""payload = "order:name, (SELECT 1 AS " + canary + ")\"""",
    detector=_sees(
        "INSERT INTO t VALUES ('x', 1)", "SELECT name FROM t ORDER BY x", "SELECT name FROM t ORDER BY x DESC"
    ),
)
FEATURES = (_DIRECT, _THROUGH_A_DICT, _HALF_CLEANED, _ON_AN_EDGE)
