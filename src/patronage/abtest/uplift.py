"""Whom does a treatment move? Effects of single units, learnt from an experiment.

An average effect says whether an action works; this says for whom, and whether that question
has an answer in these data at all.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from patronage.abtest.differences import EffectSpread, effects_differ
from patronage.abtest.uplift_curves import (
    UpliftReport,
    check_share,
    check_treated,
    evaluate_uplift,
    group_codes,
    summed,
)
from patronage.abtest.uplift_learners import (
    LEARNERS,
    EffectModel,
    Effects,
    LearnerName,
    Trial,
    fit_learner,
    scores,
)
from patronage.abtest.uplift_state import (
    learner_from,
    learner_state,
    plain,
    report_from,
    report_state,
    spread_from,
)
from patronage.models.crossfit import grouped_folds
from patronage.models.propensity import Propensity
from patronage.models.state import State

Floats = NDArray[np.float64]


class AverageEffect(NamedTuple):
    """Average effect of the treatment, in units of the outcome, with its interval."""

    effect: float
    low: float
    high: float
    p_value: float


class Uplift(BaseEstimator):
    """Effect of a treatment on each unit, cross-fitted, with proof that effects differ.

    `fit` predicts each unit's effect from folds without it and judges the ranking; whether effects
    differ at all it tests fold by fold, each with the model of the folds before it. Where no
    difference can be shown, or the ranking may be worth nothing, `predict` gives the average
    effect to everybody and `verdict_` says so.

    Parameters
    ----------
    learner
        "dr" (doubly robust), "x", "t" or "s".
    base : Propensity, optional
        Settings of the model of the outcome where it is yes or no. By default boosted trees with
        Platt calibration, whose differences are smooth. Amounts are learnt by regression trees.
    n_folds
        Of the cross-fitting.
    alpha
        Level of the test for differences, below .5; 1 - alpha is that of intervals and bands,
        1 - 2 alpha that of the slope, which lies above 0 exactly where the test finds something.
    n_boot
        Resamples behind bands.
    random_state : int

    Attributes
    ----------
    effects_ : shape (n_rows,), expected effects, each from folds without the unit
    average_ : AverageEffect
    spread_ : EffectSpread, slope of effects on predictions, and the p value of no differences,
        both from predictions by earlier folds alone
    report_ : UpliftReport, Qini, AUUC, curve and deciles of the cross-fitted ranking
    heterogeneous_ : bool, whether `predict` tells units apart: the test finds differences, and
        the band of the Qini lies above 0
    verdict_ : a sentence

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"loyal": rng.integers(0, 2, 4000)})
    >>> treated = rng.integers(0, 2, 4000)
    >>> bought = rng.random(4000) < 0.2 + 0.3 * treated * X["loyal"]
    >>> model = Uplift(learner="t", base=Propensity(learner="logistic"), n_boot=50)
    >>> model = model.fit(X, bought, treated)
    >>> model.heterogeneous_
    True
    >>> loyal, other = model.predict(pd.DataFrame({"loyal": [1, 0]}))
    >>> bool(loyal > 0.25 and abs(other) < 0.05)
    True
    """

    def __init__(
        self,
        *,
        learner: LearnerName = "dr",
        base: Propensity | None = None,
        n_folds: int = 5,
        alpha: float = 0.05,
        n_boot: int = 200,
        random_state: int = 0,
    ) -> None:
        self.learner = learner
        self.base = base
        self.n_folds = n_folds
        self.alpha = alpha
        self.n_boot = n_boot
        self.random_state = random_state

    def fit(
        self,
        X: pd.DataFrame | ArrayLike,
        y: ArrayLike,
        treated: ArrayLike,
        *,
        share: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Learn from an experiment.

        Parameters
        ----------
        X : shape (n_rows, n_columns)
            Known before the treatment; what came after it would hide the effect.
        y : shape (n_rows,)
            Outcome: 0 and 1 (or truth values), or an amount.
        treated : shape (n_rows,), 1 for treated, 0 for control
        share
            Chance of having been treated, one number or one a unit; by default the share that
            was. Where it is not known by design, effects are not those of an experiment.
        groups : shape (n_rows,)
            Ids of rows that belong together: they share a fold, and errors and bands are those
            of groups, not of rows.

        Raises
        ------
        ReadinessError
            Without a control group.
        ValueError
            For arrays that do not fit, or settings out of range.
        """
        self._check_settings()
        frame = _frame(X)
        outcome = _outcome(y, len(frame))
        sides = check_treated(treated, len(frame))
        trial = Trial(frame, outcome, sides, check_share(share, sides))
        folds = grouped_folds(
            sides.astype(np.float64), groups, n_folds=self.n_folds, seed=self.random_state
        )
        held_out = self._cross_fit(trial, folds)
        score = scores(trial, held_out.untreated, held_out.treated)
        self.n_features_in_ = frame.shape[1]
        self.effects_ = held_out.effect
        self.average_ = self._average(score, group_codes(groups, len(frame)))
        self.spread_: EffectSpread = effects_differ(
            trial, folds, self._learn, groups=groups, level=1 - 2 * self.alpha
        )
        self.report_: UpliftReport = evaluate_uplift(
            outcome,
            sides,
            held_out.effect,
            share=trial.share,
            groups=groups,
            n_boot=self.n_boot,
            level=1 - self.alpha,
            seed=self.random_state,
        )
        # A test that finds differences and a ranking worth something: either alone is weak.
        differ = self.spread_.p_value < self.alpha
        self.heterogeneous_ = bool(differ and self.report_.qini.low > 0)
        self.verdict_ = self._verdict()
        self.model_ = self._learn(trial)
        return self

    def predict(self, X: pd.DataFrame | ArrayLike) -> Floats:
        """Give the expected effect of treating each row, shape (n_rows,), units of the outcome.

        The average effect for all of them where the experiment showed no difference.
        """
        check_is_fitted(self)
        frame = _frame(X)
        if not self.heterogeneous_:
            return np.full(len(frame), self.average_.effect)
        return self.model_.predict(frame).effect

    def individual(self, X: pd.DataFrame | ArrayLike) -> Effects:
        """Give what the learner expects of each row, shown to be more than noise or not."""
        check_is_fitted(self)
        return self.model_.predict(_frame(X))

    def to_state(self) -> State:
        """Give everything that predicting needs: JSON values, and boosters as bytes.

        The cross-fitted effects of the rows that were learnt from are not among it.
        """
        check_is_fitted(self)
        base = self.base
        inner = learner_state(self.model_)
        settings = self.get_params(deep=False)
        if base is not None:
            kept = base.get_params(deep=False)
            if not isinstance(base.random_state, int | np.integer | None):
                kept["random_state"] = None  # fitting clones the base with a seed of its own
            kept["monotone"] = None if base.monotone is None else dict(base.monotone)
            settings["base"] = kept
        parameters = {
            "settings": settings,
            "n_features_in": self.n_features_in_,
            "average": list(self.average_),
            "spread": plain(self.spread_),
            "heterogeneous": self.heterogeneous_,
            "report": report_state(self.report_),
            "model": inner.parameters,
        }
        return State(parameters, inner.files)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Undo `to_state`; predictions are the same bit for bit."""
        found = state.parameters
        base = found["settings"]["base"]
        settings = {**found["settings"], "base": None if base is None else Propensity(**base)}
        model = cls(**settings)
        model.n_features_in_ = found["n_features_in"]
        model.average_ = AverageEffect(*found["average"])
        model.spread_ = spread_from(found["spread"])
        model.heterogeneous_ = found["heterogeneous"]
        model.report_ = report_from(found["report"])
        model.verdict_ = model._verdict()
        n_jobs = model._base().n_jobs or 1
        model.model_ = learner_from(State(found["model"], dict(state.files)), n_jobs=n_jobs)
        return model

    def _check_settings(self) -> None:
        if self.learner not in LEARNERS:
            raise ValueError(f"learner={self.learner!r}; choose from {', '.join(LEARNERS)}.")
        if not 0 < self.alpha < 0.5:  # noqa: PLR2004 - beyond it a test is worse than a coin
            raise ValueError(f"alpha={self.alpha}; it must lie between 0 and .5.")
        if self.n_folds < 2 or self.n_boot < 1:  # noqa: PLR2004 - one fold holds nothing out
            raise ValueError(
                f"n_folds={self.n_folds}, n_boot={self.n_boot}; at least 2 folds and 1 resample."
            )

    def _base(self) -> Propensity:
        if self.base is not None:
            return self.base
        return Propensity(learner="xgboost", calibration="platt", n_folds=3)

    def _learn(self, trial: Trial) -> EffectModel:
        return fit_learner(self.learner, trial, self._base(), seed=self.random_state)

    def _cross_fit(self, trial: Trial, folds: NDArray[np.intp]) -> Effects:
        found = Effects(*np.zeros((3, len(folds))))
        for fold in np.unique(folds):
            held = folds == fold
            rest = trial.rows(~held)
            check_treated(rest.treated, len(rest.treated))
            effects = self._learn(rest).predict(trial.frame[held])
            for place, part in zip(found, effects, strict=True):
                place[held] = part
        return found

    def _average(self, score: Floats, codes: NDArray[np.intp]) -> AverageEffect:
        mean = float(score.mean())
        away = summed(score - mean, codes)
        error = float(np.sqrt(np.sum(away**2) * len(away) / (len(away) - 1)) / len(score))
        reach = float(ndtri(1 - self.alpha / 2)) * error
        p_value = float(2 * ndtr(-abs(mean) / error)) if error > 0 else float(mean == 0)
        return AverageEffect(mean, mean - reach, mean + reach, p_value)

    def _verdict(self) -> str:
        average, spread, qini = self.average_, self.spread_, self.report_.qini
        level, wide = f"{100 * (1 - self.alpha):.4g}%", f"{100 * (1 - 2 * self.alpha):.4g}%"
        ends = (
            f"average effect {average.effect:.4g} ({level}: {average.low:.4g} to "
            f"{average.high:.4g})"
        )
        if average.low <= 0 <= average.high:
            ends += ", which may as well be 0"
        slope = (
            f"slope {spread.slope:.2f} ({wide}: {spread.low:.2f} to {spread.high:.2f}), "
            f"p {spread.p_value:.2g}"
        )
        area = f"Qini {qini.value:.3g} ({level}: {qini.low:.3g} to {qini.high:.3g})"
        if self.heterogeneous_:
            return f"Effects differ between units as predicted: {slope}; {area}; {ends}."
        if spread.p_value < self.alpha:
            return (
                f"Weak: effects seem to differ between units, {slope}; but ranking by them may be "
                f"worth nothing, {area}, so everybody is given the average: {ends}. Choose whom "
                "to treat by value and cost, and look again with more units."
            )
        return (
            f"Effects are not shown to differ between units (p {spread.p_value:.2g}), so "
            f"everybody is given the average: {ends}. Choose whom to treat by value and cost."
        )


def _frame(X: pd.DataFrame | ArrayLike) -> pd.DataFrame:
    if isinstance(X, pd.DataFrame):
        return X.reset_index(drop=True)
    values: Any = np.asarray(X)
    if values.ndim != 2:  # noqa: PLR2004 - rows and columns
        raise ValueError(f"X has shape {values.shape}; pass rows and columns.")
    return pd.DataFrame(values, columns=[f"x{place}" for place in range(values.shape[1])])


def _outcome(y: ArrayLike, n_rows: int) -> Floats:
    values = pd.Series(np.asarray(y))
    if values.dtype == object or str(values.dtype) in ("str", "string"):
        raise ValueError(f"y holds {values.dtype}; pass 0 and 1, truth values or amounts.")
    found = values.to_numpy(dtype=np.float64)
    if found.shape != (n_rows,) or not np.isfinite(found).all():
        raise ValueError(
            f"y has {len(found):,} values, {int((~np.isfinite(found)).sum()):,} of them missing "
            f"or infinite; pass one a row, {n_rows:,}, and 0 where nothing was done."
        )
    return found
