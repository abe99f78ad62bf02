"""The catalogue of what can be done for a customer: costs, effects and what these rest on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from patronage.abtest.evidence import Counted, count_on
from patronage.decisions.eligibility import FrequencyCap, Levels, Numbers
from patronage.errors import SpecError

NO_ACTION = "none"
EVIDENCE = ("uplift model", "measured", "unproven", "assumed")
"""What an effect may rest on; an unproven one was measured, with an interval that holds 0."""


@dataclass(frozen=True)
class Action:
    """Something that can be done for a customer.

    Attributes
    ----------
    name
    cost
        Of doing it for one customer, money.
    incentive, take_rate
        Money paid to customers who take the offer up, and the share that does. It counts for all
        takers, those who would have stayed anyway too.
    save_rate
        Share of would-be leavers whom it keeps: the change in the chance to stay is that share of
        the risk.
    effect
        Change in the chance, the same for everybody: an average from a test, or an assumption.
    uplift
        Column with each customer's change in the chance, from an uplift model.
    measured_in
        The test that `save_rate` or `effect` comes from; without it they are marked as assumed.
    low, high, level
        Interval of a measured `save_rate` or `effect`, and its level. Where it holds 0 the effect
        is marked as unproven and counts for less, see `abtest.evidence.count_on`.
    window_days
        Days that a measured effect is a change in the chance to buy of.
    gain_per_customer, gain_low, gain_high
        Margin that the test brought a customer in its days, money, before cost, and its interval of
        the same `level`: not decided on, shown beside what is expected.
    capacity
        Most customers.
    only, exclude, at_least, at_most
        As in `eligibility.meets`.
    cap
        How often a customer may get this action.
    """

    name: str
    cost: float = 0.0
    incentive: float = 0.0
    take_rate: float = 1.0
    save_rate: float | None = None
    effect: float | None = None
    uplift: str | None = None
    measured_in: str | None = None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    window_days: int | None = None
    gain_per_customer: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None
    capacity: int | None = None
    only: Levels = field(default_factory=dict)
    exclude: Levels = field(default_factory=dict)
    at_least: Numbers = field(default_factory=dict)
    at_most: Numbers = field(default_factory=dict)
    cap: FrequencyCap | None = None

    def __post_init__(self) -> None:
        if self.name == NO_ACTION:
            raise SpecError(f"action {self.name}: this name is kept for doing nothing.")
        ways = [w for w in ("save_rate", "effect", "uplift") if getattr(self, w) is not None]
        if len(ways) != 1:
            raise SpecError(
                f"action {self.name}: has {' and '.join(ways) or 'no effect'}; give one of "
                "save_rate, effect, uplift."
            )
        for name, low, high in (
            ("cost", 0.0, np.inf),
            ("incentive", 0.0, np.inf),
            ("take_rate", 0.0, 1.0),
            ("save_rate", 0.0, 1.0),
            ("effect", -1.0, 1.0),
        ):
            value = getattr(self, name)
            if value is not None and not (low <= value <= high and np.isfinite(value)):
                raise SpecError(
                    f"action {self.name}: {name} is {value}; it lies between {low:g} and {high:g}."
                )
        if self.capacity is not None and self.capacity < 0:
            raise SpecError(f"action {self.name}: capacity is {self.capacity}; at least 0.")
        self._check_interval()

    def _check_interval(self) -> None:
        rate = self.effect if self.save_rate is None else self.save_rate
        if self.low is None and self.high is None:
            return
        if self.low is None or self.high is None or rate is None or self.measured_in is None:
            raise SpecError(
                f"action {self.name}: low and high are the two ends of the interval of a save_rate "
                "or effect, and measured_in says where it was measured; give all of them."
            )
        if not 0 < self.level < 1:
            raise SpecError(f"action {self.name}: level is {self.level}; between 0 and 1.")
        if not self.low <= rate <= self.high:
            raise SpecError(
                f"action {self.name}: {rate:g} lies outside its interval, {self.low:g} to "
                f"{self.high:g}."
            )

    @property
    def counted(self) -> Counted:
        """The effect or save rate that decisions count on, and whether it is unproven."""
        rate = self.effect if self.save_rate is None else self.save_rate
        if rate is None or self.low is None or self.high is None:
            return Counted(0.0 if rate is None else rate, unproven=False)
        return count_on(rate, self.low, self.high, alpha=1 - self.level)

    @property
    def evidence(self) -> str:
        """What the effect rests on, as in `EVIDENCE`."""
        if self.uplift is not None:
            return "uplift model"
        if self.measured_in is None:
            return "assumed"
        return "unproven" if self.counted.unproven else "measured"

    @property
    def assumed(self) -> bool:
        """Whether the effect is a guess, not a measurement."""
        return self.evidence == "assumed"

    @property
    def expected_cost(self) -> float:
        """Of doing it for one customer, money, with the incentive."""
        return self.cost + self.incentive * self.take_rate


def meaning(action: Action) -> str:
    """Say what is valued where the effect is a change in the chance to buy, else nothing."""
    if action.save_rate is not None or action.evidence == "assumed":
        return ""
    days = "the days of its test" if action.window_days is None else f"{action.window_days:,} days"
    return (
        f"{action.name}: a change in the chance to buy within {days}, valued as if each such "
        "customer were kept; where it is one basket more, that is too high"
    )


def doubt(action: Action) -> str:
    """Say in words what an unproven effect is, and nothing of others."""
    if action.evidence != "unproven" or action.low is None or action.high is None:
        return ""
    rate = action.effect if action.save_rate is None else action.save_rate
    return (
        f"unproven: the effect of {action.name}, {rate:.4g} in {action.measured_in} "
        f"({100 * action.level:.4g}% interval {action.low:.4g} to {action.high:.4g}), may as well "
        f"be 0; counted as {action.counted.effect:.4g}. Test it on more customers"
    )
