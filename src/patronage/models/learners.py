"""The two learners side by side: each cross-fitted, compared, and fitted on all rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from patronage.models.boosting import BoostedModel, BoostingPlan, Sample
from patronage.models.categories import FeatureMap
from patronage.models.crossfit import CrossFit, margin_log_loss
from patronage.models.logistic import LogisticModel, fit_logistic

Floats = NDArray[np.float64]
LearnerName = Literal["xgboost", "logistic"]
FEW_ROWS = 20_000
RIDGES = (1.0, 10.0, 100.0)
REFERENCE_ROWS = 10_000


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

    def later_loss(
        self, name: LearnerName, sample: Sample, setting: float, later: NDArray[np.bool_]
    ) -> float:
        """Log loss on the later rows of a fit on the others."""
        model = self.fit(name, sample.rows(~later), setting)
        _, target, weight = sample.rows(later)
        return margin_log_loss(target, model.margins(sample.matrix[later]), weight)

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


def why_chosen(chosen: LearnerName, losses: Mapping[LearnerName, float], where: str) -> str:
    """Say in a sentence why a learner was taken.

    Examples
    --------
    >>> why_chosen("logistic", {"xgboost": 0.4, "logistic": 0.39}, "held-out rows")
    'logistic: log loss 0.3900 on held-out rows, against 0.4000 of xgboost'
    """
    others = [name for name in losses if name != chosen]
    if not others:
        return f"{chosen}: asked for with learner={chosen!r}"
    against = ", ".join(f"{losses[name]:.4f} of {name}" for name in others)
    return f"{chosen}: log loss {losses[chosen]:.4f} on {where}, against {against}"
