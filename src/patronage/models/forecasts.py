"""Columns that a fitted lifetime-value model adds to a snapshot of customers.

The model is fitted once, on data to the earliest training cutoff, and used unchanged at every
cutoff and at scoring: fitted anew for each snapshot, the columns of a late cutoff would know
what an early label was.
"""

from __future__ import annotations

import pandas as pd

from patronage.errors import DataError
from patronage.models.lifetime_value import FORECAST_COLUMNS, LifetimeValue


def add_forecasts(
    summary: pd.DataFrame,
    model: LifetimeValue,
    *,
    horizon_days: float | None = None,
    time_unit: str = "days",
) -> pd.DataFrame:
    """Add what a fitted model expects of each customer.

    Parameters
    ----------
    summary
        One row a customer: frequency, recency, T, monetary_value, as of any day; other columns
        are kept.
    model
        Fitted; it is not changed.
    horizon_days
        Window of expected_purchases, by default the model's own.
    time_unit
        Of recency and T.

    Returns
    -------
    A copy of summary, same rows and index, with three more columns, all doubles:
        probability_alive    that the customer will buy again some day
        expected_purchases   within the horizon
        expected_spend       expected value of one purchase, currency units

    Raises
    ------
    DataError
        If a column is missing, or one of the three is there already.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.

    Examples
    --------
    >>> from lifetimes.datasets import load_cdnow_summary_data_with_monetary_value
    >>> summary = load_cdnow_summary_data_with_monetary_value().reset_index()
    >>> model = LifetimeValue(purchases="bg_nbd").fit(summary, time_unit="weeks")
    >>> more = add_forecasts(summary, model, horizon_days=91, time_unit="weeks")
    >>> more[["customer_id", "expected_purchases", "expected_spend"]].head(2).round(2)
       customer_id  expected_purchases  expected_spend
    0            1                0.46           24.66
    1            2                0.07           18.91
    """
    taken = [name for name in FORECAST_COLUMNS if name in summary.columns]
    if taken:
        raise DataError(
            f"summary: column(s) {', '.join(taken)} are there already; "
            "drop them, they would be replaced by another model's."
        )
    forecasts = model.forecast(summary, time_unit=time_unit, horizon_days=horizon_days)
    return summary.assign(**{name: forecasts[name] for name in FORECAST_COLUMNS})
