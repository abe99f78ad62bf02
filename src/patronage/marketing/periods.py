"""Periods of whole days, both ends included, and the calendar on integer days."""

from __future__ import annotations

import calendar
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage.data.units import EPOCH, Day, to_date, to_day
from patronage.errors import SpecError

IntArray = NDArray[np.int64]

NOT_STATED = "not stated"

CALENDAR = ("day", "week", "month", "quarter")
"""Units of the calendar; weeks begin on Monday, as in ISO 8601."""


@dataclass(frozen=True)
class Period:
    """From the first day to the last, both included, in the business's time zone.

    Parameters
    ----------
    first, last
        Dates, ISO strings or integer days.
    timezone, currency
        What the days and the money of the tables are in. They are printed beside each figure;
        nothing is converted here.

    Raises
    ------
    SpecError
        If the last day is before the first.

    Examples
    --------
    >>> march = Period("2026-03-01", "2026-03-31", timezone="Asia/Shanghai")
    >>> str(march), march.days, str(march.before())
    ('2026-03-01 to 2026-03-31', 31, '2026-02-01 to 2026-02-28')
    """

    first: Day
    last: Day
    timezone: str = NOT_STATED
    currency: str = NOT_STATED

    def __post_init__(self) -> None:
        if self.last_day < self.first_day:
            raise SpecError(
                f"period ends on {to_date(self.last)}, before it begins on {to_date(self.first)}; "
                "give the first day, then the last."
            )

    @property
    def first_day(self) -> int:
        """First day as days since 1970-01-01."""
        return to_day(self.first)

    @property
    def last_day(self) -> int:
        """Last day, which belongs to the period."""
        return to_day(self.last)

    @property
    def days(self) -> int:
        """Length in days."""
        return self.last_day - self.first_day + 1

    def __str__(self) -> str:
        return f"{to_date(self.first)} to {to_date(self.last)}"

    def before(self) -> Period:
        """Return the same period before: as many whole months, else as many days.

        Whole months go before whole months, so March is compared with all of February.
        """
        first, last = to_date(self.first), to_date(self.last)
        end = first - timedelta(days=1)
        if first.day == 1 and last.day == calendar.monthrange(last.year, last.month)[1]:
            months = (last.year - first.year) * 12 + last.month - first.month + 1
            year, month = divmod(first.year * 12 + first.month - 1 - months, 12)
            return replace(self, first=date(year, month + 1, 1), last=end)
        return replace(self, first=end - timedelta(days=self.days - 1), last=end)

    def year_before(self) -> Period:
        """Return the same dates a year earlier; 29 February becomes 28 February."""
        return replace(self, first=_year_earlier(self.first), last=_year_earlier(self.last))


def _year_earlier(day: Day) -> date:
    then = to_date(day)
    if (then.month, then.day) == (2, 29):
        return date(then.year - 1, 2, 28)
    return then.replace(year=then.year - 1)


def calendar_index(days: pd.Series[Any] | IntArray, unit: str) -> IntArray:
    """Which calendar unit each day lies in, counted since the one of 1970-01-01.

    Parameters
    ----------
    days : integers, days since 1970-01-01
    unit : "day", "week", "month" or "quarter"

    Raises
    ------
    SpecError
        If the unit is none of these.

    Examples
    --------
    >>> calendar_index(np.array([0, 30, 31, 365]), "month")
    array([ 0,  0,  1, 12])
    """
    check_unit(unit)
    at = np.asarray(days, dtype="int64")
    if unit == "day":
        return at
    if unit == "week":
        return (at + 3) // 7  # 1970-01-01 was a Thursday
    months = at.astype("datetime64[D]").astype("datetime64[M]").astype("int64")
    return months if unit == "month" else months // 3


def first_day_of(index: int | IntArray, unit: str) -> IntArray:
    """First day of the calendar unit with that index.

    Examples
    --------
    >>> first_day_of(np.array([0, 1, 12]), "month")
    array([  0,  31, 365])
    """
    check_unit(unit)
    at = np.asarray(index, dtype="int64")
    if unit == "day":
        return at
    if unit == "week":
        return at * 7 - 3
    months = at if unit == "month" else at * 3
    return months.astype("datetime64[M]").astype("datetime64[D]").astype("int64")


def calendar_label(index: int, unit: str) -> str:
    """Name of a calendar unit: 2026-03, 2026-Q1, or the first day of a week.

    Examples
    --------
    >>> calendar_label(674, "month"), calendar_label(224, "quarter")
    ('2026-03', '2026-Q1')
    """
    first = EPOCH + timedelta(days=int(first_day_of(index, unit)))
    if unit == "month":
        return f"{first:%Y-%m}"
    if unit == "quarter":
        return f"{first.year}-Q{(first.month + 2) // 3}"
    return first.isoformat()


def check_unit(unit: str) -> None:
    """Refuse a unit that the calendar here does not have."""
    if unit not in CALENDAR:
        raise SpecError(f"calendar unit is {unit!r}; use one of {', '.join(CALENDAR)}.")
