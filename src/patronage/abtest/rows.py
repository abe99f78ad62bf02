"""Which rows of an experiment count, and why the others do not."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage.abtest.plan import Plan
from patronage.data.units import to_day
from patronage.errors import DataError

BoolArray = NDArray[np.bool_]


class Rows(NamedTuple):
    """Rows that count.

    Attributes
    ----------
    kept
        Rows of the frame, one a unit.
    arms : shape (n_kept,)
        Arm of each, as text.
    excluded
        One row a reason: reason, units (distinct; rows where the unit is missing).
    assigned
        Units by arm before exposure was asked for.
    """

    kept: pd.DataFrame
    arms: "pd.Series[str]"
    excluded: pd.DataFrame
    assigned: dict[str, int]


def need_columns(frame: pd.DataFrame, columns: Sequence[str], source: str) -> None:
    """Check that columns are there.

    Raises
    ------
    DataError
        With those that are not, and those that are.
    """
    absent = [column for column in dict.fromkeys(columns) if column not in frame.columns]
    if absent:
        raise DataError(
            f"{source}: column(s) {', '.join(absent)} not found; it has "
            f"{', '.join(map(str, frame.columns))}. Map your names in the spec."
        )


def as_text(values: "pd.Series[Any]") -> "pd.Series[str]":
    """Labels as text, None where missing: 7 and 7.0 are "7", "007" stays.

    Examples
    --------
    >>> as_text(pd.Series([7, None])).tolist(), as_text(pd.Series(["007"])).tolist()
    (['7', None], ['007'])
    """
    missing = values.isna().to_numpy()
    present = values[~missing]
    if pd.api.types.is_float_dtype(present) and (present.astype(float) % 1 == 0).all():
        present = present.astype("int64")  # integers become floats where one is missing
    text = np.full(len(values), None, dtype=object)
    text[~missing] = present.astype(str).to_numpy(dtype=object)
    return pd.Series(text, index=values.index, dtype=object)


def rows_that_count(frame: pd.DataFrame, plan: Plan, *, source: str = "frame") -> Rows:
    """Leave out, and count, what cannot be compared.

    In this order: no unit; no arm; units in two arms; arms that are not in the plan; never
    exposed; exposed outside the period; window not complete.

    Parameters
    ----------
    frame, plan
    source
        What messages call the frame, such as its file.

    Raises
    ------
    DataError
        If columns are missing, or a unit has several rows in one arm.
    """
    need_columns(frame, [plan.unit, plan.arm, *([plan.exposed] if plan.exposed else [])], source)
    arms = as_text(frame[plan.arm])
    units: pd.Series[int] = pd.Series(pd.factorize(frame[plan.unit])[0], index=frame.index)
    left = np.ones(len(frame), dtype=bool)
    excluded: list[tuple[str, int]] = []

    def leave_out(reason: str, out: BoolArray) -> None:
        gone = left & out
        n = int(gone.sum()) if reason == "no unit" else int(units[gone].nunique())
        if n:
            excluded.append((reason, n))
        left[gone] = False

    leave_out("no unit", (units < 0).to_numpy())
    leave_out("no arm", arms.isna().to_numpy())
    leave_out("in two arms", _in_two_arms(units, arms, left))
    if plan.shares is not None:
        planned = {str(arm) for arm in plan.shares}
        leave_out("arm not in the plan", ~arms.isin(planned).to_numpy())
    _refuse_repeats(frame.loc[left, plan.unit], plan, source)
    assigned = {str(arm): int(n) for arm, n in arms[left].value_counts().items()}
    for reason, out in _unexposed(frame, plan, source):
        leave_out(reason, out)
    return Rows(
        frame[left],
        arms[left],
        pd.DataFrame(excluded, columns=["reason", "units"]),
        assigned,
    )


def _in_two_arms(units: "pd.Series[int]", arms: "pd.Series[str]", left: BoolArray) -> BoolArray:
    pairs = pd.DataFrame({"unit": units[left], "arm": arms[left]}).drop_duplicates()
    both = pairs.loc[pairs["unit"].duplicated(), "unit"]
    return units.isin(both).to_numpy()


def _refuse_repeats(units: "pd.Series[Any]", plan: Plan, source: str) -> None:
    again = units.duplicated()
    if again.any():
        first = ", ".join(as_text(units[again].drop_duplicates().head(3)))
        raise DataError(
            f"{source}: {int(again.sum()):,} of {len(units):,} rows repeat a {plan.unit} within "
            f"its arm, first {first}. Where whole rows repeat, drop them with duplicates = "
            '"drop" (drop_duplicates in pandas); else add up the rows of a unit first.'
        )


def _unexposed(frame: pd.DataFrame, plan: Plan, source: str) -> list[tuple[str, BoolArray]]:
    if plan.exposed is None:
        return []
    day = _days(frame[plan.exposed], f"{source}: {plan.exposed}")
    never = np.isnan(day)
    outside = np.zeros(len(day), dtype=bool)
    if plan.start is not None:
        outside |= day < to_day(plan.start)
    if plan.end is not None:
        outside |= day > to_day(plan.end)
    found = [("never exposed", never), ("exposed outside the period", outside)]
    if plan.window_days is not None and plan.as_of is not None:
        found.append(("window not complete", day + plan.window_days > to_day(plan.as_of)))
    return found


def _days(values: "pd.Series[Any]", column: str) -> NDArray[np.float64]:
    """Days since 1970-01-01, NaN where missing."""
    if pd.api.types.is_datetime64_any_dtype(values):
        # A time zone's own midnight starts the day, as at the door.
        local = pd.DatetimeIndex(values).tz_localize(None).floor("D")
        days = (local - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
        return np.asarray(days.to_numpy(dtype=np.float64, na_value=np.nan))
    if values.isna().all():
        return np.full(len(values), np.nan)
    if not pd.api.types.is_numeric_dtype(values):
        raise DataError(f"{column} holds {values.dtype}; pass days since 1970-01-01 or timestamps.")
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
