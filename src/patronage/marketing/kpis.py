"""All figures that the tables at hand allow, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from narwhals.stable.v2.typing import IntoFrame

from patronage.data.frames import frame_of
from patronage.data.units import Day, to_day
from patronage.errors import SpecError
from patronage.marketing.acquisition import (
    acquired_customers,
    acquisition_figures,
)
from patronage.marketing.activity import activity, churn_rate, repurchase_rate, subscription_churn
from patronage.marketing.economics import Forecasts, channel_economics
from patronage.marketing.engines import has_column
from patronage.marketing.history import ACTIVE_DAYS
from patronage.marketing.leads import lead_figures
from patronage.marketing.market import share_of_market, share_of_spend
from patronage.marketing.periods import Period
from patronage.marketing.revenue import growth, new_and_returning, product_mix, revenue_figures
from patronage.marketing.satisfaction import NPS_0_TO_10, NPS_SCALES, Questions, csat, nps

TABLES = (
    "transactions",
    "customers",
    "subscriptions",
    "leads",
    "spend",
    "steps",
    "touches",
    "surveys",
)


def kpis(  # noqa: PLR0913 - figures of that many tables have so many settings
    tables: Mapping[str, IntoFrame],
    *,
    period: Period,
    as_of: Day,
    window_days: int = 90,
    active_days: int = ACTIVE_DAYS,
    forecasts: Forecasts | None = None,
    scale: Questions = NPS_0_TO_10,
    leads_by: str | None = None,
    observed: Mapping[str, Day] | None = None,
) -> pd.DataFrame:
    """Compute every metric that the tables allow, for one period.

    Parameters
    ----------
    tables
        Checked frames by table name, any of transactions, customers, subscriptions, leads,
        spend, steps, touches, surveys; at least one.
    period
        Days counted, both ends included, with their time zone and currency.
    as_of
        Last day observed.
    window_days
        Window of repurchase and of lead conversion.
    active_days
        How long a purchase makes a customer, for churn; orders that begin less than so many days
        before the period cannot tell who is new, and the figures that ask are flagged.
    forecasts
        Lifetime values and their margin, for LTV:CAC and payback by channel of acquisition.
    scale
        Of the surveys, with the question where there are several: 0 to 10 gives the net
        promoter score, other scales the share of the two best answers.
    leads_by
        Column of the leads to break down by, such as the channel that they came through.
    observed
        Table to the last day observed of it, where that is before `as_of`: orders that end in
        February tell nothing of March, whatever the touches do.

    Returns
    -------
    pandas.DataFrame
        Figures (see `patronage.marketing.figures`) with the column `room` in front: which part
        they come from. What a missing table would have given is not there.

    Raises
    ------
    SpecError
        If a table's name is unknown or there is none.
    """
    _refuse_unknown(tables)
    rooms: dict[str, pd.DataFrame] = {}

    def over(name: str) -> dict[str, Any]:
        until = to_day((observed or {}).get(name, as_of))
        return {"period": period, "as_of": min(until, to_day(as_of))}

    known: dict[str, Any] = over("transactions") | {"active_days": active_days}
    if "transactions" in tables:
        rooms |= _of_orders(tables["transactions"], over("transactions"), known, window_days)
    if "spend" in tables:
        rooms |= _of_spend(tables, known, forecasts)
    if "leads" in tables:
        rooms["leads"] = lead_figures(
            tables["leads"],
            **over("leads"),
            window_days=window_days,
            spend=tables.get("spend"),
            by=leads_by,
        )
    if "subscriptions" in tables:
        rooms["subscriptions"] = subscription_churn(
            tables["subscriptions"], **over("subscriptions")
        )
    if "surveys" in tables:
        measure = nps if scale[:2] in NPS_SCALES else csat
        rooms["satisfaction"] = measure(tables["surveys"], scale=scale, **over("surveys"))
    for name in [name for name in ("steps", "touches") if name in tables]:
        by = "channel" if _has(tables[name], "channel") else None
        rooms[name] = activity(tables[name], **over(name), by=by)
    return _joined(rooms)


def _refuse_unknown(tables: Mapping[str, IntoFrame]) -> None:
    unknown = [name for name in tables if name not in TABLES]
    if unknown or not tables:
        named = f"knows no table {unknown[0]!r}" if unknown else "got no table"
        raise SpecError(f"kpis {named}; give one or more of {', '.join(TABLES)}.")


def _has(table: IntoFrame, column: str) -> bool:
    return has_column(frame_of(table, name="table"), column)


def _of_orders(
    transactions: IntoFrame, over: dict[str, Any], known: dict[str, Any], window_days: int
) -> dict[str, pd.DataFrame]:
    rooms = {
        "revenue": revenue_figures(transactions, **over),
        "growth": growth(transactions, **over),
        "growth_on_year": growth(transactions, **over, against="year_before"),
        "new_and_returning": new_and_returning(transactions, **known),
        "activity": activity(transactions, **over),
        "repurchase": repurchase_rate(transactions, **known, window_days=window_days),
        "churn": churn_rate(transactions, **known),
    }
    for column in ("product", "channel"):
        if _has(transactions, column):
            rooms[f"mix_by_{column}"] = product_mix(transactions, **over, by=column)
    if _has(transactions, "channel"):
        rooms["activity_by_channel"] = activity(transactions, **over, by="channel")
    return rooms


def _of_spend(
    tables: Mapping[str, IntoFrame], known: dict[str, Any], forecasts: Forecasts | None
) -> dict[str, pd.DataFrame]:
    rooms, over = {}, {name: known[name] for name in ("period", "as_of")}
    if _has(tables["spend"], "market_total"):
        rooms["share_of_spend"] = share_of_spend(tables["spend"], **over)
    if "transactions" not in tables:
        return rooms
    if _has(tables["spend"], "market_revenue"):
        rooms["market"] = share_of_market(tables["transactions"], tables["spend"], **over)
    customers = tables.get("customers")
    if customers is not None and not _has(customers, "acquisition_channel"):
        customers = None
    won = acquired_customers(tables["transactions"], **known, customers=customers)
    rooms["acquisition"] = acquisition_figures(won, tables["spend"], **over)
    if forecasts is not None:
        rooms["economics"] = channel_economics(
            won,
            forecasts.table,
            tables["spend"],
            **over,
            margin=forecasts.margin,
        )
    return rooms


def _joined(rooms: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    # Concatenated as objects first, since a room may have a column of nulls alone.
    parts = [table.astype(object).assign(room=name) for name, table in rooms.items()]
    table = pd.concat(parts, ignore_index=True).infer_objects()
    return table[["room", *[name for name in table if name != "room"]]]
