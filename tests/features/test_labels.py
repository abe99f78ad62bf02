"""What the windows after a day hold, counted by hand and by a plain loop."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.data.units import to_date
from patronage.errors import SpecError
from patronage.features.labels import cutoffs, fitting_cutoffs, holdout, weekly_purchases
from patronage.features.rfm import rfm_summary

Rows = list[tuple[str, int, int]]

ORDERS: Rows = [
    ("repeats", 5, 10_000),
    ("repeats", 11, 20_000),
    ("repeats", 11, 5_000),
    ("repeats", 20, 30_000),
    ("repeats", 21, 99_000),
    ("quiet", 10, 10_000),
    ("returns later", 9, 10_000),
    ("returns later", 12, 40_000),
    ("returns later", 15, -25_000),
    ("undone", 8, 10_000),
    ("undone", 14, 10_000),
    ("undone", 19, -10_000),
    ("gone before", 3, 10_000),
    ("gone before", 4, -10_000),
    ("gone before", 13, 10_000),
    ("new", 12, 10_000),
]


def frame(rows: Rows) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "day", "amount"])
    return table.astype({"day": "int64", "amount": "int64"})


def test_holdout_of_the_cases_worked_by_hand(engine: Any, plain: Callable[..., Any]) -> None:
    table = plain(holdout(engine(frame(ORDERS)), as_of=10, horizon_days=10))
    assert [tuple(row) for row in table.to_numpy().tolist()] == [
        ("quiet", 0, 0.0),
        ("repeats", 2, 5.5),
        ("returns later", 1, 1.5),
        ("undone", 0, 0.0),
    ]


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(1, 30), st.integers(0, 90)), min_size=1
    ),
    as_of=st.integers(1, 30),
    horizon=st.integers(1, 20),
)
def test_holdout_equals_a_plain_loop(rows: Rows, as_of: int, horizon: int) -> None:
    known = {who for who, day, _ in rows if day <= as_of}
    expected = []
    for who in sorted(known):
        window = [(d, a) for c, d, a in rows if c == who and as_of < d <= as_of + horizon]
        expected.append((who, len({d for d, _ in window}), sum(a for _, a in window) / 10_000))
    table = holdout(pl.from_pandas(frame(rows)), as_of=as_of, horizon_days=horizon)
    assert table.sort("customer_id").rows() == expected


def test_holdout_has_the_customers_of_the_summary(plain: Callable[..., Any]) -> None:
    orders = pl.from_pandas(frame(ORDERS)).lazy()
    ours = plain(holdout(orders, as_of=10, horizon_days=10))["customer_id"]
    assert ours.tolist() == plain(rfm_summary(orders, as_of=10))["customer_id"].tolist()


@pytest.mark.parametrize("horizon", [0, -7, 1.5, True])
def test_window_of_no_whole_days_is_refused(horizon: Any) -> None:
    with pytest.raises(SpecError, match=r"horizon_days is .*; pass a whole number above"):
        holdout(frame(ORDERS), as_of=10, horizon_days=horizon)


def test_newcomers_of_the_window_are_counted_where_asked(plain: Callable[..., Any]) -> None:
    orders = pl.from_pandas(frame(ORDERS))
    table = plain(holdout(orders, as_of=10, horizon_days=10, newcomers=True))
    found = dict(zip(table["customer_id"], table["holdout_purchases"], strict=True))
    assert found == {
        "gone before": 1,
        "new": 1,
        "quiet": 0,
        "repeats": 2,
        "returns later": 1,
        "undone": 0,
    }


def test_weeks_add_up_to_the_summary_before_and_the_holdout_after(engine: Any) -> None:
    generator = np.random.default_rng(11)
    rows = zip(
        generator.integers(0, 80, 900).astype(str).tolist(),
        generator.integers(0, 200, 900).tolist(),
        generator.integers(-3_000, 9_000, 900).tolist(),
        strict=True,
    )
    orders = frame(list(rows))
    weeks = weekly_purchases(engine(orders), as_of=120, horizon_days=60)
    before, after = weeks[weeks["week"] <= 0], weeks[weeks["week"] > 0]
    summary = rfm_summary(orders, as_of=120)
    assert before["repeat_purchases"].sum() == summary["frequency"].sum()
    assert before["first_purchases"].sum() == len(summary)
    counted = holdout(orders, as_of=120, horizon_days=60)["holdout_purchases"].sum()
    assert after["repeat_purchases"].sum() == counted
    assert after["last_day"].tolist() == [127, 134, 141, 148, 155, 162, 169, 176, 180]
    assert before["last_day"].tolist() == list(range(1, 121, 7))


def test_no_purchases_make_no_weeks() -> None:
    assert weekly_purchases(frame(ORDERS), as_of=0, horizon_days=1).empty


def test_fitting_windows_close_by_the_judging_cutoff() -> None:
    days = cutoffs(as_of="1997-09-30", horizon_days=92, step_days=46, first_day="1997-01-01")
    assert [str(to_date(day)) for day in days] == [
        "1997-05-15",
        "1997-06-30",
        "1997-08-15",
        "1997-09-30",
    ]
    assert [str(to_date(day)) for day in fitting_cutoffs(days, horizon_days=92)] == [
        "1997-05-15",
        "1997-06-30",
    ]


def test_young_data_give_one_cutoff() -> None:
    assert cutoffs(as_of=120, horizon_days=90, step_days=30, first_day=100) == (120,)
