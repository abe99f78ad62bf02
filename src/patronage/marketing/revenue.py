"""Revenue and what it is made of: customers, orders, products, new and returning buyers.

Money of finance: a refund counts on its own day, so revenue is the sum of all amounts of the
period. An order is an order_id with an amount of zero or more, or a day of a customer where
there is no order_id; a customer is active by an order in the period.
"""

from __future__ import annotations

import math
from dataclasses import replace

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from narwhals.stable.v2.typing import IntoFrame

from patronage.data.frames import Frame, frame_of
from patronage.data.units import MONEY_SCALE, Day, to_day
from patronage.errors import SpecError
from patronage.marketing.engines import collected, has_column, label_of, within
from patronage.marketing.figures import Figure, made_by, ratio, share, stamped
from patronage.marketing.history import ACTIVE_DAYS, begins_after, unknown_before
from patronage.marketing.intervals import (
    Interval,
    Z,
    count_interval,
    growth_interval,
    ratio_interval,
    spend_interval,
    total_interval,
)
from patronage.marketing.periods import Period

CUSTOMER = "customer_id"


def revenue_figures(
    transactions: IntoFrame, *, period: Period, as_of: Day, by: str | None = None
) -> pd.DataFrame:
    """Revenue, customers, orders, ARPU, average order value and purchase frequency.

    Parameters
    ----------
    transactions
        Order lines as `read_table` gives them; pandas, polars or DuckDB.
    period
        Days counted, both ends included.
    as_of
        Last day observed; a period that ends later is flagged "incomplete_period".
    by
        Column to break down by, such as channel or product. A customer, and an order, may be in
        several, so counts of groups can add to more than the whole.

    Returns
    -------
    pandas.DataFrame
        Figures (see `patronage.marketing.figures`), the whole first. Revenue and orders have a
        compound-Poisson interval over customers, arpu a gamma one, customers a Poisson one,
        average_order_value and purchase_frequency a delta-method one over customers.

    Examples
    --------
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "day": [0, 5, 5],
    ...                        "amount": [100_000, 300_000, 200_000]})
    >>> table = revenue_figures(orders, period=Period(0, 9), as_of=9)
    >>> table.set_index("metric")["value"].to_dict()
    {'revenue': 60.0, 'customers': 2.0, 'orders': 3.0, 'arpu': 30.0, 'average_order_value': 20.0,
     'purchase_frequency': 1.5}
    """
    # The whole by itself: an order with lines of several groups is one order.
    figures = _one_group(_per_customer(transactions, period, as_of, None), "")
    if by is not None:
        groups = _per_customer(transactions, period, as_of, by).groupby("group", sort=True)
        figures += [figure for name, part in groups for figure in _one_group(part, str(name))]
    return stamped(figures, period, as_of)


def growth(
    transactions: IntoFrame, *, period: Period, as_of: Day, against: str = "before"
) -> pd.DataFrame:
    """Growth of revenue, customers and orders against the same period before.

    Parameters
    ----------
    transactions, period, as_of
        As in `revenue_figures`.
    against : "before" or "year_before"
        As many whole months or days right before, or the same dates a year earlier.

    Returns
    -------
    pandas.DataFrame
        Figures "revenue_growth" and so on: this period / that period - 1, with a delta-method
        interval over customers, who may be in both, on the scale of the logarithm. Flag
        "no_history" where the table begins within or after the period before, so that the
        comparison is not like with like.
    """
    if against not in {"before", "year_before"}:
        raise SpecError(f"against is {against!r}; use before or year_before.")
    earlier = period.before() if against == "before" else period.year_before()
    now = _per_customer(transactions, period, as_of, None)
    then = _per_customer(transactions, earlier, as_of, None)
    columns = [CUSTOMER, "revenue", "orders", "active"]
    both = now[columns].merge(then[columns], on=CUSTOMER, how="outer", suffixes=("", "_before"))
    both = both.fillna(dict.fromkeys([c for c in both if c != CUSTOMER], 0))
    figures = []
    for metric, column in (("revenue", "revenue"), ("customers", "active"), ("orders", "orders")):
        top, bottom = both[column].astype(float), both[f"{column}_before"].astype(float)
        low, high = growth_interval(top, bottom)
        figure = ratio(
            f"{metric}_growth",
            math.fsum(top),
            math.fsum(bottom),
            n=len(both),
            unit="share",
            bounds=Interval(low - 1, high - 1),
            interval="delta" if min(top.min(), bottom.min()) < 0 else "log_delta",
        )
        figures.append(replace(figure, value=figure.value - 1))
    flag = begins_after(transactions, earlier.first_day)
    return stamped(figures, period, as_of, flag=flag)


def product_mix(
    transactions: IntoFrame, *, period: Period, as_of: Day, by: str = "product"
) -> pd.DataFrame:
    """Share of revenue by product, or by another column of the order lines.

    Returns
    -------
    pandas.DataFrame
        Figures "revenue_share", largest first: revenue of the level / revenue of all, delta
        method over customers. Shares can be below 0 or above 1 where refunds outweigh sales.
    """
    frame = _in_period(transactions, period, as_of, by)
    cells = frame.group_by(CUSTOMER, "group").agg(nw.col("amount").sum().alias("money"))
    table = collected(cells, "money")
    table["money"] = table["money"] / MONEY_SCALE
    table["whole"] = table.groupby(CUSTOMER)["money"].transform("sum")
    customers = table.drop_duplicates(CUSTOMER)["whole"]
    total, squares, n = math.fsum(customers), math.fsum(customers**2), len(customers)
    table = table.assign(xx=table["money"] ** 2, xy=table["money"] * table["whole"])
    levels = table.groupby("group")[["money", "xx", "xy"]].agg(math.fsum)
    ordered = levels.sort_values("money", ascending=False, kind="stable")
    part_of = ordered["money"].to_numpy(dtype=float) / (total or math.nan)
    spread = ordered["xx"] - 2 * part_of * ordered["xy"] + part_of**2 * squares
    factor = n / (n - 1) if n > 1 else math.nan
    half = Z * np.sqrt(np.maximum(spread.to_numpy(dtype=float), 0) * factor) / abs(total or 1)
    figures = [
        replace(
            ratio(
                "revenue_share",
                float(money),
                total,
                n=n,
                unit="share",
                bounds=Interval(part - width, part + width),
                interval="delta",
            ),
            group=str(level),
        )
        for level, money, part, width in zip(
            ordered.index, ordered["money"], part_of, half, strict=True
        )
    ]
    return stamped(figures, period, as_of)


def new_and_returning(
    transactions: IntoFrame, *, period: Period, as_of: Day, active_days: int = ACTIVE_DAYS
) -> pd.DataFrame:
    """Share of revenue, and of customers, that is new: first order within the period.

    Parameters
    ----------
    transactions, period, as_of
        As in `revenue_figures`; orders before the period tell who is not new.
    active_days
        The flag "no_history" is set where the orders begin less than so many days before the
        period: some who look new have bought before.

    Returns
    -------
    pandas.DataFrame
        Figures "new_revenue_share" (delta method over customers) and "new_customer_share"
        (Wilson).
    """
    flag = unknown_before(transactions, period, active_days=active_days)
    customers = _per_customer(transactions, period, as_of, None)
    frame = frame_of(transactions, CUSTOMER, "day", "amount", name="transactions")
    firsts = frame.filter(nw.col("amount") >= 0, nw.col("day") <= to_day(as_of))
    firsts = firsts.group_by(CUSTOMER).agg(nw.col("day").min().alias("first_day"))
    customers = customers.merge(collected(firsts, "first_day"), on=CUSTOMER, how="left")
    is_new = (customers["first_day"] >= period.first_day).astype(float)
    whole = customers["revenue"].astype(float)
    revenue = ratio(
        "new_revenue_share",
        math.fsum(whole * is_new),
        math.fsum(whole),
        n=len(customers),
        unit="share",
        bounds=ratio_interval(whole * is_new, whole),
        interval="delta",
    )
    active = customers["active"].astype(float)
    people = share("new_customer_share", math.fsum(active * is_new), math.fsum(active))
    return stamped([revenue, people], period, as_of, flag=flag)


def simple_lifetime_value(
    order_value: float, orders_per_year: float, years: float, margin: float = 1.0
) -> Figure:
    """Give the guides' rule of thumb: order value x frequency x years (x margin).

    No customer leaves in it and nothing is discounted; `LifetimeValue` is the forecast.

    Examples
    --------
    >>> simple_lifetime_value(200, 4, 3).value
    2400.0
    """
    value = float(order_value) * orders_per_year * years * margin
    return Figure("simple_lifetime_value", value, unit="currency", flag="rule_of_thumb")


def _in_period(transactions: IntoFrame, period: Period, as_of: Day, by: str | None) -> Frame:
    """Select customer_id, day, amount, order key, group of the period's lines."""
    columns = (CUSTOMER, "day", "amount", *([by] if by else []))
    frame = frame_of(transactions, *columns, name="transactions")
    day = nw.col("day")
    key = nw.concat_str(nw.lit("day "), day.cast(nw.String))
    if has_column(frame, "order_id"):
        named = nw.col("order_id").cast(nw.String)
        key = nw.when(~named.is_null()).then(named).otherwise(key)
    group = label_of(by) if by else nw.lit("")
    return within(frame, period, as_of).select(CUSTOMER, "day", "amount", order=key, group=group)


def _per_customer(
    transactions: IntoFrame, period: Period, as_of: Day, by: str | None
) -> pd.DataFrame:
    """Collect customer_id, group, revenue, orders, active (1 with an order)."""
    is_order = nw.when(nw.col("amount") >= 0).then(nw.lit(1)).otherwise(nw.lit(0))
    orders = (
        _in_period(transactions, period, as_of, by)
        .with_columns(sold=is_order)
        .group_by(CUSTOMER, "group", "order")
        .agg(nw.col("amount").sum(), nw.col("sold").max())
    )
    customers = orders.group_by(CUSTOMER, "group").agg(
        nw.col("amount").sum().alias("revenue"), nw.col("sold").sum().alias("orders")
    )
    table = collected(customers, "revenue", "orders")
    return table.assign(
        revenue=table["revenue"] / MONEY_SCALE,
        active=(table["orders"] > 0).astype("int64"),
    )


def _one_group(table: pd.DataFrame, group: str) -> list[Figure]:
    n = len(table)
    sums = {name: math.fsum(table[name]) for name in ("revenue", "orders", "active")}
    bounds = total_interval(table["revenue"])
    figures = [
        Figure(
            "revenue",
            sums["revenue"],
            float(bounds.low),
            float(bounds.high),
            numerator=sums["revenue"],
            n=n,
            unit="currency",
            interval=made_by("compound_poisson", bounds),
        )
    ]
    for metric, column in (("customers", "active"), ("orders", "orders")):
        # Customers come one by one; orders of a customer do not, so they are summed first.
        single, whole = metric == "customers", sums[column]
        ends = count_interval(whole) if single else total_interval(table[column])
        count = Figure(metric, whole, float(ends.low), float(ends.high), numerator=whole, n=n)
        made = made_by("poisson" if single else "compound_poisson", ends)
        figures.append(replace(count, unit="count", interval=made))
    for metric, top, bottom, unit in (
        ("average_order_value", "revenue", "orders", "currency"),
        ("purchase_frequency", "orders", "active", "ratio"),
    ):
        spread = ratio_interval(table[top], table[bottom])
        figures.append(
            ratio(metric, sums[top], sums[bottom], n=n, unit=unit, bounds=spread, interval="delta")
        )
    figures.insert(-2, _arpu(table))
    return [replace(figure, group=group) for figure in figures]


def _arpu(table: pd.DataFrame) -> Figure:
    """Revenue a customer; where somebody only sent goods back, the two are not of the same."""
    revenue, active = table["revenue"], table["active"]
    total, n = math.fsum(revenue), len(table)
    spread, made = ratio_interval(revenue, active), "delta"
    if n and revenue.min() >= 0 and active.all():
        spread, made = spend_interval(n, total, math.fsum(revenue**2)), "gamma"
    whole = math.fsum(active)
    return ratio("arpu", total, whole, n=n, unit="currency", bounds=spread, interval=made)
