"""What customers cost and bring: the guides' examples, and cases worked by hand."""

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats

from patronage.data.units import to_day
from patronage.errors import DataError, SpecError
from patronage.marketing.acquisition import (
    acquired_customers,
    acquisition_figures,
    cac,
    roas,
    roi,
)
from patronage.marketing.economics import Forecasts, channel_economics, value_by_month
from patronage.marketing.kpis import kpis
from patronage.marketing.payback import payback
from patronage.marketing.periods import Period
from patronage.marketing.revenue import (
    simple_lifetime_value,
)
from patronage.marketing.satisfaction import Questions

JANUARY = Period("2026-01-01", "2026-01-31", timezone="Asia/Shanghai", currency="CNY")
FEBRUARY = Period("2026-02-01", "2026-02-28", timezone="Asia/Shanghai", currency="CNY")
AS_OF = "2026-03-31"
ONE = to_day("2026-01-01")


def orders(*rows: tuple[Any, int, float, str | None, str | None]) -> pd.DataFrame:
    """Customer, days since the first of 2026, amount, order id, channel."""
    table = pd.DataFrame(rows, columns=["customer_id", "day", "amount", "order_id", "channel"])
    return table.assign(
        day=table["day"] + ONE,
        amount=(table["amount"] * 10_000).round().astype("int64"),
        product=table["channel"],
    )


SHOP = orders(
    ("a", 0, 100.0, "1", "ads"),
    ("a", 0, 20.0, "1", "ads"),
    ("a", 30, 50.0, "2", "mail"),
    ("b", 5, 40.0, "3", "ads"),
    ("b", 33, -40.0, "C3", "ads"),
    ("c", 31, 60.0, "4", "mail"),
    ("a", 58, 30.0, None, None),
    ("d", 58, 0.0, None, "mail"),
)
SPEND = pd.DataFrame(
    {
        "channel": ["ads", "ads", "radio", "ads"],
        "day": [ONE, ONE + 30, ONE + 3, ONE + 31],
        "cost": [300_000, 100_000, 500_000, 70_000],
        "market_total": [3_000_000, 1_000_000, None, 700_000],
    }
)


def values(table: pd.DataFrame, group: str = "") -> dict[str, float]:
    return table[table["group"] == group].set_index("metric")["value"].to_dict()


def test_the_guides_examples_come_out_as_printed() -> None:
    costs = [cac(50_000, 500), cac(80_000, 400), cac(20_000, 50)]
    assert [figure.value for figure in costs] == [100.0, 200.0, 400.0]
    assert roi(150_000, 100_000).value == 0.5
    assert roi(80_000, 100_000, basis="margin", metric="romi").value == pytest.approx(-0.2)
    assert roas(400, 100).value == 4.0
    assert simple_lifetime_value(500, 3, 5).value == 7_500.0
    assert simple_lifetime_value(500, 3, 5, margin=0.4).value == 3_000.0
    assert payback([10, 20, 30], 30).value == 3.0


def test_costs_and_returns_blended_and_by_channel_of_the_first_order() -> None:
    won = acquired_customers(SHOP, period=JANUARY, as_of=AS_OF)
    assert won[["customer_id", "channel", "revenue"]].to_numpy().tolist() == [
        ["a", "ads", 200.0],
        ["b", "ads", 0.0],
    ]
    for spend in (SPEND, pl.from_pandas(SPEND), duckdb.from_df(SPEND)):
        table = acquisition_figures(won, spend, period=JANUARY, as_of=AS_OF)
        assert values(table)["cac"] == 45.0
        assert values(table, "ads") == {"cac": 20.0, "roas": 5.0, "romi_on_revenue": 4.0}
        radio = table[table["group"] == "radio"].set_index("metric")
        assert radio.loc["cac", "flag"] == "zero_denominator,no_history"
        assert radio.loc["romi_on_revenue", "value"] == -1.0


def test_the_customers_table_overrides_the_channel_and_free_channels_have_no_cost() -> None:
    customers = pd.DataFrame({"customer_id": ["a"], "acquisition_channel": ["friends"]})
    won = acquired_customers(SHOP, period=JANUARY, as_of=AS_OF, customers=customers)
    assert won["channel"].tolist() == ["friends", "(missing)"]
    table = acquisition_figures(won, SPEND, period=JANUARY, as_of=AS_OF)
    friends = table[table["group"] == "friends"].set_index("metric")
    assert friends["value"].isna().all()
    assert friends.loc["cac", "flag"] == "no_cost,no_history"
    numbers = customers.assign(customer_id=[1])
    with pytest.raises(DataError, match="ids are text in transactions and numbers in customers"):
        acquired_customers(SHOP, period=JANUARY, as_of=AS_OF, customers=numbers)


def test_who_is_new_is_unknown_where_orders_begin_too_shortly_before_the_period() -> None:
    window: dict[str, Any] = {"period": FEBRUARY, "as_of": AS_OF}
    for days, flag in ((31, ""), (32, "no_history")):
        won = acquired_customers(SHOP, **window, active_days=days)
        told = acquisition_figures(won, SPEND, **window)["flag"].str.contains("no_history")
        assert (told.all(), told.any()) == (bool(flag), bool(flag))
        tables = {"transactions": SHOP, "spend": SPEND}
        table = kpis(tables, **window, window_days=20, active_days=days)
        asking = table[table["room"].isin({"new_and_returning", "churn", "repurchase"})]
        assert set(asking["flag"]) == {flag}
        assert "no_history" not in set(table.loc[table["room"] == "revenue", "flag"])
    assert table.loc[table["metric"] == "churn_rate", "window_days"].tolist() == [32]


def test_paid_cost_per_customer_leaves_those_of_free_channels_out() -> None:
    customers = pd.DataFrame({"customer_id": ["a", "b"], "acquisition_channel": ["friends", "ads"]})
    won = acquired_customers(SHOP, period=JANUARY, as_of=AS_OF, customers=customers)
    found = values(acquisition_figures(won, SPEND, period=JANUARY, as_of=AS_OF))
    # 90 were spent: on two new customers, one of whom a channel brought that costs something.
    assert (found["cac"], found["cac_paid"]) == (45.0, 90.0)


def test_ltv_to_cac_and_payback_by_channel_from_forecasts() -> None:
    won = acquired_customers(SHOP, period=JANUARY, as_of=AS_OF)
    forecasts = pd.DataFrame(
        {"customer_id": ["a", "b"], "lifetime_value": [30.0, 10.0], "month_1": [3.0, 2.0]}
    )
    table = channel_economics(won, forecasts, SPEND, period=JANUARY, as_of=AS_OF, margin=0.1)
    ads = table[table["group"] == "ads"].set_index("metric")
    # So far 20 and 0 of margin, then 30 and 10.
    assert ads.loc["lifetime_value", "value"] == 30.0
    assert ads.loc["ltv_to_cac", "value"] == 1.5
    assert ads.loc["payback", "flag"] == "not_reached,no_history"
    # Three months old or nearly so, with 10 of margin on average; 20 were spent on each.
    richer = forecasts.assign(month_1=[15.0, 5.0], month_2=[30.0, 10.0])
    paid = channel_economics(won, richer, SPEND, period=JANUARY, as_of=AS_OF, margin=0.1)
    row = paid[(paid["group"] == "ads") & (paid["metric"] == "payback")].iloc[0]
    assert row["value"] == 4.0
    at_once = channel_economics(won, richer, SPEND, period=JANUARY, as_of=AS_OF, margin=1.0)
    back = at_once[at_once["metric"] == "payback"].set_index("group")
    flags = back["flag"]
    assert flags["ads"] == "reached,no_history"
    assert back.loc["ads", "value"] == 1.0  # 170 and 0 within the first month
    assert flags["radio"] == "zero_denominator,no_history"


def test_the_interval_of_lifetime_value_holds_the_error_of_the_models_parameters() -> None:
    won = acquired_customers(SHOP, period=JANUARY, as_of=AS_OF)
    forecasts = pd.DataFrame(
        {"customer_id": ["a", "b"], "lifetime_value": [30.0, 10.0], "month_1": [15.0, 5.0]}
    )
    found = []
    for table in (forecasts, forecasts.assign(error_1=[3.0, 1.0], error_2=[0.0, 3.0])):
        figures = channel_economics(won, table, SPEND, period=JANUARY, as_of=AS_OF, margin=0.1)
        found.append(figures[figures["group"] == "ads"].set_index("metric"))
    plain, moved = (each.loc["lifetime_value"] for each in found)
    # Values 50 and 10; parameters move their mean by 2 in one direction, by 1.5 in the other.
    assert plain["high"] - 30 == pytest.approx(stats.t.ppf(0.975, 1) * 20)
    assert moved["high"] - plain["high"] == pytest.approx(stats.norm.ppf(0.975) * 2.5)
    assert "forecast_as_known" in plain["flag"]
    assert moved["interval"] == "student_and_parameters"
    low, value, high = (found[1].loc["ltv_to_cac", end] for end in ("low", "value", "high"))
    assert low < value < high


def test_payback_lies_between_months_that_may_and_months_that_surely_reach_the_cost() -> None:
    months = {f"month_{month}": 10.0 * month for month in range(1, 7)}
    rng, n = np.random.default_rng(2), 400
    won = pd.DataFrame({"customer_id": range(n), "first_day": ONE, "channel": "ads",
                        "revenue": rng.gamma(4, 2.5, n)})  # fmt: skip
    won = won.assign(**{f"so_far_{month}": won["revenue"] for month in (1, 2)})
    forecasts = pd.DataFrame({"customer_id": range(n), "lifetime_value": 60.0, **months})
    spend = pd.DataFrame({"channel": ["ads"], "day": [ONE], "cost": [round(n * 28.0) * 10_000]})
    over = {"period": JANUARY, "as_of": AS_OF, "margin": 1.0}
    table = channel_economics(won, forecasts, spend, **over).query("group == 'ads'")
    row = table.set_index("metric").loc["payback"]
    # About 10 in 2.92 months and 10 in each from there on, so 31 after 5, against 28, which
    # Poisson's count of 400 leaves within 3.
    assert (row["low"], row["value"], row["high"]) == (4.0, 5.0, 6.0)
    unsure = channel_economics(won, forecasts.assign(error_1=30.0), spend, **over).head(4)
    wide = unsure.set_index("metric").loc["payback"]
    assert wide["low"] < row["low"]
    assert np.isnan(wide["high"])


class FlatRate:
    """A forecaster that expects a value of 1.00 every day."""

    def predict(
        self, summary: pd.DataFrame, *, time_unit: str, horizon_days: float
    ) -> pd.DataFrame:
        assert time_unit == "days"
        return pd.DataFrame({"lifetime_value": horizon_days}, index=summary.index)


def test_values_by_month_are_cumulative_at_months_of_a_twelfth_of_a_year() -> None:
    summary = pd.DataFrame(
        {"customer_id": ["007"], "frequency": 1, "recency": 2, "T": 3, "monetary_value": 4.0}
    )
    table = value_by_month(summary, FlatRate(), months=2)
    assert table.to_dict("list") == {
        "customer_id": ["007"],
        "month_1": [30.4375],
        "month_2": [60.875],
        "lifetime_value": [60.875],
    }


LEADS = pd.DataFrame(
    {
        "lead_id": list("abcdef"),
        "created_day": [ONE, ONE + 1, ONE + 2, ONE + 3, ONE + 40, ONE + 80],
        "converted_day": [ONE + 10, ONE + 50, None, ONE + 3, ONE + 41, ONE + 81],
        "value": [1_000_000, 2_000_000, None, 500_000, 100_000, 100_000],
        "origin": ["ads", "ads", None, "ads", "fair", "fair"],
        "qualified": [True, True, False, False, True, True],
    }
)


def test_kpis_gathers_what_the_tables_allow() -> None:
    tables = {"transactions": duckdb.from_df(SHOP), "spend": pl.from_pandas(SPEND), "leads": LEADS}
    forecasts = pd.DataFrame({"customer_id": ["a", "b"], "lifetime_value": [30.0, 10.0]})
    table = kpis(tables, period=JANUARY, as_of=AS_OF, forecasts=Forecasts(forecasts, 0.1))
    rooms = {"revenue", "growth", "acquisition", "economics", "leads", "share_of_spend", "churn"}
    assert rooms <= set(table["room"])
    assert not np.isinf(table["value"]).any()
    assert table["value"].isna().equals(table["value"].isna() & (table["flag"] != ""))
    surveys = pd.DataFrame({"customer_id": ["a", "b"], "day": [ONE, ONE], "score": [5.0, 1.0]})
    asked = {"period": JANUARY, "as_of": AS_OF}
    assert kpis({"surveys": surveys}, **asked)["metric"].tolist() == ["nps"]
    five = kpis({"surveys": surveys}, **asked, scale=Questions(1, 5))
    assert five[["metric", "value"]].to_numpy().tolist() == [["csat", 0.5]]
    assert set(kpis({"leads": LEADS}, period=JANUARY, as_of=AS_OF)["room"]) == {"leads"}
    with pytest.raises(SpecError, match="kpis knows no table 'orders'; give one or more of"):
        kpis({"orders": SHOP}, period=JANUARY, as_of=AS_OF)
    with pytest.raises(SpecError, match="kpis got no table"):
        kpis({}, period=JANUARY, as_of=AS_OF)
