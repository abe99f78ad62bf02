"""Who moved from which group to which: ribbons between two columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
)
from patronage.report.palette import QUIET_TEXT, fill, ink
from patronage.report.picture import Axis, Caption, Chart
from patronage.report.series import numbers

NODE, GAP = 12.0, 6.0
NAME_COLUMN = 144.0
LEFT, RIGHT = MARGIN + NAME_COLUMN, WIDTH - MARGIN - NAME_COLUMN
TALL = 220.0
"""Height of everybody together."""


@dataclass(frozen=True)
class _Group:
    name: str
    total: float
    y: float
    tall: float
    below: float
    ink: int


def flows(
    moves: Sequence[tuple[object, object, Any]],
    *,
    caption: Caption,
    sides: tuple[str, str],
    value: Axis,
    order: Sequence[object] = (),
) -> Chart:
    """Draw how many went from each group on the left to each on the right.

    Parameters
    ----------
    moves
        (from, to, how many); staying is a move too. The same pair again adds up; what is
        missing or not above zero is left out of the picture.
    sides
        What the two columns are, such as two dates.
    value
        What is counted, and how it is written.
    order
        Groups from the top; others follow as they come.

    Examples
    --------
    >>> from patronage.report.format import english
    >>> drawn = flows([("active", "active", 80), ("active", "lost", 20)], sides=("May", "June"),
    ...               caption=Caption(english(), "Moves"), value=Axis("customers", "count"))
    >>> drawn.header, drawn.rows[1]
    (('May', 'June', 'customers', '%'), ('active', 'lost', '20', '20.0%'))
    """
    fmt, added = caption.fmt, _added(moves)
    names = _in_order(added, [clean(name) for name in order])
    left, right = _totals(added, 0), _totals(added, 1)
    pairs = sorted(added, key=lambda pair: (names.index(pair[0]), names.index(pair[1])))
    rows = [
        [*pair, fmt.show(added[pair], value.unit), fmt.percent(added[pair] / left[pair[0]])]
        for pair in pairs
    ]
    header = [*sides, value.label, "%"]
    if not pairs:
        return nothing(caption, header)
    top, unit = LINE + 10.0, TALL / sum(added.values())
    a, b = (_stacked(side, names, top, unit) for side in (left, right))
    marks = [
        text(LEFT, LINE - 2, sides[0], room=NAME_COLUMN, text_anchor="end", fill=QUIET_TEXT),
        text(RIGHT, LINE - 2, sides[1], room=NAME_COLUMN, fill=QUIET_TEXT),
    ]
    below_left, below_right = ({name: group.y for name, group in side.items()} for side in (a, b))
    for pair, row in zip(pairs, rows, strict=True):
        (source, target), tall = pair, added[pair] * unit
        move = f"{source} → {target}{fmt.colon}{row[2]} ({row[3]})"
        told = (move, caption.n, caption.window, caption.bare)
        about = " · ".join(part for part in told if part)
        marks.append(_ribbon(below_left[source], below_right[target], tall, a[source].ink, about))
        below_left[source] += tall
        below_right[target] += tall
    for group in a.values():
        marks += _named(group, LEFT, value, caption)
    for group in b.values():
        marks += _named(group, RIGHT, value, caption)
    bottom = max(group.below for group in (*a.values(), *b.values()))
    return chart(marks, bottom + 4, caption=caption, header=header, rows=rows)


def _added(moves: Sequence[tuple[object, object, Any]]) -> dict[tuple[str, str], float]:
    added: dict[tuple[str, str], float] = {}
    counts = numbers([count for _, _, count in moves])
    for (source, target, _), count in zip(moves, counts, strict=True):
        if count > 0:
            pair = (clean(source), clean(target))
            added[pair] = added.get(pair, 0.0) + count
    return added


def _in_order(added: dict[tuple[str, str], float], order: Sequence[str]) -> list[str]:
    met = [name for pair in added for name in pair]
    return [name for name in dict.fromkeys([*order, *met]) if name in set(met)]


def _totals(added: dict[tuple[str, str], float], side: int) -> dict[str, float]:
    totals: dict[str, float] = {}
    for pair, count in added.items():
        totals[pair[side]] = totals.get(pair[side], 0.0) + count
    return totals


def _stacked(
    totals: dict[str, float], names: Sequence[str], top: float, unit: float
) -> dict[str, _Group]:
    """Stack groups, each with at least the room that its name needs."""
    groups, y = {}, top
    for name in names:
        if name in totals:
            tall = totals[name] * unit
            slot = max(tall, 2 * LINE)
            above = (slot - tall) / 2
            groups[name] = _Group(
                name, totals[name], y + above, tall, y + slot + GAP, names.index(name)
            )
            y += slot + GAP
    return groups


def _ribbon(y1: float, y2: float, tall: float, place: int, about: str) -> str:
    """Draw a ribbon of one height from a place on the left to one on the right."""
    x1, x2 = LEFT + GAP + NODE, RIGHT - GAP - NODE
    middle = (x1 + x2) / 2
    way = (
        f"M{x1:.2f} {y1:.2f}C{middle:.2f} {y1:.2f} {middle:.2f} {y2:.2f} {x2:.2f} {y2:.2f}"
        f"V{y2 + tall:.2f}"
        f"C{middle:.2f} {y2 + tall:.2f} {middle:.2f} {y1 + tall:.2f} {x1:.2f} {y1 + tall:.2f}Z"
    )
    return tag(
        "path", title(about), d=way, fill=ink(place).colour, fill_opacity=0.4, class_="pt-mark"
    )


def _named(group: _Group, x: float, value: Axis, caption: Caption) -> list[str]:
    """Draw a group with its name and number outside of the ribbons."""
    on_left = x == LEFT
    edge = x + GAP if on_left else x - GAP - NODE
    number = caption.fmt.brief(group.total, value.unit)
    middle, anchor = group.y + group.tall / 2, "end" if on_left else "start"
    name = f"{group.name}{caption.fmt.colon}{number}"
    told = (name, caption.n, caption.window, caption.bare)
    return [
        tag(
            "rect", title(" · ".join(part for part in told if part)), x=edge, y=group.y,
            width=NODE, height=group.tall, fill=fill(group.ink, f"{OWN}-"),
            stroke=ink(group.ink).colour, class_="pt-mark",
        ),
        text(x, middle - 3, group.name, room=NAME_COLUMN, text_anchor=anchor, font_weight=600),
        text(x, middle + 13, number, text_anchor=anchor),
    ]  # fmt: skip
