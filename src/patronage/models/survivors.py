"""What a customer who is alive will buy, when rates are gamma and dropout is beta.

Somebody alive with rate ~ Gamma(shape r, rate alpha) and probability p ~ Beta(a, b) of leaving
after each purchase is a new customer of a BG/NBD market with the parameters (r, alpha, a, b).
Having survived to T with x purchases only moves the parameters to (r + x, alpha + T, a, b + x),
so every forecast of BG/NBD and MBG/NBD, for new and for old customers, is one of these
functions times the probability of being alive.

With z = t / (alpha + t), all sums here are of the transformed hypergeometric series
2F1(r, b; a+b-1; z) = (1-z)^(a-1-r) 2F1(a+b-1-r, a-1; a+b-1; z), written so that nothing is
divided by a - 1 or a + b - 1 and nothing large is taken from something large. Where that series
is slow or alternates, the same expectation is an integral over p, taken by the trapezoidal rule
on a doubly exponential scale.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln, xlog1py, xlogy

FloatArray = NDArray[np.float64]

ByPower = Callable[[FloatArray, FloatArray, float, FloatArray], FloatArray]
GivenP = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]

_SERIES_Z = 0.95
_SERIES_A = 40.0
_SERIES_ALTERNATION = 4.0
_CHUNK = 4096
_EPS = 1e-16
_MOST_TERMS = 20_000
_TERMS_BETWEEN_LOOKS = 4

_NODES = 401
_ROWS = 256
_NEGLIGIBLE_LOG = 45.0
_TINY = 1e-140
_RARE = 0.1
_SHORT_SUM = 14
_DEEP = -600.0


class Survivor(NamedTuple):
    """Parameters of somebody alive; arrays broadcast against each other.

    Attributes
    ----------
    r, alpha
        Shape and rate of the gamma distribution of the purchase rate.
    a, b
        Beta distribution of the dropout probability.
    """

    r: FloatArray
    alpha: FloatArray
    a: float
    b: FloatArray


def expected_purchases(t: FloatArray, alive: Survivor) -> FloatArray:
    """Forecast the purchases within t of somebody alive.

    Parameters
    ----------
    t : time units of alpha, >= 0; broadcasts against the parameters
    alive

    Returns
    -------
    The broadcast shape; finite for every t and every positive parameter.

    References
    ----------
    Fader, Hardie and Lee (2005), Marketing Science 24(2), equations 9 and 10.

    Examples
    --------
    >>> one = Survivor(np.array(0.24259), np.array(4.41353), 0.79289, np.array(2.42575))
    >>> expected_purchases(np.array([1.0, 3.0, 32.0]), one).round(4)
    array([0.0532, 0.1506, 1.0437])
    """
    return _forecast(t, alive, _first_series, _first_moment)


def factorial_moment(t: FloatArray, alive: Survivor) -> FloatArray:
    """Forecast X (X - 1), X being the purchases within t of somebody alive.

    The expectation given rate and p is 2 (1-p) / p^2 (1 - e^-q - q e^-q) with q = rate p t.

    Examples
    --------
    Nobody leaves: a negative binomial, r (r + 1) (t / alpha)^2.

    >>> stays = Survivor(np.array(2.0), np.array(4.0), 1e-9, np.array(1.0))
    >>> factorial_moment(np.array([2.0]), stays).round(6)
    array([1.5])
    """
    return _forecast(t, alive, _second_series, _second_moment)


def log_pmf(n: FloatArray, t: FloatArray, alive: Survivor) -> FloatArray:
    """Logarithm of the probability of exactly n purchases within t of somebody alive.

    Either n purchases and still here, or the n-th was the last. In logarithms throughout, so
    that n = 2,000 has a probability and not zero.

    References
    ----------
    Fader, Hardie and Lee (2005), equation 8.

    Examples
    --------
    >>> one = Survivor(np.array(0.243), np.array(4.414), 0.793, np.array(2.426))
    >>> np.exp(log_pmf(np.array([0.0, 10.0]), np.array([39.0, 2.0]), one)).tolist()
    [0.57378..., 1.07868...e-07]
    """
    n, t, r, alpha, b = np.broadcast_arrays(n, t, alive.r, alive.alpha, alive.b)
    a = alive.a
    z = t / (alpha + t)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        log_exactly = _log_rising_ratio(r, n) + xlogy(n, z) + xlog1py(r, -z)
        log_survives = betaln(a, b + n) - betaln(a, b)
        # B(a+1, b+n-1) / B(a, b): survived n - 1 purchases and left at the n-th.
        log_leaves = log_survives + np.log(a) - np.log(b + n - 1)
        last = log_leaves + _log_at_least(n, r, z, log_exactly)
        return np.asarray(
            np.where(n > 0, np.logaddexp(log_survives + log_exactly, last), log_exactly)
        )


def _forecast(t: FloatArray, alive: Survivor, series: ByPower, given_p: GivenP) -> FloatArray:
    """Sum the series where it is quick and safe, integrate over p elsewhere."""
    t, r, alpha, b = np.broadcast_arrays(t, alive.r, alive.alpha, alive.b)
    shape = t.shape
    t, r, alpha, b = (np.ravel(values) for values in (t, r, alpha, b))
    a, out = alive.a, np.zeros(t.size)
    z = t / (alpha + t)
    quick = (z <= _SERIES_Z) & (r - a - b < _SERIES_ALTERNATION) & (a <= _SERIES_A)
    for part in _chunks_of_like_z(z, quick):
        out[part] = series(z[part], r[part], a, b[part])
    rest = np.flatnonzero(~quick)
    if rest.size:
        out[rest] = _mixture(given_p, t[rest] / alpha[rest], r[rest], a, b[rest])
    return out.reshape(shape)


def _chunks_of_like_z(z: FloatArray, quick: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Positions in blocks of similar z: each block stops at its own number of terms."""
    rows = np.flatnonzero(quick & (z > 0))
    if rows.size > _CHUNK:
        rows = rows[np.argsort(z[rows])]
    return [rows[at : at + _CHUNK] for at in range(0, rows.size, _CHUNK)]


def _first_series(z: FloatArray, r: FloatArray, a: float, b: FloatArray) -> FloatArray:
    """(1-z)^(a-1) sum over k of (a)_{k-1} z^k / k! c (1 - (c-r)_k / (c)_k), with c = a+b-1.

    The bracket times c, `gap`, obeys a recurrence without cancellation and starts at r.
    """
    c = a + b - 1.0
    power, gap = z.copy(), r.copy()
    total = power * gap
    for k in range(1, _MOST_TERMS):
        gap = gap + r * (c - gap) / (c + k)
        power = power * (z * ((a + k - 1) / (k + 1)))
        term = power * gap
        total += term
        if _is_summed(k, term, total, z):
            break
    return np.asarray(np.exp((a - 1.0) * np.log1p(-z)) * total)


def _second_series(z: FloatArray, r: FloatArray, a: float, b: FloatArray) -> FloatArray:
    """(1-z)^(a-2) U(z), where (1-z) U' = (a-2) U + 2 r (r+1) b/(a+b) z 2F1(a, c-r; c+2; z).

    This is the derivative in t, 2 t E[(1-p) rate^2 exp(-rate p t)], written in z, c = a+b-1.
    """
    c = a + b - 1.0
    source = 2 * r * (r + 1) * b / (a + b) * z**2
    term = source / 2
    total = term.copy()
    for k in range(2, _MOST_TERMS):
        source = source * (z * (a + k - 2) / (k - 1)) * ((c - r + k - 2) / (c + k))
        term = ((k + a - 2) * z * term + source) / (k + 1)
        total += term
        if _is_summed(k, term, total, z):
            break
    return np.asarray(np.exp((a - 2.0) * np.log1p(-z)) * total)


def _is_summed(k: int, term: FloatArray, total: FloatArray, z: FloatArray) -> bool:
    """Whether what is left, a geometric tail of ratio z or so, no longer matters."""
    if k % _TERMS_BETWEEN_LOOKS:
        return False
    return bool((np.abs(term) <= _EPS * (1 - z) * np.abs(total)).all())


def _mixture(
    moment: GivenP,
    tau: FloatArray,
    r: FloatArray,
    a: float,
    b: FloatArray,
) -> FloatArray:
    """Average a moment given p, with tau = t / alpha, over p ~ Beta(a, b)."""
    out = np.empty(tau.size)
    levels, which = np.unique(b, return_inverse=True)
    for at in range(0, tau.size, _ROWS):
        part = slice(at, at + _ROWS)
        needed, rows = np.unique(which[part], return_inverse=True)
        # Below p = 1 / (r tau) the moments no longer grow: the rule has to reach that far.
        reach = float(np.log1p((r[part] * tau[part]).max()))
        p, weight = _beta_rule(a, levels[needed], reach)
        given_p = moment(p[rows], tau[part, None], r[part, None])
        out[part] = np.einsum("ij,ij->i", weight[rows], given_p)
    return out


def _beta_rule(a: float, b: FloatArray, reach: float) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights, shape (len(b), _NODES), of an average over Beta(a, b).

    Trapezoidal in u, where the log-odds of p are those at the centre plus a multiple of sinh u:
    the tails, p^a and (1-p)^b, then die off doubly exponentially however small a and b are. The
    left one is followed to where p^a is negligible beyond log-odds of -reach.
    """
    b = b[:, None]
    width = np.minimum(np.sqrt(1 / a + 1 / b), 2.0)
    tail = _NEGLIGIBLE_LOG / a + np.maximum(3 * width, np.log(a / b) + reach)
    left = np.arcsinh(np.maximum(10.0, tail / width))
    right = np.arcsinh(np.maximum(10.0, _NEGLIGIBLE_LOG / (b * width) + 3))
    u = -left + (left + right) * np.linspace(0, 1, _NODES)
    log_odds = np.log(a / b) + width * np.sinh(u)
    log_p, log_q = -np.logaddexp(0, -log_odds), -np.logaddexp(0, log_odds)
    log_weight = a * log_p + b * log_q + np.log(np.cosh(u))
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    return np.exp(log_p), weight / weight.sum(axis=1, keepdims=True)


def _first_moment(p: FloatArray, tau: FloatArray, r: FloatArray) -> FloatArray:
    """(1 - (1 + p tau)^-r) / p."""
    safe = np.maximum(p, _TINY)
    return np.asarray(-np.expm1(-r * np.log1p(safe * tau)) / safe)


def _second_moment(p: FloatArray, tau: FloatArray, r: FloatArray) -> FloatArray:
    """2 (1-p) / p^2 P(N >= 2), N negative binomial with shape r and odds p tau."""
    p = np.maximum(p, _TINY)
    z = p * tau / (1 + p * tau)
    none = np.exp(-r * np.log1p(p * tau))
    several = 1 - none * (1 + r * z)
    # Near z = 0 that difference cancels, but the sum of its terms is short.
    rare = (z < _RARE) & (r * z < _RARE)
    few_z, few_r = z[rare], np.broadcast_to(r, z.shape)[rare]
    term = none[rare] * few_r * few_z
    several[rare] = 0.0
    for k in range(1, _SHORT_SUM):
        term = term * (few_z * (few_r + k) / (k + 1))
        several[rare] += term
    return np.asarray(2 * (1 - p) / p**2 * several)


def _log_rising_ratio(r: FloatArray, n: FloatArray) -> FloatArray:
    """Log of (r)_n / n!."""
    return np.asarray(np.where(n > 0, -np.log(r + n) - betaln(r, n + 1), 0.0))


def _log_at_least(
    n: FloatArray, r: FloatArray, z: FloatArray, log_exactly: FloatArray
) -> FloatArray:
    """Log P(N >= n) of the negative binomial, also where the probability underflows."""
    log_tail = np.asarray(np.log(betainc(np.maximum(n, 1), r, z)))
    deep = ~(log_tail > _DEEP)
    if deep.any():
        # So far out each term is a fixed part of the one before: P(N = n) times a short sum.
        term = total = np.ones(int(deep.sum()))
        n, r, z = n[deep], r[deep], z[deep]
        for k in range(_MOST_TERMS):
            term = term * ((r + n + k) / (n + 1 + k) * z)
            total = total + term
            if (term <= _EPS * total).all():
                break
        log_tail[deep] = log_exactly[deep] + np.log(total)
    return log_tail
