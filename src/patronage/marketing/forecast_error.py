"""How far a mean forecast would move if the model's parameters were other than estimated."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pandas as pd

ERROR_PREFIX = "error_"
"""Columns that say how a customer's forecast moves in each direction of the parameters."""

MOST_CUSTOMERS = 2_000
"""Looked at; a mean of so many says well enough how far a forecast moves."""

FEWEST_CUSTOMERS = 30
"""Below so many a group moves in proportion as all customers do."""

FITTERS = ("purchase_model_", "spend_model_")
SMALLEST_VARIANCE = 1e-12


def moved_models(model: Any) -> list[tuple[Any, Any]]:  # noqa: ANN401 - a fitted LifetimeValue
    """Copy a fitted model, a standard error up and down in each direction of its parameters.

    Parameters
    ----------
    model
        With fitters `purchase_model_` and `spend_model_`, each with params_ and
        variance_matrix_; what has none gives no copies.

    Returns
    -------
    One pair a direction: the principal axes of the covariance of the parameters' logarithms,
    so that directions are independent. A parameter without a variance stays where it is.
    """
    pairs = []
    for name in FITTERS:
        fitter = getattr(model, name, None)
        if fitter is None:
            continue
        params = fitter.params_.to_numpy(dtype=float)
        variance = fitter.variance_matrix_.to_numpy(dtype=float) / np.outer(params, params)
        known = np.isfinite(np.diag(variance))
        variance = np.where(np.outer(known, known), variance, 0.0)
        sizes, axes = np.linalg.eigh(variance)
        for size, axis in zip(sizes, axes.T, strict=True):
            if size > SMALLEST_VARIANCE:
                step = math.sqrt(size) * axis
                pairs.append((_moved(model, name, step), _moved(model, name, -step)))
    return pairs


def _moved(model: Any, name: str, step: np.ndarray[Any, Any]) -> Any:  # noqa: ANN401 - a LifetimeValue
    moved = copy.deepcopy(model)
    fitter = getattr(moved, name)
    fitter.params_ = fitter.params_ * np.exp(step)
    return moved


def forecast_errors(
    summary: pd.DataFrame,
    model: Any,  # noqa: ANN401 - a fitted LifetimeValue
    *,
    horizon_days: float,
) -> pd.DataFrame:
    """Tell how the forecast value of customers moves in each direction of the parameters.

    Parameters
    ----------
    summary
        frequency, recency, T (days), monetary_value.
    model
        As `moved_models` takes it.
    horizon_days
        Of the forecast.

    Returns
    -------
    pandas.DataFrame
        The rows of `summary`, a column a direction: half the difference between a standard error
        up and down. NaN for customers who were not looked at; at most 2,000 are, evenly spread.
    """
    looked_at = np.linspace(0, len(summary) - 1, min(len(summary), MOST_CUSTOMERS)).astype(int)
    few = summary.iloc[np.unique(looked_at)]
    columns = {}
    for number, pair in enumerate(moved_models(model) if len(few) else ()):
        up, down = (
            each.predict(few, time_unit="days", horizon_days=horizon_days)["lifetime_value"]
            for each in pair
        )
        columns[f"{ERROR_PREFIX}{number + 1}"] = (up - down) / 2
    return pd.DataFrame(columns, index=few.index).reindex(summary.index)


def error_of_mean(group: pd.DataFrame, everybody: pd.DataFrame) -> float:
    """Give the standard error that the parameters leave in the mean forecast of a group.

    Parameters
    ----------
    group, everybody
        lifetime_value, and columns of `forecast_errors`; the group's customers and all.
    """
    errors = [name for name in everybody if str(name).startswith(ERROR_PREFIX)]
    if not errors:
        return math.nan
    looked_at = group[group[errors].notna().all(axis=1)]
    if len(looked_at) >= min(FEWEST_CUSTOMERS, len(group)):
        return float(np.sqrt((looked_at[errors].mean() ** 2).sum()))
    known = everybody[everybody[errors].notna().all(axis=1)]
    moved = float(np.sqrt((known[errors].mean() ** 2).sum()))
    mean = float(known["lifetime_value"].mean())
    return moved / mean * float(group["lifetime_value"].mean()) if mean else math.nan
