"""The fitters of lifetimes, imported without the traces that importing them leaves.

On import lifetimes silences every FutureWarning of the process and sets a pandas option; the
code that imports us keeps its own filters and options. lifetimes is archived, so this one place
knows its habits.
"""

import warnings

# Loaded first, so that what these register stays when the filters are put back.
import autograd.numpy
import autograd.scipy.special  # noqa: F401 - see above
import pandas as pd
import scipy.optimize
import scipy.special
import scipy.stats  # noqa: F401 - see above

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    _chained_assignment = pd.options.mode.chained_assignment
    import lifetimes

    pd.options.mode.chained_assignment = _chained_assignment

BetaGeoFitter = lifetimes.BetaGeoFitter
GammaGammaFitter = lifetimes.GammaGammaFitter
ModifiedBetaGeoFitter = lifetimes.ModifiedBetaGeoFitter
ParetoNBDFitter = lifetimes.ParetoNBDFitter

__all__ = ["BetaGeoFitter", "GammaGammaFitter", "ModifiedBetaGeoFitter", "ParetoNBDFitter"]
