"""What a churn campaign earns when it follows a ranking, and how far down the list to go.

A contacted customer costs the contact; a would-be churner accepts the incentive and stays with
some chance, which saves the value of the customer less the incentive; a customer who would have
stayed anyway takes the incentive for nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression
from scipy.special import betainc

from patronage.evaluation.discrimination import ranked

Floats = NDArray[np.float64]


class ProfitCurve(NamedTuple):
    """Profit a customer of the whole base by the share contacted.

    Attributes
    ----------
    share : shape (n_points,), from 0 to 1
    profit : shape (n_points,), money a customer of the base
    best_share, best_profit : where it is highest; share 0 means that no contact pays
    """

    share: Floats
    profit: Floats
    best_share: float
    best_profit: float


class ExpectedProfit(NamedTuple):
    """Expected maximum profit.

    Attributes
    ----------
    profit : money a customer of the base
    share : of the base to contact, as expected over the acceptance rates
    """

    profit: float
    share: float


def _check_costs(clv: float, incentive: float, contact: float) -> None:
    if not (clv > incentive >= 0 and contact >= 0 and contact + incentive > 0):
        raise ValueError(
            f"clv={clv}, incentive={incentive}, contact={contact}; the customer must be worth "
            "more than the incentive, and costs must not be below 0 nor both 0."
        )


def profit_curve(
    outcome: ArrayLike,
    score: ArrayLike,
    *,
    clv: float = 200.0,
    incentive: float = 10.0,
    contact: float = 1.0,
    accept_rate: float = 0.3,
) -> ProfitCurve:
    """Give the profit of contacting the riskiest, for every share of the base.

    Parameters
    ----------
    outcome : shape (n_rows,), 1 for churned
    score : shape (n_rows,), higher for riskier
    clv : value of a customer who stays, money
    incentive : cost of the offer where it is taken, money
    contact : cost of asking, money
    accept_rate : of would-be churners, between 0 and 1

    References
    ----------
    Neslin et al. (2006), "Defection detection", J. Marketing Research 43(2), 204-211.

    Examples
    --------
    >>> curve = profit_curve([1, 0], [0.9, 0.1], accept_rate=0.5)
    >>> curve.best_share, curve.best_profit
    (0.5, 47.0)
    """
    _check_costs(clv, incentive, contact)
    if not 0 <= accept_rate <= 1:
        raise ValueError(f"accept_rate={accept_rate}; it must lie between 0 and 1.")
    positive, negative = _cumulated(outcome, score)
    everyone = positive[-1] + negative[-1]
    gain = positive * (accept_rate * (clv - incentive) - contact)
    profit = (gain - negative * (incentive + contact)) / everyone
    share = (positive + negative) / everyone
    best = int(np.argmax(profit))
    return ProfitCurve(share, profit, float(share[best]), float(profit[best]))


def expected_maximum_profit(  # noqa: PLR0913 - the parameters of the published measure
    outcome: ArrayLike,
    score: ArrayLike,
    *,
    alpha: float = 6.0,
    beta: float = 14.0,
    clv: float = 200.0,
    incentive: float = 10.0,
    contact: float = 1.0,
) -> ExpectedProfit:
    """Average the best profit over acceptance rates: expected maximum profit for churn.

    The chance that a would-be churner accepts is Beta(alpha, beta); for each chance the campaign
    stops where it should, at a corner of the ROC curve's convex hull.

    Parameters
    ----------
    outcome : shape (n_rows,), 1 for churned
    score : shape (n_rows,), higher for riskier
    alpha, beta : > 0
    clv, incentive, contact : money

    References
    ----------
    Verbraken, Verbeke and Baesens (2013), "A novel profit maximizing metric for measuring
    classification performance of customer churn prediction models", IEEE TKDE 25(5), 961-973.

    Examples
    --------
    >>> found = expected_maximum_profit([0, 1, 0, 1], [0.1, 0.9, 0.4, 0.8])
    >>> round(found.profit, 4), round(found.share, 4)
    (28.0..., 0.5...)
    """
    _check_costs(clv, incentive, contact)
    if alpha <= 0 or beta <= 0:
        raise ValueError(f"alpha={alpha}, beta={beta}; both must be above 0.")
    all_positive, all_negative = _cumulated(outcome, score)
    everyone = all_positive[-1] + all_negative[-1]
    positive, negative = _hull(all_positive, all_negative)
    gains, losses = np.diff(positive), np.diff(negative)
    # The acceptance rate from which on the next corner pays better than the one before.
    turns = (contact + losses * (incentive + contact) / gains) / (clv - incentive)
    edges = np.clip(np.concatenate([[0.0], turns, [1.0]]), 0.0, 1.0)
    mass = np.diff(betainc(alpha, beta, edges))
    first_moment = np.diff(betainc(alpha + 1, beta, edges)) * alpha / (alpha + beta)
    gain = positive * ((clv - incentive) * first_moment - contact * mass)
    loss = negative * (incentive + contact) * mass
    contacted = (positive + negative) * mass
    return ExpectedProfit(float((gain - loss).sum() / everyone), float(contacted.sum() / everyone))


def _cumulated(outcome: ArrayLike, score: ArrayLike) -> tuple[Floats, Floats]:
    positive, negative = ranked(outcome, score).totals(None)
    return np.append(0.0, positive), np.append(0.0, negative)


def _hull(positive: Floats, negative: Floats) -> tuple[Floats, Floats]:
    """Keep the corners of the upper convex hull, up to the one that holds all positives.

    Pooling runs of equal scores until their rates fall gives exactly the hull's edges.
    """
    gains, losses = np.diff(positive), np.diff(negative)
    rates = isotonic_regression(
        gains / (gains + losses), weights=gains + losses, increasing=False
    ).x
    corners = np.flatnonzero(np.append(np.diff(rates) < 0, [rates[-1] > 0])) + 1
    corners = np.append(0, corners)
    return positive[corners], negative[corners]
