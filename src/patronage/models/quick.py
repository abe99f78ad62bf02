"""A small booster, good enough to ask what a table of columns knows."""

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

ROUNDS = 40
_PARAMETERS = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_bin": 64,
    "max_depth": 4,
    "eta": 0.2,
    "nthread": 1,
    "seed": 0,
}


def out_of_fold_scores(
    matrix: NDArray[np.float32], outcome: NDArray[np.float64], folds: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Score each row by trees fitted on the other folds.

    Parameters
    ----------
    matrix : shape (n_rows, n_columns), NaN where missing
    outcome : shape (n_rows,), 0 or 1
    folds : shape (n_rows,), fold numbers

    Returns
    -------
    shape (n_rows,), higher for likelier.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.random((400, 1)).astype(np.float32)
    >>> score = out_of_fold_scores(x, (x[:, 0] > 0.5) * 1.0, rng.integers(0, 3, 400))
    >>> bool(score[x[:, 0] > 0.6].min() > score[x[:, 0] < 0.4].max())
    True
    """
    scores = np.zeros(len(outcome))
    for fold in np.unique(folds):
        held = folds == fold
        booster = xgb.train(_PARAMETERS, xgb.DMatrix(matrix[~held], outcome[~held]), ROUNDS)
        scores[held] = booster.predict(xgb.DMatrix(matrix[held]))
    return scores
