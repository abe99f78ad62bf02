"""From which chance of leaving on contacting pays: a threshold down a list ranked by risk."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

from patronage.decisions.actions import Action
from patronage.decisions.eligibility import numbers_of
from patronage.decisions.offers import Offers
from patronage.evaluation.profit import ExpectedProfit, expected_maximum_profit

Floats = NDArray[np.float64]
PRIOR = 20.0
RATES = 400
SUREST = 0.999
COLUMNS = ["action", "threshold", "share", "profit", "value", "save_rate"]


class Threshold(NamedTuple):
    """Where to stop down a list ranked by risk.

    Attributes
    ----------
    probability
        Chance of leaving from which on contacting pays; above 1 where it never does.
    share
        Of the customers above it.
    profit
        Expected, money a customer of the base.
    """

    probability: float
    share: float
    profit: float


def profit_threshold(  # noqa: PLR0913 - the parameters of the published measure
    outcome: ArrayLike | None,
    probability: ArrayLike,
    *,
    value: float = 200.0,
    incentive: float = 10.0,
    contact: float = 1.0,
    alpha: float = 6.0,
    beta: float = 14.0,
) -> Threshold:
    """Find the chance of leaving from which on contacting pays, by expected maximum profit.

    Parameters
    ----------
    outcome : shape (n_rows,), 1 for those who left
        None where nobody knows yet: the forecast is then taken at its word.
    probability : shape (n_rows,), forecast chance of leaving
    value, incentive, contact : money
    alpha, beta
        Of the Beta distribution of the chance that a would-be leaver accepts.

    References
    ----------
    Verbraken, Verbeke and Baesens (2013), IEEE TKDE 25(5), 961-973.

    Examples
    --------
    >>> found = profit_threshold([1, 0, 0, 0], [0.8, 0.2, 0.1, 0.1])
    >>> round(found.share, 2), found.probability
    (0.25, 0.8)
    >>> found = profit_threshold(None, [0.8, 0.2, 0.1, 0.1])
    >>> round(found.share, 2), found.probability
    (0.5, 0.2)
    """
    chances = np.sort(np.asarray(probability, dtype=np.float64))[::-1]
    costs = {"clv": value, "incentive": incentive, "contact": contact}
    if outcome is None:
        found = _at_its_word(chances, (alpha, beta), **costs)
    else:
        found = expected_maximum_profit(outcome, probability, alpha=alpha, beta=beta, **costs)
    taken = round(found.share * len(chances))
    threshold = float(chances[taken - 1]) if taken else float(np.inf)
    return Threshold(threshold, float((chances >= threshold).mean()), found.profit)


def thresholds(customers: pd.DataFrame, offers: Offers, *, risk: str) -> pd.DataFrame:
    """Say for each action that keeps would-be leavers from which chance of leaving on it pays.

    The rule of thumb beside a decision: one threshold and one value for everybody, for those
    who can but go down a list. The decision itself looks at each customer's own value.

    Parameters
    ----------
    customers
        The table that the offers were made of.
    offers
    risk
        Column of the chance of leaving.

    Returns
    -------
    One row an action with a save rate: action, threshold (infinite where it never pays), share
    (of the customers above it), profit (expected, money a customer of the base), value (the mean
    of all customers), save_rate (the mean of the Beta distribution that stands for what is
    not known of it, with the weight of 20 customers as in the published measure).

    Examples
    --------
    >>> from patronage.decisions.actions import Action
    >>> from patronage.decisions.offers import make_offers
    >>> people = pd.DataFrame({"customer_id": [1, 2, 3], "lifetime_value": [100.0, 80.0, 60.0],
    ...                        "churn_probability": [0.9, 0.5, 0.01]})
    >>> offers = make_offers(people, [Action("call", cost=8.0, save_rate=0.3)])
    >>> thresholds(people, offers, risk="churn_probability")[["action", "threshold"]]
      action  threshold
    0   call        0.5
    """
    saving = [action for action in offers.actions if action.save_rate is not None]
    if not saving:
        return pd.DataFrame(columns=COLUMNS)
    chances = numbers_of(customers, risk, "customers")
    known = np.isfinite(chances) & np.isfinite(offers.value)
    value = float(offers.value[known].mean()) if known.any() else 0.0
    rows = []
    for action in saving:
        rate = min(action.counted.effect, SUREST)
        found = _of_action(action, rate, chances[known], value)
        rows.append((action.name, *found, value, rate))
    return pd.DataFrame(rows, columns=COLUMNS)


def threshold_lines(found: pd.DataFrame) -> list[str]:
    """Say what `thresholds` gave, to those who go down a list."""
    rows = zip(found["action"], found["threshold"], found["share"], strict=True)
    return [
        (
            f"{action}: by one threshold for all, contacting pays from a chance of leaving of "
            f"{threshold:.0%} on ({share:.0%} of the customers)"
        )
        for action, threshold, share in rows
        if np.isfinite(threshold)
    ]


def _of_action(action: Action, rate: float, chances: Floats, value: float) -> Threshold:
    paid = action.incentive * action.take_rate
    if rate <= 0 or value <= paid:
        return Threshold(np.inf, 0.0, 0.0)
    if action.cost + paid <= 0:  # what costs nothing pays for everybody
        return Threshold(0.0, 1.0, float(rate * value * chances.mean()))
    return profit_threshold(
        None,
        chances,
        value=value,
        incentive=paid,
        contact=action.cost,
        alpha=PRIOR * rate,
        beta=PRIOR * (1 - rate),
    )


def _at_its_word(
    chances: Floats, prior: tuple[float, float], *, clv: float, incentive: float, contact: float
) -> ExpectedProfit:
    """Average over acceptance rates what contacting pays for whom it pays, best first."""
    rates = betaincinv(*prior, (np.arange(RATES) + 0.5) / RATES)
    kept = rates * (clv - incentive)
    needed = (contact + incentive) / (kept + incentive)
    taken = np.searchsorted(-chances, -needed, side="right")
    sums = np.append(0.0, np.cumsum(chances))[taken]
    profit = sums * (kept + incentive) - taken * (incentive + contact)
    n = max(1, len(chances))
    return ExpectedProfit(float(profit.mean() / n), float(taken.mean() / n))
