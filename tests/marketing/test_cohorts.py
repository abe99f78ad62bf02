"""Cohorts against a plain loop, cases worked by hand, and the same on every engine."""

from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from patronage.data.read import read_table
from patronage.data.units import to_date, to_day
from patronage.errors import SpecError
from patronage.features.rfm import rfm_summary
from patronage.marketing.cohort_forecast import cohort_forecast
from patronage.marketing.cohorts import (
    cohort_revenue,
    first_days,
    matrix,
    retention,
    retention_by_age,
)
from patronage.marketing.engines import with_calendar
from patronage.marketing.periods import calendar_index
from patronage.models.lifetime_value import LifetimeValue

DAY_ONE = to_day("2026-01-01")


def orders(*rows: tuple[str, int, float]) -> pd.DataFrame:
    """Customer, days since the first of 2026, amount in currency units."""
    table = pd.DataFrame(rows, columns=["customer_id", "day", "amount"])
    return table.assign(
        day=table["day"] + DAY_ONE, amount=(table["amount"] * 10_000).astype("int64")
    )


SHOP = orders(
    ("007", 0, 10.0),
    ("007", 35, 20.0),
    ("7", 20, 5.0),
    ("7", 22, 5.0),
    ("7", 74, 1.5),
    ("c", 33, 8.0),
    ("c", 60, 2.0),
    ("d", 85, 7.0),
).assign(order_id=list("abcdefgh"))


def kinds(table: pd.DataFrame) -> dict[str, Any]:
    frame = pl.from_pandas(table)
    return {
        "pyarrow": table.convert_dtypes(dtype_backend="pyarrow"),
        "polars": frame,
        "lazy": frame.lazy(),
        "duckdb": duckdb.from_df(table),
    }


def test_ten_buyers_with_nine_seven_and_six_back_are_retained_as_mixpanel_prints() -> None:
    back = [10, 9, 7, 6]
    table = orders(
        *[(str(who), 31 * month, 1.0) for month in range(4) for who in range(back[month])]
    )
    calendar = retention(table, as_of=DAY_ONE + 119, unit="month")
    assert calendar[calendar["cohort"] == "2026-01"]["value"].tolist() == [1.0, 0.9, 0.7, 0.6]
    brackets = [(1, 31), (32, 62), (63, 93)]
    by_age = retention_by_age(table, brackets, as_of=DAY_ONE + 119, kind="bracket")
    assert by_age[by_age["cohort"] == "2026-01"]["value"].tolist() == [0.9, 0.7, 0.6]
    exact = retention_by_age(table, [31, 62, 93], as_of=DAY_ONE + 119, kind="n_day")
    assert exact[exact["cohort"] == ""]["value"].tolist() == [0.9, 0.7, 0.6]


def test_a_month_that_is_not_over_is_blank_and_its_last_day_ends_it() -> None:
    early = retention(SHOP, as_of="2026-02-27").set_index(["cohort", "age"])
    assert np.isnan(early.loc[("2026-01", 1), "value"])
    assert early.loc[("2026-01", 1), ["denominator", "n_left_out", "flag"]].tolist() == [
        0,
        2,
        "immature",
    ]
    whole = retention(SHOP, as_of="2026-02-28").set_index(["cohort", "age"])
    assert whole.loc[("2026-01", 1), ["value", "denominator", "flag"]].tolist() == [0.5, 2, ""]
    # The cohort of February is of age 0, so at age 1 the whole counts January alone.
    assert whole.loc[("", 1), ["numerator", "denominator", "n_left_out"]].tolist() == [1, 2, 1]


def test_unbounded_retention_leaves_out_customers_whose_day_has_not_come() -> None:
    table = retention_by_age(SHOP, [30], as_of=DAY_ONE + 89, kind="unbounded")
    assert table["age"].unique().tolist() == ["30+"]
    whole = table[table["cohort"] == ""].iloc[0]
    # 007 and 7 came back on day 30 or later, c did not, d is 4 days old.
    assert whole[["numerator", "denominator", "n_left_out"]].tolist() == [2, 3, 1]
    assert whole["flag"] == "partly_mature"
    assert table.iloc[-1]["flag"] == "immature"


@given(
    rows=st.lists(
        st.tuples(st.sampled_from("abcde"), st.integers(0, 200), st.integers(0, 50)),
        min_size=1,
        max_size=30,
    ),
    as_of=st.integers(0, 220),
    unit=st.sampled_from(["week", "month", "quarter"]),
)
@settings(max_examples=25, deadline=None)
def test_retention_and_revenue_are_those_of_a_loop_over_customers(
    rows: list[tuple[str, int, int]], as_of: int, unit: str
) -> None:
    table = pl.from_pandas(orders(*rows))
    kept = retention(table, as_of=DAY_ONE + as_of, unit=unit)
    money = cohort_revenue(table, as_of=DAY_ONE + as_of, unit=unit).set_index(["cohort", "age"])
    histories: dict[str, list[tuple[int, int]]] = {}
    for who, day, amount in rows:
        if day <= as_of:
            at = int(calendar_index(np.array([day + DAY_ONE]), unit)[0])
            histories.setdefault(who, []).append((at, amount))
    for row in kept[kept["cohort"] != ""].itertuples():
        if row.flag:
            continue
        start = calendar_index(np.array([to_day(_first_day(str(row.cohort)))]), unit)[0]
        members = [h for h in histories.values() if min(at for at, _ in h) == start]
        ages = [{at - start for at, _ in h} for h in members]
        spent = [sum(amount for at, amount in h if at - start <= row.age) for h in members]
        assert row.denominator == len(members)
        assert row.numerator == sum(row.age in seen for seen in ages)
        cell = money.loc[(row.cohort, row.age)]
        assert cell["cumulative_value"] == pytest.approx(np.mean(spent))
        if len(members) > 1:
            ends = cell["cumulative_low"], cell["cumulative_high"]
            assert ends == pytest.approx(_gamma_ends(spent), abs=1e-6, nan_ok=True)


def _first_day(label: str) -> str:
    if "Q" in label:
        year, quarter = label.split("-Q")
        return f"{year}-{3 * int(quarter) - 2:02d}-01"
    return label if len(label) == len("2026-01-01") else f"{label}-01"


def _gamma_ends(values: list[int]) -> tuple[float, float]:
    """Bounds of a mean: gamma of its mean and variance, above with a mean term more."""
    total, squares, n = sum(values), sum(value**2 for value in values), len(values)
    if not total:
        return np.nan, np.nan
    spread = max(n * float(np.var(values, ddof=1)), 1e-12 * squares)
    term = squares / total  # as large as a term is where money is met
    low = stats.gamma.ppf(0.025, total**2 / spread, scale=spread / total)
    more, wider = total + term, spread + term**2
    high = stats.gamma.ppf(0.975, more**2 / wider, scale=wider / more)
    return low / n, high / n


@pytest.mark.parametrize("kind", ["pyarrow", "polars", "lazy", "duckdb"])
def test_every_engine_gives_the_same_cohorts(kind: str) -> None:
    native, as_of = kinds(SHOP)[kind], "2026-03-31"
    pd.testing.assert_frame_equal(retention(native, as_of=as_of), retention(SHOP, as_of=as_of))
    pd.testing.assert_frame_equal(
        cohort_revenue(native, as_of=as_of), cohort_revenue(SHOP, as_of=as_of)
    )
    ages = {"kind": "bracket", "as_of": as_of}
    pd.testing.assert_frame_equal(
        retention_by_age(native, [(1, 40)], **ages), retention_by_age(SHOP, [(1, 40)], **ages)
    )


@pytest.mark.spark
def test_spark_gives_the_same_cohorts(spark: Any) -> None:
    table = spark.createDataFrame(SHOP.astype({"customer_id": object, "order_id": object}))
    pd.testing.assert_frame_equal(
        cohort_revenue(table, as_of="2026-03-31"), cohort_revenue(SHOP, as_of="2026-03-31")
    )
    pd.testing.assert_frame_equal(
        retention_by_age(table, [30], as_of="2026-03-31", kind="unbounded"),
        retention_by_age(SHOP, [30], as_of="2026-03-31", kind="unbounded"),
    )


@given(day=st.integers(-20_000, 60_000), unit=st.sampled_from(["day", "week", "month", "quarter"]))
def test_the_calendar_in_the_engine_is_the_calendar_in_numpy(day: int, unit: str) -> None:
    frame = nw.from_native(pl.DataFrame({"day": [day]}))
    found = with_calendar(frame, unit=unit, at="day")["at"].to_list()
    assert found == calendar_index(np.array([day]), unit).tolist()


def test_a_refund_that_names_its_order_goes_back_to_the_day_of_that_order() -> None:
    table = orders(("a", 0, 10.0), ("a", 40, 20.0), ("a", 70, -10.0)).assign(
        order_id=["first", "second", "first"]
    )
    money = cohort_revenue(table, as_of="2026-03-31")
    assert first_days(table, as_of="2026-03-31")["first_day"].tolist() == [DAY_ONE + 40]
    assert matrix(money, values="revenue").to_dict("list") == {0: [20.0], 1: [0.0]}
    # Without the name, it is netted against the latest purchase before it.
    unnamed = cohort_revenue(table.drop(columns="order_id"), as_of="2026-03-31")
    assert unnamed[unnamed["cohort"] == "2026-01"]["revenue"].tolist() == [10.0, 10.0, 0.0]
    # As of a day before the refund, the order still stands.
    assert first_days(table, as_of=DAY_ONE + 60)["first_day"].tolist() == [DAY_ONE]


def test_refunds_of_unknown_orders_and_null_order_ids_are_netted_backwards() -> None:
    table = orders(("a", 0, 10.0), ("a", 40, 20.0), ("b", 3, 5.0), ("a", 70, -5.0)).assign(
        order_id=["first", None, None, "C99"]
    )
    for native in (table, *kinds(table).values()):
        money = cohort_revenue(native, as_of="2026-03-31")
        assert money[money["cohort"] == "2026-01"]["revenue"].tolist() == [15.0, 15.0, 0.0]


def test_no_orders_and_one_order_give_a_table() -> None:
    assert retention(SHOP.iloc[:0], as_of="2026-03-31").empty
    assert retention(SHOP, as_of="2025-03-31").empty
    single = cohort_revenue(SHOP.iloc[:1], as_of="2026-01-31")
    assert single["value"].tolist() == [10.0, 10.0]
    assert single["low"].isna().all()


class TwicePerMonth:
    """A forecaster that expects a purchase of 3.00 every 15 days, of everybody."""

    def predict(
        self, summary: pd.DataFrame, *, time_unit: str, horizon_days: float
    ) -> pd.DataFrame:
        assert time_unit == "days"
        return pd.DataFrame(
            {"expected_purchases": horizon_days / 15, "expected_spend": 3.0}, index=summary.index
        )


def test_unfinished_cells_are_forecast_apart_and_join_the_observed_ones() -> None:
    table = cohort_forecast(SHOP, TwicePerMonth(), as_of="2026-03-16", units_ahead=2)
    assert table["flag"].unique().tolist() == ["forecast"]
    january = table[table["cohort"] == "2026-01"].set_index("age")
    assert january["customers"].tolist() == [2, 2]
    # 15 days of March and 30 of April are to come; customer 7 spent 1.50 in March.
    assert january["expected_purchases"].tolist() == [2.0, 4.0]
    assert january["observed_revenue"].tolist() == [1.5, 0.0]
    assert january["value"].tolist() == [(1.5 + 2 * 3) / 2, 4 * 3 / 2]
    in_engine = cohort_forecast(
        duckdb.from_df(SHOP), TwicePerMonth(), as_of="2026-03-16", units_ahead=2
    )
    pd.testing.assert_frame_equal(in_engine, table)
    observed = retention(SHOP, as_of="2026-03-16").query("cohort == '2026-01' and flag == ''")
    assert observed["age"].max() + 1 == january.index.min()


def test_a_unit_that_ends_on_the_day_is_over_and_not_forecast() -> None:
    table = cohort_forecast(SHOP, TwicePerMonth(), as_of="2026-03-31", units_ahead=2)
    assert table[table["cohort"] == "2026-01"]["age"].tolist() == [3, 4]
    assert cohort_forecast(SHOP.iloc[:0], TwicePerMonth(), as_of="2026-03-31").empty


def test_expected_purchases_of_all_cells_are_those_of_the_model_over_the_whole_time() -> None:
    history = read_table("simulated:transactions").df()
    summary = rfm_summary(history, as_of="2024-12-31")
    model = LifetimeValue(purchases="mbg_nbd").fit(summary)
    table = cohort_forecast(history, model, as_of="2024-12-31", units_ahead=3)
    whole = model.predict(summary, horizon_days=float(to_day("2025-03-31") - to_day("2024-12-31")))
    assert table["expected_purchases"].sum() == pytest.approx(whole["expected_purchases"].sum())
    spent = whole["expected_purchases"] * whole["expected_spend"]
    assert table["expected_revenue"].sum() == pytest.approx(spent.sum())
    assert table.groupby("cohort")["customers"].first().sum() == len(summary)


def test_wrong_ages_and_kinds_say_what_to_give() -> None:
    as_of = str(to_date(DAY_ONE))
    with pytest.raises(SpecError, match="a bracket is a pair"):
        retention_by_age(SHOP, [7], as_of=as_of, kind="bracket")
    with pytest.raises(SpecError, match="kind is 'rolling'; use n_day, bracket or unbounded"):
        retention_by_age(SHOP, [7], as_of=as_of, kind="rolling")
    with pytest.raises(SpecError, match="at has -1; n_day takes whole days, 0 or more"):
        retention_by_age(SHOP, [-1], as_of=as_of, kind="n_day")
    with pytest.raises(SpecError, match="unit is 'fortnight'; use one of day, week"):
        retention(SHOP, as_of=as_of, unit="fortnight")
    with pytest.raises(SpecError, match="units_ahead is 0; use 1 or more"):
        cohort_forecast(SHOP, TwicePerMonth(), as_of=as_of, units_ahead=0)
