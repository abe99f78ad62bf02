"""Logistic regression with a ridge penalty on an encoded matrix, monotone where asked.

It stands beside the boosted trees: on small or drifting data it is often the better of the two.
Numbers enter twice, clipped and standardised, and on a scale that tames heavy tails; missing
numbers get the median and a flag; levels are one-hot. The signs of the coefficients of a
monotone column are bounded in the fit, so the constraint holds exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from patronage.models.categories import FeatureMap

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
MAX_FIT_ROWS = 100_000
MAX_STEPS = 50
TOLERANCE = 1e-7


@dataclass(frozen=True)
class NumberTerm:
    """How one column of numbers enters: two increasing shapes and a flag for missing."""

    median: float
    low: float
    high: float
    center: float
    scale: float
    tail_center: float
    tail_scale: float
    missing_rate: float

    @classmethod
    def learn(cls, values: Matrix) -> Self:
        """Take the places and scales from the rows of the fit."""
        present = values[~np.isnan(values)].astype(np.float64)
        if not len(present):
            return cls(0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0)
        low, quarter, median, three, high = np.quantile(present, [0.01, 0.25, 0.5, 0.75, 0.99])
        clipped = np.clip(present, low, high)
        spread = (three - quarter) / 1.35 or clipped.std() or 1.0
        return cls(
            float(median),
            float(low),
            float(high),
            float(clipped.mean()),
            float(clipped.std()) or 1.0,
            float(np.arcsinh((present - median) / spread).mean()),
            float(spread),
            1.0 - len(present) / len(values),
        )

    def expand(self, values: Matrix) -> list[Floats]:
        """Give the three columns of the design: clipped, heavy tail tamed, missing."""
        missing = np.isnan(values)
        known = np.where(missing, self.median, values).astype(np.float64)
        return [
            (np.clip(known, self.low, self.high) - self.center) / self.scale,
            np.arcsinh((known - self.median) / self.tail_scale) - self.tail_center,
            missing - self.missing_rate,
        ]


@dataclass(frozen=True)
class LevelTerm:
    """How one column of codes enters: a column a code, the last for missing."""

    rates: tuple[float, ...]

    @classmethod
    def learn(cls, codes: Matrix, n_codes: int) -> Self:
        """Count how often each code occurs."""
        counts = np.bincount(_places(codes, n_codes), minlength=n_codes + 1)
        return cls(tuple((counts / max(len(codes), 1)).tolist()))

    def expand(self, codes: Matrix) -> list[Floats]:
        """Give the centred one-hot columns of the design."""
        places = _places(codes, len(self.rates) - 1)
        return [(places == place) - rate for place, rate in enumerate(self.rates)]


def _places(codes: Matrix, n_codes: int) -> NDArray[np.intp]:
    return np.where(np.isnan(codes), n_codes, codes).astype(np.intp)


Term = NumberTerm | LevelTerm


@dataclass(frozen=True)
class LogisticModel:
    """A fitted regression: log-odds are the intercept plus one contribution a column."""

    intercept: float
    terms: tuple[Term, ...]
    coefficients: tuple[tuple[float, ...], ...]

    def contributions(self, matrix: Matrix) -> tuple[Floats, Floats]:
        """Give coefficient times (value minus mean) by column, and what all rows share.

        Parameters
        ----------
        matrix : shape (n_rows, n_columns)

        Returns
        -------
        shape (n_rows, n_columns) and (n_rows,), log-odds; together a row's sum is its margin.
        """
        result = np.empty(matrix.shape, dtype=np.float64)
        for place, (term, weights) in enumerate(zip(self.terms, self.coefficients, strict=True)):
            if isinstance(term, LevelTerm):
                shift = sum(w * rate for w, rate in zip(weights, term.rates, strict=True))
                table = np.array(weights) - shift
                result[:, place] = table[_places(matrix[:, place], len(term.rates) - 1)]
            else:
                # Added one by one: a matrix product may round a row by the rows beside it.
                parts = term.expand(matrix[:, place])
                result[:, place] = sum(w * part for w, part in zip(weights, parts, strict=True))
        return result, np.full(len(matrix), self.intercept)

    def margins(self, matrix: Matrix) -> Floats:
        """Give the log-odds of each row."""
        columns, total = self.contributions(matrix)
        for column in columns.T:
            total += column
        return total

    def to_dict(self) -> dict[str, Any]:
        """Give numbers and lists as JSON takes them."""
        return {
            "intercept": self.intercept,
            "terms": [asdict(term) for term in self.terms],
            "coefficients": [list(weights) for weights in self.coefficients],
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Undo `to_dict`."""
        terms: list[Term] = [
            LevelTerm(tuple(term["rates"])) if "rates" in term else NumberTerm(**term)
            for term in state["terms"]
        ]
        weights = tuple(tuple(values) for values in state["coefficients"])
        return cls(float(state["intercept"]), tuple(terms), weights)


def fit_logistic(
    matrix: Matrix,
    target: Floats,
    weight: Floats,
    *,
    features: FeatureMap,
    signs: Sequence[int],
    ridge: float = 1.0,
) -> LogisticModel:
    """Fit by penalised likelihood.

    Parameters
    ----------
    matrix : shape (n_rows, n_columns)
        As `FeatureMap.encode` gives it. Of more than 100,000 rows an even sample is used: the
        coefficients are few and that settles them.
    target : shape (n_rows,), 0 or 1
    weight : shape (n_rows,)
    features
        The map that made the matrix.
    signs : one a column
        +1 where log-odds must not fall as the number grows, -1 where they must not rise, else 0.
    ridge
        Half of it times the sum of squared coefficients is added to the negative log-likelihood.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"visits": [1.0, 2.0, 3.0, 4.0]})
    >>> features = FeatureMap.learn(frame)
    >>> model = fit_logistic(features.encode(frame).matrix, np.array([0.0, 0.0, 1.0, 1.0]),
    ...                      np.ones(4), features=features, signs=[1])
    >>> bool(np.diff(model.margins(features.encode(frame).matrix)).min() > 0)
    True
    """
    if len(target) > MAX_FIT_ROWS:
        picked = np.linspace(0, len(target) - 1, MAX_FIT_ROWS).astype(np.intp)
        matrix, target, weight = matrix[picked], target[picked], weight[picked]
    terms: list[Term] = [
        LevelTerm.learn(matrix[:, place], len(column.levels) + column.has_rare)
        if column.kind == "level"
        else NumberTerm.learn(matrix[:, place])
        for place, column in enumerate(features.columns)
    ]
    blocks = [term.expand(matrix[:, place]) for place, term in enumerate(terms)]
    bounds: list[tuple[float | None, float | None]] = [(None, None)]
    for sign, term, block in zip(signs, terms, blocks, strict=True):
        bound = (0.0 if sign > 0 else None, 0.0 if sign < 0 else None)
        free = [bound, bound, (None, None)]
        bounds += free if isinstance(term, NumberTerm) else [(None, None)] * len(block)
    design = np.column_stack([np.ones(len(target)), *(part for block in blocks for part in block)])
    values = _minimise(design, target, weight, ridge, bounds)
    edges = np.cumsum([1, *(len(block) for block in blocks)])
    coefficients = tuple(tuple(values[start:stop].tolist()) for start, stop in pairwise(edges))
    return LogisticModel(float(values[0]), tuple(terms), coefficients)


def _minimise(
    design: Floats,
    target: Floats,
    weight: Floats,
    ridge: float,
    bounds: list[tuple[float | None, float | None]],
) -> Floats:
    """Newton's method on the coefficients that no bound holds back, with step halving."""
    weight = weight / weight.sum()
    penalty = np.full(design.shape[1], ridge / len(target))
    penalty[0] = 0.0
    low = np.array([-np.inf if bound[0] is None else bound[0] for bound in bounds])
    high = np.array([np.inf if bound[1] is None else bound[1] for bound in bounds])

    def loss(values: Floats) -> float:
        margin = design @ values
        return float(
            weight @ (np.logaddexp(0.0, margin) - target * margin) + penalty @ values**2 / 2
        )

    values = np.zeros(design.shape[1])
    rate = np.clip(weight @ target, 1e-6, 1 - 1e-6)
    values[0] = np.log(rate / (1 - rate))
    current = loss(values)
    for _ in range(MAX_STEPS):
        chance = expit(design @ values)
        slope = design.T @ (weight * (chance - target)) + penalty * values
        held = ((values <= low) & (slope > 0)) | ((values >= high) & (slope < 0))
        free = np.flatnonzero(~held)
        if np.abs(slope[free]).max() < TOLERANCE:
            break
        step = np.zeros_like(values)
        curving = weight * chance * (1 - chance)
        step[free] = _newton_step(design[:, free], curving, slope[free], penalty[free])
        for halving in range(30):
            trial = np.clip(values - step * 0.5**halving, low, high)
            found = loss(trial)
            if found <= current:
                break
        if current - found < TOLERANCE**2:
            break
        values, current = trial, found
    return values


def _newton_step(design: Floats, curving: Floats, slope: Floats, penalty: Floats) -> Floats:
    curvature = (design.T * curving) @ design
    # A trace of damping: a column of zeros has no curvature where there is no penalty.
    curvature[np.diag_indices(len(slope))] += penalty + 1e-10
    return np.asarray(np.linalg.solve(curvature, slope), dtype=np.float64)
