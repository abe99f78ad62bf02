"""What customers cost and bring: the guides' examples, and cases worked by hand."""

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from patronage.data.units import to_day
from patronage.errors import DataError, SpecError
from patronage.marketing.acquisition import (
    acquired_customers,
    acquisition_figures,
    cac,
    market_share,
    roas,
    roi,
    share_of_spend,
)
from patronage.marketing.economics import Forecasts, channel_economics, payback, value_by_month
from patronage.marketing.kpis import kpis
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
    assert market_share(5, 20).value == 0.25
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
        assert radio.loc["cac", "flag"] == "zero_denominator"
        assert radio.loc["romi_on_revenue", "value"] == -1.0


def test_the_customers_table_overrides_the_channel_and_free_channels_have_no_cost() -> None:
    customers = pd.DataFrame({"customer_id": ["a"], "acquisition_channel": ["friends"]})
    won = acquired_customers(SHOP, period=JANUARY, as_of=AS_OF, customers=customers)
    assert won["channel"].tolist() == ["friends", "(missing)"]
    table = acquisition_figures(won, SPEND, period=JANUARY, as_of=AS_OF)
    friends = table[table["group"] == "friends"].set_index("metric")
    assert friends["value"].isna().all()
    assert friends.loc["cac", "flag"] == "no_cost"
    numbers = customers.assign(customer_id=[1])
    with pytest.raises(DataError, match="ids are text in transactions and numbers in customers"):
        acquired_customers(SHOP, period=JANUARY, as_of=AS_OF, customers=numbers)


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
    assert ads.loc["payback", "flag"] == "not_reached"
    richer = forecasts.assign(month_1=[15.0, 5.0])
    paid = channel_economics(won, richer, SPEND, period=JANUARY, as_of=AS_OF, margin=0.1)
    age = (to_day(AS_OF) - ONE - 2.5) / 30.4375
    row = paid[(paid["group"] == "ads") & (paid["metric"] == "payback")].iloc[0]
    assert row["value"] == pytest.approx(age + 1)
    at_once = channel_economics(won, richer, SPEND, period=JANUARY, as_of=AS_OF, margin=1.0)
    flags = at_once[at_once["metric"] == "payback"].set_index("group")["flag"]
    assert flags["ads"] == "reached"
    assert flags["radio"] == "zero_denominator"


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


def test_share_of_spend_counts_a_market_total_once_and_leaves_out_days_without() -> None:
    twice = pd.concat([SPEND, SPEND.iloc[:1]])
    table = share_of_spend(twice, period=JANUARY, as_of=AS_OF).set_index("group")
    assert table.loc["ads", ["numerator", "denominator", "n_left_out"]].tolist() == [70, 400, 0]
    assert table.loc["", ["value", "n_left_out"]].tolist() == [0.175, 1]
    assert table.loc["radio", "flag"] == "zero_denominator"


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
    assert {"revenue", "growth", "acquisition", "economics", "leads", "market", "churn"} <= set(
        table["room"]
    )
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
