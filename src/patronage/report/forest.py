"""Estimates with their intervals, one a row."""

from __future__ import annotations

from collections.abc import Sequence

from patronage.report.axes import Plot, level_grid, marker, whisker
from patronage.report.canvas import (
    LINE,
    MARGIN,
    WIDTH,
    chart,
    clean,
    nothing,
    tag,
    text,
    width_of,
)
from patronage.report.palette import AXIS
from patronage.report.picture import Axis, Caption, Chart, Series
from patronage.report.scales import Scale, drawable, ticks
from patronage.report.series import Drawn, hover, ready, table_of

PITCH = 42.0


def forest(
    labels: Sequence[object],
    estimates: Series,
    *,
    caption: Caption,
    value: Axis,
    label: str = "",
    reference: float | None = None,
) -> Chart:
    """Draw an estimate with its interval a row, its numbers beside its name.

    Parameters
    ----------
    labels : shape (n_rows,), the first on top
    estimates
        With low and high.
    label
        What the rows are.
    reference
        Where a line stands that intervals should be held against, such as 0 for no effect.

    Raises
    ------
    SpecError
        If there is not an estimate for each label.

    Examples
    --------
    >>> from patronage.report.format import english
    >>> drawn = forest(["mail"], Series("effect", [0.02], [0.01], [0.03]), reference=0.0,
    ...                caption=Caption(english(), "Effects"), value=Axis("effect", "percent"))
    >>> drawn.rows
    (('mail', '2.0%', '1.0%', '3.0%'),)
    """
    fmt, names = caption.fmt, [clean(name) for name in labels]
    (one,) = ready([estimates], len(names), caption)
    header, rows = table_of(names, [one], label, value.unit, fmt)
    reach = one.reach()
    if not reach:
        return nothing(caption, header, rows)
    at = ticks([*reach, *([] if reference is None else [reference])], most=5)
    plot = Plot(MARGIN + 20, WIDTH - MARGIN - 20, 2, PITCH * len(names) + 2)
    scale = Scale(at[0], at[-1], plot.left, plot.right)
    marks = level_grid(scale, at, value, fmt, plot)
    if reference is not None and drawable(reference):
        spot = scale(reference)
        marks.append(
            tag(
                "path", d=f"M{spot:.2f} {plot.top}V{plot.bottom:.2f}", stroke=AXIS, stroke_width=1.6
            )
        )
    for place, name in enumerate(names):
        y = plot.top + PITCH * place
        words = _numbers(one, place, value, caption)
        taken = width_of(words)
        marks.append(
            text(
                MARGIN,
                y + 15,
                name,
                room=WIDTH - 2 * MARGIN - taken - 12,
                font_weight=600,
                halo=True,
            )
        )
        marks.append(text(WIDTH - MARGIN, y + 15, words, text_anchor="end", halo=True))
        marks += _row(one, place, scale, y + 29, hover(caption, name, one, place, value.unit))
    height = plot.bottom + LINE + (LINE + 10 if value.label else 10)
    return chart(marks, height, caption=caption, header=header, rows=rows)


def _numbers(one: Drawn, place: int, value: Axis, caption: Caption) -> str:
    """Estimate and interval, as a reader would quote them."""
    told = caption.fmt.show(one.values[place], value.unit)
    ends = one.interval(place)
    return told if ends is None else f"{told} ({caption.fmt.interval(*ends, value.unit)})"


def _row(one: Drawn, place: int, scale: Scale, y: float, about: str) -> list[str]:
    marks, ends = [], one.interval(place)
    if ends is not None:
        marks.append(whisker((scale(ends[0]), y), (scale(ends[1]), y), 4))
    if drawable(one.values[place]):
        marks.append(marker(one.ink, scale(one.values[place]), y, about=about, size=4.6))
    return marks
