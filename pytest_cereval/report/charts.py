"""Turns numbers into small charts as inline SVG whose colours follow the page; the one module that knows matplotlib."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_cereval.results.printing import one_line

if TYPE_CHECKING:
    from markupsafe import Markup

_WIDTH = 6.4
_ROW = 0.34
# matplotlib wants real colours; these stand for the page's own, which differ by day and night.
_INK, _SOFT, _LINE, _MARK, _GOOD, _BAD = (f"#01020{number}" for number in range(3, 9))
_VARIABLES = {
    _INK: "var(--ink)",
    _SOFT: "var(--soft)",
    _LINE: "var(--line)",
    _MARK: "var(--link)",
    _GOOD: "var(--pass)",
    _BAD: "var(--fail)",
}
_LONGEST_NAME = 36
"""Longer ones would leave no room for what they name; the end of a qualified name tells more than its beginning."""
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "cereval",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _SOFT,
    "axes.edgecolor": _LINE,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
    "ytick.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One share between 0 and 1 with its bounds; None where there is none. `note` stands at the end of the row."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One item's share of passed samples before and now, between 0 and 1."""

    name: str
    old: float
    new: float


def shares(title: str, bars: Sequence[Bar]) -> Markup:
    """A row per bar: a dot at its value in its interval, on a scale of 0 to 100 %."""
    figure, axes = _figure(len(bars) * _ROW + 0.7)
    for row, bar in enumerate(bars):
        if bar.low is not None and bar.high is not None:
            axes.plot([100 * bar.low, 100 * bar.high], [row, row], color=_SOFT, linewidth=4, alpha=0.45)
        if bar.value is not None:
            axes.plot([100 * bar.value], [row], "o", color=_MARK, markersize=7)
        axes.text(103, row, bar.note, va="center", color=_SOFT)
    _rows(axes, [bar.name for bar in bars])
    _percent(axes, 2)
    described = "; ".join(f"{bar.name}: {'none' if bar.value is None else f'{100 * bar.value:.0f} %'}" for bar in bars)
    return _svg(figure, f"{title}. {described}")


def effects(title: str, bars: Sequence[Bar]) -> Markup:
    """A row per difference of rates: a dot at its value in its interval, around a line at no difference."""
    figure, axes = _figure(len(bars) * _ROW + 0.9)
    ends = [100 * abs(each) for bar in bars for each in (bar.value, bar.low, bar.high) if each is not None]
    reach = max([10.0, *ends]) * 1.05
    axes.axvline(0, color=_INK, linewidth=1)
    for row, bar in enumerate(bars):
        if bar.low is not None and bar.high is not None:
            axes.plot([100 * bar.low, 100 * bar.high], [row, row], color=_SOFT, linewidth=4, alpha=0.45)
        if bar.value is not None:
            axes.plot([100 * bar.value], [row], "o", color=_MARK, markersize=7)
        axes.text(reach * 1.03, row, bar.note, va="center", color=_SOFT)
    _rows(axes, [bar.name for bar in bars])
    axes.set_xlim(-reach, reach)
    axes.set_xlabel("points")
    told = "; ".join(f"{bar.name}: {'none' if bar.value is None else f'{100 * bar.value:+.1f} points'}" for bar in bars)
    return _svg(figure, f"{title}. {told}")


def steps(title: str, changes: Sequence[Step]) -> Markup:
    """A row per item: an arrow from its share of passes before to that of now, its direction told by a sign as well."""
    figure, axes = _figure(len(changes) * _ROW * 0.8 + 0.7)
    for row, each in enumerate(changes):
        better = each.new > each.old
        arrow = {"arrowstyle": "-|>", "color": _GOOD if better else _BAD, "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0}
        axes.plot([100 * each.old], [row], "o", color=_SOFT, markersize=5)
        axes.annotate("", xy=(100 * each.new, row), xytext=(100 * each.old, row), arrowprops=arrow)
        axes.text(105, row, "▲ better" if better else "▼ worse", va="center", color=_SOFT)
    _rows(axes, [each.name for each in changes])
    _percent(axes, 4)
    described = "; ".join(f"{each.name}: {100 * each.old:.0f} % to {100 * each.new:.0f} %" for each in changes)
    return _svg(figure, f"{title}. {described}")


def histogram(title: str, values: Sequence[float], unit: str, bins: int = 24) -> Markup:
    """How often values of each size occur."""
    figure, axes = _figure(1.9)
    axes.hist(values, bins=min(bins, max(4, len(set(values)))), color=_MARK, alpha=0.75, edgecolor=_LINE)
    axes.set_xlabel(unit)
    axes.set_ylabel("answers")
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_xlim(left=0)
    ordered = sorted(values)
    median = ordered[len(ordered) // 2]
    return _svg(figure, f"{title}. {len(values)} answers, median {median:.4g} {unit}, most {ordered[-1]:.4g}")


def _rows(axes: Any, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [_short(one_line(name)) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="x", color=_LINE, linewidth=0.8)
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"


def _percent(axes: Any, room: float) -> None:
    axes.set_xlim(-room, 100 + room)
    axes.set_xticks(range(0, 101, 25), [f"{tick} %" for tick in range(0, 101, 25)])


def _figure(height: float) -> tuple[Any, Any]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        return figure, figure.add_subplot()


def _svg(figure: Any, described: str) -> Markup:
    import matplotlib as mpl
    from markupsafe import Markup, escape
    from matplotlib.text import Text

    out = io.StringIO()
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # a dollar sign in a name is no formula
        text.set_text(_short(one_line(text.get_text())))
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # The reader's browser has the font, so what the one here lacks only makes a row's width a guess.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawn = out.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    # Its style sheet would hold for the whole page.
    drawn = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", drawn, flags=re.S)
    for colour, variable in _VARIABLES.items():
        drawn = drawn.replace(colour, variable)
    # Several charts share one page, and matplotlib numbers the parts of each from one; what is left are digests.
    drawn = re.sub(r'\sid="(?![mp][0-9a-f]{10}")[^"]*"', "", drawn)
    label = escape(one_line(described))
    return Markup(drawn.replace("<svg ", f'<svg role="img" aria-label="{label}" class="chart" ', 1))  # noqa: S704
