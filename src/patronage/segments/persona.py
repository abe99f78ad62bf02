"""Personas: what sets the customers of a segment apart from the average customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from patronage.errors import DataError
from patronage.segments.shares import wilson

MISSING, OTHER = "(missing)", "(other)"
FEW = 30
COLUMNS = [
    "segment",
    "attribute",
    "level",
    "customers",
    "known",
    "value",
    "low",
    "high",
    "average",
    "lift",
    "unit",
    "flag",
]


def persona(
    customers: pd.DataFrame,
    segment: str,
    *,
    attributes: Sequence[str] | None = None,
    levels: int = 8,
) -> pd.DataFrame:
    """Set each segment against the average of all customers.

    Parameters
    ----------
    customers
        One row a customer: a segment column, and features or attributes of the customers table,
        numbers or text, missing values allowed. customer_id is passed over.
    segment
        Name of the column of segments; missing ones are a segment "(missing)".
    attributes
        Columns to describe; default, all others.
    levels
        For text, the most frequent levels are shown and the rest put together as "(other)".

    Returns
    -------
    pandas.DataFrame
        One row a segment and number, or segment and level of a text, the furthest from average
        first within a segment: segment, attribute, level, customers, known (with a value),
        value (mean, or share of the segment's customers) with its 95% interval (Student's, or
        Wilson's), average (the same of all customers), lift (value / average; NaN where that is
        zero), unit ("mean" or "share"), flag ("few" under 30 customers). Missing text is a
        level; missing numbers are left out of the mean.

    Raises
    ------
    DataError
        If a column is absent.

    Examples
    --------
    >>> table = pd.DataFrame({"segment": ["loyal", "loyal", "new", "new"],
    ...                       "orders": [9, 7, 1, 3], "city": ["Bern", "Bern", "Bern", "Genf"]})
    >>> columns = ["segment", "attribute", "level", "value", "lift"]
    >>> persona(table, "segment")[columns].head(3).round(2)
      segment attribute level  value  lift
    0   loyal    orders          8.0  1.60
    1   loyal      city  Bern    1.0  1.33
    2   loyal      city  Genf    0.0  0.00
    """
    others = [str(name) for name in customers if name not in {segment, "customer_id"}]
    chosen = list(attributes) if attributes is not None else others
    absent = [name for name in (segment, *chosen) if name not in customers]
    if absent:
        raise DataError(
            f"customers: column {absent[0]} not found; it has {', '.join(map(str, customers))}."
        )
    of = _text(customers[segment]).rename("segment")
    parts = [
        _numeric(customers[name], of)
        if _is_number(customers[name])
        else _levels(customers[name], of, levels)
        for name in chosen
    ]
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.concat(parts, ignore_index=True)
    table["lift"] = table["value"] / table["average"].where(table["average"] != 0)
    table["flag"] = np.where(table["customers"] < FEW, "few", "")
    far = table["lift"].where(table["lift"] > 0)
    table["_far"] = np.abs(np.log(far)).fillna(-1.0).where(table["unit"] == "mean", -0.5)
    share = table["unit"] == "share"
    table.loc[share, "_far"] = (table["value"] - table["average"]).abs()[share]
    ordered = table.sort_values(["segment", "_far"], ascending=[True, False], kind="stable")
    return ordered[COLUMNS].reset_index(drop=True)


def _is_number(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _text(column: pd.Series[Any]) -> pd.Series[Any]:
    return column.astype(object).where(column.notna(), MISSING).astype(str)


def _numeric(column: pd.Series[Any], of: pd.Series[Any]) -> pd.DataFrame:
    values = column.astype("float64").replace([np.inf, -np.inf], np.nan)
    grouped = values.groupby(of)
    known, mean = grouped.count(), grouped.mean()
    half = stats.t.ppf(0.975, np.maximum(known - 1, 1)) * grouped.std() / np.sqrt(known)
    return pd.DataFrame(
        {
            "segment": mean.index,
            "attribute": str(column.name),
            "level": "",
            "customers": grouped.size().to_numpy(),
            "known": known.to_numpy(),
            "value": mean.to_numpy(),
            "low": (mean - half).to_numpy(),
            "high": (mean + half).to_numpy(),
            "average": values.mean(),
            "unit": "mean",
        }
    )


def _levels(column: pd.Series[Any], of: pd.Series[Any], most: int) -> pd.DataFrame:
    text = _text(column)
    # By count, then by name, so that ties do not hang on the order of the rows.
    counts = text.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    if len(counts) > most:
        text = text.where(text.isin(counts.index[:most]), OTHER)
    cells = pd.crosstab(of, text)
    sizes = cells.sum(axis=1).to_numpy()
    n, k = cells.shape
    hits, totals = cells.to_numpy().ravel(), np.repeat(sizes, k)
    low, high = wilson(hits, totals)
    return pd.DataFrame(
        {
            "segment": np.repeat(cells.index.to_numpy(), k),
            "attribute": str(column.name),
            "level": np.tile(cells.columns.to_numpy(), n),
            "customers": totals,
            "known": totals,
            "value": hits / totals,
            "low": low,
            "high": high,
            "average": np.tile(cells.sum(axis=0).to_numpy() / max(sizes.sum(), 1), n),
            "unit": "share",
        }
    )
