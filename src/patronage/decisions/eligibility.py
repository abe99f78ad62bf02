"""Who may be approached: rules on columns, and how often somebody was approached already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage.abtest.rows import as_text
from patronage.data.units import Day, to_day
from patronage.errors import DataError, SpecError

Allowed = NDArray[np.bool_]
Levels = Mapping[str, Sequence[Any]]
Numbers = Mapping[str, float]


class FrequencyCap(NamedTuple):
    """At most so many contacts within so many days up to the day of the decision."""

    contacts: int
    days: int


def meets(
    customers: pd.DataFrame,
    *,
    only: Levels | None = None,
    exclude: Levels | None = None,
    at_least: Numbers | None = None,
    at_most: Numbers | None = None,
    source: str = "customers",
) -> Allowed:
    """Say which rows meet all rules.

    A missing value meets neither `only` nor a bound, and no `exclude` catches it.

    Parameters
    ----------
    customers
        One row a customer.
    only, exclude
        Values by column that a row must have, or must not have.
    at_least, at_most
        Bounds by column of numbers, inclusive.
    source
        Named in messages.

    Raises
    ------
    SpecError
        If a rule names a column that is not there.
    DataError
        If a bound is on a column that holds no numbers.

    Examples
    --------
    >>> people = pd.DataFrame({"tier": ["A", "B", None], "age_days": [10, 400, 30]})
    >>> meets(people, exclude={"tier": ["B"]}, at_least={"age_days": 20}).tolist()
    [False, False, True]
    """
    allowed = np.ones(len(customers), dtype=bool)
    for rules, wanted in ((only or {}, True), (exclude or {}, False)):
        for column, values in rules.items():
            listed = [values] if isinstance(values, str) else list(values)
            names = set(as_text(pd.Series(listed, dtype=object)))
            found = as_text(column_of(customers, column, source)).isin(names).to_numpy()
            allowed &= found if wanted else ~found
    for bounds, sign in ((at_least or {}, 1.0), (at_most or {}, -1.0)):
        for column, bound in bounds.items():
            allowed &= sign * numbers_of(customers, column, source) >= sign * bound
    return allowed


def rested(
    ids: pd.Series[Any],
    contacts: pd.DataFrame,
    *,
    as_of: Day,
    cap: FrequencyCap,
    action: str | None = None,
) -> Allowed:
    """Say who was contacted less often than the cap allows.

    Parameters
    ----------
    ids : shape (n_customers,)
    contacts
        One row a contact: customer_id, day, and action where one is asked for.
    as_of
        Day of the decision; the window is the `cap.days` days up to it, inclusive.
    cap
    action
        Counts contacts with this action alone.

    Raises
    ------
    DataError
        If `contacts` lacks a column.

    Examples
    --------
    >>> sent = pd.DataFrame({"customer_id": ["7", "7", "8"], "day": [90, 99, 50]})
    >>> rested(pd.Series([7, 8]), sent, as_of=100, cap=FrequencyCap(2, 30)).tolist()
    [False, True]
    """
    need = ["customer_id", "day", *(["action"] if action is not None else [])]
    absent = [name for name in need if name not in contacts.columns]
    if absent:
        raise DataError(f"contacts: column(s) {', '.join(absent)} not found; it needs them.")
    last = to_day(as_of)
    days = contacts["day"]
    counted = (days > last - cap.days) & (days <= last)
    if action is not None:
        counted &= as_text(contacts["action"]) == action
    times = as_text(contacts.loc[counted, "customer_id"]).value_counts()
    return np.asarray(as_text(ids).map(times).fillna(0).to_numpy(dtype=np.float64) < cap.contacts)


def column_of(customers: pd.DataFrame, column: str, source: str) -> pd.Series[Any]:
    """Find a column, or say what there is."""
    if column not in customers.columns:
        raise SpecError(
            f"{source}: no column {column}; it has {', '.join(map(str, customers.columns))}."
        )
    return customers[column]


def numbers_of(customers: pd.DataFrame, column: str, source: str) -> NDArray[np.float64]:
    """Read a column of numbers, NaN where missing."""
    values = column_of(customers, column, source)
    found = pd.to_numeric(values, errors="coerce")
    odd = found.isna() & values.notna()
    if odd.any():
        raise DataError(
            f"{source}: {int(odd.sum()):,} of {len(odd):,} values of {column} are no numbers, "
            f"first {values[odd].iloc[0]!r}."
        )
    return np.asarray(found.to_numpy(dtype=np.float64, na_value=np.nan))
