"""Folds that keep a customer's rows together, and what a learner does on rows it never saw."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_auc_score

from patronage.models.boosting import Sample

Floats = NDArray[np.float64]


class CrossFit(NamedTuple):
    """How one learner did on held-out rows.

    Attributes
    ----------
    margins : shape (n_rows,), log-odds, each from a fit without that row's group
    log_loss
        Weighted mean, in nats.
    setting
        What the folds settled: rounds of boosting, or the ridge.
    """

    margins: Floats
    log_loss: float
    setting: float

    def scores(self, sample: Sample) -> dict[str, float]:
        """Give log loss and AUC by name, for the rows of the fit."""
        area = roc_auc_score(sample.target, self.margins, sample_weight=sample.weight)
        return {"log_loss": self.log_loss, "auc": float(area)}


def margin_log_loss(target: Floats, margins: Floats, weight: Floats) -> float:
    """Weighted mean log loss of log-odds.

    Examples
    --------
    >>> round(margin_log_loss(np.array([1.0]), np.array([0.0]), np.ones(1)), 6)
    0.693147
    """
    return float(weight @ _row_losses(target, margins) / weight.sum())


def loss_difference_error(
    target: Floats, one: Floats, other: Floats, weight: Floats, groups: ArrayLike | None = None
) -> float:
    """Give the standard error of the difference of two mean log losses on the same rows.

    Parameters
    ----------
    target : shape (n_rows,), 0 or 1
    one, other : shape (n_rows,), margins
    weight : shape (n_rows,)
    groups : shape (n_rows,)
        Ids whose rows count as one draw.

    Examples
    --------
    >>> target = np.array([0.0, 1.0, 0.0, 1.0])
    >>> round(loss_difference_error(target, np.zeros(4), np.ones(4), np.ones(4)), 4)
    0.2887
    """
    difference = _row_losses(target, one) - _row_losses(target, other)
    total = weight.sum()
    off = weight * (difference - weight @ difference / total)
    if groups is not None:
        off = np.bincount(_group_codes(groups, len(off)), weights=off)
    return float(np.sqrt(off @ off * len(off) / max(1, len(off) - 1)) / total)


def _row_losses(target: Floats, margins: Floats) -> Floats:
    return np.asarray(np.logaddexp(0.0, margins) - target * margins, dtype=np.float64)


def grouped_folds(
    target: Floats, groups: ArrayLike | None, *, n_folds: int, seed: int
) -> NDArray[np.intp]:
    """Give each row a fold: a group's rows share one, and classes are spread evenly.

    Groups are taken in sorted order before they are shuffled, so the fold of a customer does
    not depend on the order of the rows.

    Parameters
    ----------
    target : shape (n_rows,), 0 or 1
    groups : shape (n_rows,), or None for every row by itself
    n_folds
        At most; fewer where a class has fewer groups.
    seed

    Returns
    -------
    shape (n_rows,), 0 to the number of folds less one.

    Raises
    ------
    ValueError
        Where a class is found in fewer than two groups, or group ids are missing.

    Examples
    --------
    >>> target = np.array([0.0, 0.0, 1.0, 1.0])
    >>> np.bincount(grouped_folds(target, None, n_folds=5, seed=0)).tolist()
    [2, 2]
    """
    n_rows = len(target)
    if groups is None:
        codes: NDArray[Any] = np.arange(n_rows)
    else:
        codes = _group_codes(groups, n_rows)
    n_groups = int(codes.max()) + 1
    has_positive = np.bincount(codes, weights=target == 1, minlength=n_groups) > 0
    has_negative = np.bincount(codes, weights=target == 0, minlength=n_groups) > 0
    rarer = int(min(has_positive.sum(), has_negative.sum()))
    if rarer < 2:  # noqa: PLR2004 - one to fit on and one to hold out
        what = "rows" if groups is None else "groups"
        raise ValueError(
            f"y: its rarer class is in {rarer} of {n_groups:,} {what}; cross-fitting needs at "
            "least 2, and a model worth using 100."
        )
    n_folds = min(n_folds, rarer)
    rng = np.random.default_rng(seed)
    fold_of_group = np.empty(n_groups, dtype=np.intp)
    # Kinds of groups one after the other, dealt like cards: each fold gets its share of each.
    kind = has_positive.astype(int) + 2 * has_negative
    order = rng.permutation(n_groups)
    order = order[np.argsort(kind[order], kind="stable")]
    fold_of_group[order] = np.arange(n_groups) % n_folds
    return np.asarray(fold_of_group[codes], dtype=np.intp)


def _group_codes(groups: ArrayLike, n_rows: int) -> NDArray[Any]:
    values = np.asarray(groups)
    if values.shape != (n_rows,):
        raise ValueError(
            f"groups has shape {values.shape}; pass one id a row, shape ({n_rows:,},)."
        )
    codes, _ = pd.factorize(values, sort=True)
    if (codes < 0).any():
        raise ValueError(
            f"groups: {int((codes < 0).sum()):,} of {n_rows:,} ids are missing; "
            "leave these rows out or give each an id of its own."
        )
    return codes
