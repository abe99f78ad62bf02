"""Intervals that stay right however often one looks, and whenever one stops.

An interval for one planned look covers the truth 95 times of 100 at that look; looked at every
day, it misses at some look far more often. A confidence sequence covers at all looks at once,
for which it pays in width. These are asymptotic: they need a few dozen units an arm before the
first look, and no assumption about the distribution.

References
----------
Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2021), "Time-uniform central limit theory and
asymptotic confidence sequences", arXiv:2103.06476; the width of their equation for the normal
mixture, with the tuning of its appendix on choosing rho.
"""

import math

from patronage.errors import SpecError

DEFAULT_TUNING = 5_000
"""Units of both arms together at which the sequence is narrowest against a fixed interval."""


def mixture_rate(alpha: float, tuning: float) -> float:
    """Square of the mixture's rho that makes the sequence narrowest at `tuning` units.

    Raises
    ------
    SpecError
        If `tuning` is not above zero.

    Examples
    --------
    >>> round(mixture_rate(0.05, 5000), 8)
    0.00158723
    """
    if not tuning > 0:
        raise SpecError(f"tuning is {tuning}; pass the units of both arms that you plan for.")
    log = -2.0 * math.log(alpha)
    return (log + math.log(log + 1.0)) / tuning


def sequential_critical(n: int, alpha: float = 0.05, tuning: float = DEFAULT_TUNING) -> float:
    """How many standard errors wide a half interval is that holds at every look.

    Parameters
    ----------
    n : units of both arms together at this look
    alpha : chance to miss at any look, in (0, 1)
    tuning : units, > 0
        Where the interval is to be narrowest: the size planned.

    Raises
    ------
    SpecError
        If `tuning` is not above zero.

    Examples
    --------
    Against 1.96 for one look:

    >>> round(sequential_critical(5000), 3)
    3.035
    """
    grown = n * mixture_rate(alpha, tuning)
    return math.sqrt(2.0 * (1.0 + 1.0 / grown) * (0.5 * math.log1p(grown) - math.log(alpha)))


def sequential_p(
    statistic: float, n: int, alpha: float = 0.05, tuning: float = DEFAULT_TUNING
) -> float:
    """P value that may be read at every look, at most 1.

    It is below `alpha` when, and only when, zero is outside the interval of
    `sequential_critical`. `alpha` matters for the tuning alone.

    Examples
    --------
    >>> round(sequential_p(sequential_critical(5000), 5000), 6)
    0.05
    """
    grown = n * mixture_rate(alpha, tuning)
    log_p = 0.5 * math.log1p(grown) - 0.5 * statistic**2 * grown / (1.0 + grown)
    return math.exp(min(log_p, 0.0))
