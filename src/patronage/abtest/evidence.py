"""How much of a measured effect to count on, when its interval holds 0 too."""

from __future__ import annotations

from typing import NamedTuple

from scipy.special import ndtri


class Counted(NamedTuple):
    """What a decision may count on.

    Attributes
    ----------
    effect
        In units of the measured one; smaller than it where that is unproven.
    unproven
        Whether the interval holds 0.
    """

    effect: float
    unproven: bool


def count_on(effect: float, low: float, high: float, *, alpha: float = 0.05) -> Counted:
    """Take a proven effect as it is, and shrink one that may as well be nothing.

    An effect whose interval holds 0 is multiplied by 1 - 1/z^2 (0 where that is below 0), z being
    the effect in standard errors: the positive-part James-Stein estimate. One standard error or
    less counts for nothing.

    Parameters
    ----------
    effect, low, high
        A measured effect and the ends of its interval, whose level is 1 - alpha.
    alpha

    References
    ----------
    Efron and Morris (1973), "Stein's estimation rule and its competitors", JASA 68, 117-130.

    Examples
    --------
    >>> count_on(0.02, 0.01, 0.03), count_on(0.02, -0.04, 0.08)
    (Counted(effect=0.02, unproven=False), Counted(effect=0.0, unproven=True))
    >>> round(count_on(0.03, -0.009, 0.069).effect, 4)
    0.0168
    """
    if not low <= 0 <= high:
        return Counted(effect, unproven=False)
    error = (high - low) / (2 * float(ndtri(1 - alpha / 2)))
    if effect == 0 or abs(effect) <= error:
        return Counted(0.0, unproven=True)
    return Counted(effect * (1 - (error / effect) ** 2), unproven=True)
