"""Maximum likelihood for a handful of positive parameters, by Newton on their logarithms.

Exact second derivatives need some ten passes over the data where a quasi-Newton method needs
a hundred, and they give the covariance for nothing. On the log scale no parameter can turn
negative, and one that wants to be zero or infinite walks away in equal steps, so it meets the
box and is reported instead of being taken for an estimate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
Objective = Callable[[FloatArray], tuple[float, FloatArray, FloatArray]]
Status = Literal["converged", "boundary", "failed"]

LOWEST, HIGHEST = 1e-6, 1e6
"""The box. With data scaled to about 1, a parameter beyond it says no more than its limit."""

FLAT = 1e-8
"""Curvature a customer below which a direction is not identified: it would take 1e8 customers."""

_PART_OF_DIRECTION = 0.3
_ROUNDING = 1e-13
_NEAR_WALL = np.log(10.0)
_LONGEST_STEP = 4.0
_SHORTEST_STEP = 1e-12


@dataclass(frozen=True)
class Optimum:
    """Where the likelihood is highest, and how sharp that place is.

    Attributes
    ----------
    params : shape (k,), natural scale, inside the box
    log_likelihood
        As the objective gives it: a mean a customer when called as advised.
    gradient, hessian : shapes (k,) and (k, k)
        Derivatives with respect to the *logarithms* of the parameters.
    status
        "converged"; "boundary" when a parameter runs to zero or infinity, or the data do not
        identify it; "failed" when neither could be established.
    message
        One line for people.
    n_iterations
        Passes over the data.
    to_zero, to_infinity
        Positions of the parameters that run away, empty unless status is "boundary".
    """

    params: FloatArray
    log_likelihood: float
    gradient: FloatArray
    hessian: FloatArray
    status: Status
    message: str
    n_iterations: int
    to_zero: tuple[int, ...] = ()
    to_infinity: tuple[int, ...] = ()

    @property
    def running(self) -> tuple[int, ...]:
        """Positions of the parameters without an interior estimate."""
        return tuple(sorted({*self.to_zero, *self.to_infinity}))

    def log_covariance(
        self, n_customers: float, running: tuple[int, ...] | None = None
    ) -> FloatArray:
        """Covariance of the estimates of the logarithms, from the inverse observed information.

        Parameters
        ----------
        n_customers
            Total weight behind the mean log-likelihood; 1 when the objective is a sum.
        running
            Parameters to leave out; by default those that run away.

        Returns
        -------
        Shape (k, k), exactly symmetric. Rows and columns of parameters left out are NaN; the
        rest is conditional on those.
        """
        covariance = np.full(self.hessian.shape, np.nan)
        held = self.running if running is None else running
        free = np.setdiff1d(np.arange(len(self.params)), held)
        if len(free):
            values, vectors = np.linalg.eigh(-self.hessian[np.ix_(free, free)] * n_customers)
            values = np.where(values > 0, values, np.nan)
            inverse = (vectors / values) @ vectors.T
            covariance[np.ix_(free, free)] = (inverse + inverse.T) / 2
        return covariance


@dataclass(frozen=True)
class _Point:
    """The objective at one place, in logarithms of the parameters."""

    log_params: FloatArray
    value: float
    gradient: FloatArray
    hessian: FloatArray

    @property
    def is_finite(self) -> bool:
        return bool(
            np.isfinite(self.value)
            and np.isfinite(self.gradient).all()
            and np.isfinite(self.hessian).all()
        )


def maximise(
    value_gradient_hessian: Objective,
    start: ArrayLike,
    *,
    tolerance: float = 1e-9,
    max_iterations: int = 200,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
) -> Optimum:
    """Find the parameters with the highest likelihood.

    Parameters
    ----------
    value_gradient_hessian
        Takes natural parameters, shape (k,), and gives the *mean* log-likelihood a customer,
        its gradient (k,) and its Hessian (k, k) with respect to the natural parameters. Scale
        the data (time by the longest, money by the mean) so that parameters are near 1.
    start : shape (k,), > 0
    tolerance
        Largest entry of the gradient with respect to log-parameters at the optimum.
    max_iterations
        Passes over the data before giving up.
    lowest, highest
        The box, natural scale.

    Returns
    -------
    Optimum
        Look at `status` first. Nothing is raised for a bad surface: the caller knows the
        model, and words the error.

    Raises
    ------
    ValueError
        If start is not positive and finite.

    Notes
    -----
    Each step solves with the absolute eigenvalues of the Hessian, so that saddles repel, cut
    to a trusted length that grows and shrinks with how well the quadratic foretold the gain.

    Examples
    --------
    The rate that makes two exponential waits of 1 and 3 most likely is their number over
    their sum:

    >>> def waits(p):
    ...     value = np.log(p[0]) - 2 * p[0]
    ...     return value, np.array([1 / p[0] - 2]), np.array([[-1 / p[0] ** 2]])
    >>> best = maximise(waits, [1.0])
    >>> best.status, best.params.round(6)
    ('converged', array([0.5]))
    """
    first = np.asarray(start, dtype=np.float64)
    if not (np.isfinite(first).all() and (first > 0).all()):
        raise ValueError(f"start is {first.tolist()}; every parameter must be positive and finite.")
    box = (np.log(lowest), np.log(highest))
    with np.errstate(all="ignore"):
        return _climb(
            value_gradient_hessian, np.clip(np.log(first), *box), box, tolerance, max_iterations
        )


def _evaluate(objective: Objective, log_params: FloatArray) -> _Point:
    params = np.exp(log_params)
    value, gradient, hessian = objective(params)
    slope = params * gradient
    return _Point(
        log_params, float(value), slope, hessian * np.outer(params, params) + np.diag(slope)
    )


def _climb(
    objective: Objective,
    start: FloatArray,
    box: tuple[float, float],
    tolerance: float,
    max_iterations: int,
) -> Optimum:
    here = _evaluate(objective, start)
    if not here.is_finite:
        return _optimum(here, "failed", "the likelihood is not finite at the start", 1)
    radius = 2.0
    for passes in range(2, max_iterations + 2):
        free = ~_pinned(here, box)
        if np.abs(here.gradient[free]).max(initial=0.0) <= tolerance:
            return _settled(here, box, passes - 1)
        step = _step(here, free, radius, box)
        foretold = float(here.gradient @ step + step @ here.hessian @ step / 2)
        there = _evaluate(objective, here.log_params + step)
        gain = there.value - here.value
        if _is_better(here, there, foretold):
            radius = min(_LONGEST_STEP, 2 * radius) if gain > foretold / 2 else radius
            here = there
        else:
            radius = min(radius, float(np.linalg.norm(step))) / 4
            if radius < _SHORTEST_STEP:
                # Rounding, not shape, is what stops the climb this close to a flat top.
                if np.abs(here.gradient[free]).max() <= max(1e-6, 100 * tolerance):
                    return _settled(here, box, passes)
                return _optimum(here, "failed", "no step raises the likelihood", passes)
    return _optimum(here, "failed", f"no optimum within {max_iterations} passes", max_iterations)


def _pinned(here: _Point, box: tuple[float, float]) -> NDArray[np.bool_]:
    """Parameters on a wall of the box that the likelihood would push further out."""
    low = (here.log_params <= box[0]) & (here.gradient < 0)
    high = (here.log_params >= box[1]) & (here.gradient > 0)
    return low | high


def _step(
    here: _Point, free: NDArray[np.bool_], radius: float, box: tuple[float, float]
) -> FloatArray:
    """Newton's step for the free parameters, at most `radius` long and inside the box."""
    step = np.zeros_like(here.log_params)
    moving = free.copy()
    while moving.any():
        slope = (here.gradient + here.hessian @ step)[moving]
        values, vectors = np.linalg.eigh(-here.hessian[np.ix_(moving, moving)])
        newton = vectors @ ((vectors.T @ slope) / np.maximum(np.abs(values), 1e-14))
        step[moving] = newton * min(1.0, radius / max(float(np.linalg.norm(newton)), 1e-300))
        goal = here.log_params + step
        outside = moving & ((goal < box[0]) | (goal > box[1]))
        if not outside.any():
            break
        # These stop at the wall, and the others choose again with that known.
        step[outside] = np.clip(goal, *box)[outside] - here.log_params[outside]
        moving &= ~outside
        step[moving] = 0.0
    return step


def _is_better(here: _Point, there: _Point, foretold: float) -> bool:
    if not there.is_finite:
        return False
    if abs(foretold) < _ROUNDING * (1 + abs(here.value)):
        # Gains this small drown in the rounding of the value; the gradient still resolves them.
        return bool(np.linalg.norm(there.gradient) < np.linalg.norm(here.gradient))
    return there.value - here.value > 0.05 * max(foretold, 0.0)


def _settled(here: _Point, box: tuple[float, float], passes: int) -> Optimum:
    """Tell an estimate from a place where the climb merely ran out of slope."""
    low = here.log_params <= box[0] + _NEAR_WALL
    high = here.log_params >= box[1] - _NEAR_WALL
    inner = ~(low | high)
    if inner.any():
        values, vectors = np.linalg.eigh(-here.hessian[np.ix_(inner, inner)])
        moving = np.zeros_like(inner)
        moving[inner] = (np.abs(vectors[:, values < FLAT]) > _PART_OF_DIRECTION).any(axis=1)
        low |= moving & (here.log_params < 0)
        high |= moving & (here.log_params >= 0)
    if not (low | high).any():
        return _optimum(here, "converged", f"optimum found in {passes} passes", passes)
    return replace(
        _optimum(here, "boundary", "a parameter runs to zero or infinity", passes),
        to_zero=tuple(np.flatnonzero(low).tolist()),
        to_infinity=tuple(np.flatnonzero(high).tolist()),
    )


def _optimum(here: _Point, status: Status, message: str, passes: int) -> Optimum:
    return Optimum(
        params=np.exp(here.log_params),
        log_likelihood=here.value,
        gradient=here.gradient,
        hessian=here.hessian,
        status=status,
        message=message,
        n_iterations=passes,
    )
