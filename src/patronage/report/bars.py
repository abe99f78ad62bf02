"""Bars: groups of them side by side, upright or lying, and the funnel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from patronage.report.axes import (
    Plot,
    axis_name,
    bar_swatch,
    left_of_ticks,
    legend,
    legend_height,
    level_grid,
    value_grid,
    whisker,
    wrapped_below,
)
from patronage.report.canvas import (
    LINE,
    MARGIN,
    OWN,
    WIDTH,
    chart,
    clean,
    nothing,
    tag,
    text,
    title,
    width_of,
    wrap_alike,
)
from patronage.report.palette import TEXT, fill, ink
from patronage.report.picture import Axis, Caption, Chart, Series
from patronage.report.scales import Scale, drawable, ticks, with_zero
from patronage.report.series import Drawn, hover, ready, table_of

THIN, WIDE = 5.0, 46.0
"""Bars narrower than this lie down; broader ones look like walls."""

NAME_GAP = 12.0
"""Between names under bars: less, and they read as one line."""

UPRIGHT_HEIGHT = 210.0
BAR, GAP = 15.0, 12.0
NAME_COLUMN = 170.0


@dataclass(frozen=True)
class _Bars:
    names: list[str]
    series: list[Drawn]
    value: Axis
    label: str
    caption: Caption

    def reach(self) -> list[float]:
        mark = [] if self.value.mark is None else [self.value.mark]
        return [value for one in self.series for value in one.reach()] + mark

    def mark(self, one: Drawn, place: int, box: tuple[float, float, float, float]) -> str:
        x, y, width, height = box
        about = hover(self.caption, self.names[place], one, place, self.value.unit)
        return tag(
            "rect", title(about), x=x, y=y, width=width, height=height,
            fill=fill(one.ink, f"{OWN}-"), stroke=ink(one.ink).colour, class_="pt-mark",
        )  # fmt: skip


def bars(
    labels: Sequence[object],
    series: Sequence[Series],
    *,
    caption: Caption,
    value: Axis,
    label: str = "",
    horizontal: bool = False,
) -> Chart:
    """Draw a group of bars a label, one bar a series, with intervals where there are any.

    Parameters
    ----------
    labels : shape (n_labels,)
    series
        Each with a value a label; a missing one has no bar.
    value
        Name and unit of the values.
    label
        What the labels are.
    horizontal
        Lie down, the first label on top. Upright bars whose labels do not fit lie down too.

    Raises
    ------
    SpecError
        If a series has not a value for each label.

    Examples
    --------
    >>> from patronage.report.format import english
    >>> drawn = bars(["web", "shop"], [Series("orders", [30, 12])],
    ...              caption=Caption(english(), "Orders"), value=Axis("orders", "count"))
    >>> drawn.header, drawn.rows
    (('', 'orders'), (('web', '30'), ('shop', '12')))
    """
    names = [clean(name) for name in labels]
    drawn = _Bars(names, ready(series, len(names), caption), value, clean(label), caption)
    header, rows = table_of(names, drawn.series, label, value.unit, caption.fmt)
    if not any(one.reach() for one in drawn.series):
        return nothing(caption, header, rows)
    upright = None if horizontal else _upright(drawn)
    marks, height = upright or _lying(drawn)
    return chart(marks, height, caption=caption, header=header, rows=rows)


def _upright(drawn: _Bars) -> tuple[list[str], float] | None:
    """Give marks and height of upright bars; None where they do not fit."""
    fmt, count = drawn.caption.fmt, len(drawn.series)
    at = ticks(with_zero(drawn.reach()))
    left = left_of_ticks(fmt.ticks(at, drawn.value.unit))
    slot = (WIDTH - MARGIN - left) / len(drawn.names)
    wide = min(WIDE, slot * 0.78 / count)
    lines = wrap_alike(drawn.names, slot - NAME_GAP)
    if wide < THIN or any("…" in words[-1] or len(words) > 2 for words in lines):  # noqa: PLR2004 - lines under a bar
        return None
    named = drawn.series if count > 1 else []
    top = legend_height(named) + (30 if drawn.value.label else 12)
    plot = Plot(left, WIDTH - MARGIN, top, top + UPRIGHT_HEIGHT)
    scale = Scale(at[0], at[-1], plot.bottom, plot.top)
    marks = legend(named, bar_swatch) + value_grid(scale, at, drawn.value, fmt, plot)
    if drawn.value.mark is not None:
        y = scale(drawn.value.mark)
        marks.append(_limit((plot.left, y), (plot.right, y)))
    centres = [left + slot * (place + 0.5) for place in range(len(drawn.names))]
    for number, one in enumerate(drawn.series):
        for place, value in enumerate(one.values):
            x = centres[place] + (number - count / 2) * wide
            marks += _standing(drawn, one, place, (x, wide * 0.94), scale)
            room = wide if count > 1 else slot - 2
            words = fmt.brief(value, drawn.value.unit)
            if drawable(value) and width_of(words) <= room:
                y = _outside(one, place, scale)
                marks.append(text(x + wide * 0.47, y, words, text_anchor="middle"))
    marks += wrapped_below(centres, lines, plot)
    below = LINE * max(map(len, lines))
    if drawn.label:
        marks.append(axis_name(drawn.label, plot, below))
    return marks, plot.bottom + below + (LINE + 10 if drawn.label else 10)


def _standing(
    drawn: _Bars, one: Drawn, place: int, at: tuple[float, float], scale: Scale
) -> list[str]:
    """Draw one upright bar, `at` its left edge and width, with its interval."""
    value, (x, wide), marks = one.values[place], at, []
    if drawable(value):
        zero, end = scale(0.0), scale(value)
        marks.append(drawn.mark(one, place, (x, min(zero, end), wide, abs(zero - end))))
    ends = one.interval(place)
    if ends is not None:
        middle = x + wide / 2
        marks.append(whisker((middle, scale(ends[0])), (middle, scale(ends[1])), min(3, wide / 3)))
    return marks


def _limit(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x1, y1), (x2, y2) = start, end
    return tag(
        "path", d=f"M{x1:.2f} {y1:.2f}L{x2:.2f} {y2:.2f}", stroke=TEXT, stroke_width=1.4,
        stroke_dasharray="5 3", class_="pt-limit",
    )  # fmt: skip


def _outside(one: Drawn, place: int, scale: Scale) -> float:
    """Say where a value's own words stand: beyond the bar and its interval."""
    value, ends = one.values[place], one.interval(place) or ()
    if value < 0:
        return scale(min(value, *ends) if ends else value) + 14
    return scale(max(value, *ends) if ends else value) - 4


def _lying(drawn: _Bars) -> tuple[list[str], float]:
    """Give marks and height of lying bars, each with its value; long names stand above theirs."""
    fmt, count = drawn.caption.fmt, len(drawn.series)
    at = ticks(with_zero(drawn.reach()), most=5)
    longest = max(map(width_of, drawn.names))
    above = longest > NAME_COLUMN
    words = [fmt.brief(value, drawn.value.unit) for one in drawn.series for value in one.values]
    ends_room = max(map(width_of, words)) + 10
    hangs = any(value < 0 for one in drawn.series for value in one.values)
    left = MARGIN + (0.0 if above else longest + 8) + (ends_room if hangs else 0.0)
    named = drawn.series if count > 1 else []
    pitch = count * (BAR + 2) + GAP + (LINE if above else 0)
    top = legend_height(named) + 4
    plot = Plot(left, WIDTH - MARGIN - ends_room, top, top + pitch * len(drawn.names))
    scale = Scale(at[0], at[-1], plot.left, plot.right)
    marks = legend(named, bar_swatch) + level_grid(scale, at, drawn.value, fmt, plot)
    if drawn.value.mark is not None:
        x = scale(drawn.value.mark)
        marks.append(_limit((x, plot.top), (x, plot.bottom)))
    for place, name in enumerate(drawn.names):
        y = plot.top + pitch * place + GAP / 2
        if above:
            marks.append(text(MARGIN, y + 11, name, room=WIDTH - 2 * MARGIN, halo=True))
            y += LINE
        else:
            middle = y + count * (BAR + 2) / 2 + 4
            marks.append(text(MARGIN, middle, name))
        for number, one in enumerate(drawn.series):
            marks += _lying_bar(drawn, one, place, y + number * (BAR + 2), scale)
    return marks, plot.bottom + LINE + (LINE + 8 if drawn.value.label else 8)


def _lying_bar(drawn: _Bars, one: Drawn, place: int, y: float, scale: Scale) -> list[str]:
    value, marks = one.values[place], []
    ends = one.interval(place)
    if drawable(value):
        zero, end = scale(0.0), scale(value)
        marks.append(drawn.mark(one, place, (min(zero, end), y, abs(zero - end), BAR)))
    if ends is not None:
        middle = y + BAR / 2
        marks.append(whisker((scale(ends[0]), middle), (scale(ends[1]), middle)))
    words = drawn.caption.fmt.brief(value, drawn.value.unit)
    reach = [part for part in (value, *(ends or ())) if drawable(part)] or [0.0]
    if value < 0:
        marks.append(text(scale(min(reach)) - 5, y + 12, words, text_anchor="end", halo=True))
    else:
        marks.append(text(scale(max(reach)) + 5, y + 12, words, halo=True))
    return marks
