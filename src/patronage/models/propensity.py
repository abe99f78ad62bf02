"""Chances of churning, converting or buying, from a table of features, that come true.

A scikit-learn classifier around boosted trees, with a logistic regression beside it that takes
over where it does better on rows that were held out; either is calibrated on such rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)
from threadpoolctl import threadpool_limits

from patronage.models.boosting import BoostedModel, BoostingPlan, Sample
from patronage.models.calibration import Calibration, Method, fit_calibration
from patronage.models.categories import Encoded, FeatureMap
from patronage.models.crossfit import grouped_folds
from patronage.models.learners import LearnerName, Learners, choose
from patronage.models.logistic import LogisticModel
from patronage.models.outcome import two_classes
from patronage.models.state import State

Floats = NDArray[np.float64]
Table = pd.DataFrame | ArrayLike
Absent = Literal["raise", "missing"] | Collection[str]
MANY_ROWS = 500_000
SUM_TOLERANCE = 1e-4
BOOSTER_FILE = "booster.ubj"
PERCENTILES = np.linspace(0, 1, 101)


class Propensity(ClassifierMixin, BaseEstimator):
    """Calibrated classifier on numbers, text, truth values and gaps.

    `fit` cross-fits on folds that keep a group's rows together: the folds stop the boosting,
    choose between the learners by log loss, and give the margins that the calibration is fitted
    to. The chosen learner is then fitted on all rows. Nothing is rebalanced.

    Parameters
    ----------
    n_estimators
        Most rounds of boosting; early stopping takes fewer.
    learning_rate, max_depth, min_child_weight, subsample, colsample_bytree, reg_lambda
        As in xgboost; max_depth at most 5, which keeps reasons affordable.
    monotone
        Column name to +1 (the chance of `classes_[1]` never falls as the column grows) or -1.
    calibration
        "auto" (isotonic from 1,000 rows of each class on, else Platt), "isotonic", "platt",
        "beta" or "none".
    learner
        "auto" (the better log loss), "xgboost" or "logistic".
    n_folds
        None takes 5, and 3 above 500,000 rows.
    n_jobs
        Threads of xgboost and, while fitting, of the linear algebra.
    random_state

    Attributes
    ----------
    classes_ : shape (2,); probabilities of the second are what the model is about
    learner_ : "xgboost" or "logistic"
    chosen_because_ : a sentence
    cross_fitted_ : learner name to its log loss and AUC on held-out rows
    calibration_ : Calibration
    features_ : FeatureMap
    reference_ : shape (101,), percentiles 0 to 100 of the margins of held-out rows
    held_out_margins_ : shape (n_rows,), of rows of the fit by models without them; not stored
    n_rounds_ : int, rounds of boosting used, 0 for the logistic regression
    feature_names_in_, n_features_in_

    References
    ----------
    Chen and Guestrin (2016), "XGBoost", KDD; Niculescu-Mizil and Caruana (2005), "Predicting
    good probabilities with supervised learning", ICML.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"silent_days": rng.integers(0, 90, 400),
    ...                   "origin": rng.choice(["shop", "ad", None], 400)})
    >>> churned = rng.random(400) < X["silent_days"] / 100
    >>> model = Propensity(monotone={"silent_days": 1}, random_state=0).fit(X, churned)
    >>> low, high = model.predict_proba(X.assign(silent_days=[5, 85] * 200))[:2, 1]
    >>> bool(low < 0.3 < 0.6 < high)
    True
    """

    def __init__(  # noqa: PLR0913 - the parameters of a scikit-learn estimator are its signature
        self,
        *,
        n_estimators: int = 1000,
        learning_rate: float = 0.1,
        max_depth: int = 3,
        min_child_weight: float = 2.0,
        subsample: float = 0.8,
        colsample_bytree: float = 0.8,
        reg_lambda: float = 1.0,
        monotone: Mapping[str, int] | None = None,
        calibration: Literal["auto"] | Method = "auto",
        learner: Literal["auto", "xgboost", "logistic"] = "auto",
        n_folds: int | None = None,
        n_jobs: int = 1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.min_child_weight = min_child_weight
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.reg_lambda = reg_lambda
        self.monotone = monotone
        self.calibration = calibration
        self.learner = learner
        self.n_folds = n_folds
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(
        self,
        X: Table,
        y: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        folds: ArrayLike | None = None,
        later: ArrayLike | None = None,
    ) -> Self:
        """Learn columns, learner and calibration.

        Parameters
        ----------
        X : frame or array, shape (n_rows, n_columns)
        y : shape (n_rows,), two classes; the second in sorted order is the positive one
        groups : shape (n_rows,)
            Ids, such as the customer of each snapshot row, that must not be split over folds.
        sample_weight : shape (n_rows,), >= 0
        folds : shape (n_rows,)
            Fold numbers, in place of folds drawn from groups.
        later : bool, shape (n_rows,)
            Rows of a later time. Where given, the learners are compared on these, fitted on the
            others, since what wins at random may lose in time.

        Raises
        ------
        ValueError
            For arguments out of range, one class only, too few rows of a class, or columns that
            `FeatureMap.learn` refuses.
        """
        self._check_settings()
        frame = self._frame(X, fitting=True)
        weight = np.asarray(
            _check_sample_weight(sample_weight, frame, dtype=np.float64, ensure_non_negative=True)
        )
        counted = weight > 0
        self.classes_, target = two_classes(y, counted)
        if not counted.all():
            frame, target, weight = frame[counted], target[counted], weight[counted]
        groups, folds, later = (
            None if values is None else self._per_row(name, values, counted)
            for name, values in (("groups", groups), ("folds", folds), ("later", later))
        )
        self.features_ = FeatureMap.learn(frame)
        self.seed_ = int(check_random_state(self.random_state).randint(2**31 - 1))
        learners = Learners(self.features_, self._signs(), self._plan())
        sample = Sample(self.features_.encode(frame).matrix, target, weight)
        # Left alone, the linear algebra takes every core, and waits for those that others use.
        limit = self.n_jobs if self.n_jobs and self.n_jobs > 0 else None
        with threadpool_limits(limits=limit, user_api="blas"):
            self._fit_sample(sample, learners, self._folds(target, groups, folds), later, groups)
        return self

    def _fit_sample(
        self,
        sample: Sample,
        learners: Learners,
        folds: NDArray[np.intp],
        later: NDArray[Any] | None,
        groups: NDArray[Any] | None,
    ) -> None:
        names: tuple[LearnerName, ...] = (
            ("xgboost", "logistic") if self.learner == "auto" else (self.learner,)
        )
        tried = {name: learners.cross_fit(name, sample, folds) for name in names}
        margins = {name: found.margins for name, found in tried.items()}
        judges, where = np.ones(len(sample.target), dtype=np.bool_), "held-out rows"
        if later is not None and len(names) > 1:
            rows = later.astype(bool)
            if rows.any() and len(np.unique(sample.target[~rows])) == 2:  # noqa: PLR2004
                margins = {
                    name: learners.later_margins(name, sample, tried[name].setting, rows)
                    for name in names
                }
                judges, where = rows, f"the {int(rows.sum()):,} later rows"
        ids = None if groups is None else groups[judges]
        self.learner_, self.chosen_because_ = choose(
            margins, sample.target[judges], sample.weight[judges], where=where, groups=ids
        )
        self.cross_fitted_ = {name: found.scores(sample) for name, found in tried.items()}
        chosen = tried[self.learner_]
        self.calibration_ = fit_calibration(
            chosen.margins, sample.target, method=self.calibration, sample_weight=sample.weight
        )
        # Rows of the fit look more extreme to the model that saw them than new ones ever will.
        self.held_out_margins_ = chosen.margins
        self.reference_ = np.quantile(chosen.margins, PERCENTILES)
        self.model_ = learners.fit(self.learner_, sample, chosen.setting)
        self.n_rounds_ = int(chosen.setting) if self.learner_ == "xgboost" else 0
        self.importance_ = learners.importance(self.model_, sample)

    # Fitting, step by step.

    def _check_settings(self) -> None:
        if self.learner not in ("auto", "xgboost", "logistic"):
            raise ValueError(f"learner={self.learner!r}; choose auto, xgboost or logistic.")
        if self.calibration not in ("auto", "isotonic", "platt", "beta", "none"):
            raise ValueError(
                f"calibration={self.calibration!r}; choose auto, isotonic, platt, beta or none."
            )
        if not 1 <= self.max_depth <= 5:  # noqa: PLR2004 - stated in the class docstring
            raise ValueError(f"max_depth={self.max_depth}; it must lie between 1 and 5.")
        if self.n_estimators < 1:
            raise ValueError(f"n_estimators={self.n_estimators}; it must be at least 1.")
        if self.n_folds is not None and self.n_folds < 2:  # noqa: PLR2004 - one fold holds nothing out
            raise ValueError(f"n_folds={self.n_folds}; it must be at least 2.")

    @staticmethod
    def _per_row(name: str, values: ArrayLike, counted: NDArray[np.bool_]) -> NDArray[Any]:
        given = np.asarray(values)
        if given.shape != counted.shape:
            raise ValueError(
                f"{name} has shape {given.shape}; pass one value a row, shape {counted.shape}."
            )
        return given[counted]

    def _signs(self) -> tuple[int, ...]:
        wanted = dict(self.monotone or {})
        absent = [name for name in wanted if name not in self.features_.names]
        wrong = [sign for sign in wanted.values() if sign not in (-1, 0, 1)]
        levels = [
            c.name for c in self.features_.columns if c.kind == "level" and wanted.get(c.name)
        ]
        if absent or wrong or levels:
            raise ValueError(
                f"monotone: not found {absent[:3]}, not +1 or -1 {wrong[:3]}, text columns "
                f"{levels[:3]}; name columns of numbers with +1 or -1."
            )
        return tuple(int(wanted.get(name, 0)) for name in self.features_.names)

    def _folds(
        self, target: Floats, groups: NDArray[Any] | None, folds: NDArray[Any] | None
    ) -> NDArray[np.intp]:
        if folds is None:
            n_folds = self.n_folds or (3 if len(target) > MANY_ROWS else 5)
            return grouped_folds(target, groups, n_folds=n_folds, seed=self.seed_)
        numbers, places = np.unique(folds, return_inverse=True)
        if len(numbers) < 2:  # noqa: PLR2004 - one to fit on and one to hold out
            raise ValueError("folds: every row has the same number; pass at least two folds.")
        return places.astype(np.intp)

    def _plan(self) -> BoostingPlan:
        parameters = {
            "eta": self.learning_rate,
            "max_depth": self.max_depth,
            "min_child_weight": self.min_child_weight,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample_bytree,
            "reg_lambda": self.reg_lambda,
            "nthread": self.n_jobs or 1,
            "seed": self.seed_,
        }
        return BoostingPlan.make(
            parameters, features=self.features_, signs=self._signs(), rounds=self.n_estimators
        )

    # Predicting.

    def encode(self, X: Table, *, absent: Absent = "raise") -> Encoded:
        """Turn rows into the model's matrix, once for several of the methods below.

        Parameters
        ----------
        X : frame with the columns of the fit, in any order, others ignored; or an array
        absent
            "raise" where a column is not there, "missing" to fill any with missing values, or
            the names of those that may be filled.

        Returns
        -------
        Encoded, which also says which rows hold levels or numbers that fitting never saw, and
        how many values each column lacks.

        Raises
        ------
        ValueError
            Naming the columns that are not there and the nearest names that are.
        """
        check_is_fitted(self)
        return self.features_.encode(self._frame(X, fitting=False), absent=absent)

    def margins(self, X: Table | Encoded) -> Floats:
        """Give log-odds before calibration, shape (n_rows,); reasons add up to these."""
        matrix = self._encoded(X).matrix
        return self.model_.margins(matrix)

    def decision_function(self, X: Table | Encoded) -> Floats:
        """Give calibrated log-odds, shape (n_rows,)."""
        encoded = self._encoded(X)
        return self.calibration_.calibrated_log_odds(self.margins(encoded))

    def predict_proba(self, X: Table | Encoded) -> Floats:
        """Give calibrated probabilities, shape (n_rows, 2), never exactly 0 or 1."""
        encoded = self._encoded(X)
        positive = self.calibration_.probability(self.margins(encoded))
        return np.column_stack([1.0 - positive, positive])

    def predict(self, X: Table | Encoded) -> NDArray[Any]:
        """Give the likelier class of each row."""
        positive = self.decision_function(X) > 0
        return np.asarray(self.classes_[positive.astype(np.intp)])

    def contributions(self, X: Table | Encoded) -> tuple[pd.DataFrame, Floats]:
        """Split each row's margin among the columns.

        Returns
        -------
        Frame of log-odds by column, and what all rows share, shape (n_rows,). A row's sum with
        its share is its margin, before calibration.

        Raises
        ------
        RuntimeError
            Where the sums miss the margins, which would be a fault of the library below.
        """
        encoded = self._encoded(X)
        values, shared = self.model_.contributions(encoded.matrix)
        total, margins = values.sum(axis=1) + shared, self.margins(encoded)
        wrong = np.abs(total - margins) > SUM_TOLERANCE * (1.0 + np.abs(values).sum(axis=1))
        if wrong.any():
            raise RuntimeError(
                f"contributions miss the margin in {int(wrong.sum()):,} of {len(total):,} rows; "
                "use another version of xgboost."
            )
        return pd.DataFrame(values, index=encoded.index, columns=list(self.features_.names)), shared

    @property
    def feature_importances_(self) -> pd.Series[float]:
        """Share of the gain (trees) or of the spread of log-odds (logistic) by column name."""
        check_is_fitted(self)
        return pd.Series(self.importance_, index=list(self.features_.names), name="importance")

    # Storing.

    def to_state(self) -> State:
        """Give everything needed to predict again: JSON values, and the booster as bytes."""
        check_is_fitted(self)
        settings = self.get_params()
        settings["monotone"] = None if self.monotone is None else dict(self.monotone)
        if not isinstance(self.random_state, int | np.integer | None):
            settings["random_state"] = self.seed_
        parameters = {
            "settings": settings,
            "seed": self.seed_,
            "classes": self.classes_.tolist(),
            "classes_type": self.classes_.dtype.str,
            "named": hasattr(self, "feature_names_in_"),
            "features": self.features_.to_dict(),
            "learner": self.learner_,
            "chosen_because": self.chosen_because_,
            "cross_fitted": self.cross_fitted_,
            "calibration": self.calibration_.to_dict(),
            "reference": self.reference_.tolist(),
            "n_rounds": self.n_rounds_,
            "importance": self.importance_.tolist(),
        }
        if isinstance(self.model_, LogisticModel):
            return State({**parameters, "logistic": self.model_.to_dict()}, {})
        return State(parameters, {BOOSTER_FILE: self.model_.to_bytes()})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Undo `to_state`; predictions are the same bit for bit."""
        found = state.parameters
        model = cls(**found["settings"])
        model.seed_ = found["seed"]
        model.classes_ = np.array(found["classes"], dtype=np.dtype(found["classes_type"]))
        model.features_ = FeatureMap.from_dict(found["features"])
        model.n_features_in_ = len(model.features_.columns)
        if found["named"]:
            model.feature_names_in_ = np.array(model.features_.names, dtype=object)
        model.learner_ = found["learner"]
        model.chosen_because_ = found["chosen_because"]
        model.cross_fitted_ = found["cross_fitted"]
        model.calibration_ = Calibration.from_dict(found["calibration"])
        model.reference_ = np.array(found["reference"])
        model.n_rounds_ = found["n_rounds"]
        model.importance_ = np.array(found["importance"])
        if BOOSTER_FILE in state.files:
            model.model_ = BoostedModel.from_bytes(
                state.files[BOOSTER_FILE], n_columns=model.n_features_in_, n_jobs=model.n_jobs or 1
            )
        else:
            model.model_ = LogisticModel.from_dict(found["logistic"])
        return model

    # What scikit-learn asks.

    def _encoded(self, X: Table | Encoded) -> Encoded:
        check_is_fitted(self)
        return X if isinstance(X, Encoded) else self.encode(X)

    def _frame(self, X: Table, *, fitting: bool) -> pd.DataFrame:
        if isinstance(X, pd.DataFrame):
            return self._named_frame(X, fitting=fitting)
        if not fitting and any(column.kind == "level" for column in self.features_.columns):
            return pd.DataFrame(np.asarray(X, dtype=object), columns=list(self.features_.names))
        values = validate_data(
            self, X, reset=fitting, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan"
        )
        names = [f"x{place}" for place in range(values.shape[1])]
        return pd.DataFrame(values, columns=names if fitting else list(self.features_.names))

    def _named_frame(self, frame: pd.DataFrame, *, fitting: bool) -> pd.DataFrame:
        if not fitting:
            if hasattr(self, "feature_names_in_"):
                return frame
            # Fitted on an array: columns are known by place, and scikit-learn warns of names.
            validate_data(self, frame, reset=False, skip_check_array=True)
            return frame.set_axis(list(self.features_.names), axis="columns")
        if not frame.shape[0] or not frame.shape[1]:
            raise ValueError(
                f"X has {frame.shape[0]} sample(s) and {frame.shape[1]} feature(s) "
                f"(shape={frame.shape}) while a minimum of 1 of each is required."
            )
        validate_data(self, frame.rename(columns=str), reset=True, skip_check_array=True)
        return frame

    def __sklearn_tags__(self) -> Tags:
        """Say that two classes are the limit, and that gaps and text are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.classifier_tags.multi_class = False
        return tags
