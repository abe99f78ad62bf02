"""Whether a table of orders goes back far enough to say who was a customer before."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import pandas as pd
from narwhals.stable.v2.typing import IntoFrame

from patronage.data.frames import frame_of
from patronage.errors import SpecError
from patronage.marketing.engines import collected
from patronage.marketing.figures import NO_HISTORY
from patronage.marketing.periods import Period

ACTIVE_DAYS = 365
"""How long a purchase makes a customer, unless it is said otherwise."""


def check_active_days(active_days: int) -> None:
    """Refuse a length of which nobody could be active."""
    if active_days < 1:
        raise SpecError(f"active_days is {active_days}; use 1 or more.")


def unknown_before(transactions: IntoFrame, period: Period, *, active_days: int) -> str:
    """Flag for figures that ask who is new, or was there, in a period.

    Parameters
    ----------
    transactions
        Order lines with their day; any engine.
    period
        Days counted.
    active_days
        Orders must begin at least so many days before the period: who has bought nothing in
        them is not taken for a customer, and who buys first after them is taken for new.

    Returns
    -------
    "no_history" where the orders begin later, else "".

    Examples
    --------
    >>> orders = pd.DataFrame({"day": [0, 400]})
    >>> unknown_before(orders, Period(365, 400), active_days=365)
    ''
    >>> unknown_before(orders, Period(364, 400), active_days=365)
    'no_history'
    """
    check_active_days(active_days)
    return begins_after(transactions, period.first_day - active_days)


def begins_after(transactions: IntoFrame, day: int) -> str:
    """Flag "no_history" where the orders begin after a day; "" where they don't, or have no row."""
    frame = frame_of(transactions, "day", name="transactions")
    begun = collected(frame.select(nw.col("day").min()))["day"].iloc[0]
    return NO_HISTORY if not pd.isna(begun) and begun > day else ""
