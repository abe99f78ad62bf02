"""At most one action a customer, within a budget and capacities, for the highest total gain."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, vstack

from patronage.decisions.prices import (
    NOTHING,
    Choices,
    Limits,
    best_choices,
    cost_of,
    find_prices,
)

Floats = NDArray[np.float64]
FEW_PAIRS = 400
GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0
MOST_ROUNDS = 50
CANDIDATES = 20_000
MOST_ACTIONS = 127


class Allocation(NamedTuple):
    """Who gets what.

    Attributes
    ----------
    choice : shape (n_customers,), place of the action, -1 for none
    gain, spent
        Totals, money.
    bound
        No choice within the limits gains more.
    price
        What another unit of budget would gain, at the margin.
    capacity_prices : shape (n_actions,), what another place would gain, money
    """

    choice: Choices
    gain: float
    spent: float
    bound: float
    price: float
    capacity_prices: Floats

    @property
    def lost(self) -> float:
        """At most this share of the possible gain is lost."""
        return max(0.0, 1.0 - self.gain / self.bound) if self.bound > 0 else 0.0


def allocate(
    gain: ArrayLike,
    cost: ArrayLike,
    *,
    budget: float | None = None,
    capacities: ArrayLike | None = None,
    allowed: ArrayLike | None = None,
) -> Allocation:
    """Choose at most one action for each customer so that the total gain is highest.

    Prices for money and places are found at which what everybody would choose fits the limits;
    the choices at those prices are then made to fit exactly. A linear program's optimum bounds
    what that can lose.

    Parameters
    ----------
    gain : shape (n_customers, n_actions)
        Expected gain less cost, money. Missing values mean that the action is not allowed, and
        actions that gain nothing are never chosen.
    cost : shape (n_customers, n_actions) or (n_actions,), money, >= 0
    budget
        Most that all costs may sum to; None for no limit.
    capacities : shape (n_actions,)
        Most customers by action; missing or infinite for no limit.
    allowed : bool, shape (n_customers, n_actions)

    Raises
    ------
    ValueError
        For costs below zero or missing, a negative limit, or shapes that do not fit.

    Examples
    --------
    >>> found = allocate([[9.0, 4.0], [8.0, 5.0]], [3.0, 1.0], budget=4.0)
    >>> found.choice.tolist(), found.gain, found.spent
    ([0, 1], 14.0, 4.0)
    """
    gains, costs = _matrices(gain, cost, allowed)
    limits = _limits(budget, capacities, len(gains))
    # What no limit leaves room for even once would only loosen the bound.
    gains[(costs > limits.budget) | (limits.capacities < 1)[:, None]] = -np.inf
    possible = (np.isfinite(gains) & (gains > 0)).any(axis=0)
    choice = np.full(gains.shape[1], NOTHING, dtype=np.int8)
    if not possible.any():
        return Allocation(choice, 0.0, 0.0, 0.0, 0.0, np.zeros(len(gains)))
    own_gain, own_cost = gains[:, possible], costs[:, possible]
    priced = find_prices(own_gain, own_cost, limits)
    picked = _mixed(own_gain, own_cost, priced.mix)
    picked = _fill(_fit(picked, own_gain, own_cost, limits), own_gain, own_cost, limits, priced[0])
    picked = _upgrade(picked, own_gain, own_cost, limits, priced.prices)
    bound = priced.bound
    if own_gain.size <= FEW_PAIRS:
        picked, bound = _exact(picked, own_gain, own_cost, limits, bound)
    choice[possible] = picked
    total = float(cost_of(picked, own_gain).sum())
    return Allocation(
        choice,
        total,
        float(cost_of(picked, own_cost).sum()),
        max(bound, total),
        float(priced.prices[0]),
        priced.prices[1:],
    )


def _matrices(gain: ArrayLike, cost: ArrayLike, allowed: ArrayLike | None) -> tuple[Floats, Floats]:
    """Gains and costs by action, gains of what is not allowed or worth nothing at -inf."""
    gains = np.array(gain, dtype=np.float64)
    if gains.ndim != 2 or not 0 < gains.shape[1] <= MOST_ACTIONS:  # noqa: PLR2004 - rows, columns
        raise ValueError(
            f"gain has shape {gains.shape}; pass customers by actions, 1 to {MOST_ACTIONS} of them."
        )
    costs = np.broadcast_to(np.asarray(cost, dtype=np.float64), gains.shape)
    wrong = ~(np.isfinite(costs) & (costs >= 0))
    if wrong.any():
        raise ValueError(
            f"cost: {int(wrong.sum()):,} of {costs.size:,} are missing or below 0, first "
            f"{costs[wrong][0]:g}; what an action costs has to be known."
        )
    if np.isposinf(gains).any():
        raise ValueError(f"gain: {int(np.isposinf(gains).sum()):,} are infinite.")
    shut = np.isnan(gains) | ~(gains > 0)
    if allowed is not None:
        shut |= ~np.broadcast_to(np.asarray(allowed, dtype=bool), gains.shape)
    gains[shut] = -np.inf
    return np.ascontiguousarray(gains.T), np.ascontiguousarray(costs.T)


def _limits(budget: float | None, capacities: ArrayLike | None, n_actions: int) -> Limits:
    places = np.full(n_actions, np.inf)
    if capacities is not None:
        given = np.asarray(capacities, dtype=np.float64)
        if given.shape != places.shape:
            raise ValueError(f"capacities has shape {given.shape}; pass one an action.")
        places = np.where(np.isnan(given), np.inf, np.floor(given))
    money = np.inf if budget is None else float(budget)
    if not money >= 0 or (places < 0).any():
        raise ValueError(f"budget {money:g} and capacities {places.tolist()} must be at least 0.")
    return Limits(money, places)


def _mixed(gain: Floats, cost: Floats, mix: list[tuple[float, Floats]]) -> Choices:
    """Choices at several prices, each for its share of the customers, spread evenly."""
    total = sum(weight for weight, _ in mix)
    place = (np.arange(gain.shape[1]) * GOLDEN) % 1.0
    choice = np.full(gain.shape[1], NOTHING, dtype=np.int8)
    edge = 0.0
    for weight, prices in mix:
        here = (place >= edge) & (place < edge + weight / total)
        choice[here] = best_choices(gain[:, here], cost[:, here], prices)[0]
        edge += weight / total
    rest = place >= edge
    choice[rest] = best_choices(gain[:, rest], cost[:, rest], mix[-1][1])[0]
    return choice


def _fit(choice: Choices, gain: Floats, cost: Floats, limits: Limits) -> Choices:
    """Take back the least worthwhile choices until the limits hold."""
    fitted = choice.copy()
    own = cost_of(fitted, gain)
    for action, most in enumerate(limits.capacities):
        holders = np.flatnonzero(fitted == action)
        if len(holders) > most:
            fitted[holders[np.argsort(-own[holders], kind="stable")[int(most) :]]] = NOTHING
    paid = cost_of(fitted, cost)
    if paid.sum() > limits.budget:
        holders = np.flatnonzero(paid > 0)
        order = holders[np.argsort(-own[holders] / paid[holders], kind="stable")]
        fitted[order[np.cumsum(paid[order]) > limits.budget]] = NOTHING
    return fitted


def _fill(choice: Choices, gain: Floats, cost: Floats, limits: Limits, prices: Floats) -> Choices:
    """Give what is left of budget and places to those without an action, best return first."""
    filled = choice.copy()
    for _ in range(MOST_ROUNDS):
        left = limits.budget - cost_of(filled, cost).sum()
        counts = np.bincount(filled[filled >= 0], minlength=len(gain))
        room = limits.capacities - counts
        waiting = np.flatnonzero(filled == NOTHING)
        open_gain = np.where(
            (room >= 1)[:, None] & (cost[:, waiting] <= left), gain[:, waiting], -np.inf
        )
        value = open_gain - prices[0] * cost[:, waiting]
        wanted = value.argmax(axis=0)
        places = np.arange(len(waiting))
        eager = np.flatnonzero(np.isfinite(value[wanted, places]))
        if not len(eager):
            break
        who, what = waiting[eager], wanted[eager]
        returns = gain[what, who] / np.maximum(cost[what, who], 1e-12)
        order = np.argsort(-returns, kind="stable")[:CANDIDATES]
        who, what = who[order], what[order]
        taken = np.cumsum(cost[what, who]) <= left
        for action in np.unique(what):
            own = what == action
            taken &= ~own | (np.cumsum(own) <= room[action])
        filled[who[taken]] = what[taken]
    return filled


def _upgrade(
    choice: Choices, gain: Floats, cost: Floats, limits: Limits, prices: Floats
) -> Choices:
    """Move customers to a better action where there is room and money for the difference."""
    moved = choice.copy()
    for action in range(len(gain)):
        counts = np.bincount(moved[moved >= 0], minlength=len(gain))
        room = limits.capacities[action] - counts[action]
        extra = cost[action] - cost_of(moved, cost)
        more = gain[action] - cost_of(moved, gain)
        left = limits.budget - cost_of(moved, cost).sum()
        able = np.flatnonzero((more > 0) & (extra <= left) & (moved != action))
        if room < 1 or not len(able):
            continue
        worth = more[able] - prices[0] * extra[able]
        who = able[np.argsort(-worth, kind="stable")[:CANDIDATES]]
        fits = np.cumsum(np.maximum(extra[who], 0.0)) <= left
        fits &= np.arange(len(who)) < room
        moved[who[fits]] = action
    return moved


def _exact(
    choice: Choices, gain: Floats, cost: Floats, limits: Limits, bound: float
) -> tuple[Choices, float]:
    """Solve a small problem to the end; keep what there was unless that is better."""
    action, customer = np.nonzero(np.isfinite(gain))
    at = np.arange(len(action))
    rows = [coo_array((np.ones(len(at)), (customer, at)), shape=(gain.shape[1], len(at)))]
    most = [np.ones(gain.shape[1])]
    if np.isfinite(limits.budget):
        rows.append(coo_array((cost[action, customer], (np.zeros(len(at), int), at))))
        most.append(np.array([limits.budget]))
    if np.isfinite(limits.capacities).any():
        rows.append(coo_array((np.ones(len(at)), (action, at)), shape=(len(gain), len(at))))
        most.append(limits.capacities)
    found = milp(
        -gain[action, customer],
        integrality=np.ones(len(at), dtype=np.int64),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(vstack(rows).tocsc(), ub=np.concatenate(most)),
        options={"time_limit": 5.0},
    )
    if found.x is None:
        return choice, bound
    chosen = np.flatnonzero(found.x > 0.5)  # noqa: PLR2004 - one or nothing, but for rounding
    best = np.full(gain.shape[1], NOTHING, dtype=np.int8)
    best[customer[chosen]] = action[chosen]
    fits = _fit(best, gain, cost, limits)
    better = cost_of(fits, gain).sum() > cost_of(choice, gain).sum()
    return fits if better else choice, min(bound, -float(found.mip_dual_bound))
