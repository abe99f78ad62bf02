"""Lines with bands, and the reliability of chances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from patronage.report.axes import (
    Plot,
    axis_name,
    left_of_ticks,
    legend,
    legend_height,
    level_grid,
    line_swatch,
    marker,
    names_below,
    value_grid,
    whisker,
)
from patronage.report.canvas import (
    LINE,
    WIDTH,
    chart,
    clean,
    nothing,
    tag,
    text,
    title,
    wrap,
)
from patronage.report.palette import AXIS, QUIET_TEXT, ink
from patronage.report.picture import Axis, Caption, Chart, Series
from patronage.report.scales import Scale, drawable, ticks, with_zero_if_near
from patronage.report.series import Drawn, hover, numbers, ready, runs, table_of

HEIGHT = 220.0
SQUARE = 300.0
FEW = 30
"""Up to so many points each has a marker; of more, so many can be hovered."""


@dataclass(frozen=True)
class _Lines:
    names: list[str]
    places: list[float]
    series: list[Drawn]
    y: Axis
    caption: Caption
    scale: Scale


def lines(
    at: Sequence[Any],
    series: Sequence[Series],
    *,
    caption: Caption,
    x: Axis,
    y: Axis,
    mark: tuple[float, str] | None = None,
) -> Chart:
    """Draw lines, each with a band where it has intervals; missing values are gaps.

    Parameters
    ----------
    at : shape (n_points,)
        Numbers, drawn to scale, or texts or dates, drawn evenly spaced.
    series
        Each with a value a point.
    mark
        A place on the x axis (numbers only) with its word.

    Raises
    ------
    SpecError
        If a series has not a value for each point.

    Examples
    --------
    >>> from patronage.report.format import english
    >>> drawn = lines(["May", "June"], [Series("orders", [3, 5], [2, 4], [4, 6])],
    ...               caption=Caption(english(), "Orders"), x=Axis("month"), y=Axis("", "count"))
    >>> drawn.header, drawn.rows[0]
    (('month', 'orders', 'low', 'high'), ('May', '3', '2', '4'))
    """
    fmt, by_name = caption.fmt, any(isinstance(each, str | date) for each in at)
    spots = [float(place) for place in range(len(at))] if by_name else numbers(at)
    names = [clean(each) for each in at] if by_name else [fmt.show(v, x.unit) for v in spots]
    drawn = ready(series, len(names), caption)
    header, rows = table_of(names, drawn, x.label, y.unit, fmt)
    values = [value for one in drawn for value in one.reach()]
    if not values or not any(map(drawable, spots)):
        return nothing(caption, header, rows)
    up = ticks(with_zero_if_near(values))
    named = drawn if len(drawn) > 1 else []
    top = legend_height(named) + (30 if y.label else 12)
    plot = Plot(left_of_ticks(fmt.ticks(up, y.unit)), WIDTH - 14, top, top + HEIGHT)
    rise = Scale(up[0], up[-1], plot.bottom, plot.top)
    marks = legend(named, line_swatch) + value_grid(rise, up, y, fmt, plot)
    if by_name:
        across = Scale(-0.5, len(names) - 0.5, plot.left, plot.right)
        marks += names_below([across(spot) for spot in spots], names, plot)
        marks += [axis_name(x.label, plot)] if x.label else []
    else:
        extent = ticks([*spots, *([] if mark is None else [mark[0]])])
        across = _tight(spots, extent, plot)
        inside = [v for v in extent if across.low <= v <= across.high]
        marks += level_grid(across, inside, x, fmt, plot)
    marks += [] if mark is None else _mark(across(mark[0]), mark[1], plot)
    places = [across(spot) if drawable(spot) else spot for spot in spots]
    ready_lines = _Lines(names, places, drawn, y, caption, rise)
    marks += [part for one in drawn for part in _band(ready_lines, one)]
    marks += [part for one in drawn for part in _line(ready_lines, one)]
    height = plot.bottom + LINE + (LINE + 10 if x.label else 10)
    return chart(marks, height, caption=caption, header=header, rows=rows)


def _tight(spots: Sequence[float], extent: Sequence[float], plot: Plot) -> Scale:
    """Scale over the points alone: a line need not start at a round number."""
    found = [spot for spot in spots if drawable(spot)]
    low, high = min(found), max(found)
    if high - low <= (extent[-1] - extent[0]) / 2:
        low, high = extent[0], extent[-1]
    return Scale(low, high, plot.left, plot.right)


def _mark(x: float, words: str, plot: Plot) -> list[str]:
    to_left = x > (plot.left + plot.right) / 2
    room = (x - plot.left if to_left else plot.right - x) - 10
    rule = tag(
        "path", d=f"M{x:.2f} {plot.top:.2f}V{plot.bottom:.2f}", stroke=AXIS, stroke_width=1.2,
        stroke_dasharray="2 3",
    )  # fmt: skip
    return [rule] + [
        text(
            x + (-6 if to_left else 6), plot.top + 14 + LINE * place, line, halo=True,
            text_anchor="end" if to_left else "start", fill=QUIET_TEXT,
        )
        for place, line in enumerate(wrap(words, room))
    ]  # fmt: skip


def _band(drawn: _Lines, one: Drawn) -> list[str]:
    both = [
        place
        for place, x in enumerate(drawn.places)
        if one.interval(place) is not None and drawable(x)
    ]
    bands = []
    for stretch in runs(both):
        ends = [(drawn.places[place], one.interval(place) or (0.0, 0.0)) for place in stretch]
        if len(ends) == 1:
            (x, (low, high)), *_ = ends
            bands.append(whisker((x, drawn.scale(low)), (x, drawn.scale(high))))
            continue
        there = "L".join(f"{x:.2f} {drawn.scale(high):.2f}" for x, (_, high) in ends)
        back = "L".join(f"{x:.2f} {drawn.scale(low):.2f}" for x, (low, _) in reversed(ends))
        bands.append(
            tag(
                "path", d=f"M{there}L{back}Z", fill=ink(one.ink).colour, fill_opacity=0.16,
                class_="pt-band",
            )
        )  # fmt: skip
    return bands


def _line(drawn: _Lines, one: Drawn) -> list[str]:
    there = [
        place for place, x in enumerate(drawn.places) if drawable(x) and drawable(one.values[place])
    ]
    points = {place: (drawn.places[place], drawn.scale(one.values[place])) for place in there}
    style, marks = ink(one.ink), []
    for stretch in runs(there):
        if len(stretch) > 1:
            way = "L".join(f"{points[place][0]:.2f} {points[place][1]:.2f}" for place in stretch)
            marks.append(
                tag(
                    "path", title(one.name) if one.name else "", d=f"M{way}", fill="none",
                    stroke=style.colour, stroke_width=2.2, stroke_dasharray=style.dash,
                    stroke_linejoin="round", class_="pt-line",
                )
            )  # fmt: skip
    every = max(1, -(-len(there) // FEW))
    for place in there[::every]:
        about = hover(drawn.caption, drawn.names[place], one, place, drawn.y.unit)
        if every == 1:
            marks.append(marker(one.ink, *points[place], about=about, size=3.4))
        else:
            (cx, cy) = points[place]
            marks.append(
                tag("circle", title(about), cx=cx, cy=cy, r=6, fill_opacity=0.0, class_="pt-mark")
            )
    return marks
