"""Prices of budget and capacities at which everybody's best choice fits: the Lagrangian dual.

The dual is convex and piecewise linear in as many prices as there are limits, so cuts through a
few dozen points pin its minimum down whatever the number of customers. A box around the best
point so far keeps the steps sound, as in bundle methods.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

Floats = NDArray[np.float64]
Choices = NDArray[np.int8]
NOTHING = -1
CLOSE = 1e-7
MOST_STEPS = 300
SAMPLE = 50_000


class Limits(NamedTuple):
    """What is scarce.

    Attributes
    ----------
    budget
        Money; infinite where there is no limit.
    capacities : shape (n_actions,), customers; infinite where there is no limit
    """

    budget: float
    capacities: Floats

    def scaled(self, share: float) -> Limits:
        """Limits of a part of the customers."""
        return Limits(self.budget * share, self.capacities * share)


class Cut(NamedTuple):
    """The dual at one point: its value, its slope and where that was."""

    value: float
    slope: Floats
    prices: Floats


class Priced(NamedTuple):
    """Where the dual is lowest.

    Attributes
    ----------
    prices : shape (1 + n_actions,), of a unit of money, and of a place in each action
    bound
        No choice within the limits gains more.
    mix
        Prices with weights that sum to 1: choosing at each for that share of the customers uses
        what there is of each scarce thing.
    """

    prices: Floats
    bound: float
    mix: list[tuple[float, Floats]]


def best_choices(gain: Floats, cost: Floats, prices: Floats) -> tuple[Choices, Floats]:
    """Choose each customer's best action at given prices.

    Parameters
    ----------
    gain, cost : shape (n_actions, n_customers); a gain of -inf is not allowed
    prices : shape (1 + n_actions,)

    Returns
    -------
    Place of the action, or -1, and the gain left after paying the prices, both shape
    (n_customers,).
    """
    left = np.zeros(gain.shape[1])
    choice = np.full(gain.shape[1], NOTHING, dtype=np.int8)
    for action in range(len(gain)):
        net = gain[action] - prices[0] * cost[action]
        net -= prices[1 + action]
        better = net > left
        choice[better] = action
        np.copyto(left, net, where=better)
    return choice, left


def cost_of(choice: Choices, cost: Floats) -> Floats:
    """Cost of each customer's choice, 0 for nothing."""
    picked = np.take_along_axis(cost, np.maximum(choice, 0)[None, :].astype(np.intp), axis=0)[0]
    return np.where(choice >= 0, picked, 0.0)


def find_prices(gain: Floats, cost: Floats, limits: Limits) -> Priced:
    """Minimise the dual over prices, first on a sample where there are many customers.

    Parameters
    ----------
    gain, cost : shape (n_actions, n_customers)
    limits

    References
    ----------
    Kelley (1960), "The cutting-plane method for solving convex programs"; Fisher (1981), "The
    Lagrangian relaxation method for solving integer programming problems", Management Science
    27(1), 1-18.
    """
    n = gain.shape[1]
    start = _first_guess(gain, cost, limits)
    if n > 2 * SAMPLE:
        picked = np.random.default_rng(0).permutation(n)[:SAMPLE]
        picked.sort()
        share = SAMPLE / n
        part = _minimise(gain[:, picked], cost[:, picked], limits.scaled(share), start)
        start = part.prices
    return _minimise(gain, cost, limits, start)


def _cut(gain: Floats, cost: Floats, limits: Limits, prices: Floats) -> Cut:
    choice, left = best_choices(gain, cost, prices)
    counts = np.bincount(choice[choice >= 0], minlength=len(gain)).astype(np.float64)
    slope = np.append(limits.budget - cost_of(choice, cost).sum(), limits.capacities - counts)
    # What is not limited has the price 0 for good.
    free = ~np.isfinite(slope)
    slope[free] = 0.0
    paid = np.append(limits.budget, limits.capacities)
    value = float(left.sum() + prices[~free] @ paid[~free])
    return Cut(value, slope, prices)


def _first_guess(gain: Floats, cost: Floats, limits: Limits) -> Floats:
    """Prices that would do if each customer had only the action that gains most."""
    prices = np.zeros(1 + len(gain))
    choice, left = best_choices(gain, cost, prices)
    for action, most in enumerate(limits.capacities):
        own = left[choice == action]
        if len(own) > most:
            prices[1 + action] = np.sort(own)[::-1][int(most)]
    spent = cost_of(choice, cost)
    if spent.sum() > limits.budget:
        paid = spent > 0
        returns = left[paid] / spent[paid]
        order = np.argsort(-returns)
        last = int(np.searchsorted(np.cumsum(spent[paid][order]), limits.budget))
        prices[0] = returns[order][min(last, len(order) - 1)]
    return prices


def _minimise(gain: Floats, cost: Floats, limits: Limits, start: Floats) -> Priced:
    ceiling = _ceilings(gain, cost, limits)
    best = _cut(gain, cost, limits, np.minimum(start, ceiling))
    cuts = [best]
    reach = np.where(best.prices > 0, best.prices / 2, ceiling / 100)
    for _ in range(MOST_STEPS):
        low = np.maximum(best.prices - reach, 0.0)
        high = np.minimum(best.prices + reach, ceiling)
        expected, prices, weights = _lowest(cuts, low, high, ceiling)
        gap = best.value - expected
        if gap <= CLOSE * max(abs(best.value), 1e-300):
            inside = ((prices > low) | (low <= 0)) & ((prices < high) | (high >= ceiling))
            if inside.all():
                break
            reach = reach * 4
            continue
        found = _cut(gain, cost, limits, prices)
        cuts.append(found)
        if found.value < best.value - gap / 10:
            best, reach = found, reach * 1.5
        else:
            reach = reach * 0.7
            best = min(best, found, key=lambda cut: cut.value)
    mix = [(w, cut.prices) for w, cut in zip(weights, cuts, strict=False) if w > CLOSE]
    return Priced(best.prices, best.value, mix or [(1.0, best.prices)])


def _ceilings(gain: Floats, cost: Floats, limits: Limits) -> Floats:
    """Highest prices worth looking at; 0 for what is not limited."""
    allowed = np.isfinite(gain)
    paid = allowed & (cost > 0)
    money = float((gain[paid] / cost[paid]).max()) if paid.any() else 0.0
    places = np.where(allowed, gain, 0.0).max(axis=1)
    limited = np.isfinite(np.append(limits.budget, limits.capacities))
    return np.where(limited, np.append(max(money, 0.0), np.maximum(places, 0.0)), 0.0)


def _lowest(
    cuts: list[Cut], low: Floats, high: Floats, ceiling: Floats
) -> tuple[float, Floats, Floats]:
    """Lowest point of the cuts within a box, and how much each cut carries it."""
    scale = np.where(ceiling > 0, np.maximum(high, ceiling * 1e-9), 1.0)
    values = np.array([cut.value for cut in cuts])
    slopes = np.array([cut.slope for cut in cuts])
    points = np.array([cut.prices for cut in cuts])
    top, unit = values.min(), max(abs(float(values.min())), 1e-300)
    rows = np.column_stack([slopes * scale / unit, -np.ones(len(cuts))])
    ends = ((slopes * points).sum(axis=1) - values + top) / unit
    bounds = [*zip(low / scale, high / scale, strict=True), (None, None)]
    found = linprog(np.append(np.zeros(len(scale)), 1.0), rows, ends, bounds=bounds)
    if found.x is None:  # the solver gave up on rounding: stay where we are
        return float(top), cuts[int(values.argmin())].prices, np.zeros(len(cuts))
    prices = np.clip(found.x[:-1] * scale, low, high)
    return top + found.x[-1] * unit, prices, -found.ineqlin.marginals
