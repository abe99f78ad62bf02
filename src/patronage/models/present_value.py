"""What purchases to come are worth today, month by month."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from patronage.data.units import MONTH_DAYS, YEAR_DAYS

FloatArray = NDArray[np.float64]


def month_steps(horizon_days: float) -> FloatArray:
    """Lengths in days of the months that make a horizon, the last one perhaps partial.

    Examples
    --------
    >>> month_steps(365.25).size, month_steps(70.0)
    (12, array([30.4375, 30.4375,  9.125 ]))
    """
    whole, rest = divmod(horizon_days, MONTH_DAYS)
    steps = np.full(int(whole), MONTH_DAYS)
    return np.append(steps, rest) if rest > 0 else steps


def present_value(
    purchases: FloatArray,
    spend: FloatArray,
    *,
    step_days: float | FloatArray,
    annual_discount: float,
) -> FloatArray:
    """Discount expected purchases to their value today.

    Each step is paid at its end. Rates are yearly whatever the step, because finance quotes
    them so; a monthly rate passed here is the usual mistake.

    Parameters
    ----------
    purchases : shape (n_customers, n_steps)
        Expected purchases *within* each step, not cumulative.
    spend : shape (n_customers,)
        Expected value of one purchase, in the ledger's currency. Margin goes in here, by
        multiplying, when value means profit.
    step_days : days, > 0
        Length of every step, or of each, shape (n_steps,).
    annual_discount : fraction per year, > -1; 0.10 is ten percent

    Returns
    -------
    Shape (n_customers,), same currency as `spend`.

    Raises
    ------
    ValueError
        If any expectation is negative: that is what a mistaken difference of cumulative
        purchases looks like.

    References
    ----------
    Fader, Hardie and Lee (2005), "RFM and CLV", J. Marketing Research 42(4), 415-430.

    Examples
    --------
    One purchase of 100 a quarter for a year, at ten percent:

    >>> present_value(np.ones((1, 4)), np.array([100.0]),
    ...               step_days=91.3125, annual_discount=0.10).round(3)
    array([377.002])
    """
    if (purchases < 0).any():
        n_bad = int((purchases < 0).any(axis=1).sum())
        raise ValueError(
            f"purchases is negative for {n_bad:,} of {len(purchases):,} customers; "
            "pass expected purchases per step, np.diff of the cumulative curve."
        )
    years = np.cumsum(np.broadcast_to(step_days, purchases.shape[1])) / YEAR_DAYS
    value: FloatArray = spend * (purchases @ (1.0 + annual_discount) ** -years)
    return value
