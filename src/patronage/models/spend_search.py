"""Look for the Gamma-Gamma parameters that a likelihood prefers, and say how it went."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from patronage.errors import ConvergenceError
from patronage.models.newton import Optimum, maximise
from patronage.models.spend_likelihood import (
    Chart,
    Objective,
    SpendTotals,
    held_mean_chart,
    in_chart,
    level_chart,
)

FloatArray = NDArray[np.float64]

COORDINATES = ["p", "q", "p v / q"]
START = (2.0, 3.0, 1.0)

FARTHEST = (1e5, 1e4, 1e3)
"""A p or q beyond it is taken for its limit; nearer where rounding hides the top from there."""

FARTHEST_MEAN = 2.0
"""Population mean over observed mean from which a tail counts as not identified."""

_LIMITS = {
    ("p", "infinity"): "the purchases of one customer do not vary",
    ("q", "infinity"): "customers do not differ in what they spend",
}


class SpendFit(NamedTuple):
    """Where a search ended; money in units of the scale.

    Attributes
    ----------
    params, covariance : shapes (3,) and (3, 3)
        Of p, q and v; NaN in the covariance for what runs away.
    status
        "converged", or one line that says what the data do not identify.
    best
        The optimum, in the coordinates of the search.
    """

    params: FloatArray
    covariance: FloatArray
    status: str
    best: Optimum


def start_from(initial_params: ArrayLike | None, totals: SpendTotals) -> FloatArray:
    """Turn logarithms of p, q, v in currency units into the coordinates of the search."""
    if initial_params is None:
        return np.array(START)
    p, q, v = np.exp(np.asarray(initial_params, dtype=np.float64))
    return np.array([p, q, p * v / (q * totals.scale)])


def search(
    objective: Objective,
    totals: SpendTotals,
    start: FloatArray,
    *,
    tolerance: float,
    max_iterations: int,
    holds_mean: bool,
) -> SpendFit:
    """Climb to the optimum, and again with the mean held if the tail leaves none.

    Parameters
    ----------
    objective
        Of (p, q, v), see `spend_objective`.
    totals
        The data behind it.
    start : shape (3,)
        p, q and the level p v / q.
    tolerance, max_iterations
        See `maximise`.
    holds_mean
        Hold the population mean at the observed one where the free optimum has none, or one
        over `FARTHEST_MEAN` times it.

    Raises
    ------
    ConvergenceError
        If no optimum is found.
    """

    def climb(chart: Callable[[FloatArray], Chart], first: ArrayLike) -> tuple[Optimum, Chart]:
        for farthest in FARTHEST:
            best = maximise(
                in_chart(objective, chart),
                first,
                tolerance=tolerance,
                max_iterations=max_iterations,
                lowest=1 / farthest,
                highest=farthest,
            )
            if best.status != "failed":
                return best, chart(best.params)
        raise ConvergenceError(
            f"Gamma-Gamma: {best.message}, on {totals.n:,.0f} customers; look for outliers in "
            "monetary_value, or give a penalizer_coef such as 0.001."
        )

    best, place = climb(level_chart, start)
    status = _status(best, place.params)
    if holds_mean and _has_far_mean(place.params, totals):
        status = _held_status(place.params[1], totals)
        best, place = climb(partial(held_mean_chart, population_mean=totals.mean), [1.0, 1.0])
    return SpendFit(place.params, _covariance(best, place, totals.n), status, best)


def _covariance(best: Optimum, place: Chart, n_customers: float) -> FloatArray:
    """Covariance of p, q, v by the delta method; NaN for what moves with a runaway."""
    inner = best.log_covariance(n_customers) * np.outer(best.params, best.params)
    running = list(best.running)
    inner[running, :] = 0.0
    inner[:, running] = 0.0
    covariance = place.jacobian @ inner @ place.jacobian.T
    lost = (place.jacobian[:, running] != 0).any(axis=1)
    covariance[lost, :] = np.nan
    covariance[:, lost] = np.nan
    return (covariance + covariance.T) / 2


def _status(best: Optimum, params: FloatArray) -> str:
    runs = [(COORDINATES[i], "zero") for i in best.to_zero]
    runs += [(COORDINATES[i], "infinity") for i in best.to_infinity]
    if runs:
        limits = ", ".join(f"{name} -> {limit}" for name, limit in runs)
        meaning = "; ".join(_LIMITS[run] for run in runs if run in _LIMITS)
        return f"boundary: {limits}" + (f" ({meaning})" if meaning else "")
    if params[1] <= 1:
        return (
            f"infinite mean: q = {params[1]:.3g} <= 1, so a customer without a repeat "
            "purchase has no expected spend; fit with q_constraint=True"
        )
    return "converged"


def _has_far_mean(params: FloatArray, totals: SpendTotals) -> bool:
    p, q, v = params
    return bool(q <= 1 or p * v / (q - 1) > FARTHEST_MEAN * totals.mean)


def _held_status(q: float, totals: SpendTotals) -> str:
    return (
        f"mean held: the free optimum, q = {q:.3g}, has too heavy a tail for a population mean; "
        f"held at the observed mean of customers, {totals.mean * totals.scale:.6g}"
    )
