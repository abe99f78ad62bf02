"""The summary against lifetimes' own, a plain loop and cases worked by hand, on every engine."""

import importlib
import importlib.util
import warnings
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.errors import SpecError
from patronage.features.rfm import purchase_days, rfm_summary

Rows = list[tuple[str, int, int]]

# customer, day, amount; as of day 20
HAND: Rows = [
    ("007", 10, 30_000),
    ("007", 10, 20_000),
    ("007", 12, 40_000),
    ("007", 15, 100_000),
    ("007", 21, -500_000),
    ("one day", 4, 70_000),
    ("refunded", 3, 90_000),
    ("refunded", 5, -90_000),
    ("partly", 3, 90_000),
    ("partly", 9, 10_000),
    ("partly", 11, 60_000),
    ("partly", 11, -75_000),
    ("free", 6, 0),
    ("free", 8, 0),
    ("too late", 21, 10_000),
]
HAND_SUMMARY = [
    ("007", 2, 5, 10, 7.0),
    ("free", 1, 2, 14, 0.0),
    ("one day", 0, 0, 16, 0.0),
    ("partly", 0, 0, 17, 0.0),
]

histories = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(1, 12), st.integers(-60, 90)),
    min_size=1,
    max_size=30,
)


def frame(rows: Rows) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "day", "amount"])
    return table.astype({"day": "int64", "amount": "int64"})


def tuples(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in table.to_numpy().tolist()]


def days_by_loop(rows: Rows, as_of: int) -> dict[str, dict[int, int]]:
    """Each customer's purchase days: refunds go back through the days before them."""
    result: dict[str, dict[int, int]] = {}
    for customer in {row[0] for row in rows}:
        lines = [(day, amount) for who, day, amount in rows if who == customer and day <= as_of]
        days = sorted({day for day, _ in lines})
        value = {day: sum(amount for at, amount in lines if at == day) for day in days}
        for day in reversed(days):
            debt, value[day] = max(0, -value[day]), max(0, value[day])
            for earlier in (at for at in reversed(days) if at < day):
                paid = min(debt, max(0, value[earlier]))
                value[earlier], debt = value[earlier] - paid, debt - paid
        only_free = {day for day in days if all(amount == 0 for at, amount in lines if at == day)}
        kept = {day: value[day] for day in days if value[day] > 0 or day in only_free}
        if kept:
            result[customer] = kept
    return result


def summary_by_loop(rows: Rows, as_of: int) -> list[tuple[Any, ...]]:
    summary = []
    for customer, value in sorted(days_by_loop(rows, as_of).items()):
        first, last, repeats = min(value), max(value), len(value) - 1
        repeat_value = sum(value.values()) - value[first]
        mean = repeat_value / (repeats * 10_000) if repeats else 0.0
        summary.append((customer, repeats, last - first, as_of - first, mean))
    return summary


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    """69,659 orders of 23,570 customers, read from the file inside lifetimes."""
    spec = importlib.util.find_spec("lifetimes")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "datasets" / "CDNOW_master.txt"
    names = ["customer_id", "date", "discs", "amount"]
    table = pd.read_csv(path, sep=r"\s+", header=0, names=names, dtype={"customer_id": str})
    table["date"] = pd.to_datetime(table["date"].astype(str), format="%Y%m%d")
    table["day"] = (table["date"] - pd.Timestamp("1970-01-01")).dt.days
    return table.assign(money=(table["amount"] * 10_000).round().astype("int64"))


def test_summary_of_the_cases_worked_by_hand(engine: Any, plain: Callable[..., Any]) -> None:
    assert tuples(plain(rfm_summary(engine(frame(HAND)), as_of=20))) == HAND_SUMMARY


def test_summary_is_the_same_bits_on_every_engine(engine: Any, plain: Callable[..., Any]) -> None:
    generator = np.random.default_rng(7)
    customers = generator.integers(0, 300, 4_000)
    orders = pd.DataFrame(
        {
            "customer_id": customers,
            "day": generator.integers(9_000, 9_500, 4_000),
            "amount": (generator.lognormal(12, 2, 4_000) - 60_000).astype("int64"),
        }
    )
    expected = summary_by_loop([tuple(row) for row in orders.to_numpy().tolist()], 9_400)
    assert tuples(plain(rfm_summary(engine(orders), as_of=9_400))) == expected


def test_result_is_of_the_kind_that_came_in(engine: Any) -> None:
    native = engine(frame(HAND))
    assert type(rfm_summary(native, as_of=20)) is type(native)
    assert type(purchase_days(native, as_of=20)) is type(native)


def test_summary_equals_that_of_lifetimes_on_cdnow(
    cdnow: pd.DataFrame, plain: Callable[..., Any]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lifetimes = importlib.import_module("lifetimes.utils")
        theirs = lifetimes.summary_data_from_transaction_data(
            cdnow, "customer_id", "date", "amount", observation_period_end="1997-09-30", freq="D"
        )
    orders = pl.from_pandas(cdnow[["customer_id", "day"]].assign(amount=cdnow["money"]))
    ours = plain(rfm_summary(orders, as_of="1997-09-30"))
    assert ours["customer_id"].tolist() == sorted(theirs.index)
    theirs = theirs.sort_index()
    for column in ("frequency", "recency", "T"):
        assert ours[column].tolist() == theirs[column].tolist()
    np.testing.assert_allclose(
        ours["monetary_value"].astype(float), theirs["monetary_value"], rtol=1e-12
    )


@settings(max_examples=40, deadline=None)
@given(rows=histories, as_of=st.integers(1, 13))
def test_netting_equals_a_plain_loop(rows: Rows, as_of: int) -> None:
    table = purchase_days(pl.from_pandas(frame(rows)), as_of=as_of).sort("customer_id", "day")
    expected = days_by_loop(rows, as_of)
    assert table.rows() == [(c, d, v) for c in sorted(expected) for d, v in expected[c].items()]
    summary = rfm_summary(frame(rows), as_of=as_of).sort_values("customer_id")
    assert tuples(summary) == summary_by_loop(rows, as_of)


@settings(max_examples=40, deadline=None)
@given(rows=histories, later=histories, as_of=st.integers(1, 12))
def test_what_happens_after_as_of_changes_nothing(rows: Rows, later: Rows, as_of: int) -> None:
    after = [(customer, as_of + day, amount) for customer, day, amount in later]
    by_then = [row for row in rows if row[1] <= as_of]
    alone = rfm_summary(pl.from_pandas(frame(by_then)).lazy(), as_of=as_of).collect()
    followed = rfm_summary(pl.from_pandas(frame(by_then + after)).lazy(), as_of=as_of).collect()
    assert followed.sort("customer_id").equals(alone.sort("customer_id"))


@settings(max_examples=40, deadline=None)
@given(rows=histories, data=st.data())
def test_order_and_splitting_of_lines_change_nothing(rows: Rows, data: st.DataObject) -> None:
    split = [(who, day, part) for who, day, amount in rows for part in (amount // 3, amount // 2)]
    rest = [(who, day, amount - amount // 3 - amount // 2) for who, day, amount in rows]
    lines = [
        line
        for line, whole in zip(zip(split[::2], split[1::2], rest, strict=True), rows, strict=True)
        # A refund of a day is counted by its lines, so that zero-sum parts stay purchases only
        # where the whole is no refund.
        for line in (line if whole[2] > 2 else (whole,))
    ]
    shuffled = data.draw(st.permutations(lines))
    whole = rfm_summary(frame(rows), as_of=12).sort_values("customer_id")
    parts = rfm_summary(frame(shuffled), as_of=12).sort_values("customer_id")
    assert tuples(parts) == tuples(whole)


def test_policies_for_refunds_agree_where_there_are_none(plain: Callable[..., Any]) -> None:
    bought = pl.from_pandas(frame([row for row in HAND if row[2] >= 0])).lazy()
    results = [
        tuples(plain(rfm_summary(bought, as_of=20, returns=r))) for r in ("net", "drop", "fail")
    ]
    assert results[0] == results[1] == results[2]


def test_dropping_refunds_leaves_their_purchases_whole() -> None:
    summary = rfm_summary(frame(HAND), as_of=20, returns="drop")
    assert ("partly", 2, 8, 17, 3.5) in tuples(summary)


def test_large_money_stays_exact(engine: Any, plain: Callable[..., Any]) -> None:
    rows = [("rich", 1, 2**61 + 1), ("rich", 2, 2**60 + 5), ("rich", 3, 2**60 + 7)]
    summary = plain(rfm_summary(engine(frame(rows)), as_of=3, returns="fail"))
    assert summary["monetary_value"][0] == (2**61 + 12) / 20_000


def test_day_may_be_a_date_a_string_or_a_number() -> None:
    orders = frame([("a", 9_000, 10), ("a", 9_100, 10)])
    results = [
        tuples(rfm_summary(orders, as_of=day)) for day in (9_100, date(1994, 12, 1), "1994-12-01")
    ]
    assert results[0] == results[1] == results[2] == [("a", 1, 100, 100, 0.001)]


def test_table_without_rows_gives_a_summary_without_rows(
    engine: Any, plain: Callable[..., Any]
) -> None:
    summary = plain(rfm_summary(engine(frame(HAND)), as_of=0))
    assert summary.empty
    assert list(summary) == ["customer_id", "frequency", "recency", "T", "monetary_value"]


def test_unknown_policy_names_the_right_ones() -> None:
    with pytest.raises(SpecError, match=r"returns is 'nett'; .* did you mean \"net\"\?"):
        rfm_summary(frame(HAND), as_of=20, returns="nett")
