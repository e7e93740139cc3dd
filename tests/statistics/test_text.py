"""Plain lines and Markdown."""

from __future__ import annotations

import pytest

from pytest_cereval.results.printing import one_line as printable
from pytest_cereval.statistics.text import (
    bounded,
    cell,
    counted,
    listed,
    markdown_table,
    percent,
    plain_table,
    points,
)


def test_numbers_have_units() -> None:
    assert (percent(0.4567), percent(None), points(-0.0531), points(0.0)) == (
        "45.7 %",
        "unknown",
        "-5.3 points",
        "+0.0 points",
    )


@pytest.mark.parametrize(
    ("names", "most", "text"),
    [(["a"], 0, "a"), (["a", "b", "c"], 0, "a, b and c"), (["a", "b", "c"], 1, "a and 2 more"), ([], 0, "")],
)
def test_lists_read_as_prose(names: list[str], most: int, text: str) -> None:
    assert listed(names, most) == text


def test_counts_agree_with_their_noun() -> None:
    assert [counted(n, noun) for n, noun in ((1, "item"), (0, "item"), (2, "repository"))] == [
        "1 item",
        "0 items",
        "2 repositories",
    ]


def test_hostile_text_has_no_power_over_a_terminal_or_a_page() -> None:
    assert printable("a\x1b[31m\nb\u202e\ud800") == "a\\x1b[31m\\nb\\u202e\\ud800"
    assert cell("a|b<script>`x`\n[l](u)") == "a\\|b&lt;script&gt;\\`x\\`\\n\\[l](u)"
    assert markdown_table(["h|"], [["a\n| b"]]) == ["| h\\| |", "| --- |", "| a\\n\\| b |"]


def test_columns_line_up() -> None:
    assert plain_table(["n", "rate"], [["long name", "5"], ["x", "100"]]) == [
        "n          rate",
        "long name     5",
        "x           100",
    ]


def test_a_long_summary_is_cut_at_a_line_and_says_so() -> None:
    text = bounded(["é" * 99] * 10_000, 10_000)

    assert len(text.encode()) <= 10_000
    assert text.endswith("lines left out to keep this summary small; the JSON has everything.\n")
    assert bounded(["a", "b"]) == "a\nb\n"
