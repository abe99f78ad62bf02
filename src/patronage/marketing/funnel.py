"""Ordered funnels: how many units reach each step, how fast, and who stopped where.

Order is strict, and a unit counts once. It enters at its first occurrence of the first step
(within the period, where one is given). It reaches the next step at the earliest occurrence
that is not before the step before it and lies within `window_days` of the day it entered; other
events may lie between. Steps recorded at the same instant count as being in order, since many
tables know only the day; a step named twice needs a later instant the second time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from narwhals.stable.v2.typing import IntoFrame, IntoFrameT

from patronage.data.frames import Frame, frame_of
from patronage.data.units import Day, to_date, to_day
from patronage.errors import DataError, SpecError
from patronage.marketing.engines import collected, has_column, label_of
from patronage.marketing.figures import IMMATURE, PARTLY_MATURE, ZERO_DENOMINATOR
from patronage.marketing.intervals import LEVEL, wilson
from patronage.marketing.periods import NOT_STATED, Period

NEVER = 2**62
"""Later than any instant: integers without nulls compare alike on every engine."""

DAY_MICROSECONDS = 86_400_000_000
ALL = ""
QUANTILES = {"p25_days": 0.25, "median_days": 0.5, "p75_days": 0.75, "p90_days": 0.9}
NOT_SEEN = "step_not_seen"


def funnel(
    steps: IntoFrame,
    order: Sequence[str],
    *,
    as_of: Day,
    window_days: int = 30,
    by: str | None = None,
    period: Period | None = None,
) -> pd.DataFrame:
    """Count the units that reach each step, among those whose window is over.

    Parameters
    ----------
    steps
        One row an event, as `read_table(..., table="steps")` gives it: unit_id, day, step, at
        (microseconds, for the order within a day; without it, days decide). pandas, polars,
        DuckDB or PySpark.
    order
        Names of the steps, first to last; at least one.
    as_of
        Last day observed. Units that entered after as_of - window_days leave every count and
        stand in n_left_out.
    window_days
        A unit converts from the day it enters to that many days later, both included.
    by
        Column to break down by, as it stood at the first step; smallest value on a tie.
    period
        Days in which units enter; default, everything up to `as_of`.

    Returns
    -------
    pandas.DataFrame
        One row a group and step, the whole first (group ""):
        units, previous_units, entered (the two denominators), from_first and from_previous with
        Wilson's bounds, lost (units that stop at the step before), days from the first step
        (quartiles, median, 90%) and from the one before (median) of those who got there,
        n (units counted: those that entered with a full window), n_left_out, window_days,
        window, timezone, interval and level of the bounds, flag. A rate with a zero denominator
        is NaN.

    Raises
    ------
    SpecError
        If there is no step or the window is negative.
    DataError
        If a column is absent.

    Examples
    --------
    >>> events = pd.DataFrame({
    ...     "unit_id": ["a", "a", "b", "c"], "day": [1, 3, 2, 40],
    ...     "step": ["visit", "buy", "visit", "visit"],
    ... })
    >>> table = funnel(events, ["visit", "buy"], as_of=45, window_days=7)
    >>> table[["step", "units", "from_first", "median_days", "n_left_out"]]
        step  units  from_first  median_days  n_left_out
    0  visit      2         1.0          0.0           1
    1    buy      1         0.5          2.0           1
    """
    units = _progress(steps, order, as_of=as_of, window_days=window_days, by=by, period=period)
    counts = [_counts(units.with_columns(group=nw.lit(ALL)), len(order))]
    if by is not None:
        counts.append(_counts(units, len(order)))
    if not len(counts[0]):
        counts[0] = _nobody(len(order))
    seen = _seen(steps, counts[0], order)
    window = str(period) if period else f"up to {to_date(as_of)}"
    rows = [
        _step_row(row, number, order)
        for row in pd.concat(counts).to_dict("records")
        for number in range(len(order))
    ]
    table = _with_rates(pd.DataFrame(rows), seen=seen)
    zone = period.timezone if period else NOT_STATED
    return _stamped(table, window_days=window_days, window=window, timezone=zone)


def drop_off(
    steps: IntoFrameT,
    order: Sequence[str],
    *,
    as_of: Day,
    after: str | None = None,
    window_days: int = 30,
    period: Period | None = None,
) -> IntoFrameT:
    """List the units that have not finished, to act on.

    Parameters
    ----------
    steps, order, as_of, window_days, period
        As in `funnel`.
    after
        Only those whose last step is this one; default, all who have not reached the last step.

    Returns
    -------
    The same kind of frame, latest entries first: unit_id, entered_day, last_step, days_left
    until the window closes (below zero: closed that many days ago), window_open.

    Raises
    ------
    SpecError
        If `after` is no step of the funnel, or its last.

    Examples
    --------
    >>> events = pd.DataFrame({"unit_id": ["a", "a", "b"], "day": [1, 3, 2],
    ...                        "step": ["visit", "buy", "visit"]})
    >>> drop_off(events, ["visit", "buy"], as_of=5, window_days=7)
      unit_id  entered_day last_step  days_left  window_open
    0       b            2     visit          4         True
    """
    if after is not None and after not in list(order)[:-1]:
        raise SpecError(
            f"after is {after!r}; use a step before the last: {', '.join(list(order)[:-1])}."
        )
    units = _progress(steps, order, as_of=as_of, window_days=window_days, by=None, period=period)
    last_step = nw.lit(order[0])
    for number in range(1, len(order)):
        last_step = nw.when(_reached(number)).then(nw.lit(order[number])).otherwise(last_step)
    left = nw.col("entered_day") + nw.lit(window_days - to_day(as_of), dtype=nw.Int64)
    unfinished = units.filter(~_reached(len(order) - 1)).with_columns(
        last_step=last_step, days_left=left, window_open=left >= 0
    )
    if after is not None:
        unfinished = unfinished.filter(nw.col("last_step") == after)
    listed = unfinished.select(
        "unit_id", "entered_day", "last_step", "days_left", "window_open"
    ).sort("entered_day", "unit_id", descending=[True, False])
    native: IntoFrameT = nw.maybe_reset_index(listed).to_native()
    return native


def funnel_from_counts(counts: Mapping[str, int]) -> pd.DataFrame:
    """Build the table of `funnel` from totals that are known already.

    Parameters
    ----------
    counts
        Units by step, first to last. All are taken as mature.

    Raises
    ------
    SpecError
        If there is no step.
    DataError
        If a step has more units than the one before it: no ordered funnel does.

    Examples
    --------
    >>> table = funnel_from_counts({"visit": 10_000, "sign up": 2_000, "trial": 500, "pay": 80})
    >>> table[["step", "units", "from_first", "from_previous"]]
          step  units  from_first  from_previous
    0    visit  10000       1.000           1.00
    1  sign up   2000       0.200           0.20
    2    trial    500       0.050           0.25
    3      pay     80       0.008           0.16
    """
    _check(list(counts), 0)
    for (early, more), (late, fewer) in pairwise(counts.items()):
        if fewer > more:
            raise DataError(
                f"funnel counts: step {late!r} has {fewer:,} units, {early!r} before it {more:,}; "
                "count distinct units that passed every step before."
            )
    order = list(counts)
    known: dict[str, Any] = {"group": ALL, "n_left_out": 0}
    known |= {f"units_{number}": counts[step] for number, step in enumerate(order)}
    rows = [_step_row(known, number, order) for number in range(len(order))]
    table = _with_rates(pd.DataFrame(rows), seen=set(order))
    return _stamped(table, window_days=math.nan, window=NOT_STATED, timezone=NOT_STATED)


def _check(order: Sequence[str], window_days: int) -> None:
    if isinstance(order, str) or not len(order):
        raise SpecError(f"order is {order!r}; give a list of step names, first to last.")
    if window_days < 0:
        raise SpecError(f"window_days is {window_days}; use 0 (the same day) or more.")


def _reached(number: int) -> nw.Expr:
    return nw.col(f"at_{number}") < NEVER


def _progress(
    steps: IntoFrame,
    order: Sequence[str],
    *,
    as_of: Day,
    window_days: int,
    by: str | None,
    period: Period | None,
) -> Frame:
    """Return one row a unit: entered_day, group, and the instant each step was reached.

    Each step is a running minimum over the unit, so the plan grows by one window a step and
    never reads the table twice.
    """
    _check(order, window_days)
    last = to_day(as_of)
    events = _events(steps, order, last=last, by=by)
    day, never = nw.col("day"), nw.lit(NEVER, dtype=nw.Int64)
    enters = nw.col("step") == order[0]
    if period is not None:
        enters = enters & (day >= period.first_day) & (day <= period.last_day)
    entered = {"at_0": nw.col("at"), "entered_day": day}
    frame = events.with_columns(
        **{name: nw.when(enters).then(at).otherwise(never) for name, at in entered.items()}
    ).with_columns(*[nw.col(name).min().over("unit_id") for name in entered])
    frame = frame.filter(_reached(0))
    in_window = day <= nw.col("entered_day") + window_days
    for number in range(1, len(order)):
        before, name = nw.col(f"at_{number - 1}"), f"at_{number}"
        after = nw.col("at") > before if order[number] in order[:number] else nw.col("at") >= before
        here = (nw.col("step") == order[number]) & after & in_window
        frame = frame.with_columns(
            nw.when(here).then(nw.col("at")).otherwise(never).alias(name)
        ).with_columns(nw.col(name).min().over("unit_id"))
    kept = ["group", "entered_day", *[f"at_{number}" for number in range(len(order))]]
    return (
        frame.filter(enters, nw.col("at") == nw.col("at_0"))
        .group_by("unit_id")
        .agg(*[nw.col(name).min() for name in kept])
        .with_columns(mature=nw.col("entered_day") <= last - window_days)
    )


def _events(steps: IntoFrame, order: Sequence[str], *, last: int, by: str | None) -> Frame:
    """Select the rows of the funnel's steps: unit_id, step, day, at, group."""
    frame = frame_of(steps, "unit_id", "day", "step", *([by] if by else []), name="steps")
    at = (
        nw.col("at") if has_column(frame, "at") else nw.col("day").cast(nw.Int64) * DAY_MICROSECONDS
    )
    return frame.select(
        "unit_id",
        "step",
        day=nw.col("day").cast(nw.Int64),
        at=at.cast(nw.Int64),
        group=label_of(by) if by else nw.lit(ALL),
    ).filter(
        nw.col("day") <= last,
        nw.col("step").is_in(list(order)),
        ~nw.col("unit_id").is_null(),
    )


def _counts(units: Frame, n_steps: int) -> pd.DataFrame:
    """Units and days by group, mature units alone but for n_left_out."""
    mature = nw.col("mature")
    one, zero = nw.lit(1), nw.lit(0)
    derived = {"immature": nw.when(mature).then(zero).otherwise(one)}
    totals, quantiles = ["immature"], []
    for number in range(n_steps):
        there = mature & _reached(number)
        derived[f"units_{number}"] = nw.when(there).then(one).otherwise(zero)
        totals.append(f"units_{number}")
        for start, name in ((0, "since_first"), (max(number - 1, 0), "since_previous")):
            elapsed = nw.col(f"at_{number}") - nw.col(f"at_{start}")
            derived[f"{name}_{number}"] = nw.when(there).then(elapsed).cast(nw.Float64)
        quantiles += [
            nw.col(f"since_first_{number}").quantile(q, "linear").alias(f"{name}_{number}")
            for name, q in QUANTILES.items()
        ]
        quantiles.append(
            nw.col(f"since_previous_{number}").median().alias(f"previous_days_{number}")
        )
    grouped = (
        units.with_columns(**derived)
        .group_by("group")
        .agg(*[nw.col(name).sum() for name in totals], *quantiles)
    )
    table = collected(grouped, *totals).rename(columns={"immature": "n_left_out"})
    # A column of nulls alone has no type in Arrow.
    days = [
        name for name in map(str, table) if name.rsplit("_", 1)[0] in {*QUANTILES, "previous_days"}
    ]
    return table.astype(dict.fromkeys(days, float)).sort_values("group")


def _nobody(n_steps: int) -> pd.DataFrame:
    counts = {f"units_{number}": [0] for number in range(n_steps)}
    return pd.DataFrame({"group": [ALL], "n_left_out": [0], **counts})


def _seen(steps: IntoFrame, whole: pd.DataFrame, order: Sequence[str]) -> set[str]:
    """Step names that occur at all, asked of the table only where a count is zero."""
    if all(whole[f"units_{number}"].iloc[0] for number in range(len(order))):
        return set(order)
    frame = frame_of(steps, "step", name="steps")
    present = frame.filter(nw.col("step").is_in(list(order))).select("step").unique()
    return set(collected(present)["step"])


def _step_row(row: Mapping[Any, Any], number: int, order: Sequence[str]) -> dict[str, Any]:
    days = {
        name: row.get(f"{name}_{number}", np.nan) / DAY_MICROSECONDS
        for name in (*QUANTILES, "previous_days")
    }
    return {
        "group": row["group"],
        "step_number": number + 1,
        "step": order[number],
        "units": int(row[f"units_{number}"]),
        "previous_units": int(row[f"units_{max(number - 1, 0)}"]),
        "entered": int(row["units_0"]),
        **days,
        "n_left_out": int(row["n_left_out"]),
    }


def _with_rates(table: pd.DataFrame, *, seen: set[str]) -> pd.DataFrame:
    rates: dict[str, Any] = {}
    for name, denominator in (("from_first", "entered"), ("from_previous", "previous_units")):
        trials = table[denominator].to_numpy(dtype=float)
        low, high = wilson(table["units"], trials)
        rates[name] = table["units"] / np.where(trials > 0, trials, np.nan)
        rates[f"{name}_low"], rates[f"{name}_high"] = low, high
    counts = ["group", "step_number", "step", "units", "previous_units", "entered"]
    times = [*QUANTILES, "previous_days"]
    result = pd.concat(
        [
            table[counts],
            pd.DataFrame(rates),
            (table["previous_units"] - table["units"]).rename("lost"),
            table[times].rename(columns={"previous_days": "median_days_from_previous"}),
            table["entered"].rename("n"),
            table["n_left_out"],
        ],
        axis=1,
    )
    empty, waiting = table["entered"] == 0, table["n_left_out"] > 0
    flag = np.select(
        [~table["step"].isin(seen), empty & waiting, empty, waiting],
        [NOT_SEEN, IMMATURE, ZERO_DENOMINATOR, PARTLY_MATURE],
        default="",
    )
    return result.assign(flag=flag)


def _stamped(
    table: pd.DataFrame, *, window_days: float, window: str, timezone: str
) -> pd.DataFrame:
    return table.assign(
        window_days=window_days,
        window=window,
        timezone=timezone,
        interval=np.where(table["from_first_low"].notna(), "wilson", ""),
        level=np.where(table["from_first_low"].notna(), LEVEL, math.nan),
        flag=table.pop("flag"),
    )
