"""Grid, ticks, names and legend around the marks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from patronage.report.canvas import LINE, MARGIN, OWN, WIDTH, tag, text, title, width_of
from patronage.report.format import Format
from patronage.report.palette import AXIS, GRID, PAPER, QUIET_TEXT, WHISKER, fill, ink
from patronage.report.picture import Axis
from patronage.report.scales import Scale
from patronage.report.series import Drawn

SWATCH = 26.0


@dataclass(frozen=True)
class Plot:
    """Where the marks go."""

    left: float
    right: float
    top: float
    bottom: float


def legend(series: Sequence[Drawn], swatch: Callable[[Drawn, float, float], str]) -> list[str]:
    """Name the series, in as many lines as it takes; the last item is empty marks of a height.

    Parameters
    ----------
    swatch
        Draws a sample of a series around a place.

    Returns
    -------
    Marks.
    """
    marks, x, y = [], MARGIN, 0.0
    for one in series:
        wide = SWATCH + 6 + min(width_of(one.name), WIDTH - 2 * MARGIN - SWATCH - 6)
        if x > MARGIN and x + wide > WIDTH - MARGIN:
            x, y = MARGIN, y + LINE + 3
        marks.append(swatch(one, x + SWATCH / 2, y + 10))
        marks.append(text(x + SWATCH + 6, y + 14.5, one.name, room=wide - SWATCH - 5))
        x += wide + 16
    return marks


def legend_height(series: Sequence[Drawn]) -> float:
    """Height that the legend of these takes."""
    tops = [0.0]
    x = MARGIN
    for one in series:
        wide = SWATCH + 6 + min(width_of(one.name), WIDTH - 2 * MARGIN - SWATCH - 6)
        if x > MARGIN and x + wide > WIDTH - MARGIN:
            x = MARGIN
            tops.append(tops[-1] + LINE + 3)
        x += wide + 16
    return tops[-1] + LINE + 5 if series else 0.0


def bar_swatch(one: Drawn, x: float, y: float) -> str:
    """Sample of a bar."""
    return tag(
        "rect", x=x - 9, y=y - 6, width=18, height=12, fill=fill(one.ink, f"{OWN}-"),
        stroke=ink(one.ink).colour,
    )  # fmt: skip


def line_swatch(one: Drawn, x: float, y: float) -> str:
    """Sample of a line with its marker."""
    drawn = ink(one.ink)
    stroke = tag(
        "path", d=f"M{x - 13:g} {y:g}H{x + 13:g}", stroke=drawn.colour, stroke_width=2.4,
        stroke_dasharray=drawn.dash, fill="none",
    )  # fmt: skip
    return stroke + marker(one.ink, x, y)


def marker(place: int, x: float, y: float, *, about: str = "", size: float = 4.0) -> str:
    """Draw the marker of an ink; `about` is its hover text."""
    drawn = ink(place)
    shapes = {
        "circle": f"M{x - size:.2f} {y:.2f}a{size:g} {size:g} 0 1 0 {2 * size:g} 0"
        f"a{size:g} {size:g} 0 1 0 {-2 * size:g} 0Z",
        "square": f"M{x - size:.2f} {y - size:.2f}h{2 * size:g}v{2 * size:g}h{-2 * size:g}Z",
        "triangle": f"M{x:.2f} {y - 1.2 * size:.2f}l{1.2 * size:g} {2.1 * size:g}h{-2.4 * size:g}Z",
        "diamond": f"M{x:.2f} {y - 1.3 * size:.2f}l{1.3 * size:g} {1.3 * size:g}"
        f"l{-1.3 * size:g} {1.3 * size:g}l{-1.3 * size:g} {-1.3 * size:g}Z",
    }
    return tag(
        "path", title(about) if about else "", d=shapes[drawn.marker], fill=drawn.colour,
        stroke=PAPER, stroke_width=1, class_="pt-mark" if about else None,
    )  # fmt: skip


def whisker(start: tuple[float, float], end: tuple[float, float], cap: float = 3.0) -> str:
    """Draw an interval, upright or level, with its ends."""
    (x1, y1), (x2, y2) = start, end
    upright = x1 == x2
    across = f"h{2 * cap:g}" if upright else f"v{2 * cap:g}"
    dx, dy = (-cap, 0.0) if upright else (0.0, -cap)
    ends = "".join(f"M{x + dx:.2f} {y + dy:.2f}{across}" for x, y in ((x1, y1), (x2, y2)))
    return tag(
        "path", d=f"M{x1:.2f} {y1:.2f}L{x2:.2f} {y2:.2f}{ends}", stroke=WHISKER,
        stroke_width=1.3, fill="none", class_="pt-whisker",
    )  # fmt: skip


def value_grid(scale: Scale, at: Sequence[float], axis: Axis, fmt: Format, plot: Plot) -> list[str]:
    """Level grid lines with their values on the left, and the axis's name above them."""
    marks = []
    for value, words in zip(at, fmt.ticks(at, axis.unit), strict=True):
        y = scale(value)
        marks.append(_rule(plot.left, y, plot.right, y, strong=value == 0))
        marks.append(text(plot.left - 6, y + 4.5, words, text_anchor="end", fill=QUIET_TEXT))
    if axis.label:
        marks.append(
            text(MARGIN, plot.top - 12, axis.label, room=WIDTH - 2 * MARGIN, fill=QUIET_TEXT)
        )
    return marks


def level_grid(scale: Scale, at: Sequence[float], axis: Axis, fmt: Format, plot: Plot) -> list[str]:
    """Upright grid lines with their values below, as many as fit, and the axis's name under it."""
    words = fmt.ticks(at, axis.unit)
    marks = [
        _rule(scale(value), plot.top, scale(value), plot.bottom, strong=value == 0) for value in at
    ]
    marks += names_below([scale(value) for value in at], words, plot)
    if axis.label:
        marks.append(axis_name(axis.label, plot))
    return marks


def axis_name(label: str, plot: Plot, below: float = LINE) -> str:
    """Name of the axis under the plot."""
    return text(
        WIDTH / 2, plot.bottom + below + LINE + 2, label, room=WIDTH - 2 * MARGIN,
        text_anchor="middle", fill=QUIET_TEXT,
    )  # fmt: skip


def names_below(places: Sequence[float], names: Sequence[str], plot: Plot) -> list[str]:
    """Names under the plot, every so many where all do not fit, none outside the chart."""
    room = 110.0
    widths = [min(width_of(name), room) for name in names]
    gap = min((abs(b - a) for a, b in pairwise(places)), default=WIDTH)
    every = max(1, math.ceil((max(widths, default=0) + 10) / gap)) if gap > 0 else 1
    marks = []
    for place, name, wide in list(zip(places, names, widths, strict=True))[::every]:
        x = min(max(place, wide / 2 + 2), WIDTH - wide / 2 - 2)
        marks.append(
            text(x, plot.bottom + LINE, name, room=room, text_anchor="middle", fill=QUIET_TEXT)
        )
    return marks


def wrapped_below(places: Sequence[float], names: Sequence[Sequence[str]], plot: Plot) -> list[str]:
    """Names under the plot, each in its lines."""
    return [
        text(place, plot.bottom + LINE * (line + 1), words, text_anchor="middle")
        for place, lines in zip(places, names, strict=True)
        for line, words in enumerate(lines)
    ]


def left_of_ticks(words: Sequence[str]) -> float:
    """Where a plot starts, right of its value labels."""
    return MARGIN + max(map(width_of, words), default=0.0) + 6


def _rule(x1: float, y1: float, x2: float, y2: float, *, strong: bool) -> str:
    return tag(
        "path", d=f"M{x1:.2f} {y1:.2f}L{x2:.2f} {y2:.2f}", stroke=AXIS if strong else GRID,
        stroke_width=1, class_="pt-axis" if strong else "pt-grid",
    )  # fmt: skip
