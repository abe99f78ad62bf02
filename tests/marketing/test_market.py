"""Shares of a market against cases worked by hand, on every engine."""

import duckdb
import pandas as pd
import polars as pl
import pytest

from patronage.data.units import to_day
from patronage.marketing.market import share_of_market, share_of_spend
from patronage.marketing.periods import Period

JANUARY = Period("2026-01-01", "2026-01-31", timezone="Asia/Shanghai", currency="CNY")
AS_OF = "2026-03-31"
ONE = to_day("2026-01-01")
SPEND = pd.DataFrame(
    {
        "channel": ["ads", "ads", "radio", "ads"],
        "day": [ONE, ONE + 30, ONE + 3, ONE + 31],
        "cost": [300_000, 100_000, 500_000, 70_000],
        "market_total": [3_000_000, 1_000_000, None, 700_000],
        "market_revenue": [8_000_000, 2_000_000, 5_000_000, 9_000_000],
    }
)
ORDERS = pd.DataFrame(
    {
        "customer_id": ["a", "b", "b", "c", "c"],
        "day": [ONE, ONE + 9, ONE + 12, ONE + 30, ONE + 31],
        "amount": [900_000, 300_000, -200_000, 500_000, 700_000],
        "channel": ["ads", "ads", "ads", "radio", "ads"],
    }
)


def test_share_of_spend_counts_a_market_total_once_and_leaves_out_days_without() -> None:
    twice = pd.concat([SPEND, SPEND.iloc[:1]])
    table = share_of_spend(twice, period=JANUARY, as_of=AS_OF).set_index("group")
    assert set(table["metric"]) == {"share_of_spend"}
    assert table.loc["ads", ["numerator", "denominator", "n_left_out"]].tolist() == [70, 400, 0]
    assert table.loc["", ["value", "n_left_out"]].tolist() == [0.175, 1]
    assert table.loc["radio", "flag"] == "zero_denominator"


@pytest.mark.parametrize("engine", [pd.DataFrame, pl.from_pandas, duckdb.from_df])
def test_our_part_of_the_market_is_revenue_over_its_revenue(engine: type) -> None:
    table = share_of_market(engine(ORDERS), engine(SPEND), period=JANUARY, as_of=AS_OF)
    found = table.set_index("group")
    assert set(table["metric"]) == {"market_share"}
    # 90 + 30 - 20 of 1,000 and 50 of 500; what is of February is left out.
    assert found["value"].to_dict() == {"": 0.1, "ads": 0.1, "radio": 0.1}
    assert found.loc["", ["numerator", "denominator"]].to_list() == [150, 1500]


def test_orders_without_the_markets_channels_have_one_share_of_all_of_it() -> None:
    for orders in (ORDERS.drop(columns="channel"), ORDERS.assign(channel="shop")):
        table = share_of_market(orders, SPEND, period=JANUARY, as_of=AS_OF)
        assert table[["group", "value"]].to_numpy().tolist() == [["", 0.1]]
    ads = share_of_market(ORDERS[:1], SPEND, period=JANUARY, as_of=AS_OF).set_index("group")
    assert ads.loc["", ["numerator", "denominator"]].to_list() == [90, 1000]
    assert ads["flag"].to_list() == ["some_channels", ""]
    none = share_of_market(ORDERS, SPEND[:0], period=JANUARY, as_of=AS_OF)
    assert none[["flag"]].to_numpy().tolist() == [["zero_denominator"]]
