"""Customers who buy about as often: what a customer's reasons are set beside.

Beside the average of all, a regular who spent nothing lately has no reason to leave: most others
spent nothing either. Beside those who bought as often, it stands out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage.models.categories import FeatureMap
from patronage.models.propensity import Propensity

FREQUENCY = "frequency"
DOUBLINGS = tuple(2.0**power for power in range(11))
"""Repeat purchases at which another band may begin."""

LEAST_ROWS = 100
"""Of the fit, in each band."""

MOST_ROWS = 1_000
"""Of a band, spread evenly, whose contributions are averaged."""

Usual = float | str | None


@dataclass(frozen=True)
class Peers:
    """Bands of customers by repeat purchases, and what is usual in each.

    Attributes
    ----------
    edges : ascending
        A band holds values from one edge to below the next; the first begins at 0.
    mean : column to log-odds by band
        What the column moves the customers of a band on average.
    usual : column to a value by band
        Median of the numbers, or the most frequent level; None where all are missing.
    """

    edges: tuple[float, ...]
    mean: dict[str, tuple[float, ...]]
    usual: dict[str, tuple[Usual, ...]]

    @classmethod
    def learn(cls, model: Propensity, X: pd.DataFrame) -> Self:
        """Band the rows of the fit by how often they bought.

        Parameters
        ----------
        model
            Fitted, with a column frequency.
        X : shape (n_rows, n_columns)
            Rows that it was fitted on.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> X = pd.DataFrame({"frequency": rng.poisson(2, 900), "recency_days": 30.0})
        >>> Peers.learn(Propensity(random_state=0).fit(X, rng.random(900) < 0.4), X).edges
        (1.0, 2.0, 4.0)
        """
        times = _times(X)
        edges: list[float] = []
        for edge in DOUBLINGS:
            below = times < edge
            below &= times >= (edges[-1] if edges else -np.inf)
            if min(int(below.sum()), int((times >= edge).sum())) >= LEAST_ROWS:
                edges.append(edge)
        parts = []
        for low, high in pairwise([-np.inf, *edges, np.inf]):
            rows = np.flatnonzero((times >= low) & (times < high))
            spread = np.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS))
            picked = X.iloc[rows[spread.astype(np.intp)]]
            parts.append(model.features_.align(picked, absent="raise"))
        moved = [model.contributions(part)[0].mean() for part in parts]
        columns = zip(*(FeatureMap.learn(part).columns for part in parts), strict=True)
        return cls(
            tuple(edges),
            {name: tuple(float(each[name]) for each in moved) for name in model.features_.names},
            {bands[0].name: tuple(column.usual for column in bands) for bands in columns},
        )

    def bands(self, X: pd.DataFrame) -> NDArray[np.intp]:
        """Give the number of each row's band; a frequency that is missing counts as 0."""
        return np.searchsorted(self.edges, _times(X), side="right")

    def mean_of(self, bands: NDArray[np.intp], names: Iterable[str]) -> NDArray[np.float64]:
        """Give what each named column moves a band on average, shape (n_rows, n_names)."""
        # By name: stored JSON is sorted, so the order of a mapping says nothing.
        return np.column_stack([np.asarray(self.mean[name]) for name in names])[bands]

    def to_dict(self) -> dict[str, Any]:
        """Give plain values."""
        return {
            "edges": list(self.edges),
            "mean": {name: list(values) for name, values in self.mean.items()},
            "usual": {name: list(values) for name, values in self.usual.items()},
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Undo `to_dict`."""
        return cls(
            tuple(values["edges"]),
            {name: tuple(each) for name, each in values["mean"].items()},
            {name: tuple(each) for name, each in values["usual"].items()},
        )


def _times(X: pd.DataFrame) -> NDArray[np.float64]:
    numbers = pd.to_numeric(X[FREQUENCY], errors="coerce")
    return np.asarray(numbers.to_numpy(np.float64, na_value=0.0), dtype=np.float64)
