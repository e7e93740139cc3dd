"""Turns numbers into small charts as inline SVG whose colours follow the page; the one module that knows matplotlib."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markupsafe import Markup

_WIDTH = 6.4
_ROW = 0.34
# matplotlib wants real colours; these stand for the page's own, which differ by day and night.
_INK, _SOFT, _LINE, _MARK = "#010203", "#010204", "#010205", "#010206"
_VARIABLES = {_INK: "var(--ink)", _SOFT: "var(--soft)", _LINE: "var(--line)", _MARK: "var(--link)"}
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


def shares(title: str, bars: Sequence[Bar]) -> Markup:
    """A row per bar: a dot at its value in its interval, on a scale of 0 to 100 %."""
    figure, axes = _figure(len(bars) * _ROW + 0.7)
    for row, bar in enumerate(bars):
        if bar.low is not None and bar.high is not None:
            axes.plot([100 * bar.low, 100 * bar.high], [row, row], color=_SOFT, linewidth=4, alpha=0.45)
        if bar.value is not None:
            axes.plot([100 * bar.value], [row], "o", color=_MARK, markersize=7)
        axes.text(103, row, bar.note, va="center", color=_SOFT)
    axes.set_yticks(range(len(bars)), [bar.name for bar in bars])
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_xlim(-2, 102)
    axes.set_xticks(range(0, 101, 25), [f"{tick} %" for tick in range(0, 101, 25)])
    axes.grid(axis="x", color=_LINE, linewidth=0.8)
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)
    described = "; ".join(f"{bar.name}: {'none' if bar.value is None else f'{100 * bar.value:.0f} %'}" for bar in bars)
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


def _figure(height: float) -> tuple[Any, Any]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        return figure, figure.add_subplot()


def _svg(figure: Any, described: str) -> Markup:
    import matplotlib as mpl
    from markupsafe import Markup, escape

    out = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    # Its style sheet would hold for the whole page.
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.S)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    # Several charts share one page, and matplotlib numbers the parts of each from one; what is left are digests.
    text = re.sub(r'\sid="(?![mp][0-9a-f]{10}")[^"]*"', "", text)
    label = escape(described)
    return Markup(text.replace("<svg ", f'<svg role="img" aria-label="{label}" class="chart" ', 1))  # noqa: S704
