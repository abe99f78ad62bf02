"""Read the outcome that a classifier learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d


def two_classes(
    y: ArrayLike, counted: NDArray[np.bool_]
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Read an outcome of two classes, whatever they are called.

    Parameters
    ----------
    y : shape (n_rows,)
        Numbers, truth values or words.
    counted : bool, shape (n_rows,)
        Rows of positive weight; both classes must be among these.

    Returns
    -------
    The classes in sorted order, and 1.0 for the second, 0.0 for the first, shape (n_rows,).

    Raises
    ------
    ValueError
        Where values are missing, the lengths differ, or there are not two classes.

    Examples
    --------
    >>> classes, target = two_classes(["yes", "no", "yes"], np.ones(3, dtype=bool))
    >>> classes.tolist(), target.tolist()
    (['no', 'yes'], [1.0, 0.0, 1.0])
    """
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None")
    labels, n_rows = column_or_1d(y, warn=True), len(counted)
    if len(labels) != n_rows:
        raise ValueError(
            f"X and y have inconsistent numbers of samples: {n_rows:,} and {len(labels):,}."
        )
    missing = pd.isna(labels)
    if missing.any():
        raise ValueError(
            f"y contains NaN or None in {int(missing.sum()):,} of {n_rows:,} rows; leave out "
            "rows whose outcome is not known."
        )
    if labels.dtype.kind == "f" and np.isinf(labels).any():
        raise ValueError(
            f"y contains infinity (inf) in {int(np.isinf(labels).sum()):,} of {n_rows:,} rows."
        )
    check_classification_targets(labels)
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) > 2:  # noqa: PLR2004 - two classes
        raise ValueError(
            "Only binary classification is supported. The type of the target is multiclass: "
            f"{len(classes)} classes, first {', '.join(map(str, classes[:3]))}."
        )
    held = classes[np.unique(codes[counted])]
    if len(held) < 2:  # noqa: PLR2004 - two classes
        raise ValueError(
            f"y has only one class, {held}, in {int(counted.sum()):,} rows of positive "
            "sample_weight; a classifier needs rows with and without the outcome."
        )
    return classes, codes.astype(np.float64)
