"""Leads and their touches: what was known of each lead on a day.

Each lead has a day of its own, its cutoff, so that one function serves leads at an age, leads
on a day and tonight's open leads.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
from narwhals.stable.v2.typing import FrameT, IntoFrame

from patronage.data.units import Day, to_day
from patronage.errors import DataError
from patronage.features.catalogue import TOUCH_WINDOWS
from patronage.features.rfm import DAY, eager, in_currency, opened

OTHER = "other"
"""Name of the column for levels that were rare, or not there, when the levels were declared."""

_CUTOFF = nw.col("cutoff")
_ONE, _ZERO = nw.lit(1, dtype=nw.Int64), nw.lit(0, dtype=nw.Int64)


@dataclass(frozen=True)
class TouchLevels:
    """Levels of touches that get a column each, declared at training and frozen.

    Attributes
    ----------
    kinds, channels : levels, most frequent first; empty where touches have no such column
    answering_kinds : kinds that count as our answer to a lead; empty for any touch
    """

    kinds: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    answering_kinds: tuple[str, ...] = ()

    def columns(self) -> dict[str, tuple[str, str | None]]:
        """Give each column's field and level, in order; None stands for all other levels.

        Examples
        --------
        >>> TouchLevels(kinds=("Demo call", "demo-call")).columns()
        {'touches_kind_demo_call': ('kind', 'Demo call'),
         'touches_kind_demo_call_2': ('kind', 'demo-call'),
         'touches_kind_other': ('kind', None)}
        """
        found: dict[str, tuple[str, str | None]] = {}
        for field, levels in (("kind", self.kinds), ("channel", self.channels)):
            for level in levels:
                found[_free_name(f"touches_{field}_{_slug(level)}", found, field)] = field, level
            if levels:
                found[f"touches_{field}_{OTHER}"] = field, None
        return found

    def to_dict(self) -> dict[str, list[str]]:
        """Give what JSON can hold.

        Examples
        --------
        >>> levels = TouchLevels(kinds=("demo",))
        >>> TouchLevels.from_dict(levels.to_dict()) == levels
        True
        """
        return {
            "kinds": list(self.kinds),
            "channels": list(self.channels),
            "answering_kinds": list(self.answering_kinds),
        }

    @classmethod
    def from_dict(cls, stored: dict[str, list[str]]) -> "TouchLevels":
        """Restore what `to_dict` gave."""
        return cls(**{field: tuple(levels) for field, levels in stored.items()})


def declare_levels(
    touches: IntoFrame, *, as_of: Day, most: int = 10, answering_kinds: Iterable[str] = ()
) -> TouchLevels:
    """Find the most frequent kinds and channels by a day; ties in alphabetical order.

    Parameters
    ----------
    touches
        As `read_table` gives them, of any engine.
    as_of : last day looked at: the earliest cutoff that is fitted on, or later levels leak in
    most : how many levels of each at most
    answering_kinds : kinds that count as our answer to a lead

    Examples
    --------
    >>> import pandas as pd
    >>> touches = pd.DataFrame({"day": [1, 1, 2, 9], "channel": ["mail", "mail", "ad", "fax"]})
    >>> declare_levels(touches, as_of=5).channels
    ('mail', 'ad')
    """
    frame = opened(touches)
    given = frame.collect_schema().names()
    seen = frame.filter(to_day(as_of) >= DAY)
    found = {
        field: _most_frequent(seen, field, most) if field in given else ()
        for field in ("kind", "channel")
    }
    return TouchLevels(found["kind"], found["channel"], tuple(answering_kinds))


def touch_features(population: FrameT, touches: FrameT, *, levels: TouchLevels) -> FrameT:
    """Describe the touches of each unit up to its cutoff.

    Parameters
    ----------
    population : Narwhals frame
        unit_id, cutoff (integer day), created_day; one row a unit and cutoff
    touches : Narwhals frame
        unit_id, day, channel; kind and cost (money) where there are any
    levels : kinds and channels that get a column each

    Returns
    -------
    unit_id, cutoff and the touch features of `catalogue`, counts 0 where there is no touch.
    """
    given = touches.collect_schema().names()
    fields = [name for name in ("channel", "kind", "cost") if name in given]
    needed = {field for field, _ in levels.columns().values()}
    missing = (needed | ({"kind"} if levels.answering_kinds else set())) - set(fields)
    if missing:
        raise DataError(
            f"touches: column(s) {', '.join(sorted(missing))} not found, which the model's "
            f"features count; it has {', '.join(given)}."
        )
    rows = population.join(
        touches.select("unit_id", "day", *fields), on="unit_id", how="inner"
    ).filter(_CUTOFF >= DAY)
    counts = list(_count_marks(levels))
    totals = _totals(rows, levels, has_cost="cost" in fields)
    # Whoever was never touched has no row above: its counts are 0, its days missing.
    return (
        population.select("unit_id", "cutoff")
        .join(totals, on=["unit_id", "cutoff"], how="left")
        .with_columns(
            nw.col("touches", "touch_days", *counts).fill_null(0).cast(nw.Int64),
            nw.col("touch_cost").fill_null(0.0),
        )
        .select("unit_id", "cutoff", *touch_columns(levels, fields))
    )


def _totals(rows: FrameT, levels: TouchLevels, *, has_cost: bool) -> FrameT:
    """Aggregate touches, each beside its unit's cutoff, to the features of a unit and cutoff."""
    counts: dict[str, nw.Expr] = _count_marks(levels)
    cost = nw.col("cost").fill_null(0).cast(nw.Int64) if has_cost else _ZERO
    marked = rows.with_columns(**counts, touch_cost=cost, answer_days=_answer(levels))
    sums = marked.group_by("unit_id", "cutoff").agg(
        *[nw.col(name).sum() for name in (*counts, "touch_cost")],
        touches=nw.len(),
        touch_days=DAY.n_unique(),
        last_touch=DAY.max(),
        answer_days=nw.col("answer_days").min(),
    )
    return sums.select(
        "unit_id",
        "cutoff",
        nw.col("touches", "touch_days", *counts).cast(nw.Int64),
        last_touch_days=(_CUTOFF - nw.col("last_touch")).cast(nw.Float64),
        answer_days=nw.col("answer_days").cast(nw.Float64),
        touch_cost=in_currency(nw.col("touch_cost").cast(nw.Int64)),
    )


def touch_columns(levels: TouchLevels, columns: Iterable[str]) -> tuple[str, ...]:
    """Name the features of `touch_features` for touches of these columns."""
    cost = ("touch_cost",) if "cost" in set(columns) else ()
    windows = [f"touches_{days}" for days in TOUCH_WINDOWS]
    return (
        "touches",
        *windows,
        *levels.columns(),
        "touch_days",
        "last_touch_days",
        "answer_days",
        *cost,
    )


def _count_marks(levels: TouchLevels) -> dict[str, nw.Expr]:
    """Give one column a count that is 1 where the touch counts."""
    marks = {
        f"touches_{days}": nw.when(_CUTOFF - days < DAY).then(_ONE).otherwise(_ZERO)
        for days in TOUCH_WINDOWS
    }
    rest = {"kind": _ONE, "channel": _ONE}
    for name, (field, level) in levels.columns().items():
        if level is None:
            marks[name] = rest[field]
        else:
            marks[name] = nw.when(nw.col(field) == level).then(_ONE).otherwise(_ZERO)
            rest[field] = rest[field] - marks[name]
    return marks


def _answer(levels: TouchLevels) -> nw.Expr:
    """Give the days from the lead's creation to a touch that answers it, missing elsewhere."""
    created = nw.col("created_day")
    answers = created <= DAY
    if levels.answering_kinds:
        answers = answers & nw.col("kind").is_in(levels.answering_kinds)
    return nw.when(answers).then((DAY - created).cast(nw.Float64))


def _most_frequent(touches: nw.LazyFrame[Any], field: str, most: int) -> tuple[str, ...]:
    known = touches.filter(~nw.col(field).is_null())
    counts = eager(known.group_by(field).agg(n=nw.len())).rows()
    return tuple(level for level, _ in sorted(counts, key=lambda row: (-row[1], row[0]))[:most])


def _slug(level: str) -> str:
    """Make a level fit for a column name on every engine: letters and digits of any script."""
    return re.sub(r"\W+", "_", level).strip("_").lower() or "blank"


def _free_name(name: str, taken: Iterable[str], field: str) -> str:
    used = {*taken, f"touches_{field}_{OTHER}"}
    number = 2
    free = name
    while free in used:
        free, number = f"{name}_{number}", number + 1
    return free
