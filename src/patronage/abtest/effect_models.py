"""What a unit does under one arm, and how an effect differs between units: small fitted models.

Chances are `Propensity`'s; amounts and effects are learnt by shallow boosted trees whose length
is settled on held-out rows, because effects are far weaker signals than outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray
from sklearn.base import clone

from patronage.models.categories import FeatureMap
from patronage.models.propensity import Propensity

Floats = NDArray[np.float64]
FEWEST_OF_A_CLASS = 10
N_FOLDS = 5
MOST_ROUNDS = 400
PATIENCE = 20


class Level(Protocol):
    """Expected outcome of a unit, in units of the outcome."""

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Give one value a row."""


@dataclass(frozen=True)
class Constant:
    """The same for everybody."""

    value: float

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Repeat the value."""
        return np.full(len(frame), self.value)


@dataclass(frozen=True)
class Chance:
    """Of a yes-or-no outcome."""

    model: Propensity

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Give calibrated probabilities."""
        return self.model.predict_proba(frame)[:, 1]


@dataclass(frozen=True)
class Trees:
    """Boosted regression trees around the mean; nothing but the mean where trees do not help."""

    features: FeatureMap
    mean: float
    booster: xgb.Booster | None

    @classmethod
    def fit(
        cls, frame: pd.DataFrame, target: Floats, *, seed: int, fewest: int = 50, n_jobs: int = 1
    ) -> Self:
        """Boost shallow trees for as many rounds as held-out rows bear.

        Parameters
        ----------
        frame : shape (n_rows, n_columns)
        target : shape (n_rows,)
        seed
        fewest
            Rows in a leaf; effects need many.
        n_jobs
            Threads of xgboost.
        """
        features = FeatureMap.learn(frame)
        mean = float(target.mean())
        types = ["c" if column.kind == "level" else "q" for column in features.columns]
        data = xgb.DMatrix(
            features.encode(frame).matrix,
            target - mean,
            feature_types=types,
            enable_categorical=True,
            nthread=n_jobs,
        )
        parameters = {
            "objective": "reg:squarederror",
            "base_score": 0.0,
            "tree_method": "hist",
            "eta": 0.05,
            "max_depth": 2,
            "min_child_weight": min(fewest, max(1, len(target) // 10)),
            "subsample": 0.7,
            "reg_lambda": 10.0,
            "seed": seed,
            "nthread": n_jobs,
            "verbosity": 0,
        }
        rounds = _rounds(parameters, data, target - mean, seed)
        booster = xgb.train(parameters, data, rounds) if rounds else None
        return cls(features, mean, booster)

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Give one value a row."""
        if self.booster is None or not len(frame):
            return np.full(len(frame), self.mean)
        found = self.booster.inplace_predict(self.features.encode(frame).matrix)
        return self.mean + np.asarray(found, dtype=np.float64)


def _rounds(parameters: dict[str, object], data: xgb.DMatrix, target: Floats, seed: int) -> int:
    """Find how many rounds held-out folds bear; 0 where the mean does as well."""
    if len(target) < 2 * N_FOLDS or np.ptp(target) == 0:
        return 0
    history = xgb.cv(
        parameters,
        data,
        MOST_ROUNDS,
        nfold=N_FOLDS,
        early_stopping_rounds=PATIENCE,
        seed=seed,
        as_pandas=False,
    )
    losses = np.asarray(history["test-rmse-mean"], dtype=np.float64)
    best = int(np.argmin(losses))
    return best + 1 if losses[best] < float(target.std()) else 0


def fit_level(frame: pd.DataFrame, outcome: Floats, base: Propensity, *, seed: int) -> Level:
    """Learn the expected outcome: a chance where it is 0 or 1, an amount else.

    Parameters
    ----------
    frame : shape (n_rows, n_columns)
    outcome : shape (n_rows,)
    base
        Settings of the classifier; it is cloned.
    seed

    Examples
    --------
    >>> frame = pd.DataFrame({"visits": [1, 2, 3]})
    >>> fit_level(frame, np.array([0.0, 0.0, 1.0]), Propensity(), seed=0).predict(frame).round(2)
    array([0.33, 0.33, 0.33])
    """
    if not is_binary(outcome):
        return Trees.fit(frame, outcome, seed=seed, fewest=20, n_jobs=base.n_jobs or 1)
    if min(outcome.sum(), len(outcome) - outcome.sum()) < FEWEST_OF_A_CLASS:
        return Constant(float(outcome.mean()))
    return Chance(clone(base).set_params(random_state=seed).fit(frame, outcome))


def is_binary(outcome: Floats) -> bool:
    """Whether every outcome is 0 or 1."""
    return bool(np.isin(outcome, (0.0, 1.0)).all())
