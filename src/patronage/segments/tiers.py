"""Value tiers: A, B and C by cumulative share of forecast value."""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from patronage.errors import SpecError
from patronage.models.state import State
from patronage.segments.tables import UNKNOWN, FloatArray, Labels, plain

NAMES = "ABCDEFGHI"


class ValueTiers(BaseEstimator):
    """Tiers by cumulative share of value, with frozen value edges.

    From the most valuable customer down, tier A holds those before whom less than the first
    share was reached, so that A brings at least that share; customers who tie with its last
    belong to it.

    Parameters
    ----------
    shares : increasing fractions within (0, 1)
        Cumulative shares of value at which tiers end; (0.7, 0.9) makes A, B and C.

    Attributes
    ----------
    edges_ : shape (n_tiers - 1,)
        Lowest value of each tier but the last; a new customer is placed by these.
    n_customers_ : int

    Examples
    --------
    >>> value = [100, 60, 20, 10, 5, 5, 0, 0, 0, 0]
    >>> tiers = ValueTiers().fit(value)
    >>> "".join(tiers.predict(value))
    'AABCCCCCCC'
    """

    def __init__(self, shares: tuple[float, ...] = (0.7, 0.9)) -> None:
        self.shares = shares

    def fit(self, X: ArrayLike, y: object = None) -> Self:  # noqa: ARG002 - scikit-learn's
        """Learn the value edges.

        Parameters
        ----------
        X : shape (n_customers,) or one column
            Forecast value in currency units; NaN is left out, values below zero count as zero.

        Raises
        ------
        ValueError
            If no value is known.
        SpecError
            If the shares do not increase within (0, 1).
        """
        shares = np.asarray(self.shares, dtype=float)
        inside = len(shares) and shares[0] > 0 and shares[-1] < 1
        if not inside or (np.diff(shares) <= 0).any() or len(shares) >= len(NAMES):
            raise SpecError(f"shares are {self.shares}; give increasing fractions, (0.7, 0.9).")
        values = _values(X)
        known = np.sort(np.maximum(values[~np.isnan(values)], 0))[::-1]
        if not len(known):
            raise ValueError(f"ValueTiers: 0 of {len(values):,} values are known.")
        total = known.sum()
        before = np.concatenate([[0.0], np.cumsum(known)[:-1]])
        # Rounding of the running sum must not push a customer over an edge.
        last = [int((before < share * total * (1 - 1e-12)).sum()) - 1 for share in shares]
        self.edges_ = np.array([known[at] if at >= 0 else np.inf for at in last], dtype=float)
        self.n_customers_ = len(known)
        return self

    def predict(self, X: ArrayLike) -> Labels:
        """Place customers by value; "unknown" where it is missing.

        Returns
        -------
        shape (n_customers,), "A" the most valuable.
        """
        check_is_fitted(self, "edges_")
        values = _values(X)
        names = np.array([*NAMES[: len(self.edges_) + 1], UNKNOWN], dtype=object)
        # A worthless customer is in the last tier, whatever the edges.
        places = (values[:, None] < self.edges_).sum(axis=1)
        places = np.where(values <= 0, len(self.edges_), places)
        return np.asarray(names[np.where(np.isnan(values), len(names) - 1, places)])

    def report(self, X: ArrayLike, revenue: ArrayLike | None = None) -> pd.DataFrame:
        """Say what the tiers hold here; the classic is 20% of customers and 70% of revenue.

        Parameters
        ----------
        X : shape (n_customers,)
            Value as in fit.
        revenue : shape (n_customers,), optional
            Observed revenue of the same customers, to set beside the forecast.

        Returns
        -------
        pandas.DataFrame
            One row a tier: tier, customers, share_of_customers, value, share_of_value, least
            and, with revenue, revenue and share_of_revenue. Shares are NaN where the total is
            zero.
        """
        values = _values(X)
        table = pd.DataFrame({"tier": self.predict(values), "value": np.maximum(values, 0)})
        if revenue is not None:
            table["revenue"] = np.asarray(revenue, dtype=float)
        order = [*NAMES[: len(self.edges_) + 1], *([UNKNOWN] if np.isnan(values).any() else [])]
        grouped = table.groupby("tier")
        result = pd.DataFrame({"tier": order}).set_index("tier")
        result["customers"] = grouped.size().reindex(order, fill_value=0)
        result["share_of_customers"] = result["customers"] / (len(values) or np.nan)
        for name in [column for column in ("value", "revenue") if column in table]:
            result[name] = grouped[name].sum().reindex(order, fill_value=0.0)
            result[f"share_of_{name}"] = result[name] / (result[name].sum() or np.nan)
        result["least"] = grouped["value"].min().reindex(order)
        return result.reset_index()

    def to_state(self) -> State:
        """Give the fitted edges as plain values."""
        check_is_fitted(self, "edges_")
        edges = [None if np.isinf(edge) else edge for edge in self.edges_]
        parameters = {"shares": self.shares, "edges": edges, "n_customers": self.n_customers_}
        return State(plain(parameters), {})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Rebuild a fitted estimator."""
        model = cls(shares=tuple(state.parameters["shares"]))
        edges = [np.inf if edge is None else edge for edge in state.parameters["edges"]]
        model.edges_ = np.array(edges, dtype=float)
        model.n_customers_ = int(state.parameters["n_customers"])
        return model


def top_share(values: ArrayLike, part: float = 0.2) -> float:
    """Share of value that the most valuable part of customers brings.

    Parameters
    ----------
    values : shape (n_customers,)
        NaN is left out, values below zero count as zero.
    part
        Fraction of customers; a broken customer counts in part.

    Returns
    -------
    float
        NaN where nothing is worth anything.

    Examples
    --------
    >>> round(top_share([70, 10, 10, 5, 5], 0.2), 6)
    0.7
    """
    array = _values(values)
    known = np.sort(np.maximum(array[~np.isnan(array)], 0))[::-1]
    if not known.sum():
        return float("nan")
    curve = np.concatenate([[0.0], np.cumsum(known)]) / known.sum()
    return float(np.interp(part * len(known), np.arange(len(known) + 1), curve))


def _values(X: ArrayLike) -> FloatArray:
    array = np.asarray(X, dtype=float)
    if array.ndim == 2 and array.shape[1] == 1:  # noqa: PLR2004 - a column
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"ValueTiers takes one value a customer; got shape {array.shape}.")
    return np.where(np.isinf(array), np.nan, array)
