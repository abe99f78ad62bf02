"""What monotone constraints cost.

The presets themselves are declared beside the features: `features.catalogue.directions` gives
the columns whose effect on churn, or on conversion, has one direction only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import clone

from patronage.evaluation.discrimination import auc
from patronage.models.propensity import Propensity


class ConstraintPrice(NamedTuple):
    """AUC with and without the constraints.

    Attributes
    ----------
    constrained, free : AUC
    price : free - constrained; below 0 where the constraints helped
    judged_on : "held-out rows" or "judging rows"
    """

    constrained: float
    free: float
    price: float
    judged_on: str

    def sentence(self) -> str:
        """Say it in a line.

        Examples
        --------
        >>> ConstraintPrice(0.801, 0.803, 0.002, "judging rows").sentence()
        'monotone constraints cost 0.002 of AUC (0.801 with, 0.803 without, on judging rows)'
        """
        return (
            f"monotone constraints cost {self.price:.3f} of AUC ({self.constrained:.3f} with, "
            f"{self.free:.3f} without, on {self.judged_on})"
        )


def constraint_price(
    model: Propensity,
    X: pd.DataFrame | ArrayLike,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    judge: tuple[pd.DataFrame | ArrayLike, ArrayLike] | None = None,
) -> ConstraintPrice:
    """Fit the same learner again without constraints and compare.

    Parameters
    ----------
    model
        Fitted, with `monotone`.
    X, y, groups
        What it was fitted on.
    judge
        Features and outcome (classes as in y) of other rows to compare on; without it the
        cross-fitted AUCs are compared.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"silent_days": rng.integers(0, 90, 300)})
    >>> y = rng.random(300) < X["silent_days"] / 100
    >>> model = Propensity(monotone={"silent_days": 1}, learner="xgboost", random_state=0)
    >>> abs(constraint_price(model.fit(X, y), X, y).price) < 0.1
    True
    """
    free = clone(model).set_params(
        monotone=None, learner=model.learner_, random_state=model.random_state
    )
    free.fit(X, y, groups=groups)
    if judge is None:
        areas = [one.cross_fitted_[model.learner_]["auc"] for one in (model, free)]
        judged_on = "held-out rows"
    else:
        outcome = (np.asarray(judge[1]) == model.classes_[1]).astype(np.float64)
        areas = [auc(outcome, one.decision_function(judge[0])) for one in (model, free)]
        judged_on = "judging rows"
    return ConstraintPrice(areas[0], areas[1], areas[1] - areas[0], judged_on)
