"""Log-likelihood of BG/NBD and MBG/NBD with exact gradient and Hessian.

A customer with x repeat purchases, the last at t_x, observed to T, contributes

    log of (r)_x alpha^r / (alpha + T)^(r+x)              buying
    - sum over j < x + d of log(1 + a / (b + j))          surviving x + d chances to leave
    + log(1 + exp S)                                      or having left at the last of them
    S = log a - log(b + x + d - 1) + (r + x) log((alpha + T) / (alpha + t_x))

with d = 0 for BG/NBD, where the first purchase is no chance to leave (so S is for x > 0 only),
and d = 1 for MBG/NBD, where it is. The first two lines depend on x and T one at a time, so a
small table of counts gives their sums; only the third needs a pass over the patterns.

References
----------
Fader, Hardie and Lee (2005), Marketing Science 24(2), 275-284.
Batislam, Denizel and Filiztekin (2007), Int. J. Research in Marketing 24(3), 201-209.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, polygamma, psi

from patronage.models.histories import Histories

FloatArray = NDArray[np.float64]
Derivatives = tuple[float, FloatArray, FloatArray]

_DENSE = 4096
# Fits the cache, and stays below the size at which BLAS starts threads: on a busy machine those
# wait for each other longer than they work.
_CHUNK = 8192


class RisingSums:
    """Sum over customers of log (c)_x and its derivatives, for any c, from counts of x.

    (c)_x = c (c+1) ... (c+x-1), so the sum is one of log(c + j) weighted by how many customers
    have x > j: no gamma functions, nothing cancels. Counts beyond 4,096 are few and go by lgamma.
    """

    def __init__(self, x: FloatArray, weights: FloatArray) -> None:
        n = int(min(x.max(initial=0.0), _DENSE))
        counts = np.bincount(np.minimum(x, n).astype(np.int64), weights, minlength=n + 1)
        self.steps = np.arange(n, dtype=np.float64)
        self.beyond_step = np.cumsum(counts[::-1])[::-1][1:]
        tail = x > n
        self.tail_x, self.tail_weights, self.n = x[tail], weights[tail], float(n)

    def tail(self, c: float) -> tuple[float, float, float]:
        """Add up the counts above the dense table: value, first and second derivative in c."""
        if not self.tail_x.size:
            return 0.0, 0.0, 0.0
        w, top, bottom = self.tail_weights, c + self.tail_x, c + self.n
        return (
            float(w @ (gammaln(top) - gammaln(bottom))),
            float(w @ (psi(top) - psi(bottom))),
            float(w @ (polygamma(1, top) - polygamma(1, bottom))),
        )

    def log_rising(self, c: float) -> tuple[float, float, float]:
        """Sum of log (c)_x, and its first and second derivative in c."""
        inverse = 1.0 / (c + self.steps)
        value, first, second = self.tail(c)
        weighted = self.beyond_step * inverse
        return (
            value - float(self.beyond_step @ np.log(inverse)),
            first + float(weighted.sum()),
            second - float(weighted @ inverse),
        )

    def log_survival(self, a: float, b: float) -> Derivatives:
        """Sum of log B(a, b + x) / B(a, b) with gradient and Hessian in (a, b)."""
        m = self.beyond_step
        stays, all_of_it = 1.0 / (b + self.steps), 1.0 / (a + b + self.steps)
        value_b, first_b, second_b = self.tail(b)
        value_ab, first_ab, second_ab = self.tail(a + b)
        value = -float(m @ np.log1p(a * stays)) + value_b - value_ab
        d_a = -float(m @ all_of_it) - first_ab
        d_b = float(a * (m @ (stays * all_of_it))) + first_b - first_ab
        d_aa = float(m @ all_of_it**2) - second_ab
        d_bb = -float(a * (m @ (stays * all_of_it * (stays + all_of_it)))) + second_b - second_ab
        return value, np.array([d_a, d_b]), np.array([[d_aa, d_aa], [d_aa, d_bb]])


class GeometricLikelihood:
    """Mean log-likelihood a customer at (r, alpha, a, b); call it with natural parameters.

    Parameters
    ----------
    patterns
        Distinct histories, time scaled so that T is about 1.
    chances_at_start
        d above: 0 for BG/NBD, 1 for MBG/NBD.
    penalties : shape (4,)
        Times the squared parameters, taken off the mean.
    """

    def __init__(
        self, patterns: Histories, chances_at_start: Literal[0, 1], penalties: FloatArray
    ) -> None:
        x, t_x, age, w = patterns
        self.chances_at_start = chances_at_start
        self.penalties = penalties
        self.n_customers = float(w.sum())
        self.buying = RisingSums(x, w)
        self.surviving = RisingSums(x + chances_at_start, w)
        self.ages, which = np.unique(age, return_inverse=True)
        self.customers = np.asarray(np.bincount(which, w), dtype=np.float64)
        self.purchases = np.asarray(np.bincount(which, w * x), dtype=np.float64)
        asked = x + chances_at_start > 0
        self.leaving = Histories(x[asked], t_x[asked], age[asked], w[asked])

    def __call__(self, params: FloatArray) -> Derivatives:
        """Value, gradient and Hessian."""
        value, gradient, hessian = 0.0, np.zeros(4), np.zeros((4, 4))
        for part in (self._buy, self._survive, self._leave):
            v, g, h = part(params)
            value, gradient, hessian = value + v, gradient + g, hessian + h
        n, penalties = self.n_customers, self.penalties
        return (
            value / n - float(penalties @ params**2),
            gradient / n - 2 * penalties * params,
            hessian / n - 2 * np.diag(penalties),
        )

    def _buy(self, params: FloatArray) -> Derivatives:
        """Gamma-Poisson purchases: negative binomial in x and T."""
        r, alpha = params[0], params[1]
        value, d_r, d_rr = self.buying.log_rising(r)
        age, n, x = self.ages, self.customers, self.purchases
        inverse = 1.0 / (alpha + age)
        log_ratio = np.log1p(age / alpha)
        gap = age * inverse / alpha
        gradient, hessian = np.zeros(4), np.zeros((4, 4))
        value -= r * _dot(n, log_ratio) + _dot(x, np.log(alpha + age))
        gradient[0] = d_r - _dot(n, log_ratio)
        gradient[1] = r * _dot(n, gap) - _dot(x, inverse)
        hessian[0, 0] = d_rr
        hessian[0, 1] = hessian[1, 0] = _dot(n, gap)
        hessian[1, 1] = _dot(x, inverse**2) - r * _dot(n, gap * (1 / alpha + inverse))
        return value, gradient, hessian

    def _survive(self, params: FloatArray) -> Derivatives:
        """Every chance to leave but, perhaps, the last was not taken."""
        value, d_ab, d2_ab = self.surviving.log_survival(params[2], params[3])
        gradient, hessian = np.zeros(4), np.zeros((4, 4))
        gradient[2:], hessian[2:, 2:] = d_ab, d2_ab
        return value, gradient, hessian

    def _leave(self, params: FloatArray) -> Derivatives:
        """Silence since the last purchase may mean that it was the last."""
        value, gradient, hessian = 0.0, np.zeros(4), np.zeros((4, 4))
        for at in range(0, len(self.leaving.frequency), _CHUNK):
            part = Histories(*(column[at : at + _CHUNK] for column in self.leaving))
            v, g, h = _log1p_exp_s(params, part, self.chances_at_start)
            value, gradient, hessian = value + v, gradient + g, hessian + h
        return value, gradient, hessian


def _dot(u: FloatArray, v: FloatArray) -> float:
    """Dot product of any length on the calling thread."""
    return float(np.einsum("i,i->", u, v))


def _log1p_exp_s(params: FloatArray, part: Histories, d: int) -> Derivatives:
    r, alpha, a, b = params
    x, t_x, age, w = part
    inverse_age, inverse_last = 1.0 / (alpha + age), 1.0 / (alpha + t_x)
    silence = age - t_x
    log_ratio = np.log1p(silence * inverse_last)
    shrink = -silence * inverse_age * inverse_last
    shape = r + x
    chance = 1.0 / (b + (x + (d - 1)))
    s = np.log(a * chance) + shape * log_ratio
    small = np.exp(-np.abs(s))
    value = float(w @ (np.maximum(s, 0.0) + np.log1p(small)))
    left = w * np.where(s > 0, 1.0, small) / (1.0 + small)
    doubt = left * np.where(s > 0, small, 1.0) / (1.0 + small)
    slopes = np.stack([log_ratio, shape * shrink, np.full_like(s, 1 / a), -chance])
    gradient = slopes @ left
    hessian = (slopes * doubt) @ slopes.T
    cross = float(left @ shrink)
    hessian[0, 1] += cross
    hessian[1, 0] += cross
    hessian[1, 1] -= float((left * shape) @ (shrink * (inverse_age + inverse_last)))
    hessian[2, 2] -= float(left.sum()) / a**2
    hessian[3, 3] += float(left @ chance**2)
    return value, gradient, hessian
