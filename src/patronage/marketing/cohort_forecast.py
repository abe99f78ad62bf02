"""The cells of a cohort table that are not over, forecast by a fitted lifetime-value model.

Forecasts stand in a table of their own and are never mixed with what was observed.
"""

from __future__ import annotations

from typing import Any, Protocol

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from narwhals.stable.v2.typing import IntoFrame

from patronage.data.frames import Frame, frame_of
from patronage.data.returns import link_refunds
from patronage.data.units import MONEY_SCALE, Day, to_date, to_day
from patronage.errors import SpecError
from patronage.features.rfm import Returns, purchase_days, rfm_summary
from patronage.marketing.engines import collected, with_calendar
from patronage.marketing.periods import calendar_index, calendar_label, check_unit, first_day_of

SUMMARY = ["frequency", "recency", "T", "monetary_value"]


class Forecaster(Protocol):
    """What is asked of a model: `patronage.models.lifetime_value.LifetimeValue` has it."""

    def predict(
        self, summary: pd.DataFrame, *, time_unit: str, horizon_days: float
    ) -> pd.DataFrame:
        """Give expected_purchases within the horizon and expected_spend of one, by row."""
        ...


def cohort_forecast(
    transactions: IntoFrame,
    model: Forecaster,
    *,
    as_of: Day,
    unit: str = "month",
    units_ahead: int = 12,
    returns: Returns = "net",
) -> pd.DataFrame:
    """Expect the purchases and revenue of each cohort in the units that are not over.

    Parameters
    ----------
    transactions, as_of, unit, returns
        As in `patronage.marketing.cohorts.cohort_revenue`.
    model
        A fitted `LifetimeValue`, used unchanged.
    units_ahead
        How many unfinished units to forecast, from the one that `as_of` lies in, unless it ends
        that day.

    Returns
    -------
    pandas.DataFrame
        One row a cohort and unfinished unit: cohort, age, customers, observed_revenue (of the
        part of the unit that is over), expected_purchases and expected_revenue (of the rest,
        undiscounted, all of the price whatever the model's margin), value (observed and
        expected revenue per customer), low and high (NaN: the models here give no interval for
        a sum of customers) and so no level, n and denominator (customers), window, flag
        "forecast".

    Raises
    ------
    SpecError
        If `units_ahead` is below 1 or the unit is unknown.
    """
    check_unit(unit)
    if units_ahead < 1:
        raise SpecError(f"units_ahead is {units_ahead}; use 1 or more.")
    last = to_day(as_of)
    now = int(calendar_index(np.array([last]), unit)[0])
    frame = frame_of(transactions, "customer_id", "day", "amount", name="transactions")
    known = frame.filter(nw.col("day") <= last)
    linked = (link_refunds(known) if returns == "net" else known).to_native()
    summary = collected(frame_of(rfm_summary(linked, as_of=as_of, returns=returns), name="summary"))
    cohorts = calendar_index((last - summary["T"]).to_numpy(), unit)
    ends = first_day_of(np.arange(now + 1, now + 2 + units_ahead), unit) - 1
    offsets = np.flatnonzero(ends > last)[:units_ahead]  # a unit that ends today is over
    blocks, before = [], np.zeros(len(summary))
    observed = _current_revenue(linked, as_of=as_of, unit=unit, returns=returns)
    for offset in offsets if len(summary) else ():
        ahead = float(ends[offset] - last)
        forecast = model.predict(summary[SUMMARY], time_unit="days", horizon_days=ahead)
        until = forecast["expected_purchases"].to_numpy()
        more = until - before
        block = pd.DataFrame({"cohort": cohorts, "age": now + offset - cohorts, "customers": 1})
        block["expected_purchases"] = more
        block["expected_revenue"] = more * forecast["expected_spend"].to_numpy()
        sums = block.groupby(["cohort", "age"], as_index=False).sum()
        sums["observed_revenue"] = sums["cohort"].map(observed).fillna(0.0) if offset == 0 else 0.0
        blocks.append(sums)
        before = until
    return _finished(blocks, as_of=as_of, unit=unit)


def _current_revenue(
    transactions: IntoFrame, *, as_of: Day, unit: str, returns: Returns
) -> pd.Series[Any]:
    """Sum what each cohort has spent in the unit that `as_of` lies in, by cohort index."""
    now = int(calendar_index(np.array([to_day(as_of)]), unit)[0])
    start = int(first_day_of(now, unit))
    days: Frame = nw.from_native(purchase_days(transactions, as_of=as_of, returns=returns))
    spent = (
        with_calendar(
            days.with_columns(first_day=nw.col("day").min().over("customer_id")),
            unit=unit,
            cohort="first_day",
        )
        .filter(nw.col("day") >= start)
        .group_by("cohort")
        .agg(nw.col("day_value").sum())
    )
    table = collected(spent, "cohort", "day_value")
    return table.set_index("cohort")["day_value"] / MONEY_SCALE


def _finished(blocks: list[pd.DataFrame], *, as_of: Day, unit: str) -> pd.DataFrame:
    columns = ["cohort", "age", "customers", "observed_revenue"]
    columns += ["expected_purchases", "expected_revenue"]
    table = pd.concat(blocks)[columns] if blocks else pd.DataFrame(columns=columns)
    table = table.sort_values(["cohort", "age"], ignore_index=True)
    revenue = table["observed_revenue"] + table["expected_revenue"]
    return table.assign(
        cohort=[calendar_label(cohort, unit) for cohort in table["cohort"]],
        value=revenue / table["customers"],
        low=np.nan,
        high=np.nan,
        level=np.nan,
        denominator=table["customers"],
        n=table["customers"],
        window=f"after {to_date(as_of)}",
        flag="forecast",
    )
