"""From the caller's frame, whatever its engine, to a small pandas table.

The heavy part of every figure is an aggregate that runs in the engine; what comes back has one
row a group, or at most one row a customer.
"""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd

from patronage.data.frames import Frame
from patronage.data.units import Day, to_day
from patronage.errors import DataError
from patronage.marketing.periods import Period, check_unit

MISSING = "(missing)"

CALENDAR_PARTS = ("_era", "_rest", "_year", "_left")


def within(frame: Frame, period: Period, as_of: Day) -> Frame:
    """Keep the rows of the period's days, as far as they are observed."""
    day, last = nw.col("day"), min(period.last_day, to_day(as_of))
    return frame.filter(day >= period.first_day, day <= last)


def has_column(frame: Frame, column: str) -> bool:
    """Tell whether an optional column is there."""
    return column in frame.collect_schema().names()


def collected(frame: Frame, *integers: str) -> pd.DataFrame:
    """Run the frame's plan and return a pandas frame.

    Parameters
    ----------
    integers
        Columns that hold whole numbers: DuckDB sums integers to 128 bits, which would arrive
        as floats.
    """
    whole = [nw.col(column).cast(nw.Int64) for column in integers]
    cast = frame.with_columns(*whole) if whole else frame
    # Through Arrow, so that every engine gives the same pandas types.
    table = cast.collect("pyarrow") if isinstance(cast, nw.LazyFrame) else cast
    return table.to_arrow().to_pandas(ignore_metadata=True)  # type: ignore[no-any-return]


def same_id_kind(left: pd.Series[Any], right: pd.Series[Any], *, names: tuple[str, str]) -> None:
    """Refuse to match text ids with number ids: every row would miss, in silence.

    Raises
    ------
    DataError
        If one side is numeric and the other is not, and both have rows.
    """
    kinds = [pd.api.types.is_numeric_dtype(side.dtype) for side in (left, right)]
    if len(left) and len(right) and kinds[0] != kinds[1]:
        text, number = (names[1], names[0]) if kinds[0] else names
        raise DataError(
            f"ids are text in {text} and numbers in {number}, first {left.iloc[0]!r} and "
            f"{right.iloc[0]!r}; read both tables with the same id type."
        )


def label_of(by: str) -> nw.Expr:
    """Text of a breakdown; blank is missing, so that it is not taken for the whole.

    Labels that mean the same must be one before units are counted, or a unit counts twice.
    """
    text = nw.col(by).cast(nw.String)
    blank = text.str.strip_chars() == ""
    return nw.when(nw.col(by).is_null() | blank).then(nw.lit(MISSING)).otherwise(text)


def group_labels(values: pd.Series[Any]) -> pd.Series[Any]:
    """Text labels of a breakdown, with missing values and blanks under a name of their own.

    Examples
    --------
    >>> group_labels(pd.Series(["web", None, " "])).tolist()
    ['web', '(missing)', '(missing)']
    """
    known = values.notna() & (values.astype(str).str.strip() != "")
    return values.astype(object).where(known, MISSING).astype(str)


def with_calendar(frame: Frame, *, unit: str, **days: str) -> Frame:
    """Add the index of `periods.calendar_index` of day columns, on any engine.

    Whole-number arithmetic alone, since engines turn integers into dates each in its own way;
    step by step, since an expression that holds itself many times takes DuckDB minutes to parse.

    Parameters
    ----------
    days
        New column = column of days that it is made from, after the year 0.

    References
    ----------
    Hinnant (2013), "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
    """
    check_unit(unit)
    for name, column in days.items():
        day = nw.col(column).cast(nw.Int64)
        if unit in {"day", "week"}:
            frame = frame.with_columns((day if unit == "day" else (day + 3) // 7).alias(name))
            continue
        era, rest, year, left = (nw.col(part) for part in CALENDAR_PARTS)
        frame = frame.with_columns(_rest=day + 719_468)  # days since 0000-03-01
        frame = frame.with_columns(_era=rest // 146_097)
        frame = frame.with_columns(_rest=rest - era * 146_097)
        leap = rest - rest // 1_460 + rest // 36_524 - rest // 146_096
        frame = frame.with_columns(_year=leap // 365)
        frame = frame.with_columns(_left=rest - 365 * year - year // 4 + year // 100)
        month = (5 * left + 2) // 153  # 0 is March
        index = (year + era * 400) * 12 + month + 2 - 1970 * 12
        frame = frame.with_columns(index.alias(name)).drop(*CALENDAR_PARTS)
        if unit == "quarter":
            frame = frame.with_columns((nw.col(name) // 3).alias(name))
    return frame
