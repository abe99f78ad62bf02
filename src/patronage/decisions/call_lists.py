"""Lists that people work through: customers about to be lost, leads worth a call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from patronage.abtest.rows import as_text
from patronage.decisions.eligibility import column_of, numbers_of
from patronage.errors import SpecError

NO_OWNER = "(no owner)"
CARRIED = (
    "recency_days", "frequency", "churn_grade", "segment", "tier", "stage", "action",
    "expected_gain", "churn_reasons",
)  # fmt: skip


def early_warning(  # noqa: PLR0913 - what makes a customer worth a warning
    scores: pd.DataFrame,
    customers: pd.DataFrame | None = None,
    *,
    min_risk: float = 0.5,
    min_value: float | None = None,
    value_share: float = 0.2,
    most: int | None = None,
    customer: str = "customer_id",
) -> pd.DataFrame:
    """List customers who are both risky and valuable, by account owner, most at stake first.

    Parameters
    ----------
    scores
        One row a customer: `customer`, churn_probability, lifetime_value, and of the columns in
        `CARRIED` those that there are.
    customers
        Table with `customer` and owner; owners in `scores` are used otherwise.
    min_risk
        Chance of leaving from which on a customer is risky.
    min_value
        What makes a customer valuable, money; by default being among the best `value_share`.
    value_share
        Of the customers whose value is known; a value of 0 is none.
    most
        Longest list of an owner.
    customer
        Column of the id.

    Returns
    -------
    owner, rank (1 first, of the owner), customer_id, churn_probability, lifetime_value,
    value_at_risk (their product, money: it orders the list and forecasts no loss, since lifetime
    value already counts leaving), then what else the scores say.

    Raises
    ------
    SpecError
        If a column is not there or a limit is out of range.

    Examples
    --------
    >>> scores = pd.DataFrame({"customer_id": ["a", "b", "c"], "owner": ["Li", "Li", None],
    ...     "churn_probability": [0.9, 0.6, 0.8], "lifetime_value": [50.0, 900.0, 700.0]})
    >>> early_warning(scores, min_value=100)[["owner", "rank", "customer_id", "value_at_risk"]]
            owner  rank customer_id  value_at_risk
    0          Li     1           b          540.0
    1  (no owner)     1           c          560.0
    """
    if not (0 <= min_risk <= 1 and 0 < value_share <= 1):
        raise SpecError(
            f"min_risk {min_risk} lies between 0 and 1, value_share {value_share} above 0, up to 1."
        )
    risk = numbers_of(scores, "churn_probability", "scores")
    value = numbers_of(scores, "lifetime_value", "scores")
    listed = risk >= min_risk
    if min_value is None:
        known = value[np.isfinite(value)]
        min_value = float(np.quantile(known, 1 - value_share)) if len(known) else np.inf
        listed &= value > 0  # where most are worth nothing, the best fifth is worth nothing too
    listed &= value >= min_value
    found = pd.DataFrame(
        {
            "owner": _owners(scores, customers, customer),
            "customer_id": column_of(scores, customer, "scores").to_numpy(),
            "churn_probability": risk,
            "lifetime_value": value,
            "value_at_risk": risk * value,
        }
    )
    for column in CARRIED:
        if column in scores:
            found[column] = scores[column].to_numpy()
    found = found[listed].assign(_id=lambda rows: as_text(rows["customer_id"]))
    # Equal rows go by id, so that the list does not depend on the order of the input.
    found = found.sort_values(["owner", "value_at_risk", "_id"], ascending=[True, False, True])
    named = found["owner"] != NO_OWNER
    found = pd.concat([found[named], found[~named]], ignore_index=True).drop(columns="_id")
    found.insert(1, "rank", found.groupby("owner", sort=False).cumcount() + 1)
    if most is not None:
        found = found[found["rank"] <= most].reset_index(drop=True)
    return found


def call_list(
    leads: pd.DataFrame,
    *,
    capacity: int,
    cost: float = 0.0,
    probability: str = "conversion_probability",
    value: str = "expected_value",
) -> pd.DataFrame:
    """List the leads to call, as many as there is time for, best expected value first.

    Leads whose value is not known stand by their chance behind those whose value is; leads whose
    expected value does not pay for the call are left out.

    Parameters
    ----------
    leads
        One row a lead: lead_id, `probability`, and `value` where it is known.
    capacity
        Calls there is time for.
    cost
        Of a call, money.
    probability, value
        Columns of the chance to buy and of the expected value, money.

    Returns
    -------
    Rows of `leads` with call_rank in front, 1 first.

    Examples
    --------
    >>> leads = pd.DataFrame({"lead_id": [1, 2, 3], "conversion_probability": [0.2, 0.1, 0.9],
    ...                       "expected_value": [200.0, 400.0, 5.0]})
    >>> call_list(leads, capacity=2, cost=10.0)["lead_id"].tolist()
    [2, 1]
    """
    if capacity < 0 or not cost >= 0:
        raise SpecError(f"capacity {capacity} and cost {cost} must be at least 0.")
    chance = numbers_of(leads, probability, "leads")
    worth = numbers_of(leads, value, "leads") if value in leads else np.full(len(leads), np.nan)
    ranked = leads.assign(
        _chance=chance, _worth=worth, _id=as_text(column_of(leads, "lead_id", "leads"))
    )
    pays = np.isfinite(chance) & ~(worth <= cost)
    ranked = ranked[pays].sort_values(
        ["_worth", "_chance", "_id"], ascending=[False, False, True], na_position="last"
    )
    found = ranked.drop(columns=["_chance", "_worth", "_id"]).head(capacity).reset_index(drop=True)
    found.insert(0, "call_rank", np.arange(1, len(found) + 1))
    return found


def _owners(scores: pd.DataFrame, customers: pd.DataFrame | None, customer: str) -> Any:  # noqa: ANN401 - an array of names
    if customers is not None:
        named = column_of(customers, "owner", "customers")
        keys = as_text(column_of(customers, "customer_id", "customers"))
        by_id = pd.Series(named.to_numpy(), index=keys.to_numpy())
        by_id = by_id[~by_id.index.duplicated()]
        owners = as_text(column_of(scores, customer, "scores")).map(by_id)
    elif "owner" in scores:
        owners = scores["owner"]
    else:
        owners = pd.Series(None, index=scores.index, dtype=object)
    return owners.astype(object).where(owners.notna(), NO_OWNER).to_numpy()
