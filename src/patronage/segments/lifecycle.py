"""Lifecycle stage of each customer, by rules on the customer's own rhythm.

Somebody who buys every week is late after three, somebody who buys once a year is not: silence
is measured in the customer's own usual gap, drawn towards the typical gap of all where there are
few purchases to learn it from.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from patronage.errors import SpecError
from patronage.models.state import State
from patronage.segments.tables import UNKNOWN, FloatArray, Labels, numbers, plain

STAGES = ("lead", "new", "active", "reactivated", "at risk", "lapsed", "lost")
"""From before the first purchase to after the last."""

HISTORY = ["frequency", "recency", "T"]
LAST_GAP = "gap_last"


class LifecycleStages(BaseEstimator):
    """Stages by silence, in multiples of the customer's own gap.

    lead         never bought: frequency, recency and T all missing
    lost         silent for more than `lost` gaps
    lapsed       silent for more than `lapsed` gaps
    at risk      silent for more than `at_risk` gaps
    reactivated  none of these, and back after a gap of more than `lapsed` usual ones
    new          none of these, with one purchase
    active       all others

    With purchases at random (exponential gaps) a living customer is silent for more than 2, 4
    and 8 gaps with probability .135, .018 and .0003.

    Parameters
    ----------
    at_risk, lapsed, lost : increasing multiples of the gap
    prior_gaps : >= 0
        How many typical gaps count beside the customer's own; 0 trusts a single own gap.

    Attributes
    ----------
    typical_gap_ : days
        Median over repeat buyers of their mean gap, at least 1. Where nobody bought twice, the
        median age, since no rhythm is known; `has_rhythm_` is then False.
    n_customers_ : int

    Examples
    --------
    >>> history = pd.DataFrame({"frequency": [4, 4, 0, None], "recency": [40, 40, 0, None],
    ...                         "T": [45, 90, 3, None]})
    >>> LifecycleStages().fit(history).predict(history).tolist()
    ['active', 'lapsed', 'new', 'lead']
    """

    def __init__(
        self,
        at_risk: float = 2.0,
        lapsed: float = 4.0,
        lost: float = 8.0,
        prior_gaps: float = 1.0,
    ) -> None:
        self.at_risk = at_risk
        self.lapsed = lapsed
        self.lost = lost
        self.prior_gaps = prior_gaps

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002 - scikit-learn's
        """Learn the typical gap.

        Parameters
        ----------
        X : frequency (repeat purchase days), recency (days from first to last purchase), T (days
            since the first purchase), as `rfm_summary` and `snapshot` have them

        Raises
        ------
        SpecError
            If the multiples do not increase.
        ValueError
            If a column is absent or no row is complete.
        """
        if not 0 < self.at_risk < self.lapsed < self.lost or self.prior_gaps < 0:
            raise SpecError(
                f"at_risk, lapsed, lost are {self.at_risk}, {self.lapsed}, {self.lost} and "
                f"prior_gaps {self.prior_gaps}; give increasing multiples above 0, prior 0 or more."
            )
        history = numbers(X, HISTORY, owner="LifecycleStages").dropna()
        if history.empty:
            raise ValueError(
                f"LifecycleStages: 0 of {len(X):,} rows have all of {', '.join(HISTORY)}; "
                "fit on customers with a purchase."
            )
        repeat = history[history["frequency"] > 0]
        self.has_rhythm_ = bool(len(repeat))
        gaps = repeat["recency"] / repeat["frequency"] if self.has_rhythm_ else history["T"]
        self.typical_gap_ = max(float(gaps.median()), 1.0)
        self.n_customers_ = len(history)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Give what the rules look at.

        Returns
        -------
        pandas.DataFrame, index of X
            own_gap (days), silence (days since the last purchase over own_gap), comeback (the
            last gap over the usual one before it; NaN without a column gap_last).
        """
        check_is_fitted(self, "typical_gap_")
        history = numbers(X, HISTORY, owner="LifecycleStages")
        frequency, recency = history["frequency"], history["recency"]
        gap = self._gap(frequency, recency)
        comeback = pd.Series(np.nan, index=X.index)
        if LAST_GAP in X:
            last = numbers(X, [LAST_GAP], owner="LifecycleStages")[LAST_GAP]
            before = self._gap(frequency - 1, recency - last)
            comeback = (last / before).where(frequency > 0)
        silence = (history["T"] - recency) / gap
        return pd.DataFrame({"own_gap": gap, "silence": silence, "comeback": comeback})

    def predict(self, X: pd.DataFrame) -> Labels:
        """Name the stage of each customer.

        Parameters
        ----------
        X : frequency, recency, T, and gap_last (days between the last two purchases), without
            which nobody is reactivated

        Returns
        -------
        shape (n_customers,), one of `STAGES`, or "unknown" where some of frequency, recency and
        T are missing and others are not.
        """
        measured = self.transform(X)
        history = numbers(X, HISTORY, owner="LifecycleStages")
        missing = history.isna()
        silence = measured["silence"].to_numpy()
        rules = [
            missing.all(axis=1).to_numpy(),
            missing.any(axis=1).to_numpy(),
            silence > self.lost,
            silence > self.lapsed,
            silence > self.at_risk,
            measured["comeback"].to_numpy() > self.lapsed,
            history["frequency"].to_numpy() == 0,
        ]
        names = ["lead", UNKNOWN, "lost", "lapsed", "at risk", "reactivated", "new"]
        return np.asarray(np.select(rules, names, default="active"), dtype=object)

    def to_state(self) -> State:
        """Give the rules and the typical gap as plain values."""
        check_is_fitted(self, "typical_gap_")
        parameters = {
            "arguments": self.get_params(),
            "typical_gap": self.typical_gap_,
            "has_rhythm": self.has_rhythm_,
            "n_customers": self.n_customers_,
        }
        return State(plain(parameters), {})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Rebuild a fitted estimator."""
        parameters = state.parameters
        model = cls(**parameters["arguments"])
        model.typical_gap_ = float(parameters["typical_gap"])
        model.has_rhythm_ = bool(parameters["has_rhythm"])
        model.n_customers_ = int(parameters["n_customers"])
        return model

    def _gap(self, gaps: pd.Series[float], days: pd.Series[float]) -> pd.Series[float]:
        """Mean gap, drawn towards the typical one, at least a day."""
        count = (self.prior_gaps + gaps).to_numpy(dtype=float)
        total = (self.prior_gaps * self.typical_gap_ + days).to_numpy(dtype=float)
        own: FloatArray = np.divide(
            total, count, out=np.full(len(count), self.typical_gap_), where=count > 0
        )
        own = np.where(np.isnan(gaps) | np.isnan(days), np.nan, np.maximum(own, 1.0))
        return pd.Series(own, index=gaps.index)
