"""Draw customers of BG/NBD and MBG/NBD, purchase by purchase for all of them at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def simulate_histories(
    ages: FloatArray,
    params: tuple[float, float, float, float],
    chances_at_start: int,
    random: np.random.Generator,
) -> pd.DataFrame:
    """Live through the model and report what a shop would have seen.

    Parameters
    ----------
    ages : shape (n,)
        Time each customer is observed for.
    params
        r, alpha, a, b.
    chances_at_start
        1 where the first purchase is a chance to leave (MBG/NBD), else 0.
    random

    Returns
    -------
    Columns frequency, recency, T, lambda, p, alive; the index is customer_id. Purchases count
    one by one, also where two fall into one period.
    """
    r, alpha, a, b = params
    n = len(ages)
    rate = random.gamma(r, 1 / alpha, n)
    p = random.beta(a, b, n)
    frequency, last = np.zeros(n), np.zeros(n)
    alive = random.random(n) >= p if chances_at_start else np.ones(n, dtype=bool)
    active = np.flatnonzero(alive & (rate > 0))
    while active.size:
        upcoming = last[active] + random.exponential(size=active.size) / rate[active]
        seen = upcoming < ages[active]
        active = active[seen]
        frequency[active] += 1
        last[active] = upcoming[seen]
        alive[active] = random.random(active.size) >= p[active]
        active = active[alive[active]]
    return pd.DataFrame(
        {
            "frequency": frequency,
            "recency": last,
            "T": ages,
            "lambda": rate,
            "p": p,
            "alive": alive,
        },
        index=pd.RangeIndex(n, name="customer_id"),
    )
