"""How many reach each step, and what is lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
)
from patronage.report.format import MISSING
from patronage.report.palette import GRID, fill
from patronage.report.picture import Caption, Chart, Series
from patronage.report.scales import Scale, drawable
from patronage.report.series import Drawn, ready, table_of


def funnel(
    steps: Sequence[object],
    units: Sequence[Any],
    *,
    caption: Caption,
    label: str,
    value: str,
    share: str | Series,
) -> Chart:
    """Draw how many reach each step, with the share of the first.

    Parameters
    ----------
    steps : shape (n_steps,), the first on top
    units : shape (n_steps,)
        How many reached it.
    label, value, share
        Headings of the table: the step, its units, their share of the first step's. A series
        gives the shares themselves, with their intervals, under its name.

    Examples
    --------
    >>> from patronage.report.format import english
    >>> drawn = funnel(["lead", "deal"], [200, 30], caption=Caption(english(), "Sales"),
    ...                label="step", value="leads", share="of all")
    >>> drawn.rows
    (('lead', '200', '100.0%'), ('deal', '30', '15.0%'))
    """
    fmt, names = caption.fmt, [clean(step) for step in steps]
    (one,) = ready([Series("", units)], len(names), caption)
    counts = one.values
    part = _shares(counts, share, caption)
    header, told = table_of(names, [part], label, "percent", fmt)
    header.insert(1, value)
    rows = [
        [name, fmt.count(count), *rest] for (name, *rest), count in zip(told, counts, strict=True)
    ]
    most = max(one.reach(), default=0.0)
    if most <= 0:
        return nothing(caption, header, rows)
    pitch, tall = LINE + 38.0, 22.0
    ends = max(width_of(_step_words(row)) for row in rows) + 12
    scale = Scale(0.0, most, MARGIN, WIDTH - MARGIN - ends)
    marks = []
    for place, (name, row) in enumerate(zip(names, rows, strict=True)):
        y, count = pitch * place, counts[place]
        end = scale(max(count, 0.0)) if drawable(count) else MARGIN
        marks.append(text(MARGIN, y + 14, name, room=WIDTH - 2 * MARGIN, font_weight=600))
        if place + 1 < len(names) and drawable(count) and drawable(counts[place + 1]):
            marks.append(_narrowing(y + LINE + 3 + tall, end, scale(max(counts[place + 1], 0.0))))
        reach = caption.reach(part.interval(place), "percent")
        about = (name, _step_words(row), reach, caption.n, caption.window)
        marks.append(
            tag(
                "rect", title(" · ".join(filter(None, about))), x=MARGIN, y=y + LINE + 3,
                width=end - MARGIN, height=tall,
                fill=fill(0, f"{OWN}-"), class_="pt-mark",
            )
        )  # fmt: skip
        marks.append(text(end + 6, y + LINE + 19, _step_words(row)))
    return chart(marks, pitch * len(names) - 8, caption=caption, header=header, rows=rows)


def _shares(counts: Sequence[float], share: str | Series, caption: Caption) -> Drawn:
    """Give shares of the first step."""
    if isinstance(share, str):
        first = counts[0] if counts else 0.0
        share = Series(share, [count / first if first > 0 else None for count in counts])
    (part,) = ready([share], len(counts), caption)
    return part


def _step_words(row: Sequence[str]) -> str:
    return row[1] if row[2] == MISSING else f"{row[1]} · {row[2]}"


def _narrowing(y: float, wide: float, narrow: float) -> str:
    """Draw what is lost on the way to the next step."""
    below = y + 13
    return tag(
        "path", d=f"M{MARGIN:g} {y:g}H{wide:.2f}L{narrow:.2f} {below:g}H{MARGIN:g}Z", fill=GRID,
    )  # fmt: skip
