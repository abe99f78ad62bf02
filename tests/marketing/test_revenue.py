"""Revenue and activity against plain loops and cases worked by hand, on every engine."""

import math
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from patronage.data.units import to_day
from patronage.errors import SpecError
from patronage.marketing.acquisition import (
    acquired_customers,
)
from patronage.marketing.activity import activity, churn_rate, repurchase_rate, subscription_churn
from patronage.marketing.periods import Period
from patronage.marketing.revenue import (
    growth,
    new_and_returning,
    product_mix,
    revenue_figures,
)

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


def kinds(table: pd.DataFrame) -> list[Any]:
    frame = pl.from_pandas(table)
    return [
        table.convert_dtypes(dtype_backend="pyarrow"),
        frame,
        frame.lazy(),
        duckdb.from_df(table),
    ]


def test_a_january_worked_by_hand() -> None:
    table = revenue_figures(SHOP, period=JANUARY, as_of=AS_OF)
    assert values(table) == {
        "revenue": 210.0,
        "customers": 2.0,
        "orders": 3.0,
        "arpu": 105.0,
        "average_order_value": 70.0,
        "purchase_frequency": 1.5,
    }
    assert table["window"].unique().tolist() == ["2026-01-01 to 2026-01-31"]
    assert table["timezone"].unique().tolist() == ["Asia/Shanghai"]
    assert table["currency"].unique().tolist() == ["CNY"]
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()


def test_a_refund_counts_on_its_own_day_and_is_no_order() -> None:
    table = values(revenue_figures(SHOP, period=FEBRUARY, as_of=AS_OF))
    # c 60, a 30 and d's zero-priced order; b's refund of January's order lies in February.
    assert table["revenue"] == 50.0
    assert (table["customers"], table["orders"]) == (3.0, 3.0)


def test_the_interval_of_orders_takes_customers_as_independent_not_orders() -> None:
    row = revenue_figures(SHOP, period=JANUARY, as_of=AS_OF).set_index("metric").loc["orders"]
    # Two orders of a, one of b: Fay and Feuer with 3 in all, squares of 5, 2 at the most.
    assert row["low"] == pytest.approx(5 / 6 * stats.chi2.ppf(0.025, 2 * 9 / 5))
    assert row["high"] == pytest.approx(9 / 10 * stats.chi2.ppf(0.975, 2 * 25 / 9))
    assert row["interval"] == "compound_poisson"


def test_an_order_over_several_groups_is_one_order_of_the_whole() -> None:
    lines = orders(("a", 0, 10.0, "1", "tea"), ("a", 0, 30.0, "1", "cup"), ("b", 1, 5.0, None, "x"))
    lines = pd.concat([lines, lines.tail(1).assign(product="y")])
    table = revenue_figures(lines, period=JANUARY, as_of=AS_OF, by="product")
    alone = revenue_figures(lines, period=JANUARY, as_of=AS_OF)
    pd.testing.assert_frame_equal(table.head(len(alone)), alone)
    assert (values(table)["orders"], values(table)["average_order_value"]) == (2.0, 25.0)
    assert values(table, "cup")["average_order_value"] == 30.0


def test_growth_with_a_customer_below_zero_names_the_interval_that_it_has() -> None:
    lines = [("a", 0, 9.0, "1", "x"), ("b", 1, 9.0, "2", "x"), ("a", 31, 8.0, "3", "x")]
    lines += [("b", 33, 7.0, "4", "x")]
    for more, name in (([], "log_delta"), ([("c", 34, -5.0, None, "x")], "delta")):
        row = growth(orders(*lines, *more), period=FEBRUARY, as_of=AS_OF).iloc[0]
        assert row["interval"] == name
        # Plain, it lies as far on either side; on the logarithm, as far in proportion.
        sides = (row["high"] - row["value"], row["value"] - row["low"])
        if name == "delta":
            assert sides[0] == pytest.approx(sides[1])
        else:
            middle = (1 + row["low"]) * (1 + row["high"])
            assert middle == pytest.approx((1 + row["value"]) ** 2)


@pytest.mark.parametrize("engine", [pd.DataFrame, pl.from_pandas, duckdb.from_df])
def test_a_customer_with_a_gap_and_a_blank_is_one_customer_of_the_missing(engine: Any) -> None:
    lines = engine(
        orders(("a", 0, 1.0, "1", None), ("a", 1, 2.0, "2", " "), ("b", 2, 3.0, "3", "x"))
    )
    over: dict[str, Any] = {"period": JANUARY, "as_of": AS_OF, "by": "channel"}
    for table in (revenue_figures(lines, **over), activity(lines, **over)):
        counted = table[table["metric"].isin(["customers", "mau"])].set_index("group")["value"]
        assert counted.to_dict() == {"": 2.0, "(missing)": 1.0, "x": 1.0}
    mix = product_mix(lines, **over).set_index("group")["numerator"]
    assert mix.to_dict() == {"(missing)": 3.0, "x": 3.0}


def test_a_period_that_is_not_over_says_so_and_an_empty_one_is_null() -> None:
    cut = revenue_figures(SHOP, period=FEBRUARY, as_of="2026-02-10")
    assert set(cut["flag"]) == {"incomplete_period"}
    assert values(cut)["revenue"] == 20.0
    nobody = revenue_figures(SHOP, period=Period("2027-01-01", "2027-01-02"), as_of="2027-02-01")
    assert nobody.set_index("metric").loc["arpu", "flag"] == "zero_denominator"
    assert math.isnan(values(nobody)["average_order_value"])
    assert revenue_figures(SHOP.iloc[:0], period=JANUARY, as_of=AS_OF)["value"].iloc[0] == 0


@pytest.mark.parametrize(
    "figures",
    [
        lambda t: revenue_figures(t, period=JANUARY, as_of=AS_OF, by="channel"),
        lambda t: growth(t, period=FEBRUARY, as_of=AS_OF),
        lambda t: product_mix(t, period=JANUARY, as_of=AS_OF),
        lambda t: new_and_returning(t, period=FEBRUARY, as_of=AS_OF),
        lambda t: activity(t, period=JANUARY, as_of=AS_OF, by="channel"),
        lambda t: repurchase_rate(t, period=JANUARY, as_of=AS_OF, window_days=30),
        lambda t: churn_rate(t, period=FEBRUARY, as_of=AS_OF),
        lambda t: acquired_customers(t, period=JANUARY, as_of=AS_OF),
    ],
)
def test_every_engine_gives_the_same_figures(figures: Any) -> None:
    expected = figures(SHOP)
    for native in kinds(SHOP):
        pd.testing.assert_frame_equal(figures(native), expected)


@given(
    rows=st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(0, 60), st.integers(-20, 50)),
        min_size=1,
        max_size=30,
    )
)
@settings(max_examples=15, deadline=None)
def test_revenue_is_the_sum_of_all_amounts_and_splits_over_channels(
    rows: list[tuple[str, int, int]],
) -> None:
    table = orders(*[(who, day, money, None, who.upper()) for who, day, money in rows])
    found = revenue_figures(pl.from_pandas(table), period=JANUARY, as_of=AS_OF, by="channel")
    inside = [row for row in rows if row[1] <= 30]
    sums = found[found["metric"] == "revenue"].set_index("group")["value"]
    assert sums[""] == pytest.approx(sum(money for _, _, money in inside))
    assert sums.drop("").sum() == pytest.approx(sums[""])
    assert values(found)["orders"] == len({(who, day) for who, day, money in inside if money >= 0})
    mix = product_mix(pl.from_pandas(table), period=JANUARY, as_of=AS_OF)
    if sums[""]:
        assert mix["value"].sum() == pytest.approx(1.0)


def test_growth_compares_with_whole_months_and_knows_when_there_is_no_history() -> None:
    table = growth(SHOP, period=FEBRUARY, as_of=AS_OF)
    assert values(table)["revenue_growth"] == pytest.approx(50 / 210 - 1)
    assert values(table)["orders_growth"] == 0.0
    assert table["flag"].tolist() == ["", "", ""]
    first = growth(SHOP, period=JANUARY, as_of=AS_OF)
    assert first["value"].isna().all()
    assert set(first["flag"]) == {"zero_denominator,no_history"}
    assert set(growth(SHOP.iloc[2:], period=FEBRUARY, as_of=AS_OF)["flag"]) == {"no_history"}
    with pytest.raises(SpecError, match="against is 'last'; use before or year_before"):
        growth(SHOP, period=JANUARY, as_of=AS_OF, against="last")


def test_new_and_returning_split_the_revenue_of_february() -> None:
    table = values(new_and_returning(SHOP, period=FEBRUARY, as_of=AS_OF))
    assert table["new_revenue_share"] == pytest.approx(60 / 50)
    assert table["new_customer_share"] == pytest.approx(2 / 3)


def test_product_mix_gives_the_interval_of_the_delta_method_over_customers() -> None:
    table = product_mix(SHOP, period=JANUARY, as_of=AS_OF).set_index("group")
    assert table["value"].to_dict() == pytest.approx({"ads": 160 / 210, "mail": 50 / 210})
    # Customers a (120 of 170 by ads) and b (40 of 40).
    share = 160 / 210
    spread = (120 - share * 170) ** 2 + (40 - share * 40) ** 2
    half = 1.959964 * math.sqrt(spread * 2) / 210
    assert table.loc["ads", "high"] - share == pytest.approx(half, rel=1e-5)


def test_repurchase_leaves_out_customers_whose_window_is_not_over() -> None:
    # a and b of January, c and d of February; b's order was refunded on day 33.
    row = repurchase_rate(SHOP, period=Period(ONE, ONE + 58), as_of=ONE + 61, window_days=30).iloc[
        0
    ]
    assert (row["numerator"], row["denominator"], row["n_left_out"]) == (1, 2, 1)
    with pytest.raises(SpecError, match="window_days is 0; use 1 or more"):
        repurchase_rate(SHOP, period=JANUARY, as_of=AS_OF, window_days=0)


def test_churn_counts_those_whose_silence_grew_too_long_within_the_period() -> None:
    # a last bought on day 30, b on day 5; February ends on day 58.
    window = {"period": FEBRUARY, "as_of": AS_OF}
    table = churn_rate(SHOP.iloc[:4], **window, active_days=28)
    assert values(table) == {"churn_rate": 1.0, "retention_rate": 0.0}
    longer = churn_rate(SHOP.iloc[:4], **window, active_days=50)
    assert longer[["numerator", "denominator"]].to_numpy().tolist() == [[1, 2], [1, 2]]
    assert values(churn_rate(SHOP.iloc[:4], **window))["churn_rate"] == 0.0
    again = churn_rate(SHOP, **window, active_days=28)
    assert again["denominator"].tolist() == [1, 1]  # b's order was refunded by the end
    assert values(again)["retention_rate"] == 1.0  # a bought on day 58
    open_period = churn_rate(SHOP, period=FEBRUARY, as_of="2026-02-27")
    assert open_period["value"].isna().all()
    assert set(open_period["flag"]) == {"incomplete_period,no_history"}
    with pytest.raises(SpecError, match="active_days is 0; use 1 or more"):
        churn_rate(SHOP, **window, active_days=0)


def test_subscriptions_end_on_their_day_and_a_change_of_plan_is_no_loss() -> None:
    table = pd.DataFrame(
        {
            "customer_id": ["stays", "leaves", "changes", "changes", "left", "new"],
            "started_day": [ONE - 90, ONE - 90, ONE - 90, ONE + 5, ONE - 90, ONE + 2],
            "ended_day": [None, ONE + 30, ONE + 5, None, ONE - 1, None],
        }
    )
    figures = subscription_churn(table, period=JANUARY, as_of=AS_OF)
    assert figures.loc[0, ["numerator", "denominator"]].tolist() == [1, 3]
    assert values(figures)["retention_rate"] == pytest.approx(2 / 3)


def test_activity_counts_distinct_units_over_days_weeks_and_months() -> None:
    table = activity(SHOP, period=JANUARY, as_of=AS_OF)
    # Of the 30 days to the 31st: a on day 30, b on day 5; a's first order lies before.
    assert values(table) == pytest.approx(
        {"dau": 3 / 31, "wau": 1.0, "mau": 2.0, "stickiness": 1 / 30}
    )
    by_unit = activity(SHOP.rename(columns={"customer_id": "unit_id"}), period=JANUARY, as_of=AS_OF)
    assert values(by_unit) == values(table)
    assert len(activity(SHOP.iloc[:0], period=JANUARY, as_of=AS_OF)) == 4
