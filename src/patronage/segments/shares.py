"""Wilson's interval of a share, NaN where there is nothing to share."""

import numpy as np
from numpy.typing import ArrayLike
from statsmodels.stats.proportion import proportion_confint

from patronage.segments.tables import FloatArray


def wilson(counts: ArrayLike, totals: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """95% score interval, array by array.

    Examples
    --------
    >>> low, high = wilson([5, 0], [10, 0])
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.237, nan], [0.763, nan])
    """
    hits, n = np.asarray(counts, dtype=float), np.asarray(totals, dtype=float)
    known = n > 0
    bounds = proportion_confint(np.where(known, hits, 0), np.where(known, n, 1), method="wilson")
    low, high = (np.where(known, np.clip(bound, 0, 1), np.nan) for bound in bounds)
    return low, high
