"""MBG/NBD: BG/NBD in which the first purchase, too, may be the last.

A drop-in for `lifetimes.ModifiedBetaGeoFitter`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from patronage.models import parents
from patronage.models.geometric_dropout import GeometricDropout


class ModifiedBetaGeoFitter(GeometricDropout, parents.ModifiedBetaGeoFitter):
    """Modified beta-geometric / negative binomial model of repeat purchases.

    Customers may leave right after their first purchase, so those without a repeat can be told
    apart by how long they have been silent.

    Parameters
    ----------
    penalizer_coef : >= 0
        Times the sum of squared parameters, time scaled to the longest T = 1, added to the mean
        negative log-likelihood.

    References
    ----------
    Batislam, Denizel and Filiztekin (2007), "Empirical validation and comparison of models for
    customer base analysis", Int. J. Research in Marketing 24(3), 201-209; Wagner and Hoppe
    (2008), "Erratum on the MBG/NBD model", same journal 25(3), 225-226.

    Examples
    --------
    Silence tells something about customers who never repeated:

    >>> frequency, recency, T = [0, 3, 9, 1, 5], [0, 9, 30, 2, 12], [30, 30, 31, 29, 35]
    >>> model = ModifiedBetaGeoFitter(penalizer_coef=0.01).fit(frequency, recency, T)
    >>> new, old = model.conditional_probability_alive(0, 0, [1, 30])
    >>> bool(new > old)
    True
    """

    model_name: ClassVar[str] = "MBG/NBD"
    chances_at_start: ClassVar[Literal[0, 1]] = 1
