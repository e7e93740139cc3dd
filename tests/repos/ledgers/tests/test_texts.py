from pathlib import Path

from ledgers.rates import rate_of
from ledgers.words import initials, shortened

TABLE = Path(__file__).with_name("rates.txt").read_text()


def test_initials():
    assert initials("ada lovelace") == "A.L."
    assert initials("Grace Brewster  Hopper") == "G.B.H."
    assert initials("") == ""
    assert initials("x") == "X."


def test_shortened():
    assert shortened("short") == "short"
    assert shortened("exactly 10") == "exactly 10"
    assert shortened("longer than that") == "longer th~"
    assert shortened("abcdef", 3) == "ab~"
    assert shortened("abc", 3) == "abc"


def test_rate_of():
    assert rate_of(TABLE, "savings") == 3
    assert rate_of(TABLE, "bonds", 1) == 5
    assert rate_of(TABLE, "none") == 0
    assert rate_of(TABLE, "none", 9) == 9
    assert rate_of("", "giro") == 0
    assert rate_of("giro ", "giro", 4) == 4
