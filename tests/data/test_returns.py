"""Netting of refunds against a plain loop, on every engine."""

from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patronage.data.returns import net_refunds

Row = tuple[str, int, int, int]

HAND = [
    # customer, day, value, refunds -> net, purchase, unmatched
    (("split", 1, 100, 0), (60, True, 0)),
    (("split", 5, 30, 0), (0, False, 0)),
    (("split", 9, -70, 1), (0, False, 0)),
    (("later stays", 3, -50, 1), (0, False, 50)),
    (("later stays", 7, 80, 0), (80, True, 0)),
    (("same day", 4, 0, 1), (0, False, 0)),
    (("free gift", 4, 0, 0), (0, True, 0)),
    (("gift between", 1, 20, 0), (5, True, 0)),
    (("gift between", 2, 0, 0), (0, True, 0)),
    (("gift between", 3, -15, 1), (0, False, 0)),
    (("two refunds", 1, 10, 0), (0, False, 3)),
    (("two refunds", 2, -4, 1), (0, False, 0)),
    (("two refunds", 3, 6, 0), (0, False, 0)),
    (("two refunds", 4, -15, 2), (0, False, 0)),
    (("huge", 1, 2**60, 0), (2**60 - 1, True, 0)),
    (("huge", 2, -1, 1), (0, False, 0)),
]


def by_loop(rows: list[Row]) -> dict[tuple[str, int], tuple[int, bool, int]]:
    """Go back over the days of each refund, as one would with a pencil."""
    net: dict[tuple[str, int], tuple[int, bool, int]] = {}
    for customer in {row[0] for row in rows}:
        days = sorted([row for row in rows if row[0] == customer], key=lambda row: row[1])
        left = [max(0, row[2]) for row in days]
        unmatched = 0
        for at in reversed(range(len(days))):
            debt = max(0, -days[at][2])
            for earlier in reversed(range(at)):
                paid = min(debt, left[earlier])
                left[earlier] -= paid
                debt -= paid
            unmatched += debt
        for at, (_, day, value, refunds) in enumerate(days):
            is_purchase = left[at] > 0 or (value == 0 and refunds == 0)
            net[customer, day] = (left[at], is_purchase, unmatched if at == 0 else 0)
    return net


def netted(native: Any) -> dict[tuple[str, int], tuple[int, bool, int]]:
    frame = net_refunds(nw.from_native(native))
    out = (frame.collect() if isinstance(frame, nw.LazyFrame) else frame).rows(named=True)
    return {
        (row["customer_id"], row["day"]): (row["net_value"], row["is_purchase"], row["unmatched"])
        for row in out
    }


def as_pandas(rows: list[Row]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "day_value", "refunds"])
    return frame.astype({"day": "int64", "day_value": "int64", "refunds": "int64"})


def as_pandas_arrow(rows: list[Row]) -> pd.DataFrame:
    return as_pandas(rows).convert_dtypes(dtype_backend="pyarrow")


def as_polars(rows: list[Row]) -> pl.DataFrame:
    return pl.from_pandas(as_pandas(rows))


def as_polars_lazy(rows: list[Row]) -> pl.LazyFrame:
    return as_polars(rows).lazy()


def as_duckdb(rows: list[Row]) -> duckdb.DuckDBPyRelation:
    connection = duckdb.connect()
    connection.execute("create table lines (customer_id varchar, day int, amount bigint, n int)")
    connection.executemany("insert into lines values (?, ?, ?, ?)", rows)
    # A sum of bigint is a hugeint, as it comes from features.
    return connection.sql(
        "select customer_id, day, sum(amount) as day_value, sum(n) as refunds from lines "
        "group by all"
    )


ENGINES = [as_pandas, as_pandas_arrow, as_polars, as_polars_lazy, as_duckdb]


@pytest.mark.parametrize("engine", ENGINES)
def test_cases_worked_by_hand(engine):
    rows = [row for row, _ in HAND]
    assert netted(engine(rows)) == {row[:2]: want for row, want in HAND}


@pytest.mark.spark
def test_cases_worked_by_hand_on_spark(spark):
    rows = [row for row, _ in HAND]
    frame = spark.createDataFrame(
        rows, "customer_id string, day int, day_value bigint, refunds bigint"
    )
    assert netted(frame) == {row[:2]: want for row, want in HAND}


HISTORIES = st.lists(
    st.tuples(
        st.sampled_from(["007", "7", "b"]),
        st.integers(0, 12),
        st.one_of(st.integers(-40, 60), st.integers(-(2**58), 2**58)),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda row: row[:2],
).map(lambda rows: [(c, d, v, max(n, 1) if v < 0 else n) for c, d, v, n in rows])


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=25, deadline=None)
@given(rows=HISTORIES)
def test_any_history_nets_as_the_loop_does(engine, rows):
    assert netted(engine(rows)) == by_loop(rows)


@settings(max_examples=25, deadline=None)
@given(rows=HISTORIES)
def test_no_money_is_made_or_lost(rows):
    net = netted(as_polars(rows))
    for customer in {row[0] for row in rows}:
        kept = sum(value[0] - value[2] for key, value in net.items() if key[0] == customer)
        assert kept == sum(row[2] for row in rows if row[0] == customer)


@pytest.mark.parametrize("engine", ENGINES)
def test_no_rows_stay_no_rows(engine):
    rows = [("x", 1, 1, 0)]
    if engine is as_duckdb:
        empty = engine(rows).filter("false")
    elif engine is as_polars_lazy:
        empty = engine(rows).filter(pl.lit(value=False))
    else:
        empty = engine(rows)[:0]
    assert netted(empty) == {}
