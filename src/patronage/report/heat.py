"""A table whose cells are the darker the higher their value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from patronage.errors import SpecError
from patronage.report.axes import Plot, names_below, wrapped_below
from patronage.report.canvas import (
    LINE,
    MARGIN,
    WIDTH,
    chart,
    clean,
    nothing,
    tag,
    text,
    title,
    width_of,
    wrap,
)
from patronage.report.format import Unit
from patronage.report.palette import PAPER, QUIET_TEXT, readable_on, shade
from patronage.report.picture import Caption, Cells, Chart
from patronage.report.scales import drawable
from patronage.report.series import NAN, counted_on, numbers

NAME_COLUMNS = (100.0, 190.0)
ROW, LOW_ROW = 24.0, 17.0
WORDY = 40.0
"""Width of a column that has room for what its cells say."""

MOST_LINES = 3
SLANT, SLANTED = math.radians(40), 130.0
"""Angle of long names under narrow columns, and how long they may be."""


@dataclass(frozen=True)
class _Cells:
    rows: list[str]
    columns: list[str]
    values: list[list[float]]
    low: list[list[float]]
    high: list[list[float]]
    n: list[list[float]]
    unit: Unit
    caption: Caption
    most: float = 0.0

    def words(self, value: float, *, short: bool = False) -> str:
        """Say what a cell says; short leaves the percent sign to the colours' key."""
        fmt = self.caption.fmt
        if not drawable(value):
            return ""
        if short and self.unit == "percent":
            return fmt.percent(value, 0).removesuffix("%")
        return fmt.brief(value, self.unit)

    def widest(self, *, short: bool) -> float:
        """Give the room that the longest of them takes."""
        written = {self.words(value, short=short) for row in self.values for value in row}
        return max(map(width_of, written)) + 3

    def colour(self, value: float) -> str:
        share = min(abs(value) / self.most, 1.0) if self.most else 0.0
        return shade(share, negative=value < 0)

    def interval(self, row: int, column: int) -> tuple[float, float] | None:
        ends = sorted((self.low[row][column], self.high[row][column]))
        return (ends[0], ends[1]) if all(map(drawable, ends)) else None

    def about(self, row: int, column: int) -> str:
        caption = self.caption
        value = caption.fmt.show(self.values[row][column], self.unit)
        reach = caption.reach(self.interval(row, column), self.unit)
        n = counted_on(caption, self.n[row][column])
        told = (self.rows[row], self.columns[column], value, reach, n, caption.window)
        return " · ".join(part for part in told if part)

    def table(self) -> list[list[str]]:
        """Write the rows of the table behind, intervals in brackets."""
        return [
            [name, *(self._told(row, column) for column in range(len(self.columns)))]
            for row, name in enumerate(self.rows)
        ]

    def _told(self, row: int, column: int) -> str:
        fmt, ends = self.caption.fmt, self.interval(row, column)
        value = fmt.show(self.values[row][column], self.unit)
        return value if ends is None else f"{value} ({fmt.interval(*ends, self.unit)})"


def heat(
    rows: Sequence[object],
    columns: Sequence[object],
    values: Sequence[Sequence[Any]] | Cells,
    *,
    caption: Caption,
    labels: tuple[str, str],
    unit: Unit = "number",
) -> Chart:
    """Draw a table of values as cells; what is missing stays white.

    Values below zero have a hue of their own. In percent, cells of exactly 100% are everybody
    by definition (a cohort at age 0) and do not stretch the colours.

    Parameters
    ----------
    rows, columns : shapes (n_rows,) and (n_columns,)
    values : shape (n_rows, n_columns)
        `Cells` where each has an interval, or an n of its own.
    labels
        What rows and columns are.

    Raises
    ------
    SpecError
        If values are not as many as rows and columns.

    Examples
    --------
    >>> from patronage.report.format import english
    >>> drawn = heat(["May"], [0, 1], [[1.0, 0.25]], labels=("cohort", "age"), unit="percent",
    ...              caption=Caption(english(), "Who came back"))
    >>> drawn.header, drawn.rows
    (('cohort / age', '0', '1'), (('May', '100.0%', '25.0%'),))
    """
    names, heads = [clean(name) for name in rows], [clean(name) for name in columns]
    given = values if isinstance(values, Cells) else Cells(values)
    shape = (len(names), len(heads))
    own, low, high, n = (
        _numbers(side, shape, caption) for side in (given.values, given.low, given.high, given.n)
    )
    cells = _Cells(names, heads, own, low, high, n, unit, caption)
    header, table = [" / ".join(part for part in labels if part), *heads], cells.table()
    found = [value for row in own for value in row if drawable(value)]
    if not found:
        return nothing(caption, header, table)
    rest = [abs(v) for v in found if not (unit == "percent" and v == 1.0)] or [1.0]
    marks, height = _draw(replace(cells, most=max(rest)), labels)
    return chart(marks, height, caption=caption, header=header, rows=table)


def _numbers(
    side: Sequence[Sequence[Any]] | None, shape: tuple[int, int], caption: Caption
) -> list[list[float]]:
    """Make a part of the cells plain numbers; where there is none, all are missing."""
    rows, columns = shape
    if side is None:
        return [[NAN] * columns for _ in range(rows)]
    if len(side) != rows or any(len(row) != columns for row in side):
        raise SpecError(
            f"chart {caption.title!r}: values do not fill {rows:,} rows of {columns:,} "
            "columns; give one a cell, None where there is none."
        )
    return [numbers(row) for row in side]


def _draw(cells: _Cells, labels: tuple[str, str]) -> tuple[list[str], float]:
    room = WIDTH - 2 * MARGIN - WORDY * len(cells.columns)
    longest = max(map(width_of, [*cells.rows, labels[0]]))
    column = min(longest, max(room, NAME_COLUMNS[0]), NAME_COLUMNS[1])
    left = MARGIN + column + 8
    wide = (WIDTH - MARGIN - left) / len(cells.columns)
    short = cells.widest(short=False) > wide
    tells = cells.widest(short=short) <= wide
    tall = ROW if tells else LOW_ROW
    plot = Plot(left, WIDTH - MARGIN, LINE + 6.0, LINE + 6.0 + tall * len(cells.rows))
    marks = [
        text(MARGIN, plot.top - 8, labels[0], room=column, fill=QUIET_TEXT),
        text(plot.right, plot.top - 8, labels[1], room=plot.right - left, text_anchor="end",
             fill=QUIET_TEXT),
    ]  # fmt: skip
    for row, name in enumerate(cells.rows):
        y = plot.top + tall * row
        marks.append(text(left - 8, y + tall / 2 + 4.5, name, room=column, text_anchor="end"))
        for place, value in enumerate(cells.values[row]):
            if drawable(value):
                box = (left + wide * place, y, wide, tall)
                words = cells.words(value, short=short) if tells else ""
                marks += _cell(cells, (row, place), box, words)
    below, bottom = _heads(cells, wide, plot)
    marks += below
    if tells and not (short and cells.unit == "percent"):
        return marks, bottom + 8
    return [*marks, *_key(cells, bottom + 10)], bottom + LINE + 16


def _heads(cells: _Cells, wide: float, plot: Plot) -> tuple[list[str], float]:
    """Name the columns under the cells: in a line, wrapped, slanted, or every so many."""
    middles = [plot.left + wide * (place + 0.5) for place in range(len(cells.columns))]
    longest = max(map(width_of, cells.columns))
    if longest + 6 <= wide or wide < LINE + 1:
        return names_below(middles, cells.columns, plot), plot.bottom + LINE
    lines = [wrap(name, wide - 3) for name in cells.columns]
    cut = any(line.endswith("…") for name in lines for line in name)
    if max(map(len, lines)) <= MOST_LINES and not cut:
        below = wrapped_below(middles, lines, plot)
        return below, plot.bottom + LINE * max(map(len, lines))
    room = min(longest, SLANTED, (middles[0] - 2) / math.cos(SLANT))
    slanted = [
        text(
            middle + 4, plot.bottom + 13, name, room=room, text_anchor="end",
            transform=f"rotate(-{math.degrees(SLANT):g} {middle + 4:.2f} {plot.bottom + 13:.2f})",
        )
        for middle, name in zip(middles, cells.columns, strict=True)
    ]  # fmt: skip
    return slanted, plot.bottom + 10 + room * math.sin(SLANT)


def _cell(
    cells: _Cells, at: tuple[int, int], box: tuple[float, float, float, float], words: str
) -> list[str]:
    (x, y, wide, tall), colour = box, cells.colour(cells.values[at[0]][at[1]])
    marks = [
        tag(
            "rect", title(cells.about(*at)), x=x, y=y, width=wide, height=tall, fill=colour,
            stroke=PAPER, class_="pt-mark",
        )
    ]  # fmt: skip
    if words:
        marks.append(
            text(
                x + wide / 2, y + tall / 2 + 4.5, words, text_anchor="middle",
                fill=readable_on(colour), pointer_events="none",
            )
        )  # fmt: skip
    return marks


def _key(cells: _Cells, y: float) -> list[str]:
    """Show the colours of some values, where cells do not say theirs in full."""
    found = [value for row in cells.values for value in row if drawable(value)]
    low = -cells.most if min(found) < 0 else 0.0
    high = cells.most if max(found) > 0 else 0.0
    values = [low + (high - low) * step / 4 for step in range(5)]
    if sum(36 + width_of(cells.words(value)) for value in values) > WIDTH - 2 * MARGIN:
        values = values[::2]
    marks, x = [], MARGIN
    for value in values:
        words = cells.words(value)
        marks.append(
            tag("rect", x=x, y=y, width=16, height=14, fill=cells.colour(value), stroke=QUIET_TEXT)
        )
        marks.append(text(x + 22, y + 12, words, fill=QUIET_TEXT))
        x += 36 + width_of(words)
    return marks
