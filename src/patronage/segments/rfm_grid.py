"""RFM: recency, frequency and monetary value in quantile scores, and the named grid over them.

Edges are learnt once and frozen: the same features give the same segment for ever.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from patronage.errors import SpecError
from patronage.models.state import State
from patronage.segments.tables import FloatArray, Labels, labels, numbers, plain

GRID = {
    "champions": "5[45]",
    "loyal": "[34][45]",
    "potential loyalists": "[45][23]",
    "new": "51",
    "promising": "41",
    "need attention": "33",
    "about to sleep": "3[12]",
    "at risk": "[12][34]",
    "can't lose them": "[12]5",
    "hibernating": "2[12]",
    "lost": "1[12]",
}
"""Names of the 25 cells, each a pattern of the recency score and the score beside it."""

SCORES = ("recency_score", "frequency_score", "monetary_score")
MOST_BINS = 9


MONETARY = {
    "total": ("frequency", "monetary_value", "first_value"),
    "mean": ("frequency", "monetary_value", "first_value"),
    "repeat_mean": ("monetary_value",),
}
"""The M of RFM by name, and the columns of a snapshot that it is made of."""


def monetary_value(X: pd.DataFrame, which: str) -> pd.Series[Any]:
    """Take the M of RFM from the columns of a snapshot.

    Parameters
    ----------
    X : shape (n_customers, columns)
        frequency (repeat purchase days), monetary_value (mean of a repeat day, 0 where there is
        none) and first_value (of the first day), in currency units.
    which
        "total" of all purchase days, "mean" of one, the first included, or "repeat_mean".

    Returns
    -------
    shape (n_customers,), currency units.

    Examples
    --------
    >>> X = pd.DataFrame({"frequency": [0, 3], "monetary_value": [0.0, 20.0],
    ...                   "first_value": [100.0, 40.0]})
    >>> monetary_value(X, "total").tolist(), monetary_value(X, "mean").tolist()
    ([100.0, 100.0], [100.0, 25.0])
    """
    repeat = X["monetary_value"].astype("float64")
    if which == "repeat_mean":
        return repeat
    times = X["frequency"].astype("float64")
    total = X["first_value"].astype("float64") + times * repeat
    return total if which == "total" else total / (times + 1)


def score_bins(values: FloatArray, n_bins: int) -> tuple[FloatArray, FloatArray]:
    """Cut values into bins of equal mass that keep ties together.

    From the lowest value upwards, each bin ends between two values, as near as can be to its
    fair share of those that are left. Without ties these are plain quantiles. Fewer bins than
    asked, from many ties, are spread over the scores so that the lowest is 1 and the highest
    n_bins; a constant column scores in the middle.

    Parameters
    ----------
    values : shape (n,), without NaN, n >= 1

    Returns
    -------
    edges : shape (n_used - 1,)
        Highest value of each bin but the last.
    scores : shape (n_used,)
        Score of each bin, whole numbers.

    Examples
    --------
    >>> edges, scores = score_bins(np.array([0.0] * 6 + [1, 2, 3, 4]), 5)
    >>> edges.tolist(), scores.tolist()
    ([0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0, 5.0])
    >>> score_bins(np.array([7.0, 7.0]), 5)[1].tolist()
    [3.0]
    """
    distinct, counts = np.unique(values, return_counts=True)
    below = np.concatenate([[0], np.cumsum(counts)])
    edges: list[float] = []
    start = 0
    for left in range(n_bins, 1, -1):
        fair = below[start] + (below[-1] - below[start]) / left
        end = int(np.searchsorted(below, fair))
        if end > start + 1 and fair - below[end - 1] < below[end] - fair:
            end -= 1
        if end >= len(distinct):
            break
        edges.append(float(distinct[end - 1]))
        start = end
    used = len(edges) + 1
    if used == 1:
        return np.array([]), np.array([(n_bins + 1) // 2], dtype=float)
    return np.array(edges), np.round(np.linspace(1, n_bins, used))


class RFMSegments(BaseEstimator):
    """Segments of a grid over quantile scores.

    Parameters
    ----------
    n_bins : 3 to 9
        Scores run from 1 (worst) to n_bins (best).
    grid : mapping of name to pattern, or None for the usual eleven names
        A pattern is a regular expression over a cell's scores: two digits, recency and `second`
        ("5[45]"), or three, recency, frequency and monetary ("5[45][1-5]"). Every cell must
        match exactly one name.
    second : "frequency_monetary" or "frequency"
        What the second of two digits is: the mean of frequency's and monetary's scores, rounded
        up at halves, or frequency's alone.
    monetary : str
        The monetary value, as `monetary_value` takes it: "total" or "mean" of all purchases,
        which need first_value, "repeat_mean", or a column of your own.

    Attributes
    ----------
    edges_ : dict
        For each of recency_days, frequency and the monetary column, the frozen edges.
    scores_ : dict
        Beside them, the scores of the bins.
    n_customers_ : int
        Customers without missing values in fit.

    Examples
    --------
    >>> X = pd.DataFrame({"recency_days": range(1, 11), "frequency": range(10, 0, -1),
    ...                   "monetary_value": range(10, 0, -1)})
    >>> segments = RFMSegments().fit(X)
    >>> segments.predict(X).tolist()[0::9]
    ['champions', 'lost']
    >>> segments.transform(X)["rfm"].iloc[0]
    '555'
    """

    def __init__(
        self,
        n_bins: int = 5,
        grid: Mapping[str, str] | None = None,
        second: str = "frequency_monetary",
        monetary: str = "monetary_value",
    ) -> None:
        self.n_bins = n_bins
        self.grid = grid
        self.second = second
        self.monetary = monetary

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002 - scikit-learn's
        """Learn the edges.

        Parameters
        ----------
        X : shape (n_customers, columns)
            recency_days (or recency and T, as lifetimes has them), frequency and the monetary
            column. Rows with a missing value are left out. A column that is the same for all
            scores in the middle, but a frequency of nothing is the lowest: who never came back
            is not loyal.

        Raises
        ------
        ValueError
            If a column is absent or no row is complete.
        SpecError
            If the grid leaves a cell without a name, or gives it two.
        """
        self._cells()
        values = self._values(X)
        known = values.dropna()
        if known.empty:
            raise ValueError(
                f"RFMSegments: 0 of {len(X):,} rows have all of {', '.join(map(str, values))}; "
                "fit on customers with a purchase."
            )
        self.edges_: dict[str, FloatArray] = {}
        self.scores_: dict[str, FloatArray] = {}
        for column in map(str, values):
            sign = -1.0 if column == "recency_days" else 1.0
            edges, scores = score_bins(sign * known[column].to_numpy(), self.n_bins)
            if column == "frequency" and not known[column].any():
                scores = np.ones(1)
            self.edges_[column], self.scores_[column] = edges, scores
        self.n_customers_ = len(known)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Score customers by the frozen edges.

        Returns
        -------
        pandas.DataFrame, index of X
            recency_score, frequency_score, monetary_score (Int64, missing where a value is) and
            rfm, the three digits as text.
        """
        check_is_fitted(self, "edges_")
        values = self._values(X)
        known = values.notna().all(axis=1)
        scores = pd.DataFrame(index=X.index)
        for name, column in zip(SCORES, map(str, values), strict=True):
            sign = -1.0 if column == "recency_days" else 1.0
            bins = np.searchsorted(self.edges_[column], sign * values[column].to_numpy())
            bins = np.minimum(bins, len(self.edges_[column]))  # NaN sorts behind the last
            score = pd.Series(self.scores_[column][bins], index=X.index).where(known)
            scores[name] = score.astype("Int64")
        text = scores[list(SCORES)].astype("string")
        return scores.assign(rfm=(text[SCORES[0]] + text[SCORES[1]] + text[SCORES[2]]))

    def predict(self, X: pd.DataFrame) -> Labels:
        """Name the segment of each customer; "unknown" where a value is missing.

        Returns
        -------
        shape (n_customers,), text.
        """
        scores = self.transform(X)[list(SCORES)]
        known = scores.notna().all(axis=1).to_numpy()
        result = labels(X)
        digits = scores[known].to_numpy(dtype="int64")
        cells = self._cells()
        width = len(next(iter(cells)))
        if width == 2:  # noqa: PLR2004 - two digits
            digits = np.column_stack([digits[:, 0], self._second(digits)])
        codes = digits @ 10 ** np.arange(width - 1, -1, -1)
        by_code = {int(cell): name for cell, name in cells.items()}
        result[known] = [by_code[code] for code in codes.tolist()]
        return result

    def to_state(self) -> State:
        """Give the fitted edges as plain values."""
        check_is_fitted(self, "edges_")
        parameters = {
            "arguments": {**self.get_params(), "grid": dict(self.grid) if self.grid else None},
            "edges": self.edges_,
            "scores": self.scores_,
            "n_customers": self.n_customers_,
        }
        return State(plain(parameters), {})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Rebuild a fitted estimator."""
        parameters = state.parameters
        model = cls(**parameters["arguments"])
        model.edges_ = {name: np.asarray(v, float) for name, v in parameters["edges"].items()}
        model.scores_ = {name: np.asarray(v, float) for name, v in parameters["scores"].items()}
        model.n_customers_ = int(parameters["n_customers"])
        return model

    def _values(self, X: pd.DataFrame) -> pd.DataFrame:
        if isinstance(X, pd.DataFrame) and "recency_days" not in X and {"recency", "T"} <= {*X}:
            X = X.assign(recency_days=X["T"] - X["recency"])
        column = self.monetary
        if column in MONETARY:
            needed = numbers(X, MONETARY[column], owner="RFMSegments")
            X = X.assign(**{column: monetary_value(needed, column)})
        return numbers(X, ["recency_days", "frequency", column], owner="RFMSegments")

    @property
    def monetary_features_(self) -> list[str]:
        """Columns that the monetary value is made of."""
        return list(MONETARY.get(self.monetary, (self.monetary,)))

    def _second(self, digits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if self.second == "frequency":
            return digits[:, 1]
        return np.asarray((digits[:, 1] + digits[:, 2] + 1) // 2)

    def _cells(self) -> dict[str, str]:
        """Name of each cell, checked to be one and only one."""
        if not 3 <= self.n_bins <= MOST_BINS:  # noqa: PLR2004 - fewer make no grid
            raise SpecError(f"n_bins is {self.n_bins}; use 3 to {MOST_BINS}.")
        if self.second not in {"frequency_monetary", "frequency"}:
            raise SpecError(f"second is {self.second!r}; use frequency_monetary or frequency.")
        if self.grid is None and self.n_bins != 5:  # noqa: PLR2004 - of the named grid
            raise SpecError(f"the named grid has 5 x 5 cells; give a grid for {self.n_bins} bins.")
        grid = dict(self.grid or GRID)
        best: tuple[int, dict[str, list[str]]] | None = None
        for width in (2, 3):
            cells = ["".join(cell) for cell in product(_digits(self.n_bins), repeat=width)]
            names = {cell: [n for n, p in grid.items() if _matches(n, p, cell)] for cell in cells}
            named = sum(bool(found) for found in names.values())
            if named and (best is None or named > best[0]):
                best = named, names
        if best is None:
            raise SpecError("grid: no pattern matches a cell; write two or three scores, '5[45]'.")
        _check_cells(best[1])
        return {cell: found[0] for cell, found in best[1].items()}


def _digits(n_bins: int) -> list[str]:
    return [str(score) for score in range(1, n_bins + 1)]


def _matches(name: str, pattern: str, cell: str) -> bool:
    try:
        return re.fullmatch(pattern, cell) is not None
    except re.error as error:
        raise SpecError(f"grid: pattern {pattern!r} of {name!r} is wrong: {error}.") from None


def _check_cells(names: Mapping[str, list[str]]) -> None:
    nameless = [cell for cell, found in names.items() if not found]
    if nameless:
        raise SpecError(
            f"grid: {len(nameless)} of {len(names)} cells have no name, first {nameless[0]}; "
            "add a pattern that matches them."
        )
    double = [(cell, found) for cell, found in names.items() if len(found) > 1]
    if double:
        cell, found = double[0]
        raise SpecError(
            f"grid: {len(double)} of {len(names)} cells have several names, first {cell}: "
            f"{', '.join(found)}; make the patterns exclude each other."
        )
