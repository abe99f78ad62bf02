"""The two learners side by side: each cross-fitted, compared, and fitted on all rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from patronage.models.boosting import BoostedModel, BoostingPlan, Sample
from patronage.models.categories import FeatureMap
from patronage.models.crossfit import CrossFit, loss_difference_error, margin_log_loss
from patronage.models.logistic import LogisticModel, fit_logistic

Floats = NDArray[np.float64]
LearnerName = Literal["xgboost", "logistic"]
FEW_ROWS = 20_000
RIDGES = (1.0, 10.0, 100.0)
REFERENCE_ROWS = 10_000
SURE = 1.96


@dataclass(frozen=True)
class Learners:
    """What both learners need beside the rows.

    Attributes
    ----------
    features
    signs
        Monotone direction of each column, 0 for none.
    plan
        Settings of the boosting.
    """

    features: FeatureMap
    signs: tuple[int, ...]
    plan: BoostingPlan

    def cross_fit(self, name: LearnerName, sample: Sample, folds: NDArray[np.intp]) -> CrossFit:
        """Give margins of held-out rows and the setting that the folds agree on."""
        if name == "xgboost":
            margins, rounds = self.plan.cross_fit(sample, folds)
            loss = margin_log_loss(sample.target, margins, sample.weight)
            return CrossFit(margins, loss, float(rounds))
        # On many rows the penalty hardly matters, and three times the work does.
        ridges = RIDGES if len(sample.target) <= FEW_ROWS else RIDGES[:1]
        options = [self._cross_fit_logistic(sample, folds, ridge) for ridge in ridges]
        return min(options, key=lambda option: option.log_loss)

    def fit(
        self, name: LearnerName, sample: Sample, setting: float
    ) -> BoostedModel | LogisticModel:
        """Fit on all the rows with a setting from `cross_fit`."""
        if name == "xgboost":
            return self.plan.fit(sample, int(setting))
        return fit_logistic(*sample, features=self.features, signs=self.signs, ridge=setting)

    def later_margins(
        self, name: LearnerName, sample: Sample, setting: float, later: NDArray[np.bool_]
    ) -> Floats:
        """Margins of the later rows by a fit on the others."""
        return self.fit(name, sample.rows(~later), setting).margins(sample.matrix[later])

    def importance(self, model: BoostedModel | LogisticModel, sample: Sample) -> Floats:
        """Give each column's share: of the gain for trees, of the spread of log-odds else."""
        if isinstance(model, BoostedModel):
            return model.importance()
        picked = np.linspace(0, len(sample.target) - 1, REFERENCE_ROWS).astype(np.intp)
        spread = model.contributions(sample.matrix[np.unique(picked)])[0].std(axis=0)
        return np.asarray(spread / (spread.sum() or 1.0), dtype=np.float64)

    def _cross_fit_logistic(
        self, sample: Sample, folds: NDArray[np.intp], ridge: float
    ) -> CrossFit:
        margins = np.zeros(len(sample.target))
        for fold in np.unique(folds):
            held = folds == fold
            model = self.fit("logistic", sample.rows(~held), ridge)
            margins[held] = model.margins(sample.matrix[held])
        return CrossFit(margins, margin_log_loss(sample.target, margins, sample.weight), ridge)


class Choice(NamedTuple):
    """Which learner is taken, and why, in a sentence."""

    learner: LearnerName
    because: str


def choose(
    margins: Mapping[LearnerName, Floats],
    target: Floats,
    weight: Floats,
    *,
    where: str,
    groups: ArrayLike | None = None,
) -> Choice:
    """Take the learner of the lower log loss on rows that it did not see.

    Parameters
    ----------
    margins
        By learner, of rows that it did not see.
    target : shape (n_rows,), 0 or 1
    weight : shape (n_rows,)
    where
        What the rows are, in words.
    groups : shape (n_rows,)
        Ids whose rows count as one draw in the standard error.

    Examples
    --------
    >>> margins = {"xgboost": np.zeros(4), "logistic": np.array([-1.0, 1.0, 0.0, -1.0])}
    >>> target = np.array([0.0, 1.0, 0.0, 1.0])
    >>> choose(margins, target, np.ones(4), where="4 rows").because  # doctest: +ELLIPSIS
    'logistic: log loss 0.6582 on 4 rows, against 0.6931 of xgboost; the difference of 0.0349, ...'
    """
    losses = {name: margin_log_loss(target, told, weight) for name, told in margins.items()}
    chosen = min(losses, key=lambda name: losses[name])
    others = [name for name in losses if name != chosen]
    if not others:
        return Choice(chosen, f"{chosen}: asked for with learner={chosen!r}")
    (other,) = others
    error = loss_difference_error(target, margins[chosen], margins[other], weight, groups)
    apart = losses[other] - losses[chosen]
    sure = "is more than chance" if apart > SURE * error else "may be chance"
    return Choice(
        chosen,
        f"{chosen}: log loss {losses[chosen]:.4f} on {where}, against {losses[other]:.4f} of "
        f"{other}; the difference of {apart:.4f}, with a standard error of {error:.4f}, {sure}",
    )
