"""Integer days and integer money: exact, so equal on every engine and in every run.

A `day` counts days since 1970-01-01 in the business's time zone; an amount is a whole number
of ten-thousandths of the currency unit.
"""

from datetime import date, datetime, timedelta

from patronage.errors import SpecError

MONEY_SCALE = 10_000
"""Integer money is this many to the currency unit."""

MONTH_DAYS = 30.4375
"""A twelfth of `YEAR_DAYS`."""

YEAR_DAYS = 365.25

EPOCH = date(1970, 1, 1)

Day = date | str | int
"""A day as a date, an ISO string or an integer of days since 1970-01-01."""


def to_day(day: Day) -> int:
    """Days since 1970-01-01.

    Raises
    ------
    SpecError
        If a string is no ISO date.

    Examples
    --------
    >>> to_day("1997-09-30"), to_day(date(1970, 1, 2)), to_day(10134)
    (10134, 1, 10134)
    """
    if isinstance(day, str):
        try:
            day = date.fromisoformat(day)
        except ValueError:
            raise SpecError(
                f"day is {day!r}; write it as YYYY-MM-DD, pass a date, or days since 1970-01-01."
            ) from None
    if isinstance(day, datetime):
        day = day.date()
    if isinstance(day, date):
        return (day - EPOCH).days
    return int(day)


def to_date(day: Day) -> date:
    """Calendar date of a day.

    Examples
    --------
    >>> to_date(10134)
    datetime.date(1997, 9, 30)
    """
    return EPOCH + timedelta(days=to_day(day))
