"""Gamma-Gamma model of spend: what a customer's next purchase is worth.

A drop-in for `lifetimes.GammaGammaFitter`, with exact derivatives, a symmetric covariance, and
a word on every data set that does not identify the model.
"""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from patronage.errors import ConvergenceError
from patronage.models import parents
from patronage.models.histories import numbers, refuse
from patronage.models.spend_likelihood import spend_objective, spend_totals
from patronage.models.spend_search import search, start_from
from patronage.models.state import State

FloatArray = NDArray[np.float64]

NAMES = ["p", "q", "v"]

SAME_SPEND = 1e-9
"""Means that differ by less than this part of themselves are one price, rounded."""

CONSTANT_SHAPES = (1e6, 1e15)
"""p and q that stand for purchases, and customers, without any spread."""

LONGEST_LOOK = 5.0
"""Horizon over longest history from which a wrong time unit is the likelier explanation."""

_PERIODS = {"H": 30 * 24, "D": 30, "W": 4.345, "M": 1.0}
_UNITS = {"H": "hours", "D": "days", "W": "weeks", "M": "months"}


class TimeUnitWarning(UserWarning):
    """Durations look as if they were measured in another unit than the one named."""


class GammaGammaFitter(parents.GammaGammaFitter):
    """Gamma-Gamma model of the mean value of a purchase, independent of how often one buys.

    Parameters
    ----------
    penalizer_coef
        Weight of the sum of squared parameters that is taken from the mean log-likelihood.

    Attributes
    ----------
    params_ : Series of p, q, v; v in the currency of the data
    variance_matrix_ : DataFrame, shape (3, 3), symmetric; NaN for a parameter that runs away
    standard_errors_ : Series
    confidence_intervals_ : DataFrame
        95%, on the log scale, so never below zero.
    log_likelihood_ : float
        Sum over customers, without the penalty.
    status_ : str
        "converged"; "boundary: ..." naming the limiting model; "infinite mean: ..." when q <= 1;
        "mean held: ..." when `q_constraint` had to step in.
    n_customers_, n_left_out_ : float
        Weight of the customers fitted, and of those without a repeat purchase or with a mean
        of zero, which the model does not describe.
    data : DataFrame of monetary_value, frequency, weights, as given to `fit`

    References
    ----------
    Fader and Hardie (2013), "The Gamma-Gamma Model of Monetary Value",
    http://www.brucehardie.com/notes/025/

    Examples
    --------
    Two purchases of 22.35 on average are drawn towards the mean of all customers, 35.17:

    >>> from lifetimes.datasets import load_cdnow_summary_data_with_monetary_value
    >>> cdnow = load_cdnow_summary_data_with_monetary_value()
    >>> model = GammaGammaFitter().fit(cdnow["frequency"], cdnow["monetary_value"])
    >>> model.status_, model.n_customers_, model.n_left_out_
    ('converged', 946.0, 1411.0)
    >>> model.conditional_expected_average_profit([2, 0], [22.35, 0.0]).round(2)
    array([24.66, 35.17])
    """

    def __init__(self, penalizer_coef: float = 0.0) -> None:
        self.penalizer_coef = penalizer_coef

    def fit(  # noqa: PLR0913, PLR0917 - lifetimes' signature
        self,
        frequency: ArrayLike,
        monetary_value: ArrayLike,
        weights: ArrayLike | None = None,
        initial_params: ArrayLike | None = None,
        verbose: bool = False,  # noqa: ARG002, FBT001, FBT002 - lifetimes' signature
        tol: float = 1e-9,
        index: Any = None,  # noqa: ANN401 - whatever pandas takes
        q_constraint: bool = False,  # noqa: FBT001, FBT002 - lifetimes' signature
        **kwargs: Any,  # noqa: ANN401 - lifetimes' signature
    ) -> Self:
        """Find the parameters that make the observed means most likely.

        Parameters
        ----------
        frequency : shape (n_customers,), whole numbers >= 0
            Repeat purchases. Customers without one are left out, and counted.
        monetary_value : shape (n_customers,), >= 0
            Mean value of a repeat purchase; not read where frequency is zero. Customers with a
            mean of zero are left out, and counted: the model gives zero no probability.
        weights : shape (n_customers,), >= 0, optional
            Customers that a row stands for.
        initial_params : shape (3,), optional
            Logarithms of p, q, v to start from, as in lifetimes.
        verbose
            Nothing is printed; read `status_` and `n_iterations_`.
        tol
            Largest slope of the mean log-likelihood in a log-parameter at the optimum.
        index
            Index of `data`.
        q_constraint
            Ask for a finite population mean. Where the free optimum has none, or one over twice
            the observed mean, the tail is not identified: the population mean is then held at
            the observed mean of customers, and p and q are fitted under that condition.
        **kwargs
            `maxiter` limits the passes over the data; other options of scipy have no meaning
            here and are left aside.

        Raises
        ------
        ValueError
            If an argument holds NaN, infinity, negative or fractional counts, negative means,
            or lengths differ.
        ConvergenceError
            If no customer is left, if all spend the same, or if no optimum is found.

        Warns
        -----
        ConvergenceWarning
            When `status_` is not "converged".
        """
        count, mean, weight = _checked(frequency, monetary_value, weights)
        used = (count > 0) & (mean > 0) & (weight > 0)
        self.n_customers_ = float(weight[used].sum())
        self.n_left_out_ = float(weight.sum()) - self.n_customers_
        _refuse_degenerate(mean[used], self.n_left_out_)
        totals = spend_totals(count[used], mean[used], weight[used])
        found = search(
            spend_objective(totals, self.penalizer_coef),
            totals,
            start_from(initial_params, totals),
            tolerance=tol,
            max_iterations=int(kwargs.get("maxiter", 200)),
            holds_mean=q_constraint,
        )
        self.status_, self.n_iterations_ = found.status, found.best.n_iterations
        self._hessian_ = -found.best.hessian
        self._negative_log_likelihood_ = np.log(totals.scale) - found.best.log_likelihood
        back = np.array([1.0, 1.0, totals.scale])
        self._set_estimates(found.params * back, found.covariance * np.outer(back, back))
        penalty = self.penalizer_coef * float((self.params_**2).sum())
        self.log_likelihood_ = -self.n_customers_ * (self._negative_log_likelihood_ - penalty)
        self.data = pd.DataFrame(
            {"monetary_value": mean, "frequency": count, "weights": weight}, index=index
        )
        if self.status_ != "converged":
            warnings.warn(f"Gamma-Gamma: {self.status_}.", ConvergenceWarning, stacklevel=2)
        return self

    def conditional_expected_average_profit(
        self, frequency: ArrayLike | None = None, monetary_value: ArrayLike | None = None
    ) -> Any:  # noqa: ANN401 - a Series for a Series, a number for a number
        """Expect what a customer's next purchase is worth, given those seen.

        A weighted average of the customer's own mean and the population's, equation (5) of the
        note; the population's alone where frequency is zero.

        Parameters
        ----------
        frequency, monetary_value
            Numbers or arrays, by default those of the fit. monetary_value is not read where
            frequency is zero.

        Returns
        -------
        Number, array, or Series as given, in currency units. Infinite where p x + q <= 1: the
        model then has no mean (`status_` says so).

        Raises
        ------
        ValueError
            For NaN or negative values, or when nothing is given and the data are not at hand.
        sklearn.exceptions.NotFittedError
            Before `fit`.
        """
        p, q, v = self._unload_params("p", "q", "v")
        if frequency is None:
            frequency = self._fitted_data("frequency")
        if monetary_value is None:
            monetary_value = self._fitted_data("monetary_value")
        count = _counted("frequency", frequency)
        total = count * mean_seen(count, monetary_value)
        excess = np.asarray(p * count + q - 1)
        value = np.full(total.shape, np.inf)
        np.divide(p * (v + total), excess, out=value, where=excess > 0)
        for given in (frequency, monetary_value):
            if isinstance(given, pd.Series):
                return pd.Series(value, index=given.index)
        return value if value.ndim else value[()]

    def customer_lifetime_value(  # noqa: PLR0913, PLR0917 - lifetimes' signature
        self,
        transaction_prediction_model: Any,  # noqa: ANN401 - any fitter of lifetimes
        frequency: ArrayLike,
        recency: ArrayLike,
        T: ArrayLike,
        monetary_value: ArrayLike,
        time: int = 12,
        discount_rate: float = 0.01,
        freq: str = "D",
    ) -> pd.Series[float]:
        """Discounted value of the months to come, as lifetimes computes it.

        `LifetimeValue` is the better tool: its units are named, its year has 365.25 days and
        its rate is yearly. This method keeps lifetimes' months of 30 days or 4.345 weeks.

        Parameters
        ----------
        transaction_prediction_model
            A fitted model whose `predict(t, frequency, recency, T)` is cumulative.
        frequency, recency, T, monetary_value : shape (n_customers,)
        time
            Months to look ahead.
        discount_rate
            A *month*.
        freq
            Unit of recency and T: "H", "D", "W" or "M".

        Returns
        -------
        Series named clv, in currency units.

        Raises
        ------
        ValueError
            For another freq.

        Warns
        -----
        TimeUnitWarning
            When the horizon is over five times the longest history, or longer than that on
            which the model was fitted by as much: the usual sign that freq is wrong.
        """
        if freq not in _PERIODS:
            raise ValueError(f"freq is {freq!r}; it must be one of {', '.join(_PERIODS)}.")
        spend = np.asarray(self.conditional_expected_average_profit(frequency, monetary_value))
        ends: FloatArray = np.arange(1, int(time) + 1, dtype=np.float64) * _PERIODS[freq]
        _warn_of_unit(np.asarray(T, dtype=np.float64), ends, freq, transaction_prediction_model)
        history = [np.asarray(part, dtype=np.float64) for part in (frequency, recency, T)]
        value = np.zeros(len(spend))
        before = np.zeros(len(spend))
        for month, end in enumerate(ends, start=1):
            until = np.asarray(transaction_prediction_model.predict(end, *history))
            value += spend * (until - before) / (1 + discount_rate) ** month
            before = until
        index = frequency.index if isinstance(frequency, pd.Series) else None
        return pd.Series(value, index=index, name="clv")

    @classmethod
    def constant(cls, price: float, n_customers: float, n_left_out: float = 0.0) -> Self:
        """Build the limit in which every purchase of every customer has one price.

        Parameters
        ----------
        price
            In currency units.
        n_customers, n_left_out
            As `fit` would count them.

        Examples
        --------
        >>> model = GammaGammaFitter.constant(9.99, n_customers=3)
        >>> model.conditional_expected_average_profit([0, 4], [0.0, 9.99]).round(6)
        array([9.99, 9.99])
        """
        model = cls()
        p, q = CONSTANT_SHAPES
        model.status_ = f"constant: every repeat customer spends {price:g} a purchase"
        model.n_customers_, model.n_left_out_ = float(n_customers), float(n_left_out)
        model.log_likelihood_ = np.inf
        model._set_estimates(np.array([p, q, price * (q - 1) / p]), np.full((3, 3), np.nan))
        return model

    def to_state(self) -> State:
        """Give what is needed to predict again: estimates, never the customers."""
        self._unload_params("p")
        covariance = self.variance_matrix_.to_numpy()
        return State(
            {
                "params": self.params_.to_dict(),
                "covariance": [[None if np.isnan(c) else c for c in row] for row in covariance],
                "status": self.status_,
                "n_customers": self.n_customers_,
                "n_left_out": self.n_left_out_,
                "log_likelihood": self.log_likelihood_
                if np.isfinite(self.log_likelihood_)
                else None,
                "penalizer_coef": self.penalizer_coef,
            },
            {},
        )

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Build the fitted model that `to_state` described."""
        stored = state.parameters
        model = cls(penalizer_coef=stored["penalizer_coef"])
        model.status_ = stored["status"]
        model.n_customers_, model.n_left_out_ = stored["n_customers"], stored["n_left_out"]
        known = stored["log_likelihood"]
        model.log_likelihood_ = np.inf if known is None else known
        params = np.array([stored["params"][name] for name in NAMES])
        model._set_estimates(params, np.array(stored["covariance"], dtype=np.float64))
        return model

    def _set_estimates(self, params: FloatArray, covariance: FloatArray) -> None:
        errors = np.sqrt(np.diag(covariance))
        reach = np.exp(1.96 * errors / params)
        names = pd.Index(NAMES)
        self.params_ = pd.Series(params, index=names)
        self.variance_matrix_ = pd.DataFrame(covariance, columns=names, index=names)
        self.standard_errors_ = pd.Series(errors, index=names)
        self.confidence_intervals_ = pd.DataFrame(
            np.column_stack([params / reach, params * reach]),
            columns=["lower 95% bound", "upper 95% bound"],
            index=names,
        )

    def _unload_params(self, *names: str) -> list[float]:
        if not hasattr(self, "params_"):
            raise NotFittedError(
                "GammaGammaFitter is not fitted; call fit(frequency, monetary_value) first."
            )
        return [float(self.params_[name]) for name in names]

    def _fitted_data(self, column: str) -> pd.Series[float]:
        if not hasattr(self, "data"):
            raise ValueError(f"{column} is not given, and a stored model holds no customers.")
        return self.data[column]


def _checked(
    frequency: ArrayLike, monetary_value: ArrayLike, weights: ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    count = _counted("frequency", frequency)
    weight = np.ones_like(count) if weights is None else _counted("weights", weights)
    shapes = count.shape, np.shape(monetary_value), weight.shape
    if count.ndim != 1 or len(set(shapes)) > 1:
        raise ValueError(
            f"frequency, monetary_value and weights have shapes {', '.join(map(str, shapes))}; "
            "pass one number a customer in each."
        )
    whole = "it counts repeat purchases, whole and 0 or more."
    refuse("frequency", count, count != np.floor(count), "fractional", whole)
    return count, mean_seen(count, monetary_value), weight


def _counted(name: str, values: Any) -> FloatArray:  # noqa: ANN401 - any array of numbers
    array = numbers(values, name)
    refuse(name, array, array < 0, "negative", "it counts, from 0 up.")
    return array


def mean_seen(count: FloatArray, monetary_value: Any) -> FloatArray:  # noqa: ANN401 - as above
    """Read the mean of the purchases counted; zero, whatever was given, where there is none.

    Raises
    ------
    ValueError
        If a mean is missing, infinite, negative or no number.
    """
    given = np.asarray(monetary_value)
    if given.dtype.kind in "fO":
        given = np.where(count > 0, given, 0.0)
    mean = np.where(count > 0, numbers(given, "monetary_value"), 0.0)
    refuse("monetary_value", mean, mean < 0, "negative", "net refunds before averaging.")
    return mean


def is_one_price(mean: FloatArray) -> bool:
    """Tell whether several customers spend the same, up to rounding.

    Examples
    --------
    >>> is_one_price(np.array([9.99, 9.99 * 3 / 3])), is_one_price(np.array([9.99]))
    (True, False)
    """
    return len(mean) > 1 and bool(np.ptp(mean) <= SAME_SPEND * mean[0])


def _refuse_degenerate(mean: FloatArray, n_left_out: float) -> None:
    if len(mean) == 0:
        raise ConvergenceError(
            "Gamma-Gamma: no customer has frequency and monetary_value above zero "
            f"({n_left_out:,.0f} left out); it needs repeat purchases with a value."
        )
    if len(mean) == 1:
        raise ConvergenceError(
            "Gamma-Gamma: 1 customer has frequency and monetary_value above zero "
            f"({n_left_out:,.0f} left out); spread between customers needs at least two."
        )
    if is_one_price(mean):
        raise ConvergenceError(
            f"Gamma-Gamma: all {len(mean):,} customers spend {mean[0]:g} a purchase; there is no "
            "spread to fit, so use that constant."
        )


def _warn_of_unit(ages: FloatArray, ends: FloatArray, freq: str, model: object) -> None:
    longest = float(ages.max(initial=0.0))
    fitted = getattr(model, "data", None)
    seen = float(fitted["T"].max()) if fitted is not None and "T" in fitted else longest
    look = float(ends[-1]) if len(ends) else 0.0
    unit = _UNITS[freq]
    if longest > 0 and look > LONGEST_LOOK * longest:
        warnings.warn(
            f"freq={freq!r} looks {look:g} {unit} ahead, {look / longest:.1f} times the longest "
            f"T, {longest:g}; if T is not in {unit}, name its unit in freq.",
            TimeUnitWarning,
            stacklevel=3,
        )
    elif seen > 0 and not 1 / LONGEST_LOOK <= longest / seen <= LONGEST_LOOK and longest > 0:
        warnings.warn(
            f"the longest T is {longest:g} here and {seen:g} where the purchase model was fitted; "
            "use one time unit for both.",
            TimeUnitWarning,
            stacklevel=3,
        )
