"""A health score from 0 to 100: how well things stand with a customer, and because of what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from patronage.errors import SpecError
from patronage.evaluation.discrimination import Interval, Lift, auc_interval, lift_table
from patronage.models.state import State
from patronage.segments.health_weights import positive_logistic, share_bounds
from patronage.segments.shares import wilson
from patronage.segments.tables import UNKNOWN, FloatArray, Labels, numbers, plain

DIRECTIONS = {
    "probability_alive": 1,
    "churn_probability": -1,
    "spend_trend": 1,
    "activity_trend": 1,
    "trend": 1,
    "activity": 1,
    "satisfaction": 1,
    "service_contacts": -1,
    "recency_days": -1,
    "frequency": 1,
}
"""Components known by name, and whether more of it is better (1) or worse (-1)."""

BANDS = {"healthy": 70.0, "watch": 40.0, "at risk": 0.0}
MOST_KNOTS = 201


class HealthScore(BaseEstimator):
    """Weighted mean of components, each as its rank among the customers of the fit.

    A component's rank runs from 0 (worst) to 1 (best), with ties in the middle of theirs; the
    score is 100 times the weighted mean of the ranks. Learnt weights are those of a logistic
    regression of the outcome on the ranks with no weight below zero, so that better never
    lowers the score, scaled to sum to 1. A missing component leaves the mean, and the weights of
    the others count for more.

    Parameters
    ----------
    weights : "learnt" or mapping of component to a weight >= 0
        By hand, they need no outcome; they are scaled to sum to 1.
    directions : mapping of component to 1 (more is better) or -1, for those not in `DIRECTIONS`
    bands : mapping of name to lowest score, or None for healthy from 70, watch from 40, at risk

    Attributes
    ----------
    components_ : list of str
    weights_ : dict of component to weight, summing to 1
    weight_bounds_ : dict of component to 95% bounds (low, high) of a learnt weight, else empty
    weights_from_ : "learnt", "by hand", or "equal: the components told nothing of the outcome"
    n_customers_ : int

    Examples
    --------
    >>> X = pd.DataFrame({"probability_alive": [0.1, 0.5, 0.9], "service_contacts": [4, 0, 1]})
    >>> health = HealthScore(weights={"probability_alive": 3, "service_contacts": 1}).fit(X)
    >>> health.health(X).round(1).tolist()
    [16.7, 58.3, 75.0]
    >>> health.predict(X).tolist()
    ['at risk', 'watch', 'healthy']
    """

    def __init__(
        self,
        weights: str | Mapping[str, float] = "learnt",
        directions: Mapping[str, int] | None = None,
        bands: Mapping[str, float] | None = None,
    ) -> None:
        self.weights = weights
        self.directions = directions
        self.bands = bands

    def fit(self, X: pd.DataFrame, y: ArrayLike | None = None) -> Self:
        """Freeze the ranks, and learn the weights.

        Parameters
        ----------
        X : one column a component, numbers, missing values allowed; customer_id is passed over
        y : shape (n_customers,), 1 where the customer stayed and 0 where not, as of later than X
            Needed for learnt weights.

        Raises
        ------
        SpecError
            If a component's direction is unknown, or weights or bands make no sense.
        ValueError
            If X is empty, or y lacks one of the two outcomes.
        """
        components = [str(name) for name in X.columns if name != "customer_id"]
        signs = self._signs(components)
        _ordered_bands(self.bands)
        if not len(X) or not components:
            raise ValueError(
                f"HealthScore: got {len(X):,} rows and {len(components)} components; "
                "give one of each or more."
            )
        values = numbers(X, components, owner="HealthScore")
        self.components_, self.signs_ = components, signs
        self.knots_ = {name: _ranks(values[name].to_numpy()) for name in components}
        self.n_customers_ = len(X)
        self.weight_bounds_: dict[str, tuple[float, float]] = {}
        if isinstance(self.weights, str):
            raw = self._learn(self._ranked(values), y)
        else:
            raw, self.weights_from_ = self._by_hand(), "by hand"
        self.weights_ = dict(zip(components, (raw / raw.sum()).tolist(), strict=True))
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Split the score over its components.

        Returns
        -------
        pandas.DataFrame, index of X
            Points of each component; they sum to the score. NaN where a component is missing.
        """
        check_is_fitted(self, "weights_")
        ranks = self._ranked(numbers(X, self.components_, owner="HealthScore"))
        weights = np.array([self.weights_[name] for name in self.components_])
        there = ~np.isnan(ranks) * weights
        whole = there.sum(axis=1, keepdims=True)
        points = np.full(ranks.shape, np.nan)
        np.divide(100 * ranks * weights, whole, out=points, where=whole > 0)
        return pd.DataFrame(points, index=X.index, columns=self.components_)

    def health(self, X: pd.DataFrame) -> FloatArray:
        """Score customers.

        Returns
        -------
        shape (n_customers,), 0 to 100; NaN where no component with a weight is known.
        """
        points = self.transform(X)
        known = points.notna().any(axis=1)
        return np.array(points.sum(axis=1).clip(0, 100).where(known), dtype=float)

    def predict(self, X: pd.DataFrame) -> Labels:
        """Name the band of each customer; "unknown" where there is no score."""
        return band_of(self.health(X), self.bands)

    def to_state(self) -> State:
        """Give weights and frozen ranks as plain values."""
        check_is_fitted(self, "weights_")
        arguments = {
            name: dict(value) if isinstance(value, Mapping) else value
            for name, value in self.get_params().items()
        }
        parameters = {
            "arguments": arguments,
            "components": self.components_,
            "signs": self.signs_,
            "knots": self.knots_,
            "weights": self.weights_,
            "weight_bounds": self.weight_bounds_,
            "weights_from": self.weights_from_,
            "n_customers": self.n_customers_,
        }
        return State(plain(parameters), {})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Rebuild a fitted estimator."""
        parameters = state.parameters
        model = cls(**parameters["arguments"])
        model.components_ = list(parameters["components"])
        model.signs_ = {name: int(sign) for name, sign in parameters["signs"].items()}
        model.knots_ = {
            name: (np.asarray(knots[0], dtype=float), np.asarray(knots[1], dtype=float))
            for name, knots in parameters["knots"].items()
        }
        model.weights_ = dict(parameters["weights"])
        model.weight_bounds_ = {
            name: (float(low), float(high))
            for name, (low, high) in parameters.get("weight_bounds", {}).items()
        }
        model.weights_from_ = parameters["weights_from"]
        model.n_customers_ = int(parameters["n_customers"])
        return model

    def _signs(self, components: list[str]) -> dict[str, int]:
        known = {**DIRECTIONS, **(self.directions or {})}
        unknown = [name for name in components if known.get(name) not in {1, -1}]
        if unknown:
            raise SpecError(
                f"HealthScore does not know which way {unknown[0]!r} counts; say "
                f"directions = {{{unknown[0]!r}: 1}} where more is better, -1 where it is worse."
            )
        return {name: known[name] for name in components}

    def _ranked(self, values: pd.DataFrame) -> FloatArray:
        columns = []
        for name in self.components_:
            at, rank = self.knots_[name]
            x = values[name].to_numpy()
            there = np.interp(x, at, rank) if len(at) else np.full(len(x), 0.5)
            there = there if self.signs_[name] == 1 else 1 - there
            columns.append(np.where(np.isnan(x), np.nan, there))
        return np.column_stack(columns)

    def _learn(self, ranks: FloatArray, y: ArrayLike | None) -> FloatArray:
        if self.weights != "learnt":
            raise SpecError(f"weights is {self.weights!r}; use learnt, or give them by component.")
        stayed = np.asarray([] if y is None else y, dtype=float)
        if len(stayed) != len(ranks) or set(np.unique(stayed)) != {0.0, 1.0}:
            raise ValueError(
                f"HealthScore learns weights from outcomes 0 and 1, both of them, one a row; got "
                f"{len(stayed):,} outcomes for {len(ranks):,} rows. Or give weights by hand."
            )
        centred = np.nan_to_num(ranks, nan=0.5) - 0.5
        beta = positive_logistic(centred, stayed)
        weights = beta[1:]
        if weights.sum() <= 1e-6:  # noqa: PLR2004 - the solver's zero
            self.weights_from_ = "equal: the components told nothing of the outcome"
            return np.ones(len(weights))
        self.weights_from_ = "learnt"
        bounds = zip(*(ends.tolist() for ends in share_bounds(centred, stayed, beta)), strict=True)
        self.weight_bounds_ = dict(zip(self.components_, bounds, strict=True))
        return weights

    def _by_hand(self) -> FloatArray:
        given = dict(self.weights) if isinstance(self.weights, Mapping) else {}
        wrong = [name for name in given if name not in self.components_]
        raw = np.array([float(given.get(name, 0.0)) for name in self.components_])
        if wrong or (raw < 0).any() or not raw.sum() > 0 or not np.isfinite(raw).all():
            first = f"; {wrong[0]!r} is no component" if wrong else ""
            raise SpecError(
                f"weights are {given}{first}; give weights of 0 or more, one above 0, for "
                f"{', '.join(self.components_)}."
            )
        return raw


@dataclass(frozen=True)
class HealthBacktest:
    """What the score was worth, told by what customers then did.

    Attributes
    ----------
    auc
        Of staying by health, with its bootstrap interval; .5 is chance.
    capture
        Of the least healthy 5, 10 and 20%: rate of leaving, lift, share of all who left.
    bands
        One row a band: band, customers, stayed, rate with Wilson's 95% bounds low and high.
    n, n_left_out
        Customers judged, and those without a score.
    """

    auc: Interval
    capture: list[Lift]
    bands: pd.DataFrame
    n: int
    n_left_out: int

    def capture_table(self) -> pd.DataFrame:
        """Lay capture out, one row a share of customers.

        Returns
        -------
        pandas.DataFrame
            share, rate, lift, capture with Wilson's 95% bounds low and high (the cut taken as
            known), denominator (customers who left) and customers.
        """
        table = pd.DataFrame(self.capture)
        left = int((self.bands["customers"] - self.bands["stayed"]).sum())
        low, high = wilson(table["capture"] * left, np.full(len(table), left))
        return table.assign(low=low, high=high, denominator=left, customers=self.n)


def backtest_health(
    health: ArrayLike,
    stayed: ArrayLike,
    *,
    bands: Mapping[str, float] | None = None,
    groups: ArrayLike | None = None,
) -> HealthBacktest:
    """Judge scores of one day by what customers did after it.

    Parameters
    ----------
    health : shape (n_customers,), 0 to 100, as of a day; NaN is left out and counted
    stayed : shape (n_customers,), 1 or 0, observed after that day, on customers not in the fit
    bands
        As in `HealthScore`.
    groups : shape (n_customers,), optional
        Customer of each row where there are several days.

    Raises
    ------
    ValueError
        If the lengths differ or one of the outcomes is absent.
    """
    score, outcome = np.asarray(health, dtype=float), np.asarray(stayed, dtype=float)
    if score.shape != outcome.shape:
        raise ValueError(f"health has shape {score.shape}, stayed {outcome.shape}; give one a row.")
    known = ~np.isnan(score)
    kept, left = outcome[known], score[known]
    if set(np.unique(kept)) != {0.0, 1.0}:
        raise ValueError(
            f"stayed holds {np.unique(kept).tolist()} for {known.sum():,} scored customers; the "
            "back-test needs both 0 and 1."
        )
    rows = np.asarray(groups)[known] if groups is not None else None
    table = pd.DataFrame({"band": band_of(left, bands), "stayed": kept})
    grouped = table.groupby("band")["stayed"].agg(["size", "sum"])
    order = list(_ordered_bands(bands))
    counts = grouped.reindex(order, fill_value=0).astype(float)
    low, high = wilson(counts["sum"], counts["size"])
    by_band = pd.DataFrame(
        {
            "band": order,
            "customers": counts["size"].to_numpy(dtype="int64"),
            "stayed": counts["sum"].to_numpy(dtype="int64"),
            "rate": (counts["sum"] / counts["size"].where(counts["size"] > 0)).to_numpy(),
            "low": low,
            "high": high,
        }
    )
    return HealthBacktest(
        auc_interval(kept, left, groups=rows),
        lift_table(1 - kept, -left),
        by_band,
        int(known.sum()),
        int((~known).sum()),
    )


def band_of(health: ArrayLike, bands: Mapping[str, float] | None = None) -> Labels:
    """Name the band of each score; "unknown" where it is missing.

    Examples
    --------
    >>> band_of([70, 69.9, 0, None]).tolist()
    ['healthy', 'watch', 'at risk', 'unknown']
    """
    ordered = _ordered_bands(bands)
    score = np.asarray(health, dtype=float)
    rules = [np.isnan(score), *[score >= least for least in ordered.values()]]
    return np.asarray(np.select(rules, [UNKNOWN, *ordered], default=UNKNOWN), dtype=object)


def _ordered_bands(bands: Mapping[str, float] | None) -> dict[str, float]:
    """Sort bands from the healthiest down; the lowest must begin at 0."""
    given = BANDS if bands is None else dict(bands)
    ordered = dict(sorted(given.items(), key=lambda band: -band[1]))
    least = list(ordered.values())
    if not least or least[-1] != 0 or len(set(least)) < len(least) or least[0] > 100:  # noqa: PLR2004 - the scale
        raise SpecError(
            f"bands are {given}; give each a lowest score from 0 to 100, one of them 0, no two "
            "alike."
        )
    return ordered


def _ranks(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Distinct values and the mid-rank of each, thinned to MOST_KNOTS."""
    known = values[~np.isnan(values)]
    at, counts = np.unique(known, return_counts=True)
    if len(at) <= 1:
        return np.array([]), np.array([])  # a constant tells nothing: rank .5 for all
    rank = (np.cumsum(counts) - counts / 2) / counts.sum()
    if len(at) > MOST_KNOTS:
        kept = np.unique(np.searchsorted(rank, np.linspace(rank[0], rank[-1], MOST_KNOTS)))
        at, rank = at[kept], rank[kept]
    return at, rank
