"""What another budget would bring, and how far a decision hangs on what it assumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage.decisions.offers import Decision, Offers

Floats = NDArray[np.float64]
MANY = 50_000
FACTORS = (0.5, 0.75, 1.0, 1.25, 1.5)


class Margin(NamedTuple):
    """What the next slice of budget would gain.

    Attributes
    ----------
    step
        Size of the slice, money.
    gain
        By the bound of the choice with it over that without it, money. 0 where the budget is not
        what limits the gain.
    """

    step: float
    gain: float


def profit_curve(offers: Offers, budgets: Sequence[float] | None = None) -> pd.DataFrame:
    """Give the best expected gain by budget.

    With more than 50,000 customers a sample of so many stands for all.

    Parameters
    ----------
    offers
    budgets
        Money; by default eleven from 0 to where more gains nothing, closer at the low end.

    Returns
    -------
    budget, spent, expected_gain, customers, price (gain of another unit at the margin).

    Examples
    --------
    >>> from patronage.decisions.actions import Action
    >>> from patronage.decisions.offers import make_offers
    >>> people = pd.DataFrame({"customer_id": [1, 2], "lifetime_value": [100.0, 50.0]})
    >>> offers = make_offers(people, [Action("mail", cost=1.0, effect=0.1)])
    >>> profit_curve(offers, [0, 1, 2])[["budget", "expected_gain", "customers"]]
       budget  expected_gain  customers
    0     0.0            0.0          0
    1     1.0            9.0          1
    2     2.0           13.0          2
    """
    part, share = _part(offers)
    if budgets is None:
        most = part.with_budget(None).allocate().spent / share
        budgets = (np.linspace(0.0, 1.0, 11) ** 2 * most).tolist()
    rows = []
    for budget in budgets:
        found = part.with_budget(float(budget) * share).allocate()
        rows.append(
            {
                "budget": float(budget),
                "spent": found.spent / share,
                "expected_gain": found.gain / share,
                "customers": round(float((found.choice >= 0).sum()) / share),
                "price": found.price,
            }
        )
    return pd.DataFrame(rows)


def marginal_value(offers: Offers, decision: Decision, *, step: float = 1000.0) -> Margin:
    """Say what the next slice of budget would gain.

    Examples
    --------
    >>> from patronage.decisions.actions import Action
    >>> from patronage.decisions.offers import decide, make_offers
    >>> people = pd.DataFrame({"customer_id": [1, 2], "lifetime_value": [100.0, 50.0]})
    >>> offers = make_offers(people, [Action("mail", cost=1.0, effect=0.1)], budget=1.0)
    >>> marginal_value(offers, decide(offers), step=1.0)
    Margin(step=1.0, gain=4.0)
    """
    if offers.budget is None:
        return Margin(step, 0.0)
    more = offers.with_budget(offers.budget + step).allocate()
    return Margin(step, max(0.0, more.bound - decision.allocation.bound))


def sensitivity(
    offers: Offers, decision: Decision, factors: Sequence[float] = FACTORS
) -> pd.DataFrame:
    """Say what the decision would gain if effects, values or costs were other than assumed.

    Parameters
    ----------
    offers, decision
    factors
        What all effects, values or costs are multiplied by, one of them at a time.

    Returns
    -------
    assumption (effect, value or cost), factor, kept (gain of the decision as it stands), best
    (gain of the best choice had one known), regret (their difference), pays (whether `kept` is
    above 0); money. With more than 50,000 customers `best` comes from a sample.
    """
    choice = decision.allocation.choice.astype(np.intp)
    who = np.flatnonzero(choice >= 0)
    part, share = _part(offers)
    rows = []
    for assumption in ("effect", "value", "cost"):
        for factor in factors:
            world = offers.scaled(**{assumption: float(factor)})
            kept = float(
                (world.change[who, choice[who]] * world.value[who] - world.cost[choice[who]]).sum()
            )
            other = part.scaled(**{assumption: float(factor)})
            if assumption == "cost" and other.budget is not None:
                # The money that this decision would take then, so that both spend alike.
                other = other.with_budget(other.budget * float(factor))
            best = max(other.allocate().gain / share, kept)
            rows.append(
                {
                    "assumption": assumption,
                    "factor": float(factor),
                    "kept": kept,
                    "best": best,
                    "regret": max(0.0, best - kept),
                    "pays": kept > 0,
                }
            )
    return pd.DataFrame(rows)


def _part(offers: Offers) -> tuple[Offers, float]:
    """Take a sample where there are many customers, and say its share."""
    n = len(offers.value)
    if n <= MANY:
        return offers, 1.0
    picked = np.sort(np.random.default_rng(0).permutation(n)[:MANY])
    share = MANY / n
    return offers.rows(picked, share), share
