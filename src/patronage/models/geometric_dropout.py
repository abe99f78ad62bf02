"""What BG/NBD and MBG/NBD share: one fit and every forecast.

The two models differ in one number, whether the first purchase is itself a chance to leave, so
the fitters only say that number and whose name they carry.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from patronage.errors import ConvergenceError
from patronage.models.geometric_likelihood import GeometricLikelihood
from patronage.models.histories import (
    Forecast,
    Histories,
    checked_count,
    checked_histories,
    checked_history,
    checked_horizon,
    like_given,
    numbers,
)
from patronage.models.limits import limiting_model
from patronage.models.newton import Optimum, maximise
from patronage.models.patterns import collapse, distinct
from patronage.models.simulation import simulate_histories
from patronage.models.state import State
from patronage.models.survivors import Survivor, expected_purchases, factorial_moment, log_pmf

FloatArray = NDArray[np.float64]

PARAMETERS = ["r", "alpha", "a", "b"]
_INDEX = pd.Index(PARAMETERS)

_START = np.array([0.5, 0.3, 1.0, 3.0])
_NORMAL_95 = 1.96
_WORTH_COLLAPSING = 256
_SCIPY_OPTIONS = {"disp", "eps", "ftol", "gtol", "iprint", "maxcor", "maxfun", "maxls", "norm"}


class GeometricDropout:
    """Purchases at a gamma rate by customers who may leave after each of them."""

    model_name: ClassVar[str]
    chances_at_start: ClassVar[Literal[0, 1]]
    penalizer_coef: float
    params_: pd.Series

    def fit(  # noqa: PLR0913, PLR0917 - the signature of lifetimes
        self,
        frequency: ArrayLike,
        recency: ArrayLike,
        T: ArrayLike,
        weights: ArrayLike | None = None,
        initial_params: ArrayLike | None = None,
        verbose: bool = False,  # noqa: ARG002, FBT001, FBT002 - the signature of lifetimes
        tol: float = 1e-9,
        index: Any = None,  # noqa: ANN401 - what pandas takes
        *,
        unit: str | None = None,
        **kwargs: object,
    ) -> Self:
        """Estimate r, alpha, a and b by maximum likelihood.

        Parameters
        ----------
        frequency : shape (n,), whole numbers >= 0
            Repeat purchases.
        recency : shape (n,), 0 <= recency <= T
            Time from first to last purchase.
        T : shape (n,), any one time unit
            Time from first purchase to the end of observation.
        weights : shape (n,), optional
            Customers behind each row, where rows are patterns.
        initial_params : shape (4,), optional
            Logarithms of the parameters to start from, time scaled to the longest T = 1.
        verbose
            Accepted for lifetimes' sake; nothing is ever printed. See `status_`.
        tol
            Largest slope, with respect to log-parameters, of the mean log-likelihood.
        index
            Index of `data`.
        unit
            Name of the time unit, kept with the model.
        **kwargs
            `maxiter` is honoured; other options of scipy's minimisers are accepted.

        Returns
        -------
        The fitter itself, with params_, standard_errors_, confidence_intervals_ (95%, on the
        log scale, so above zero), variance_matrix_, log_likelihood_ (of all customers, without
        the penalty, in the unit of T), status_ and data.

        Raises
        ------
        ValueError
            If the arrays cannot be purchase histories.
        ConvergenceError
            If there is nothing to learn from, or no optimum is found.

        Warns
        -----
        ConvergenceWarning
            When the likelihood rises towards a simpler model; `status_` names it.
        """
        histories = checked_histories(frequency, recency, T, weights)
        self._refuse_uninformative(histories)
        max_iterations = _iterations_allowed(kwargs)
        self._scale = 1.0 / float(histories.T.max())
        patterns = collapse(histories)
        # Not by the longest T as in lifetimes: one wrong date there would squeeze all others.
        unit_T = float(np.median(patterns.T[patterns.T > 0]))
        scaled = patterns._replace(recency=patterns.recency / unit_T, T=patterns.T / unit_T)
        to_lifetimes = np.array([1.0, unit_T * self._scale, 1.0, 1.0])
        penalties = self.penalizer_coef * to_lifetimes**2
        start = _START if initial_params is None else np.exp(initial_params) / to_lifetimes
        optimum = maximise(
            GeometricLikelihood(scaled, self.chances_at_start, penalties),
            start,
            tolerance=tol,
            max_iterations=max_iterations,
        )
        self.unit_ = unit
        self._keep(optimum, patterns, unit_T, penalties)
        columns = histories._asdict() | {"frequency": histories.frequency.astype(np.int64)}
        self.data = pd.DataFrame(columns, index=index)
        if self.status_ != "converged":
            message = f"{self.model_name}: {self.status_}; intervals of these parameters are NaN."
            warnings.warn(message, ConvergenceWarning, stacklevel=2)
        return self

    def _refuse_uninformative(self, histories: Histories) -> None:
        x, _, age, w = histories
        present = w > 0
        n = int(present.sum())
        if n == 0:
            raise ConvergenceError(
                f"{self.model_name}: {len(x):,} rows hold 0 customers; pass at least one row "
                "with a weight above zero."
            )
        if not (x[present] > 0).any():
            raise ConvergenceError(
                f"{self.model_name}: 0 of {n:,} customers bought again, so neither rate nor "
                "dropout can be estimated; observe them longer or pool them with others."
            )
        if not (age[present] > 0).any():
            raise ConvergenceError(
                f"{self.model_name}: T is 0 for {n:,} of {n:,} customers; pass the time from "
                "first purchase to the end of observation, in a finer unit."
            )

    def _keep(
        self, optimum: Optimum, patterns: Histories, unit_T: float, penalties: FloatArray
    ) -> None:
        if optimum.status == "failed":
            raise ConvergenceError(
                f"{self.model_name}: not fitted, {optimum.message}; look for outliers in "
                "frequency and T, or pass penalizer_coef=0.01."
            )
        n = float(patterns.weights.sum())
        purchases = float((patterns.weights * patterns.frequency).sum()) / n
        penalty = float(penalties @ optimum.params**2)
        # Densities of time change with its unit: each purchase brings a factor of the scale.
        mean_log_likelihood = optimum.log_likelihood + penalty - purchases * np.log(unit_T)
        limit = limiting_model(optimum)
        params = optimum.params * np.array([1.0, unit_T, 1.0, 1.0])
        self.params_ = pd.Series(params, index=_INDEX)
        self.log_likelihood_ = n * float(mean_log_likelihood)
        self._negative_log_likelihood_ = float(
            penalty - mean_log_likelihood + purchases * np.log(self._scale)
        )
        self._hessian_ = -optimum.hessian
        self.n_iterations_ = optimum.n_iterations
        self.status_ = limit.status
        self._covariance = optimum.log_covariance(n, limit.running) * np.outer(params, params)

    @property
    def variance_matrix_(self) -> pd.DataFrame:
        """Covariance of the estimates; NaN where the likelihood has no optimum."""
        self._unload_params()
        return pd.DataFrame(self._covariance, index=_INDEX, columns=_INDEX)

    @property
    def standard_errors_(self) -> pd.Series:
        """Square roots of the variances."""
        self._unload_params()
        return pd.Series(np.sqrt(np.diag(self._covariance)), index=_INDEX)

    @property
    def confidence_intervals_(self) -> pd.DataFrame:
        """Bounds of 95%, from the logarithms of the parameters, so above zero."""
        params, errors = self.params_, self.standard_errors_
        with np.errstate(over="ignore"):
            factor = np.exp(_NORMAL_95 * errors / params)
        return pd.DataFrame(
            {"lower 95% bound": params / factor, "upper 95% bound": params * factor}
        )

    @property
    def summary(self) -> pd.DataFrame:
        """A row a parameter: estimate, standard error, 95% bounds."""
        self._unload_params()
        estimates = pd.DataFrame({"coef": self.params_, "se(coef)": self.standard_errors_})
        return estimates.join(self.confidence_intervals_)

    def _unload_params(self, *names: str) -> list[float]:
        if not hasattr(self, "params_"):
            raise NotFittedError(
                f"This {type(self).__name__} is not fitted; call fit(frequency, recency, T) first."
            )
        return [float(self.params_[name]) for name in names]

    def _alive_now(self, frequency: FloatArray, T: FloatArray) -> Survivor:
        r, alpha, a, b = self._unload_params(*PARAMETERS)
        return Survivor(r + frequency, alpha + T, a, b + frequency + self.chances_at_start)

    def _p_alive(self, frequency: FloatArray, recency: FloatArray, T: FloatArray) -> FloatArray:
        r, alpha, a, b = self._unload_params(*PARAMETERS)
        chances = frequency + self.chances_at_start
        silence = np.log1p(np.maximum(T - recency, 0.0) / (alpha + recency))
        log_odds = np.log(a / (b + np.maximum(chances, 1) - 1)) + (r + frequency) * silence
        return np.asarray(np.where(chances > 0, expit(-log_odds), 1.0))

    def conditional_probability_alive(
        self, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
    ) -> FloatArray:
        """Probability of not having left for good by T.

        Parameters
        ----------
        frequency, recency, T
            History, as in `fit`; scalars and arrays broadcast.

        Returns
        -------
        Array of the broadcast shape, at least one-dimensional.
        """
        self._unload_params()
        return np.atleast_1d(self._p_alive(*checked_history(frequency, recency, T)))

    def conditional_probability_alive_matrix(
        self, max_frequency: int | None = None, max_recency: int | None = None
    ) -> FloatArray:
        """Probability of being alive at T = max_recency: a row a recency, a column a frequency.

        Parameters
        ----------
        max_frequency, max_recency
            Largest frequency and recency; by default the largest frequency and T of the fit.
        """
        self._unload_params()
        top_x = int(self.data["frequency"].max()) if max_frequency is None else max_frequency
        top_t = int(self.data["T"].max()) if max_recency is None else max_recency
        return self.conditional_probability_alive(
            np.arange(top_x + 1)[None, :], np.arange(top_t + 1)[:, None], top_t
        )

    def conditional_expected_number_of_purchases_up_to_time(
        self, t: ArrayLike, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
    ) -> Forecast:
        """Forecast the purchases in (T, T + t] of customers with this history.

        Parameters
        ----------
        t : time units of the fit, >= 0
        frequency, recency, T
            History, as in `fit`; scalars and arrays broadcast.

        Returns
        -------
        A float for scalars, a Series with the same index where one was passed, else an array.
        """
        self._unload_params()
        horizon, history = checked_horizon(t), checked_history(frequency, recency, T)
        alive = self._p_alive(*history)
        if horizon.ndim == 0:
            expected = self._by_pattern(lambda who: expected_purchases(horizon, who), history)
        else:
            expected = self._at_each(expected_purchases, horizon, history)
        return like_given(alive * expected, t, frequency, recency, T)

    def predict(
        self, t: ArrayLike, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
    ) -> Forecast:
        """Forecast purchases; see `conditional_expected_number_of_purchases_up_to_time`."""
        return self.conditional_expected_number_of_purchases_up_to_time(t, frequency, recency, T)

    def expected_purchases_table(
        self, times: ArrayLike, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
    ) -> FloatArray:
        """Forecast the purchases in (T, T + t] for many horizons t at once.

        Parameters
        ----------
        times : shape (n_times,), >= 0
        frequency, recency, T : shape (n,)

        Returns
        -------
        Shape (n, n_times), cumulative: take np.diff along axis 1 for purchases within steps.
        """
        self._unload_params()
        horizons, history = (
            checked_horizon(times),
            np.atleast_1d(*checked_history(frequency, recency, T)),
        )
        expected = self._by_pattern(
            lambda who: expected_purchases(
                horizons, Survivor(who.r[:, None], who.alpha[:, None], who.a, who.b[:, None])
            ),
            history,
        )
        return self._p_alive(*history)[:, None] * expected

    def conditional_moments(
        self, t: float, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
    ) -> tuple[FloatArray, FloatArray]:
        """Mean and variance of the purchases in (T, T + t] of customers with this history.

        Parameters
        ----------
        t : time units of the fit, >= 0
        frequency, recency, T : shape (n,)
        """
        self._unload_params()
        horizon, history = (
            checked_horizon(t),
            np.atleast_1d(*checked_history(frequency, recency, T)),
        )
        alive = self._p_alive(*history)
        both = self._by_pattern(
            lambda who: np.stack(
                [expected_purchases(horizon, who), factorial_moment(horizon, who)], axis=-1
            ),
            history,
        )
        mean, pairs = alive * both[:, 0], alive * both[:, 1]
        return mean, np.maximum(pairs + mean - mean**2, 0.0)

    def conditional_log_pmf(
        self, n: ArrayLike, t: ArrayLike, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
    ) -> FloatArray:
        """Log-probability of exactly n purchases in (T, T + t] given the history.

        Parameters
        ----------
        n : whole numbers >= 0
        t : time units of the fit, >= 0
        frequency, recency, T
            History, as in `fit`; everything broadcasts.
        """
        self._unload_params()
        count, horizon, (x, t_x, age) = (
            checked_count(n),
            checked_horizon(t),
            checked_history(frequency, recency, T),
        )
        alive = self._p_alive(x, t_x, age)
        if_alive = log_pmf(count, horizon, self._alive_now(x, age))
        with np.errstate(divide="ignore"):
            log_gone = np.where(count == 0, np.log1p(-alive), -np.inf)
            return np.logaddexp(np.log(alive) + if_alive, log_gone)

    def log_pmf(self, n: ArrayLike, t: ArrayLike) -> FloatArray:
        """Log-probability that a new customer repeats exactly n times within t.

        Parameters
        ----------
        n : whole numbers >= 0
        t : time units of the fit, >= 0; broadcasts against n
        """
        return self.conditional_log_pmf(n, t, 0, 0, 0)

    def probability_of_n_purchases_up_to_time(self, t: ArrayLike, n: ArrayLike) -> Forecast:
        """Probability that a new customer repeats exactly n times within t.

        Parameters
        ----------
        t : time units of the fit, >= 0
        n : whole numbers >= 0; broadcasts against t
        """
        return like_given(np.exp(self.log_pmf(n, t)), t, n)

    def expected_number_of_purchases_up_to_time(self, t: ArrayLike) -> Forecast:
        """Forecast the repeat purchases of a new customer within t.

        Parameters
        ----------
        t : time units of the fit, >= 0
        """
        self._unload_params()
        start = np.zeros(())
        expected = expected_purchases(checked_horizon(t), self._alive_now(start, start))
        return like_given(self._p_alive(start, start, start) * expected, t)

    def generate_new_data(
        self, size: int = 1, *, T: ArrayLike | None = None, seed: int | None = None
    ) -> pd.DataFrame:
        """Simulate customers of this model.

        Parameters
        ----------
        size
            How many.
        T
            Time each is observed for, repeated to `size`; by default the ages of the fit.
        seed
            For the same customers again.

        Returns
        -------
        A row a customer: frequency, recency, T, lambda, p, alive; the index is customer_id.
        """
        r, alpha, a, b = self._unload_params(*PARAMETERS)
        ages = np.resize(numbers(self.data["T"] if T is None else T, "T"), size)
        return simulate_histories(
            ages, (r, alpha, a, b), self.chances_at_start, np.random.default_rng(seed)
        )

    def to_state(self) -> State:
        """Everything that forecasts need, as plain values; customers stay behind."""
        self._unload_params()
        rows = self._covariance.tolist()
        return State(
            {
                "penalizer_coef": self.penalizer_coef,
                "params": {name: float(value) for name, value in self.params_.items()},
                "variance_matrix": [[_none_for_nan(v) for v in row] for row in rows],
                "log_likelihood": self.log_likelihood_,
                "status": self.status_,
                "unit": self.unit_,
            },
            {},
        )

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Rebuild a fitter that forecasts as the stored one did."""
        stored = state.parameters
        fitter = cls(penalizer_coef=stored["penalizer_coef"])  # type: ignore[call-arg]
        fitter.params_ = pd.Series(stored["params"], dtype=float)[PARAMETERS]
        fitter.log_likelihood_ = stored["log_likelihood"]
        fitter.status_ = stored["status"]
        fitter.unit_ = stored["unit"]
        fitter._covariance = np.array(stored["variance_matrix"], dtype=float)
        return fitter

    def _by_pattern(
        self, forecast: Callable[[Survivor], FloatArray], history: tuple[FloatArray, ...]
    ) -> FloatArray:
        """Forecast given alive depends on frequency and T only: once for each pair of them."""
        x, _, age = history
        if x.ndim != 1 or x.size < _WORTH_COLLAPSING:
            return forecast(self._alive_now(x, age))
        found = distinct(x, age)
        return forecast(self._alive_now(*found.columns))[found.row_of]

    def _at_each(
        self,
        forecast: Callable[[FloatArray, Survivor], FloatArray],
        horizon: FloatArray,
        history: tuple[FloatArray, ...],
    ) -> FloatArray:
        t, x, age = np.broadcast_arrays(horizon, history[0], history[2])
        if t.ndim != 1 or t.size < _WORTH_COLLAPSING:
            return forecast(t, self._alive_now(x, age))
        found = distinct(t, x, age)
        one_t, one_x, one_age = found.columns
        return forecast(one_t, self._alive_now(one_x, one_age))[found.row_of]


def _none_for_nan(value: float) -> float | None:
    """Spell a missing number as JSON does."""
    return None if np.isnan(value) else value


def _iterations_allowed(options: dict[str, object]) -> int:
    unknown = sorted(set(options) - _SCIPY_OPTIONS - {"maxiter"})
    if unknown:
        raise TypeError(f"fit() got an unexpected keyword argument {unknown[0]!r}.")
    return int(str(options.get("maxiter", 200)))
