"""Periods of whole days and the calendar, against the standard library's and pandas'."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patronage.data.units import to_date, to_day
from patronage.errors import SpecError
from patronage.marketing.periods import Period, calendar_index, calendar_label, first_day_of


@given(day=st.integers(0, 40_000), unit=st.sampled_from(["day", "week", "month", "quarter"]))
def test_a_day_lies_between_the_first_day_of_its_unit_and_the_next(day: int, unit: str) -> None:
    index = calendar_index(np.array([day]), unit)[0]
    assert first_day_of(index, unit) <= day < first_day_of(index + 1, unit)


@given(day=st.integers(0, 40_000))
def test_months_quarters_and_weeks_are_those_of_pandas(day: int) -> None:
    stamp = pd.Timestamp(to_date(day))
    labels = [
        calendar_label(calendar_index(np.array([day]), unit)[0], unit)
        for unit in ("month", "quarter", "week")
    ]
    week = stamp.to_period("W-SUN").start_time.date().isoformat()
    assert labels == [f"{stamp:%Y-%m}", str(stamp.to_period("Q")).replace("Q", "-Q"), week]


@pytest.mark.parametrize(
    ("first", "last", "before"),
    [
        ("2026-03-01", "2026-03-31", "2026-02-01 to 2026-02-28"),
        ("2026-01-01", "2026-03-31", "2025-10-01 to 2025-12-31"),
        ("2026-03-02", "2026-03-08", "2026-02-23 to 2026-03-01"),
        ("2024-02-01", "2024-02-29", "2024-01-01 to 2024-01-31"),
        ("2024-02-01", "2024-02-28", "2024-01-04 to 2024-01-31"),
    ],
)
def test_the_period_before_has_as_many_months_or_as_many_days(
    first: str, last: str, before: str
) -> None:
    assert str(Period(first, last).before()) == before


def test_a_year_before_a_leap_day_is_the_day_before_march() -> None:
    assert str(Period("2024-02-29", "2024-03-10").year_before()) == "2023-02-28 to 2023-03-10"


def test_both_ends_belong_to_the_period() -> None:
    period = Period("2026-01-01", to_day("2026-01-01"))
    assert (period.days, period.first_day, period.last_day) == (1, 20454, 20454)


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(SpecError, match="ends on 2026-01-01, before it begins on 2026-01-02"):
        Period("2026-01-02", "2026-01-01")
    with pytest.raises(SpecError, match="unit is 'year'; use one of day, week, month, quarter"):
        calendar_index(np.array([1]), "year")
