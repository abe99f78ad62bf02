"""Four ways to learn whom a treatment moves: S-, T-, X- and doubly robust learners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage.abtest.effect_models import Level, Trees, fit_level
from patronage.models.propensity import Propensity

Floats = NDArray[np.float64]
LearnerName = Literal["s", "t", "x", "dr"]


class Effects(NamedTuple):
    """What a learner expects of each unit, shape (n_rows,), in units of the outcome.

    Attributes
    ----------
    effect
        Of the treatment.
    untreated, treated
        Outcome under either arm; their difference need not be the effect.
    """

    effect: Floats
    untreated: Floats
    treated: Floats


class Trial(NamedTuple):
    """Rows of an experiment.

    Attributes
    ----------
    frame : shape (n_rows, n_columns), known before the treatment
    outcome : shape (n_rows,)
    treated : bool, shape (n_rows,)
    share : shape (n_rows,), chance of having been treated
    """

    frame: pd.DataFrame
    outcome: Floats
    treated: NDArray[np.bool_]
    share: Floats

    def rows(self, picked: NDArray[np.bool_]) -> Trial:
        """Take some of the rows."""
        return Trial(
            self.frame[picked], self.outcome[picked], self.treated[picked], self.share[picked]
        )


class EffectModel(Protocol):
    """A fitted learner."""

    def predict(self, frame: pd.DataFrame) -> Effects:
        """Give the expected effect and levels of each row."""


@dataclass(frozen=True)
class OneModel:
    """S-learner: the treatment is one more column."""

    level: Level
    column: str

    def predict(self, frame: pd.DataFrame) -> Effects:
        """Switch the treatment off and on."""
        without = self.level.predict(frame.assign(**{self.column: 0}))
        with_it = self.level.predict(frame.assign(**{self.column: 1}))
        return Effects(with_it - without, without, with_it)


@dataclass(frozen=True)
class TwoModels:
    """T-learner: one model an arm."""

    untreated: Level
    treated: Level

    def predict(self, frame: pd.DataFrame) -> Effects:
        """Take the difference of the arms' models."""
        without, with_it = self.untreated.predict(frame), self.treated.predict(frame)
        return Effects(with_it - without, without, with_it)


@dataclass(frozen=True)
class CrossedModels:
    """X-learner: effects imputed in either arm, learnt, and weighted by the other arm's share."""

    levels: TwoModels
    of_control: Level
    of_treated: Level
    share: float

    def predict(self, frame: pd.DataFrame) -> Effects:
        """Lean on the arm whose imputation rests on more units."""
        levels = self.levels.predict(frame)
        from_control, from_treated = self.of_control.predict(frame), self.of_treated.predict(frame)
        effect = self.share * from_control + (1.0 - self.share) * from_treated
        return levels._replace(effect=effect)


@dataclass(frozen=True)
class ScoredModels:
    """Doubly robust learner: a regression on scores whose mean is the effect."""

    halves: tuple[TwoModels, TwoModels]
    effect: Level

    def predict(self, frame: pd.DataFrame) -> Effects:
        """Give the regression, and the mean of the halves' levels."""
        first, second = (half.predict(frame) for half in self.halves)
        return Effects(
            self.effect.predict(frame),
            (first.untreated + second.untreated) / 2,
            (first.treated + second.treated) / 2,
        )


def scores(trial: Trial, untreated: Floats, treated: Floats) -> Floats:
    """Augmented inverse-propensity score of each unit, whose mean is the average effect.

    Right on average if either the levels or the shares are right; in an experiment the shares
    are known, so it is right whatever the models are.

    References
    ----------
    Robins, Rotnitzky and Zhao (1994), JASA 89, 846-866.
    """
    above = np.where(trial.treated, (trial.outcome - treated) / trial.share, 0.0)
    below = np.where(trial.treated, 0.0, (trial.outcome - untreated) / (1.0 - trial.share))
    return np.asarray(treated - untreated + above - below)


def _s(trial: Trial, base: Propensity, seed: int) -> OneModel:
    column = "treated"
    while column in trial.frame.columns:
        column += "_"
    frame = trial.frame.assign(**{column: trial.treated.astype(int)})
    return OneModel(fit_level(frame, trial.outcome, base, seed=seed), column)


def _t(trial: Trial, base: Propensity, seed: int) -> TwoModels:
    control, treated = trial.rows(~trial.treated), trial.rows(trial.treated)
    return TwoModels(
        fit_level(control.frame, control.outcome, base, seed=seed),
        fit_level(treated.frame, treated.outcome, base, seed=seed),
    )


def _x(trial: Trial, base: Propensity, seed: int) -> CrossedModels:
    levels = _t(trial, base, seed)
    control, treated = trial.rows(~trial.treated), trial.rows(trial.treated)
    n_jobs = base.n_jobs or 1
    gained = treated.outcome - levels.untreated.predict(treated.frame)
    missed = levels.treated.predict(control.frame) - control.outcome
    return CrossedModels(
        levels,
        Trees.fit(control.frame, missed, seed=seed, n_jobs=n_jobs),
        Trees.fit(treated.frame, gained, seed=seed, n_jobs=n_jobs),
        float(trial.share.mean()),
    )


def _dr(trial: Trial, base: Propensity, seed: int) -> ScoredModels:
    half = np.zeros(len(trial.outcome), dtype=bool)
    random = np.random.default_rng(seed)
    for arm in (True, False):
        places = random.permutation(np.flatnonzero(trial.treated == arm))
        half[places[::2]] = True
    first, second = _t(trial.rows(half), base, seed), _t(trial.rows(~half), base, seed)
    target = np.zeros(len(half))
    for rows, model in ((~half, first), (half, second)):
        part = trial.rows(rows)
        found = model.predict(part.frame)
        target[rows] = scores(part, found.untreated, found.treated)
    effect = Trees.fit(trial.frame, target, seed=seed, n_jobs=base.n_jobs or 1)
    return ScoredModels((first, second), effect)


_LEARNERS: dict[str, Callable[[Trial, Propensity, int], EffectModel]] = {
    "s": _s,
    "t": _t,
    "x": _x,
    "dr": _dr,
}
LEARNERS = tuple(_LEARNERS)


def fit_learner(name: LearnerName, trial: Trial, base: Propensity, *, seed: int) -> EffectModel:
    """Fit one of the learners on all the rows.

    References
    ----------
    Künzel, Sekhon, Bickel and Yu (2019), "Metalearners for estimating heterogeneous treatment
    effects", PNAS 116(10), 4156-4165 (S, T, X); Kennedy (2023), "Towards optimal doubly robust
    estimation of heterogeneous causal effects", EJS 17(2), 3008-3049.
    """
    return _LEARNERS[name](trial, base, seed)
