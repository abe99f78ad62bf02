"""Cumulative purchases by week: what a model says of the past and forecasts beyond it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

DAYS_A_WEEK = 7


def cumulative_curve(
    purchase_model: Any,  # noqa: ANN401 - a fitted BG/NBD or MBG/NBD, in days
    summary: pd.DataFrame,
    weekly: pd.DataFrame,
) -> pd.DataFrame:
    """Put the forecast beside the actual cumulative repeat purchases.

    Up to `as_of` the forecast is what the model expects of new customers who came in when
    these did; after it, what had happened by then plus what it expects of each history.

    Parameters
    ----------
    purchase_model
        Fitted in days.
    summary : one row a customer
        frequency, recency, T in days, as of the day that week 0 ends on.
    weekly : one row a week, in order
        week, last_day, repeat_purchases, as `weekly_purchases` gives it.

    Returns
    -------
    One row a week: week, actual, forecast.
    """
    # Days from as_of to each week's end: below zero before it.
    as_of = int(weekly.loc[weekly["week"] == 0, "last_day"].iloc[0])
    ends = weekly["last_day"].to_numpy(dtype=np.float64) - as_of
    actual = weekly["repeat_purchases"].cumsum().to_numpy(dtype=np.float64)
    ages, customers = np.unique(summary["T"].to_numpy(dtype=np.float64), return_counts=True)
    forecast = np.empty(len(ends))
    for at, end in enumerate(ends):
        if end <= 0:
            known = np.maximum(ages + end, 0.0)
            new = purchase_model.expected_number_of_purchases_up_to_time(known)
            forecast[at] = float(customers @ np.asarray(new))
    ahead = ends > 0
    histories, n_alike = np.unique(
        summary[["frequency", "recency", "T"]].to_numpy(dtype=np.float64),
        axis=0,
        return_counts=True,
    )
    table = purchase_model.expected_purchases_table(ends[ahead], *histories.T)
    forecast[ahead] = actual[ends == 0][0] + n_alike @ table
    return pd.DataFrame({"week": weekly["week"], "actual": actual, "forecast": forecast})
