"""Simulated tables with a known truth: seeded, and the same bytes for the same seed for ever.

NumPy promises that for RandomState alone, so that is what draws. Nothing here is real: use it
to try the package, and to see whether a method finds what was put in.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

LAST_DAY = np.datetime64("2025-12-31", "D")
_SECONDS = 86_400
_MOST_ORDERS = 2_000

Draws = np.random.RandomState
Floats = NDArray[np.float64]


class Truth(NamedTuple):
    """Parameters of BG/NBD (in days) and Gamma-Gamma that customers are drawn from.

    Attributes
    ----------
    r, alpha
        Shape and rate of the purchase rate a day.
    a, b
        Of the chance to leave after a purchase.
    p, q, v
        Of the spend of a purchase: Gamma(p, rate), whose rate is Gamma(q, v).
    """

    r: float = 0.6
    alpha: float = 40.0
    a: float = 0.8
    b: float = 3.2
    p: float = 6.0
    q: float = 4.0
    v: float = 30.0


TRUTH = Truth()


def simulate_transactions(
    n_customers: int = 3_000, days: int = 730, seed: int = 1, *, truth: Truth = TRUTH
) -> pd.DataFrame:
    """Simulate orders of customers who buy and leave as BG/NBD says, and spend as Gamma-Gamma.

    Parameters
    ----------
    n_customers
        Customers, first seen evenly over the first three quarters of the time.
    days
        Length of the history, which ends on 2025-12-31.
    seed
        Of the random numbers.
    truth
        What the customers are drawn from.

    Returns
    -------
    One row an order, by time: order_id, customer_id, ordered_at (naive), amount (currency
    units), channel, product.

    References
    ----------
    Fader, Hardie and Lee (2005), "Counting your customers the easy way", Marketing Science
    24(2), 275-284; Fader and Hardie (2013), "The Gamma-Gamma model of monetary value".

    Examples
    --------
    >>> orders = simulate_transactions(100, 365, seed=7)
    >>> int(orders["customer_id"].nunique())
    100
    """
    draws = Draws(seed)
    rate = draws.gamma(truth.r, 1 / truth.alpha, n_customers)
    leaves = draws.beta(truth.a, truth.b, n_customers)
    at = draws.uniform(0, 0.75 * days, n_customers)
    spend_rate = draws.gamma(truth.q, 1 / truth.v, n_customers)
    alive = np.arange(n_customers)
    who, when = [alive], [at.copy()]
    for _ in range(_MOST_ORDERS):
        alive = alive[draws.uniform(size=len(alive)) >= leaves[alive]]
        # A rate can underflow to zero; such customers do not come back.
        at[alive] += draws.exponential(size=len(alive)) / np.maximum(rate[alive], 1e-12)
        alive = alive[at[alive] < days]
        if not len(alive):
            break
        who.append(alive)
        when.append(at[alive].copy())
    customers, times = np.concatenate(who), np.concatenate(when)
    amounts = draws.gamma(truth.p, 1 / spend_rate[customers])
    orders = pd.DataFrame(
        {
            "customer_id": _ids("C", customers),
            "ordered_at": _times(times, days),
            "amount": np.maximum(amounts.round(2), 0.01),
            "channel": _choice(draws, len(times), {"shop": 0.5, "app": 0.3, "store": 0.2}),
            "product": _choice(
                draws, len(times), {"basics": 0.45, "season": 0.3, "gift": 0.15, "premium": 0.1}
            ),
        }
    ).sort_values(["ordered_at", "customer_id"], ignore_index=True)
    orders.insert(0, "order_id", _ids("O", np.arange(len(orders))))
    return orders


class _Channel(NamedTuple):
    share: float
    effect: float
    cost: float


# An effect is what one touch adds to the log odds of buying.
_CHANNELS = {
    "search": _Channel(0.28, 0.25, 2.4),
    "social": _Channel(0.2, 0.02, 0.9),
    "email": _Channel(0.22, 0.12, 0.05),
    "display": _Channel(0.14, 0.0, 0.4),
    "referral": _Channel(0.08, 0.6, 0.0),
    "event": _Channel(0.08, 0.35, 18.0),
}
_KINDS = {
    "visit": (0.5, 0.03),
    "email_open": (0.2, 0.0),
    "email_click": (0.12, 0.15),
    "webinar": (0.08, 0.35),
    "call": (0.06, 0.3),
    "demo_request": (0.04, 1.1),
}
_INDUSTRY = {"retail": 0.0, "software": 0.5, "health": 0.2, "manufacturing": -0.2, "public": -0.7}
_LEVEL = {"staff": -0.4, "manager": 0.2, "director": 0.6, "owner": 0.8}


def simulate_leads(
    n_leads: int = 5_000, days: int = 730, seed: int = 2
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate leads and what reached them before they bought or went quiet.

    The log odds of buying are a sum over attributes and touches, so both who a lead is and
    what it does matter; opens of e-mail and display do nothing. Who buys does so days to weeks
    after the touches that decided it; who would buy after the last day is still open.

    Parameters
    ----------
    n_leads
        Leads, coming in evenly.
    days
        Length of the history, which ends on 2025-12-31.
    seed
        Of the random numbers.

    Returns
    -------
    leads
        lead_id, created_at, converted_at, account_id, value, and the attributes industry,
        employees, level, country, newsletter; some cells are empty.
    touches
        unit_id, touched_at, channel, kind, campaign, cost.
    """
    draws = Draws(seed)
    created = np.sort(draws.uniform(0, days, n_leads))
    who = _attributes(draws, n_leads)
    touches = _touches(draws, created)
    size = np.log(who["employees"].to_numpy(np.float64)) - 4.2
    accounts = draws.randint(0, n_leads // 2 + 1, n_leads)
    value = np.exp(draws.normal(6.5, 0.7, n_leads) + 0.2 * size).round(2)
    log_odds = (
        -3.7
        + who["industry"].map(_INDUSTRY).to_numpy(np.float64)
        + who["level"].map(_LEVEL).to_numpy(np.float64)
        + 0.15 * size
        + 0.3 * who["newsletter"].to_numpy(np.float64)
        + np.bincount(touches["unit"], touches["effect"], n_leads)
    )
    buys = draws.uniform(size=n_leads) < 1 / (1 + np.exp(-log_odds))
    last_touch = touches.groupby("unit")["time"].max().to_numpy(np.float64)
    converted = last_touch + np.exp(draws.normal(2.2, 0.8, n_leads))
    leads = pd.DataFrame(
        {
            "lead_id": _ids("L", np.arange(n_leads)),
            "created_at": _times(created, days),
            "converted_at": _times(np.where(buys & (converted < days), converted, np.nan), days),
            "account_id": _gaps(draws, _ids("A", accounts), 0.15),
            "value": _gaps(draws, value, 0.08),
            "industry": _gaps(draws, who["industry"].to_numpy(object), 0.05),
            "employees": _gaps(draws, who["employees"].to_numpy(np.float64), 0.2),
            "level": who["level"],
            "country": who["country"],
            "newsletter": who["newsletter"],
        }
    )
    seen = touches[touches["time"] < days].sort_values(["time", "unit"], ignore_index=True)
    seen["unit_id"] = _ids("L", seen["unit"].to_numpy())
    seen["touched_at"] = _times(seen["time"].to_numpy(np.float64), days)
    return leads, seen[["unit_id", "touched_at", "channel", "kind", "campaign", "cost"]]


def _attributes(draws: Draws, n_leads: int) -> pd.DataFrame:
    levels = {"staff": 0.45, "manager": 0.3, "director": 0.15, "owner": 0.1}
    return pd.DataFrame(
        {
            "industry": _choice(draws, n_leads, dict.fromkeys(_INDUSTRY, 0.2)),
            "level": _choice(draws, n_leads, levels),
            "employees": np.exp(draws.normal(4.2, 1.4, n_leads)).round().clip(1.0),
            "country": _choice(draws, n_leads, {"DE": 0.4, "CN": 0.3, "US": 0.2, "FR": 0.1}),
            "newsletter": draws.binomial(1, 0.4, n_leads).astype(bool),
        }
    )


def _touches(draws: Draws, created: Floats) -> pd.DataFrame:
    n_touches = 1 + draws.poisson(draws.gamma(1.5, 2.0, len(created)))
    unit = np.repeat(np.arange(len(created)), n_touches)
    n = len(unit)
    waits = draws.exponential(18.0, n)
    waits[np.cumsum(n_touches) - n_touches] = 0.0
    touches = pd.DataFrame(
        {
            "unit": unit,
            "time": created[unit] + waits,
            "channel": _choice(draws, n, {name: each.share for name, each in _CHANNELS.items()}),
            "kind": _choice(draws, n, {name: share for name, (share, _) in _KINDS.items()}),
            "campaign": _choice(draws, n, {"always on": 0.6, "spring": 0.2, "launch": 0.2}),
        }
    )
    of_channel = touches["channel"].map({name: each.effect for name, each in _CHANNELS.items()})
    of_kind = touches["kind"].map({name: effect for name, (_, effect) in _KINDS.items()})
    price = touches["channel"].map({name: each.cost for name, each in _CHANNELS.items()})
    cost = (price * draws.uniform(0.5, 1.5, n)).round(2)
    return touches.assign(effect=of_channel + of_kind, cost=cost)


def simulate_spend(days: int = 730, seed: int = 3) -> pd.DataFrame:
    """Simulate what was spent on each channel each day.

    Returns
    -------
    channel, day, campaign, cost, market_total (all advertisers' spend), currency units.
    """
    draws = Draws(seed)
    channels = np.array(list(_CHANNELS), dtype=object)
    day = np.repeat(np.arange(days), len(channels))
    scale = np.tile(np.array([40.0, 25.0, 3.0, 15.0, 0.0, 30.0]), days)
    season = 1 + 0.3 * np.sin(2 * np.pi * day / 365.25)
    cost = (scale * season * draws.gamma(9.0, 1 / 9.0, len(day))).round(2)
    market = (cost * draws.uniform(8, 14, len(day)) + 50).round(2)
    return pd.DataFrame(
        {
            "channel": np.tile(channels, days).astype(str),
            "day": _times(day.astype(np.float64), days).dt.normalize(),
            "campaign": np.full(len(day), "always on"),
            "cost": cost,
            "market_total": market,
        }
    )


def simulate_surveys(n_answers: int = 4_000, seed: int = 4) -> pd.DataFrame:
    """Simulate answers of the customers of `simulate_transactions` to two questions.

    Returns
    -------
    customer_id, answered_at, question (recommend or satisfaction), scale, score (some empty).
    """
    draws = Draws(seed)
    customer = draws.randint(0, 3_000, n_answers)
    mood = draws.normal(0, 1, 3_000)[customer] + draws.normal(0, 0.7, n_answers)
    asks_ten = draws.binomial(1, 0.5, n_answers).astype(bool)
    ten = np.clip((7.6 + 1.8 * mood).round(), 0, 10)
    five = np.clip((3.9 + 0.8 * mood).round(), 1, 5)
    days = 730
    return pd.DataFrame(
        {
            "customer_id": _ids("C", customer),
            "answered_at": _times(np.sort(draws.uniform(0, days, n_answers)), days),
            "question": np.where(asks_ten, "recommend", "satisfaction").astype(str),
            "scale": np.where(asks_ten, "0-10", "1-5").astype(str),
            "score": _gaps(draws, np.where(asks_ten, ten, five), 0.04),
        }
    )


def simulate_subscriptions(
    n_customers: int = 2_000, days: int = 730, seed: int = 5
) -> pd.DataFrame:
    """Simulate subscriptions whose monthly chance to end differs from customer to customer.

    That chance is Beta(0.7, 6) of each customer, as in the shifted beta-geometric model.

    Returns
    -------
    customer_id, started_at, ended_at (empty while alive), plan, price.

    References
    ----------
    Fader and Hardie (2007), "How to project customer retention", J. Interactive Marketing
    21(1), 76-90.
    """
    draws = Draws(seed)
    started = np.floor(np.sort(draws.uniform(0, days, n_customers)))
    months = draws.geometric(np.maximum(draws.beta(0.7, 6.0, n_customers), 1e-9))
    ended = started + np.round(np.minimum(months, 1_000) * 30.4375)
    plan = _choice(draws, n_customers, {"basic": 0.6, "plus": 0.3, "pro": 0.1})
    return pd.DataFrame(
        {
            "customer_id": _ids("S", np.arange(n_customers)),
            "started_at": _times(started, days),
            "ended_at": _times(np.where(ended < days, ended, np.nan), days),
            "plan": plan,
            "price": pd.Series(plan).map({"basic": 9.0, "plus": 19.0, "pro": 49.0}),
        }
    )


def simulate_customers(n_customers: int = 3_000, seed: int = 6) -> pd.DataFrame:
    """Simulate what is known of the customers of `simulate_transactions` beside their orders.

    Whoever buys often was brought by referral more often than others, and less by display.

    Parameters
    ----------
    n_customers
        As there.
    seed
        Of the random numbers.

    Returns
    -------
    customer_id, acquisition_channel (one of the channels of `simulate_spend`; some empty),
    owner, and the attributes region and age.
    """
    draws = Draws(seed)
    shares = {name: each.share for name, each in _CHANNELS.items()}
    loyal = shares | {"referral": 0.2, "event": 0.12, "display": 0.04}
    often = _often(n_customers)
    channel = np.where(
        often, _choice(draws, n_customers, loyal), _choice(draws, n_customers, shares)
    )
    return pd.DataFrame(
        {
            "customer_id": _ids("C", np.arange(n_customers)),
            "acquisition_channel": _gaps(draws, channel.astype(object), 0.03),
            "owner": _choice(draws, n_customers, dict.fromkeys(("Ana", "Bo", "Chen"), 1.0)),
            "region": _choice(draws, n_customers, {"north": 0.4, "south": 0.35, "west": 0.25}),
            "age": np.clip(draws.normal(42, 13, n_customers).round(), 18, 90),
        }
    )


def simulate_service_contacts(
    n_customers: int = 3_000, days: int = 730, seed: int = 7
) -> pd.DataFrame:
    """Simulate what the customers of `simulate_transactions` asked or complained of.

    Customers who leave early complain more often.

    Returns
    -------
    unit_id (their customer_id), touched_at, channel, kind (question or complaint).
    """
    draws, theirs = Draws(seed), Draws(1)
    theirs.gamma(TRUTH.r, 1 / TRUTH.alpha, n_customers)
    leaves = theirs.beta(TRUTH.a, TRUTH.b, n_customers)
    first = theirs.uniform(0, 0.75 * days, n_customers)
    kinds = {"question": np.full(n_customers, 0.8), "complaint": 5.0 * leaves}
    parts = []
    for kind, rate in kinds.items():
        who = np.repeat(np.arange(n_customers), draws.poisson(rate))
        at = draws.uniform(first[who], np.minimum(first[who] + 365, days))
        parts.append(pd.DataFrame({"who": who, "at": at, "kind": kind}))
    contacts = pd.concat(parts).sort_values(["at", "who"], ignore_index=True)
    return pd.DataFrame(
        {
            "unit_id": _ids("C", contacts["who"].to_numpy()),
            "touched_at": _times(contacts["at"].to_numpy(np.float64), days),
            "channel": _choice(draws, len(contacts), {"phone": 0.5, "mail": 0.3, "chat": 0.2}),
            "kind": contacts["kind"],
        }
    )


def _often(n_customers: int) -> NDArray[np.bool_]:
    """Whose purchase rate, as `simulate_transactions` draws it first, is above the median."""
    rate = Draws(1).gamma(TRUTH.r, 1 / TRUTH.alpha, n_customers)
    often: NDArray[np.bool_] = rate > np.median(rate)
    return often


SIMULATED: dict[str, Callable[[], pd.DataFrame]] = {
    "transactions": simulate_transactions,
    "leads": lambda: simulate_leads()[0],
    "touches": lambda: simulate_leads()[1],
    "spend": simulate_spend,
    "surveys": simulate_surveys,
    "subscriptions": simulate_subscriptions,
    "customers": simulate_customers,
    "service_contacts": simulate_service_contacts,
}
"""Tables by the name after `simulated:`."""


def _ids(letter: str, numbers: NDArray[Any]) -> NDArray[Any]:
    return np.char.add(letter, np.char.zfill(numbers.astype(str), 6))


def _times(at: Floats, days: int) -> "pd.Series[pd.Timestamp]":
    """Turn days after the first one to times, to the second; empty where NaN."""
    seconds = pd.Series(np.floor(at * _SECONDS))
    first = pd.Timestamp(LAST_DAY - np.timedelta64(days - 1, "D"))
    return first + pd.to_timedelta(seconds, unit="s")


def _choice(draws: Draws, n: int, shares: dict[str, float]) -> NDArray[Any]:
    edges = np.cumsum(list(shares.values()))
    at = np.searchsorted(edges, draws.uniform(0, edges[-1], n), side="right")
    return np.array(list(shares))[np.minimum(at, len(shares) - 1)]


def _gaps(draws: Draws, values: NDArray[Any], share: float) -> NDArray[Any]:
    gaps = draws.uniform(size=len(values)) < share
    is_number = np.issubdtype(values.dtype, np.number)
    gappy: NDArray[Any] = values.astype(np.float64 if is_number else object)
    gappy[gaps] = np.nan if is_number else None
    return gappy
