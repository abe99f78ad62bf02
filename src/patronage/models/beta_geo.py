"""BG/NBD: purchases at a gamma rate, a chance to leave after every repeat purchase.

A drop-in for `lifetimes.BetaGeoFitter`: the same constructor, methods and attributes, so that
lifetimes' plots go on working, with numerics of our own.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from patronage.models import parents
from patronage.models.geometric_dropout import GeometricDropout


class BetaGeoFitter(GeometricDropout, parents.BetaGeoFitter):
    """Beta-geometric / negative binomial model of repeat purchases.

    A customer without a repeat purchase has had no chance to leave, so the probability of being
    alive is 1 for all of them: never rank churn risk by it. MBG/NBD has no such gap.

    Parameters
    ----------
    penalizer_coef : >= 0
        Times the sum of squared parameters, time scaled to the longest T = 1, added to the mean
        negative log-likelihood.

    References
    ----------
    Fader, Hardie and Lee (2005), "Counting Your Customers the Easy Way", Marketing Science
    24(2), 275-284.

    Examples
    --------
    Two out of three customers came back, and one of them long ago:

    >>> import numpy as np
    >>> frequency, recency, T = [0, 3, 9, 1, 5], [0, 9, 30, 2, 12], [30, 30, 31, 29, 35]
    >>> model = BetaGeoFitter(penalizer_coef=0.01).fit(frequency, recency, T)
    >>> model.status_
    'converged'
    >>> bool(model.predict(10, 9, 30, 31) > model.predict(10, 5, 12, 35))
    True
    """

    model_name: ClassVar[str] = "BG/NBD"
    chances_at_start: ClassVar[Literal[0, 1]] = 0
