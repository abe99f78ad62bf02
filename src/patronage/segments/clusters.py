"""Segments found by K-means, named by what sets them apart, and frozen for scoring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from patronage.errors import SpecError
from patronage.models.state import State
from patronage.segments.tables import FloatArray, Labels, labels, numbers, plain

SKEWED = 1.0
"""Columns from zero up whose skewness exceeds this are taken in logarithms."""

APART = 0.5
"""A centre this many standard deviations off the mean sets a segment apart."""


class KMeansSegments(BaseEstimator):
    """K-means on columns in logarithms where skewed, standardised.

    Parameters
    ----------
    n_clusters : int or "auto"
        "auto" tries 2 to `max_clusters`. Among those whose segments come back when customers
        are drawn anew (mean adjusted Rand index at least `stable`), the one with the highest
        silhouette; where none does, the most stable.
    features : list of columns, or None for all numeric ones
    log : list of columns to take as log(1 + x), or "auto" for those from zero up that are skewed
    max_clusters, n_bootstraps : int
    stable : adjusted Rand index, 0 to 1
    random_state : int

    Attributes
    ----------
    n_clusters_ : int
    names_ : list of str
        By size, the largest first: what sets the segment apart, such as
        "high frequency, low recency_days".
    centres_ : shape (n_clusters_, n_features), standardised
    selection_ : pandas.DataFrame
        What was tried: n_clusters, silhouette, stability.
    chosen_because_ : str
    features_, logged_, left_out_ : list of str
        Columns used, those in logarithms, and those left out as constant.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"orders": [*rng.normal(2, 0.3, 50), *rng.normal(9, 0.3, 50)]})
    >>> segments = KMeansSegments().fit(X)
    >>> segments.n_clusters_, sorted(segments.names_)
    (2, ['high orders', 'low orders'])
    """

    def __init__(  # noqa: PLR0913 - each is a choice that analysts make
        self,
        n_clusters: int | str = "auto",
        features: Sequence[str] | None = None,
        log: Sequence[str] | str = "auto",
        *,
        max_clusters: int = 8,
        n_bootstraps: int = 10,
        stable: float = 0.8,
        random_state: int = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.features = features
        self.log = log
        self.max_clusters = max_clusters
        self.n_bootstraps = n_bootstraps
        self.stable = stable
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:  # noqa: ARG002 - scikit-learn's
        """Find the segments among customers without missing values.

        Raises
        ------
        ValueError
            If a column is absent, or no row is complete.
        SpecError
            If n_clusters is neither "auto" nor 1 to the number of distinct customers.
        """
        columns = list(self.features) if self.features is not None else _numeric(X)
        values = numbers(X, columns, owner="KMeansSegments").dropna()
        if values.empty or not columns:
            raise ValueError(
                f"KMeansSegments: 0 of {len(X):,} rows have all of {', '.join(columns) or 'none'};"
                " give numeric columns, or features = [...] with fewer."
            )
        self.features_ = [name for name in columns if values[name].min() < values[name].max()]
        self.left_out_ = [name for name in columns if name not in self.features_]
        self.logged_ = self._logged(values)
        space = self._logs(values[self.features_])
        self.mean_, self.scale_ = space.mean(axis=0), space.std(axis=0)
        self.scale_ = np.where(self.scale_ > 0, self.scale_, 1.0)
        space = (space - self.mean_) / self.scale_
        self.n_customers_ = len(space)
        # Threads cost more than they save here, and many times more on a busy machine.
        with threadpool_limits(limits=1):
            self.n_clusters_ = self._choose(space)
            model = _kmeans(space, self.n_clusters_, self.random_state)
        sizes = np.bincount(model.labels_, minlength=self.n_clusters_)
        order = np.lexsort((*model.cluster_centers_.T[::-1], -sizes))
        self.centres_: FloatArray = model.cluster_centers_[order]
        self.names_ = _names(self.centres_, self.features_)
        return self

    def transform(self, X: pd.DataFrame) -> FloatArray:
        """Distances to the centres.

        Returns
        -------
        shape (n_customers, n_clusters_); NaN where a value is missing.
        """
        check_is_fitted(self, "centres_")
        space = (self._logs(self._seen(X)) - self.mean_) / self.scale_
        gaps = [np.square(space - centre).sum(axis=1) for centre in self.centres_]
        return np.asarray(np.sqrt(np.column_stack(gaps)))

    def predict(self, X: pd.DataFrame) -> Labels:
        """Name the nearest segment; "unknown" where a value is missing.

        Returns
        -------
        shape (n_customers,), text.
        """
        distances = self.transform(X)
        known = ~np.isnan(distances).any(axis=1)
        result = labels(X)
        result[known] = np.array(self.names_, dtype=object)[distances[known].argmin(axis=1)]
        return result

    def to_state(self) -> State:
        """Give the frozen centres and what leads to them as plain values."""
        check_is_fitted(self, "centres_")
        listed = {"features": self.features, "log": self.log}
        listed = {
            k: list(v) if isinstance(v, Sequence) and v != "auto" else v for k, v in listed.items()
        }
        fitted = {name: getattr(self, f"{name}_") for name in FITTED}
        selection = self.selection_.to_dict("list")
        return State(
            plain({"arguments": {**self.get_params(), **listed}, **fitted, "selection": selection}),
            {},
        )

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Rebuild a fitted estimator."""
        model = cls(**state.parameters["arguments"])
        width = len(state.parameters["features"])
        for name in FITTED:
            value = state.parameters[name]
            if name in ARRAYS:
                value = np.asarray(value, dtype=float)
                value = (
                    value.reshape(len(state.parameters["names"]), width)
                    if name == "centres"
                    else value
                )
            setattr(model, f"{name}_", value)
        model.selection_ = pd.DataFrame(state.parameters["selection"])
        return model

    def _seen(self, X: pd.DataFrame) -> pd.DataFrame:
        if not self.features_:
            return pd.DataFrame(index=X.index)
        return numbers(X, self.features_, owner="KMeansSegments")

    def _logged(self, values: pd.DataFrame) -> list[str]:
        if not isinstance(self.log, str):
            absent = [name for name in self.log if name not in values]
            if absent:
                raise SpecError(f"log has {absent[0]!r}, which is no feature.")
            return [name for name in self.log if name in self.features_]
        skewed = []
        for name in self.features_:
            column = values[name].to_numpy()
            if column.min() >= 0 and stats.skew(column) > SKEWED:
                skewed.append(name)
        return skewed

    def _logs(self, values: pd.DataFrame) -> FloatArray:
        columns = [
            np.log1p(np.maximum(values[name].to_numpy(), 0))
            if name in self.logged_
            else values[name].to_numpy()
            for name in self.features_
        ]
        return np.column_stack(columns) if columns else np.zeros((len(values), 0))

    def _choose(self, space: FloatArray) -> int:
        """Choose how many, and keep what was tried."""
        self.selection_ = pd.DataFrame({"n_clusters": [], "silhouette": [], "stability": []})
        distinct = len(np.unique(space, axis=0)) if space.shape[1] else 1
        if self.n_clusters != "auto":
            wanted = self.n_clusters
            if not isinstance(wanted, int) or not 1 <= wanted <= distinct:
                raise SpecError(
                    f"n_clusters is {wanted!r}; use auto, or 1 to {distinct}, the number of "
                    "distinct customers."
                )
            self.chosen_because_ = "given"
            return wanted
        most = min(self.max_clusters, distinct - 1)
        if most < 2:  # noqa: PLR2004 - two are needed to be apart
            self.chosen_because_ = f"{distinct} distinct customer(s) make one segment"
            return 1
        rng = np.random.default_rng(self.random_state)
        some = space if len(space) <= SAMPLE else rng.choice(space, SAMPLE, replace=False)
        tried = [self._tried(some, k) for k in range(2, most + 1)]
        self.selection_ = pd.DataFrame(tried)
        steady = self.selection_[self.selection_["stability"] >= self.stable]
        if steady.empty:
            self.chosen_because_ = f"none is stable at {self.stable}; the most stable"
            best = int(np.argmax(self.selection_["stability"].to_numpy()))
        else:
            self.chosen_because_ = f"highest silhouette among those stable at {self.stable}"
            silhouette = self.selection_["silhouette"].to_numpy(dtype=float)
            enough = self.selection_["stability"].to_numpy() >= self.stable
            best = int(np.argmax(np.where(enough, np.nan_to_num(silhouette, nan=-1.0), -2.0)))
        return int(self.selection_["n_clusters"].to_numpy()[best])

    def _tried(self, space: FloatArray, k: int) -> dict[str, Any]:
        rng = np.random.default_rng([self.random_state, k])
        whole = _kmeans(space, k, self.random_state).labels_
        agreement = []
        for _ in range(self.n_bootstraps):
            drawn = space[rng.integers(0, len(space), len(space))]
            if len(np.unique(drawn, axis=0)) >= k:
                again = _kmeans(drawn, k, int(rng.integers(2**31))).predict(space)
                agreement.append(adjusted_rand_score(whole, again))
        apart = len(np.unique(whole)) > 1
        return {
            "n_clusters": k,
            "silhouette": float(silhouette_score(space, whole)) if apart else float("nan"),
            "stability": float(np.mean(agreement)) if agreement else 0.0,
        }


SAMPLE = 2_000
"""Customers on whom the number of segments is judged: silhouette takes n squared distances."""

FITTED = (
    "features",
    "left_out",
    "logged",
    "mean",
    "scale",
    "centres",
    "names",
    "n_clusters",
    "n_customers",
    "chosen_because",
)
ARRAYS = {"mean", "scale", "centres"}


def _numeric(X: pd.DataFrame) -> list[str]:
    if not isinstance(X, pd.DataFrame):
        return []
    return [
        str(name)
        for name in X.columns
        if pd.api.types.is_numeric_dtype(X[name]) and name != "customer_id"
    ]


def _kmeans(space: FloatArray, k: int, seed: int) -> KMeans:
    # One column of zeros where all are constant, which K-means needs.
    filled = space if space.shape[1] else np.zeros((len(space), 1))
    model = KMeans(k, n_init=5, random_state=seed).fit(filled)
    if not space.shape[1]:
        model.cluster_centers_ = np.zeros((k, 0))
    return model


def _names(centres: FloatArray, features: Sequence[str]) -> list[str]:
    """Name by the one or two columns that are furthest off the mean."""
    names: list[str] = []
    for centre in centres:
        far = np.argsort(-np.abs(centre), kind="stable")[:2]
        words = [
            f"{'high' if centre[at] > 0 else 'low'} {features[at]}"
            for at in far
            if abs(centre[at]) >= APART
        ]
        name = ", ".join(words) or "average"
        same = sum(other == name or other.startswith(f"{name} (") for other in names)
        names.append(f"{name} ({same + 1})" if same else name)
    return names
