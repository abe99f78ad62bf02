"""Who gets which action within a budget: expected gain, not risk, decides.

The gain of an action is the change that it makes in the chance of keeping (or winning) a
customer, times the customer's lifetime value, less what the action costs. A customer who would
stay anyway, or leave anyway, is worth nothing to the campaign however valuable or at risk.

How far that is from the truth depends on what the change is of. An assumed save rate is applied to
the chance of leaving of those already gone too, whom nothing saves: too high. A measured change in
the chance to buy within some days is valued as if each such customer were kept, and one basket more
is no customer kept: too high again. Where a customer is kept who would have been lost for good it
is rather low, since lifetime value counts the chance of leaving already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patronage.abtest.rows import as_text
from patronage.data.units import Day
from patronage.decisions.actions import NO_ACTION, Action, doubt, meaning
from patronage.decisions.allocation import Allocation, allocate
from patronage.decisions.eligibility import Allowed, FrequencyCap, meets, numbers_of, rested
from patronage.errors import DataError, SpecError

Floats = NDArray[np.float64]
WHY = (
    "chosen",
    "value or effect unknown",
    "excluded",
    "contacted lately",
    "does not pay",
    "limits",
)


@dataclass(frozen=True)
class Offers:
    """Expected effects, values and costs: everything that a choice rests on.

    Attributes
    ----------
    ids : shape (n_customers,)
    actions
    change : shape (n_customers, n_actions), change in the chance; NaN where unknown
    value : shape (n_customers,), money; NaN where unknown
    cost : shape (n_actions,), money
    rules, rest : bool, shape (n_customers, n_actions)
        Who may get an action by the rules, and by how often there was contact.
    budget
    """

    ids: pd.Series[Any]
    actions: tuple[Action, ...]
    change: Floats
    value: Floats
    cost: Floats
    rules: Allowed
    rest: Allowed
    budget: float | None

    def gains(self) -> Floats:
        """Give expected gain less cost, money, shape (n_customers, n_actions)."""
        return self.change * self.value[:, None] - self.cost

    def scaled(self, *, effect: float = 1.0, value: float = 1.0, cost: float = 1.0) -> Offers:
        """Give the same offers if all effects, values or costs were different by a factor."""
        return replace(
            self, change=self.change * effect, value=self.value * value, cost=self.cost * cost
        )

    def with_budget(self, budget: float | None) -> Offers:
        """Give the same offers within another budget."""
        return replace(self, budget=budget)

    def rows(self, picked: NDArray[Any], share: float) -> Offers:
        """Take a part of the customers with that share of budget and capacities."""
        actions = tuple(
            a if a.capacity is None else replace(a, capacity=int(a.capacity * share))
            for a in self.actions
        )
        return Offers(
            self.ids.iloc[picked],
            actions,
            self.change[picked],
            self.value[picked],
            self.cost,
            self.rules[picked],
            self.rest[picked],
            None if self.budget is None else self.budget * share,
        )

    def allocate(self) -> Allocation:
        """Choose within budget and capacities."""
        capacities = [np.inf if a.capacity is None else a.capacity for a in self.actions]
        return allocate(
            self.gains(),
            self.cost,
            budget=self.budget,
            capacities=capacities,
            allowed=self.rules & self.rest,
        )


class Decision(NamedTuple):
    """Who gets what, and what that is expected to bring.

    Attributes
    ----------
    table
        One row a customer, in the order given: customer_id, action ("none" for nothing),
        expected_gain (money, less cost; 0 for none), cost, change (in the chance), value,
        assumed (whether the effect is a guess), evidence (see `actions.EVIDENCE`, "" for none), why
        (see `WHY`).
    by_action
        index action: customers, cost, expected_gain, capacity, assumed, evidence; and a customer,
        before cost: expected_per_customer (change x value), and gain_per_customer, gain_low,
        gain_high (margin that its test brought; NaN where none is known).
    allocation
        With the bound and the prices.
    actions
        The catalogue.
    """

    table: pd.DataFrame
    by_action: pd.DataFrame
    allocation: Allocation
    actions: tuple[Action, ...] = ()

    def lines(self) -> list[str]:
        """Say it to the person who pays."""
        found, table = self.allocation, self.by_action
        told = [
            (
                f"{int(table['customers'].sum()):,} of {len(self.table):,} customers get an "
                f"action: cost {found.spent:,.2f}, expected gain after cost {found.gain:,.2f}"
            ),
            (
                f"at most {found.bound:,.2f} is possible within the limits: this choice loses at "
                f"most {found.lost:.3%} of it"
            ),
        ]
        without = self.table.loc[self.table["action"] == NO_ACTION, "why"].value_counts()
        if len(without):
            counted = ", ".join(f"{n:,} {why}" for why, n in without.items())
            told.append(f"no action: {counted}")
        guessed = table.index[table["assumed"].astype(bool) & (table["customers"] > 0)]
        if len(guessed):
            told.append(
                f"assumed, not measured: the effect of {', '.join(guessed)}; hold customers out "
                "with patronage assign to measure it"
            )
        told += [said for action in self.actions if (said := meaning(action))]
        told += [said for action in self.actions if (said := doubt(action))]
        return told + self._beyond_measured()

    def _beyond_measured(self) -> list[str]:
        """Say where more is expected of a customer than the test of the action brought at most."""
        table = self.by_action
        return [
            f"warning: {name} is expected to bring {row['expected_per_customer']:,.2f} a customer "
            f"before cost, its test brought {row['gain_per_customer']:,.2f} "
            f"({row['gain_low']:,.2f} to {row['gain_high']:,.2f}); what is above that rests on "
            "lifetime value, not on the test"
            for name, row in table.iterrows()
            if row["expected_per_customer"] > row["gain_high"]
        ]


def make_offers(  # noqa: PLR0913 - what a decision rests on
    customers: pd.DataFrame,
    actions: Sequence[Action],
    *,
    budget: float | None = None,
    customer: str = "customer_id",
    value: str = "lifetime_value",
    risk: str = "churn_probability",
    contacts: pd.DataFrame | None = None,
    as_of: Day | None = None,
    cap: FrequencyCap | None = None,
) -> Offers:
    """Work out what each action would change for each customer.

    Parameters
    ----------
    customers
        One row a customer, such as a score table: `customer`, `value`, `risk` where an action
        has a save rate, and the columns that uplifts and rules name.
    actions
        The catalogue.
    budget
        Most that may be spent, money; None for no limit.
    customer, value, risk
        Columns of the id, of what the customer is worth (money), and of the chance to leave.
    contacts, as_of, cap
        Earlier contacts (customer_id, day, action), the day of the decision, and how often a
        customer may be contacted at all.

    Raises
    ------
    DataError
        If ids are missing or repeat, a column holds no numbers, or a chance is outside 0 to 1.
    SpecError
        If the catalogue is empty or has a name twice, or a column is not there.
    """
    names = [action.name for action in actions]
    if not names or len(set(names)) < len(names):
        raise SpecError(f"actions: {', '.join(names) or 'none'}; give each a name of its own.")
    capped = cap is not None or any(action.cap for action in actions)
    if capped and (contacts is None or as_of is None):
        raise SpecError("a frequency cap needs contacts and as_of: who was contacted until when?")
    ids = _ids(customers, customer)
    change = np.column_stack([_change(customers, action, risk) for action in actions])
    rules = np.column_stack([_meeting(customers, action) for action in actions])
    rest = _rested(ids, actions, contacts, as_of, cap)
    return Offers(
        ids,
        tuple(actions),
        change,
        numbers_of(customers, value, "customers"),
        np.array([action.expected_cost for action in actions]),
        rules,
        rest,
        budget,
    )


def _meeting(customers: pd.DataFrame, action: Action) -> Allowed:
    return meets(
        customers,
        only=action.only,
        exclude=action.exclude,
        at_least=action.at_least,
        at_most=action.at_most,
        source=f"action {action.name}",
    )


def _rested(
    ids: pd.Series[Any],
    actions: Sequence[Action],
    contacts: pd.DataFrame | None,
    as_of: Day | None,
    cap: FrequencyCap | None,
) -> Allowed:
    rest = np.ones((len(ids), len(actions)), dtype=bool)
    if contacts is None or as_of is None:
        return rest
    for place, action in enumerate(actions):
        for limit, name in ((cap, None), (action.cap, action.name)):
            if limit is not None:
                rest[:, place] &= rested(ids, contacts, as_of=as_of, cap=limit, action=name)
    return rest


def decide(offers: Offers) -> Decision:
    """Choose the actions that gain most within budget and capacities.

    Examples
    --------
    The one most at risk has little to lose, so the call goes to the other:

    >>> people = pd.DataFrame({"customer_id": ["007", "8"], "churn_probability": [0.9, 0.4],
    ...                        "lifetime_value": [20.0, 500.0]})
    >>> call = Action("call", cost=10.0, save_rate=0.2)
    >>> found = decide(make_offers(people, [call], budget=10.0))
    >>> found.table[["customer_id", "action", "expected_gain", "why"]]
      customer_id action  expected_gain           why
    0         007   none            0.0  does not pay
    1           8   call           30.0        chosen
    """
    allocation = offers.allocate()
    choice = allocation.choice.astype(np.intp)
    chosen = choice >= 0
    names = np.array([*(action.name for action in offers.actions), NO_ACTION], dtype=object)
    guessed = np.array([*(action.assumed for action in offers.actions), False])
    evidence = np.array([*(action.evidence for action in offers.actions), ""], dtype=object)
    gains = offers.gains()
    places = np.arange(len(choice))
    table = pd.DataFrame(
        {
            "customer_id": offers.ids.to_numpy(),
            "action": names[choice],
            "expected_gain": np.where(chosen, gains[places, choice], 0.0),
            "cost": np.where(chosen, offers.cost[choice], 0.0),
            "change": np.where(chosen, offers.change[places, choice], 0.0),
            "value": offers.value,
            "assumed": guessed[choice],
            "evidence": evidence[choice],
            "why": np.array(WHY, dtype=object)[_why(offers, gains, chosen)],
        }
    )
    return Decision(table, _by_action(table, offers.actions), allocation, offers.actions)


def _ids(customers: pd.DataFrame, customer: str) -> pd.Series[Any]:
    if customer not in customers.columns:
        raise SpecError(
            f"customers: no column {customer}; it has {', '.join(map(str, customers.columns))}."
        )
    ids = customers[customer].reset_index(drop=True)
    text = as_text(ids)
    missing, repeats = int(text.isna().sum()), int(text.dropna().duplicated().sum())
    if missing or repeats:
        raise DataError(
            f"customers: of {len(ids):,} rows {missing:,} have no {customer} and {repeats:,} "
            "repeat one; pass one row a customer."
        )
    return ids


def _change(customers: pd.DataFrame, action: Action, risk: str) -> Floats:
    source = f"action {action.name}"
    if action.effect is not None:
        return np.full(len(customers), action.counted.effect)
    column = risk if action.uplift is None else action.uplift
    found = numbers_of(customers, column, source)
    low = 0.0 if action.uplift is None else -1.0
    wrong = (found < low) | (found > 1.0)
    if wrong.any():
        raise DataError(
            f"{source}: {int(wrong.sum()):,} of {len(found):,} values of {column} are outside "
            f"{low:g} to 1, first {found[wrong][0]:g}; it holds chances."
        )
    return found if action.save_rate is None else found * action.counted.effect


def _why(offers: Offers, gains: Floats, chosen: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Place in `WHY` of the last hurdle that no action of a customer took."""
    known, rules = ~np.isnan(gains), offers.rules
    hurdles = [known, known & rules, known & rules & offers.rest]
    hurdles.append(hurdles[-1] & (gains > 0))
    passed = np.column_stack([hurdle.any(axis=1) for hurdle in hurdles])
    stopped = np.where(passed.all(axis=1), len(hurdles) + 1, passed.argmin(axis=1) + 1)
    return np.asarray(np.where(chosen, 0, stopped), dtype=np.intp)


def _by_action(table: pd.DataFrame, actions: Sequence[Action]) -> pd.DataFrame:
    totals = table.groupby("action").agg(
        customers=("customer_id", "size"),
        cost=("cost", "sum"),
        expected_gain=("expected_gain", "sum"),
    )
    found = totals.reindex([action.name for action in actions], fill_value=0)
    found.index.name = "action"
    limits: Mapping[str, Any] = {action.name: action.capacity for action in actions}
    found["capacity"] = pd.array([limits[name] for name in found.index], dtype="Int64")
    found["assumed"] = [action.assumed for action in actions]
    found["evidence"] = [action.evidence for action in actions]
    # None stays undefined where nobody got the action.
    customers = found["customers"].where(found["customers"] > 0)
    found["expected_per_customer"] = (found["expected_gain"] + found["cost"]) / customers
    for name in ("gain_per_customer", "gain_low", "gain_high"):
        found[name] = np.array([getattr(action, name) for action in actions], dtype=np.float64)
    return found
