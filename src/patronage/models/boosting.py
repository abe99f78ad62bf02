"""Boosted trees on an encoded matrix: cross-fitted to find their length, then fitted on all rows.

Feature names never reach xgboost, which refuses some of them; columns are known by place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from patronage.models.categories import FeatureMap

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]
PATIENCE = 40
JUDGED_ROWS = 100_000
"""Held-out rows at most that say when to stop: more of them cost time and move nothing."""


class Sample(NamedTuple):
    """Rows to fit on.

    Attributes
    ----------
    matrix : float32, shape (n_rows, n_columns)
    target : shape (n_rows,), 0 or 1
    weight : shape (n_rows,)
    """

    matrix: Matrix
    target: Floats
    weight: Floats

    def rows(self, picked: NDArray[Any]) -> Sample:
        """Take some of the rows."""
        return Sample(self.matrix[picked], self.target[picked], self.weight[picked])


@dataclass(frozen=True)
class BoostedModel:
    """A fitted booster; margins are log-odds before calibration."""

    booster: xgb.Booster
    n_columns: int
    n_jobs: int = 1

    def margins(self, matrix: Matrix) -> Floats:
        """Give the log-odds of each row."""
        if not len(matrix):
            return np.zeros(0)
        found = self.booster.inplace_predict(matrix, predict_type="margin")
        return np.asarray(found, dtype=np.float64)

    def contributions(self, matrix: Matrix) -> tuple[Floats, Floats]:
        """Give exact SHAP values by column, and what all rows share.

        Returns
        -------
        shape (n_rows, n_columns) and (n_rows,), log-odds; together a row's sum is its margin.
        """
        if not len(matrix):
            return np.zeros((0, self.n_columns)), np.zeros(0)
        data = xgb.DMatrix(matrix, nthread=self.n_jobs)
        # The types of the columns are the booster's; a plain matrix is checked against none.
        found = np.asarray(
            self.booster.predict(data, pred_contribs=True, validate_features=False), np.float64
        )
        return found[:, :-1], found[:, -1]

    def importance(self) -> Floats:
        """Give each column's share of the total gain."""
        gain = np.zeros(self.n_columns)
        for name, value in self.booster.get_score(importance_type="total_gain").items():
            gain[int(name.removeprefix("f"))] = value
        return gain / (gain.sum() or 1.0)

    def to_bytes(self) -> bytes:
        """Give the booster as universal binary JSON."""
        return bytes(self.booster.save_raw(raw_format="ubj"))

    @classmethod
    def from_bytes(cls, content: bytes, *, n_columns: int, n_jobs: int) -> Self:
        """Undo `to_bytes`."""
        booster = xgb.Booster()
        booster.load_model(bytearray(content))
        booster.set_param({"nthread": n_jobs})
        return cls(booster, n_columns, n_jobs)


@dataclass(frozen=True)
class BoostingPlan:
    """What is decided before the rows are seen: parameters of xgboost, and the types of columns."""

    parameters: Mapping[str, Any]
    rounds: int
    column_types: tuple[str, ...]

    @classmethod
    def make(
        cls,
        parameters: Mapping[str, Any],
        *,
        features: FeatureMap,
        signs: Sequence[int],
        rounds: int,
    ) -> Self:
        """Put together what `xgboost.train` takes; log loss, histograms, no rebalancing."""
        # xgboost calls a column of codes "c" and reads levels as sets, so their order is free.
        types = tuple("c" if column.kind == "level" else "q" for column in features.columns)
        fixed = {
            "objective": "binary:logistic",
            "eval_metric": "logloss",
            "tree_method": "hist",
            "verbosity": 0,
        }
        if any(signs):
            fixed["monotone_constraints"] = f"({','.join(map(str, signs))})"
        return cls({**parameters, **fixed}, rounds, types)

    def fit(self, sample: Sample, rounds: int) -> BoostedModel:
        """Boost for so many rounds on all the rows."""
        booster = xgb.train(dict(self.parameters), self._data(sample), rounds)
        return self._model(booster)

    def cross_fit(self, sample: Sample, folds: NDArray[np.intp]) -> tuple[Floats, int]:
        """Give margins of rows that were held out, and the number of rounds to fit with.

        Each fold's booster stops early on the fold, on `JUDGED_ROWS` of it at most; the median of
        their best rounds is then used for all of them, so a fold's own luck does not flatter its
        margins.
        """
        fitted: list[tuple[NDArray[np.bool_], xgb.Booster]] = []
        for fold in np.unique(folds):
            held = folds == fold
            train = self._data(sample.rows(~held))
            judge = self._data(sample.rows(evenly(np.flatnonzero(held))), like=train)
            booster = xgb.train(
                dict(self.parameters),
                train,
                self.rounds,
                evals=[(judge, "held")],
                early_stopping_rounds=PATIENCE,
                verbose_eval=False,
            )
            fitted.append((held, booster))
        rounds = int(np.median([booster.best_iteration + 1 for _, booster in fitted]))
        margins = np.zeros(len(sample.target))
        for held, booster in fitted:
            end = min(rounds, booster.num_boosted_rounds())
            margins[held] = self._model(booster[:end]).margins(sample.matrix[held])
        return margins, rounds

    def _model(self, booster: xgb.Booster) -> BoostedModel:
        return BoostedModel(booster, len(self.column_types), int(self.parameters["nthread"]))

    def _data(self, sample: Sample, *, like: xgb.DMatrix | None = None) -> xgb.QuantileDMatrix:
        return xgb.QuantileDMatrix(
            sample.matrix,
            sample.target,
            weight=sample.weight,
            ref=like,
            feature_types=list(self.column_types),
            enable_categorical=True,
            nthread=int(self.parameters["nthread"]),
        )


def evenly(rows: NDArray[np.intp], most: int = JUDGED_ROWS) -> NDArray[np.intp]:
    """Take so many of the rows at most, at even steps.

    Examples
    --------
    >>> evenly(np.arange(7), most=3).tolist(), evenly(np.arange(3), most=7).tolist()
    ([0, 3, 6], [0, 1, 2])
    """
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(np.intp)]
