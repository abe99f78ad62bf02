"""Customer lifetime value: purchases to come, times spend, discounted to today."""

from __future__ import annotations

import warnings
from typing import ClassVar, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from patronage.data.units import MONTH_DAYS, YEAR_DAYS
from patronage.errors import ConvergenceError, DataError, SpecError
from patronage.models.beta_geo import BetaGeoFitter
from patronage.models.gamma_gamma import (
    LONGEST_LOOK,
    GammaGammaFitter,
    TimeUnitWarning,
    is_one_price,
    mean_seen,
)
from patronage.models.histories import checked_histories
from patronage.models.modified_beta_geo import ModifiedBetaGeoFitter
from patronage.models.patterns import distinct
from patronage.models.present_value import month_steps, present_value
from patronage.models.state import State
from patronage.models.value_interval import purchase_outlook, value_bounds

FloatArray = NDArray[np.float64]
PurchaseModel = BetaGeoFitter | ModifiedBetaGeoFitter

PURCHASE_MODELS: dict[str, type[PurchaseModel]] = {
    "bg_nbd": BetaGeoFitter,
    "mbg_nbd": ModifiedBetaGeoFitter,
}

UNIT_DAYS = {"days": 1.0, "weeks": 7.0, "months": MONTH_DAYS, "years": YEAR_DAYS}
"""Days in each unit that a summary may be measured in."""

HISTORY = ["frequency", "recency", "T", "monetary_value"]

VALUE_COLUMNS = [
    "frequency",
    "recency_days",
    "age_days",
    "monetary_value",
    "probability_alive",
    "expected_purchases",
    "expected_spend",
    "lifetime_value",
    "lifetime_value_low",
    "lifetime_value_high",
]

LARGEST_CORRELATION = 0.2
"""Beyond it frequency and spend are not independent enough for Gamma-Gamma."""

FORECAST_COLUMNS = ["probability_alive", "expected_purchases", "expected_spend"]

_CELLS = 2_000_000
_ROWS = 200_000


class CorrelationWarning(UserWarning):
    """Frequent buyers spend differently from others, which Gamma-Gamma does not expect."""


class LifetimeValue(BaseEstimator):
    """What each customer will be worth: a purchase model and a spend model, joined.

    Parameters
    ----------
    horizon_days
        How far to look ahead, in days from each customer's last observed day.
    annual_discount
        Fraction per *year*; 0.10 is ten percent. Value is paid at the end of each month of
        30.4375 days, the last one perhaps partial.
    margin
        Part of spend that is profit, from 0 up; 1 makes value mean revenue.
    purchases
        "bg_nbd", "mbg_nbd", or "auto" for the one with the higher likelihood.
    interval
        Probability that a customer's real value lies within [low, high].

    Attributes
    ----------
    purchase_model_ : BetaGeoFitter or ModifiedBetaGeoFitter, durations in days
    spend_model_ : GammaGammaFitter
    purchases_ : str
        Name of the purchase model used.
    status_ : str
        "converged", or what each model has to say.
    n_customers_ : int
    correlation_ : float
        Of frequency and monetary_value among repeat customers; NaN where there is none.
    feature_names_ : list of the columns that `fit` and `predict` read

    Examples
    --------
    >>> from lifetimes.datasets import load_cdnow_summary_data_with_monetary_value
    >>> summary = load_cdnow_summary_data_with_monetary_value()
    >>> model = LifetimeValue(horizon_days=39 * 7, purchases="bg_nbd")
    >>> model = model.fit(summary, time_unit="weeks")
    >>> scores = model.predict(summary, time_unit="weeks")
    >>> scores[["probability_alive", "expected_purchases", "lifetime_value"]].head(2).round(2)
                 probability_alive  expected_purchases  lifetime_value
    customer_id
    1                         0.73                1.23           29.12
    2                         0.21                0.20            3.70
    """

    feature_names_: ClassVar[list[str]] = HISTORY

    def __init__(
        self,
        horizon_days: float = YEAR_DAYS,
        annual_discount: float = 0.10,
        margin: float = 1.0,
        purchases: str = "auto",
        interval: float = 0.8,
    ) -> None:
        self.horizon_days = horizon_days
        self.annual_discount = annual_discount
        self.margin = margin
        self.purchases = purchases
        self.interval = interval

    def fit(self, summary: pd.DataFrame, *, time_unit: str = "days") -> Self:
        """Fit both models to a summary of purchase histories.

        Parameters
        ----------
        summary
            One row a customer: frequency, recency, T, monetary_value, as `rfm_summary` gives
            them; other columns are not read. monetary_value is not read where frequency is 0.
        time_unit
            Of recency and T: "days", "weeks", "months" (30.4375 days) or "years" (365.25).

        Raises
        ------
        DataError
            If a column is missing.
        ValueError
            If a column holds what no customer can have done.
        SpecError
            If a constructor argument or the unit is out of range.
        ConvergenceError
            If there is nothing to learn from, naming the cause.

        Warns
        -----
        CorrelationWarning
            When frequency and spend correlate above .2 among repeat customers.
        TimeUnitWarning
            When the horizon is over five times the longest history.
        ConvergenceWarning
            When a model runs to a limit; `status_` names it.
        """
        self._check_settings()
        customers = _read(summary, time_unit)
        if len(customers.frequency) == 0:
            raise ConvergenceError("summary has 0 customers; lifetime value needs histories.")
        self._warn_of_reach(float(customers.T.max()), time_unit)
        self.n_customers_ = len(customers.frequency)
        self.purchases_, self.purchase_model_ = _fit_purchases(customers, self.purchases)
        self.spend_model_ = _fit_spend(customers)
        self.correlation_ = _correlation(customers)
        if abs(self.correlation_) > LARGEST_CORRELATION:
            warnings.warn(
                f"frequency and monetary_value correlate at {self.correlation_:.2f} among repeat "
                f"customers, beyond {LARGEST_CORRELATION}; values of frequent buyers are biased, "
                "so fit segments apart.",
                CorrelationWarning,
                stacklevel=2,
            )
        if self.status_ != "converged":
            warnings.warn(f"LifetimeValue: {self.status_}.", ConvergenceWarning, stacklevel=2)
        return self

    @property
    def status_(self) -> str:
        """Tell "converged", or what each model has to say."""
        self._check_fitted()
        said = {"purchases": self.purchase_model_.status_, "spend": self.spend_model_.status_}
        unusual = [f"{part}: {status}" for part, status in said.items() if status != "converged"]
        return "; ".join(unusual) or "converged"

    def predict(
        self,
        summary: pd.DataFrame,
        *,
        time_unit: str = "days",
        horizon_days: float | None = None,
    ) -> pd.DataFrame:
        """Say what each customer is expected to bring, and how sure that is.

        Parameters
        ----------
        summary, time_unit
            As in `fit`; the unit may be another one.
        horizon_days
            Instead of the constructor's.

        Returns
        -------
        Same rows and index, all doubles:
            frequency            repeat purchases
            recency_days         days since the last purchase
            age_days             days since the first
            monetary_value       mean value of a repeat purchase, 0 where there is none
            probability_alive    that the customer will buy again some day
            expected_purchases   within the horizon
            expected_spend       expected value of one purchase, currency units
            lifetime_value       discounted expected margin within the horizon, currency units
            lifetime_value_low   lower and
            lifetime_value_high  upper end of the interval in which the real value lies with
                                 probability `interval`, the tails equally likely

        Raises
        ------
        DataError, ValueError, SpecError
            As in `fit`.
        sklearn.exceptions.NotFittedError
            Before `fit`.

        Notes
        -----
        Low is often 0: few customers are sure to buy at all. High is never below
        lifetime_value, so where buying nothing is the likelier outcome the interval holds more
        than it says. Parameters are taken as known, which costs little above 100 customers.
        """
        horizon = self._horizon(horizon_days)
        customers = _read(summary, time_unit)
        found = distinct(customers.frequency, customers.T, customers.recency)
        frequency, age, recency = found.columns
        forecasts = self._forecast_patterns(frequency, recency, age, month_steps(horizon))
        alive, purchases, discounted, low, high = (column[found.row_of] for column in forecasts)

        total, spend = self._spend(customers)
        value = self.margin * spend * discounted
        rate = self.margin * total
        columns = [
            customers.frequency,
            customers.T - customers.recency,
            customers.T,
            customers.monetary_value,
            alive,
            purchases,
            spend,
            value,
            np.minimum(rate * low, value),
            np.maximum(rate * high, value),
        ]
        return pd.DataFrame(
            dict(zip(VALUE_COLUMNS, columns, strict=True)), index=summary.index, dtype=np.float64
        )

    def forecast(
        self,
        summary: pd.DataFrame,
        *,
        time_unit: str = "days",
        horizon_days: float | None = None,
    ) -> pd.DataFrame:
        """Give three columns of `predict` alone, several times faster: no value, no interval.

        Parameters
        ----------
        summary, time_unit, horizon_days
            As in `predict`.

        Returns
        -------
        Same rows and index: probability_alive, expected_purchases, expected_spend.

        Raises
        ------
        DataError, ValueError, SpecError, sklearn.exceptions.NotFittedError
            As in `predict`.
        """
        end = np.cumsum(month_steps(self._horizon(horizon_days)))[-1:]
        customers = _read(summary, time_unit)
        found = distinct(customers.frequency, customers.T, customers.recency)
        frequency, age, recency = found.columns
        alive, purchases = np.empty(len(frequency)), np.empty(len(frequency))
        for at in range(0, len(frequency), _ROWS):
            block = slice(at, at + _ROWS)
            history = frequency[block], recency[block], age[block]
            alive[block] = self.purchase_model_.conditional_probability_alive(*history)
            purchases[block] = self.purchase_model_.expected_purchases_table(end, *history)[:, 0]
        columns = [alive[found.row_of], purchases[found.row_of], self._spend(customers)[1]]
        return pd.DataFrame(
            dict(zip(FORECAST_COLUMNS, columns, strict=True)), index=summary.index, dtype=np.float64
        )

    def _horizon(self, given: float | None) -> float:
        self._check_fitted()
        self._check_settings()
        horizon = self.horizon_days if given is None else given
        _check_horizon(horizon)
        return horizon

    def _spend(self, customers: _Customers) -> tuple[FloatArray, FloatArray]:
        """Give the posterior's rate parameter and the expected value of one purchase."""
        p, q, v = (float(self.spend_model_.params_[name]) for name in "pqv")
        rate = v + customers.frequency * customers.monetary_value
        return rate, p * rate / (p * customers.frequency + q - 1)

    def _forecast_patterns(
        self, frequency: FloatArray, recency: FloatArray, T: FloatArray, steps: FloatArray
    ) -> FloatArray:
        """Forecasts of distinct histories, shape (5, n): see `_forecast_block`."""
        size = max(1, _CELLS // len(steps))
        blocks = [
            self._forecast_block(
                frequency[at : at + size], recency[at : at + size], T[at : at + size], steps
            )
            for at in range(0, len(frequency), size)
        ]
        return np.concatenate(blocks, axis=1) if blocks else np.empty((5, 0))

    def _forecast_block(
        self, frequency: FloatArray, recency: FloatArray, T: FloatArray, steps: FloatArray
    ) -> FloatArray:
        """Probability alive, purchases, purchases discounted, low and high a unit of rate."""
        history = frequency, recency, T
        model = self.purchase_model_
        alive = model.conditional_probability_alive(*history)
        ends = np.cumsum(steps)
        cumulative = model.expected_purchases_table(ends, *history)
        # Cumulative curves rise; rounding of their last digit does not.
        within = np.maximum(np.diff(cumulative, axis=1, prepend=0.0), 0.0)
        discounted = present_value(
            within,
            np.ones(len(frequency)),
            step_days=steps,
            annual_discount=self.annual_discount,
        )
        purchases = cumulative[:, -1]
        p, q = float(self.spend_model_.params_["p"]), float(self.spend_model_.params_["q"])
        outlook = purchase_outlook(model, float(ends[-1]), *history)
        low, high = value_bounds(outlook, p, p * frequency + q, interval=self.interval)
        factor = np.divide(discounted, purchases, out=np.ones_like(low), where=purchases > 0)
        return np.stack([alive, purchases, discounted, factor * low, factor * high])

    def to_state(self) -> State:
        """Give what is needed to predict again, as plain values; customers stay behind."""
        self._check_fitted()
        correlation = None if np.isnan(self.correlation_) else self.correlation_
        return State(
            {
                "settings": self.get_params(),
                "purchases": self.purchases_,
                "purchase_model": self.purchase_model_.to_state().parameters,
                "spend_model": self.spend_model_.to_state().parameters,
                "n_customers": self.n_customers_,
                "correlation": correlation,
            },
            {},
        )

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Build the fitted model that `to_state` described."""
        stored = state.parameters
        model = cls(**stored["settings"])
        model.purchases_ = stored["purchases"]
        fitter = PURCHASE_MODELS[model.purchases_]
        model.purchase_model_ = fitter.from_state(State(stored["purchase_model"], {}))
        model.spend_model_ = GammaGammaFitter.from_state(State(stored["spend_model"], {}))
        model.n_customers_ = stored["n_customers"]
        model.correlation_ = np.nan if stored["correlation"] is None else stored["correlation"]
        return model

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "spend_model_")

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise NotFittedError("LifetimeValue is not fitted; call fit(summary) first.")

    def _check_settings(self) -> None:
        _check_horizon(self.horizon_days)
        if not (np.isfinite(self.annual_discount) and self.annual_discount > -1):
            raise SpecError(
                f"annual_discount is {self.annual_discount}; it is a fraction a year above -1, "
                "0.10 for ten percent."
            )
        if not (np.isfinite(self.margin) and self.margin >= 0):
            raise SpecError(
                f"margin is {self.margin}; it is the part of spend that is profit, from 0 up."
            )
        if not 0 < self.interval < 1:
            raise SpecError(f"interval is {self.interval}; it must lie in (0, 1), 0.8 for 80%.")
        if self.purchases not in ("auto", *PURCHASE_MODELS):
            raise SpecError(
                f"purchases is {self.purchases!r}; choose from auto, {', '.join(PURCHASE_MODELS)}."
            )

    def _warn_of_reach(self, longest: float, time_unit: str) -> None:
        if 0 < longest * LONGEST_LOOK < self.horizon_days:
            warnings.warn(
                f"horizon_days is {self.horizon_days:g}, {self.horizon_days / longest:.1f} times "
                f"the longest T, {longest / UNIT_DAYS[time_unit]:g} {time_unit}; if T is in "
                "another unit, name it in time_unit.",
                TimeUnitWarning,
                stacklevel=3,
            )


class _Customers(NamedTuple):
    """Checked histories in days, shape (n,) each."""

    frequency: FloatArray
    recency: FloatArray
    T: FloatArray
    monetary_value: FloatArray


def _check_horizon(horizon_days: float) -> None:
    if not (np.isfinite(horizon_days) and horizon_days > 0):
        raise SpecError(f"horizon_days is {horizon_days}; it must be a number of days above 0.")


def _read(summary: pd.DataFrame, time_unit: str) -> _Customers:
    if time_unit not in UNIT_DAYS:
        raise SpecError(f"time_unit is {time_unit!r}; choose from {', '.join(UNIT_DAYS)}.")
    if not isinstance(summary, pd.DataFrame):
        raise TypeError(f"summary is a {type(summary).__name__}; pass a pandas frame.")
    missing = [name for name in HISTORY if name not in summary.columns]
    if missing:
        has = ", ".join(map(str, summary.columns))
        raise DataError(
            f"summary: column(s) {', '.join(missing)} not found; it has {has}. "
            "Make it with rfm_summary, or rename yours."
        )
    days = UNIT_DAYS[time_unit]
    x, recency, age, _ = checked_histories(*(summary[name] for name in HISTORY[:3]))
    return _Customers(x, recency * days, age * days, mean_seen(x, summary["monetary_value"]))


def _fit_purchases(customers: _Customers, wanted: str) -> tuple[str, PurchaseModel]:
    names = list(PURCHASE_MODELS) if wanted == "auto" else [wanted]
    fitted: dict[str, PurchaseModel] = {}
    problem: ConvergenceError | None = None
    for name in names:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                fitted[name] = PURCHASE_MODELS[name]().fit(*customers[:3], unit="days")
        except ConvergenceError as error:
            problem = problem or error
    if not fitted:
        raise problem or ConvergenceError("no purchase model was asked for.")
    best = max(fitted, key=lambda name: fitted[name].log_likelihood_)
    return best, fitted[best]


def _fit_spend(customers: _Customers) -> GammaGammaFitter:
    count, mean = customers.frequency, customers.monetary_value
    paying = (count > 0) & (mean > 0)
    if is_one_price(mean[paying]):
        n = int(paying.sum())
        return GammaGammaFitter.constant(float(mean[paying][0]), n, len(mean) - n)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return GammaGammaFitter().fit(count, mean, q_constraint=True)


def _correlation(customers: _Customers) -> float:
    repeat = (customers.frequency > 0) & (customers.monetary_value > 0)
    count, mean = customers.frequency[repeat], customers.monetary_value[repeat]
    if len(count) < 3 or np.ptp(count) == 0 or np.ptp(mean) == 0:  # noqa: PLR2004 - a line fits two
        return np.nan
    return float(np.corrcoef(count, mean)[0, 1])
