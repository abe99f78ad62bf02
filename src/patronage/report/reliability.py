"""Do chances come true: observed rates by forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from patronage.report.axes import Plot, left_of_ticks, level_grid, marker, value_grid, whisker
from patronage.report.canvas import LINE, WIDTH, chart, nothing, tag, text
from patronage.report.palette import AXIS, QUIET_TEXT
from patronage.report.picture import Axis, Caption, Chart, Series
from patronage.report.scales import Scale, drawable, ticks, with_zero
from patronage.report.series import hover, numbers, ready, table_of

SQUARE = 300.0


def reliability(
    forecast: Sequence[Any],
    observed: Series,
    *,
    caption: Caption,
    x: Axis,
    y: Axis,
    ideal: str,
) -> Chart:
    """Draw observed rates by forecast chance, beside the line on which they would be equal.

    Parameters
    ----------
    forecast : shape (n_bins,)
    observed
        The rate of each bin, with its interval and n; points are the larger the larger n.
    ideal
        What the line is called.
    """
    fmt, expected = caption.fmt, numbers(forecast)
    (one,) = ready([replace(observed, ink=observed.ink or 0)], len(expected), caption)
    names = [fmt.show(value, x.unit) for value in expected]
    header, rows = table_of(names, [one], x.label, y.unit, fmt)
    shown = [
        place
        for place, value in enumerate(expected)
        if drawable(value) and drawable(one.values[place])
    ]
    if not shown:
        return nothing(caption, header, rows)
    at = ticks(with_zero([*one.reach(), *(expected[place] for place in shown)]), most=5)
    top = 30.0 if y.label else 12.0
    left = max(left_of_ticks(fmt.ticks(at, y.unit)), (WIDTH - SQUARE) / 2)
    plot = Plot(left, left + SQUARE, top, top + SQUARE)
    across = Scale(at[0], at[-1], plot.left, plot.right)
    rise = Scale(at[0], at[-1], plot.bottom, plot.top)
    marks = [*value_grid(rise, at, y, fmt, plot), *level_grid(across, at, x, fmt, plot)]
    marks += _diagonal(plot, ideal)
    most = max([one.n[place] for place in shown if drawable(one.n[place])], default=0.0)
    for place in shown:
        spot, ends = across(expected[place]), one.interval(place)
        if ends is not None:
            marks.append(whisker((spot, rise(ends[0])), (spot, rise(ends[1]))))
        size = 3.2 + (3.0 * (one.n[place] / most) ** 0.5 if most and one.n[place] > 0 else 1.0)
        about = hover(caption, names[place], one, place, y.unit)
        marks.append(marker(one.ink, spot, rise(one.values[place]), about=about, size=size))
    height = plot.bottom + LINE + (LINE + 10 if x.label else 10)
    return chart(marks, height, caption=caption, header=header, rows=rows)


def _diagonal(plot: Plot, ideal: str) -> list[str]:
    return [
        tag(
            "path", d=f"M{plot.left:.2f} {plot.bottom:.2f}L{plot.right:.2f} {plot.top:.2f}",
            stroke=AXIS, stroke_width=1.4, stroke_dasharray="6 4",
        ),
        text(plot.right + 6, plot.top + 5, ideal, room=WIDTH - plot.right - 8, fill=QUIET_TEXT),
    ]  # fmt: skip
